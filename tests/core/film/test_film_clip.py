"""Clips from anywhere: pictures at an even pace, sound, and bad files that give a message and nothing else."""
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.film import clip
from core.film.clip import ClipError
from tests.core.film.made import pictures, save_sound, save_video, vowel


def levels(path: Path, fps: float = 0.0, **options: float) -> list[int]:
    return [round(float(picture[0, -1].mean())) for _, picture in clip.pictures(path, fps, **options)]  # type: ignore[arg-type]


def test_pictures_come_at_their_own_pace_and_at_any_other(tmp_path: Path) -> None:
    path = save_video(tmp_path / "clip.mp4", pictures(10), 25)
    facts = clip.look(path)
    assert (facts.width, facts.height, facts.fps, facts.sound) == (96, 64, 25.0, False)
    assert facts.seconds == pytest.approx(0.4, abs=0.05)
    own = levels(path)
    assert len(own) == 10 and own == sorted(own) and abs(own[0] - 40) <= 2 and abs(own[-1] - 76) <= 2
    half = levels(path, 12.5)
    assert len(half) == 5 and half == sorted(half)
    double = levels(path, 50.0)
    assert len(double) in (19, 20) and abs(double[0] - 40) <= 2
    later = levels(path, start=0.2)
    assert len(later) == 5 and abs(later[0] - 60) <= 2
    assert len(levels(path, seconds=0.12)) == 3


def test_pictures_are_upright_and_of_a_handy_size(tmp_path: Path) -> None:
    path = save_video(tmp_path / "clip.webm", pictures(3, 400, 600), 25, "libvpx-vp9")
    _, picture = next(iter(clip.pictures(path, side=300)))
    assert picture.shape == (200, 300, 3) and picture.dtype == np.uint8


def test_sound_is_one_channel_at_one_rate(tmp_path: Path) -> None:
    path = save_sound(tmp_path / "voice.wav", np.concatenate([vowel("-", 0.5), vowel("a", 0.5)]))
    heard = clip.sound(path)
    assert heard.dtype == np.float32 and len(heard) == pytest.approx(16_000, abs=600)
    assert np.abs(heard[:7000]).max() < 0.05 < 0.4 < np.abs(heard[9000:]).max()
    assert len(clip.sound(path, start=0.75)) == pytest.approx(4000, abs=600)
    with pytest.raises(ClipError, match="no pictures"):
        next(iter(clip.pictures(path)))
    silent = save_video(tmp_path / "clip.mp4", pictures(3))
    with pytest.raises(ClipError, match="no sound"):
        clip.sound(silent)
    with pytest.raises(ClipError, match="second 9"):
        clip.sound(path, start=9)


def test_what_is_damaged_is_skipped_and_what_is_cut_short_is_used(tmp_path: Path) -> None:
    chance = np.random.default_rng(0)
    noisy = [chance.integers(0, 255, (64, 96, 3), np.uint8) for _ in range(40)]
    data = save_video(tmp_path / "clip.mkv", noisy, 25).read_bytes()
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(data[:len(data) // 2])
    assert 5 < len(levels(cut)) < 40


BAD = {"empty.mp4": b"", "text.mp4": b"hello " * 100, "zeros.mp4": bytes(5000), "ftyp.mp4": b"\0\0\0\x20ftypisom" + bytes(2000),
       "playlist.mp4": b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", "concat.mp4": b"ffconcat version 1.0\nfile /etc/passwd\n",
       "head.mkv": b"\x1a\x45\xdf\xa3" + bytes(300), "gif.gif": b"GIF89a" + bytes(20),
       "riff.avi": b"RIFF\0\0\0\0AVI " + bytes(50), "id3.mp3": b"ID3\x04\0\0\0\0\0\0" + bytes(500),
       "wave.wav": b"RIFF\xff\xff\xff\xffWAVEfmt " + bytes(40), "ogg.ogg": b"OggS" * 90}


@pytest.mark.parametrize("name", BAD)
def test_bad_files_give_a_message(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(BAD[name])
    for read in (lambda: list(clip.pictures(path)), lambda: clip.sound(path)):
        with pytest.raises(ClipError, match=name.replace(".", r"\.")):
            read()


def test_a_folder_and_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ClipError, match="folder"):
        clip.look(tmp_path)
    with pytest.raises(ClipError, match="no file"):
        clip.look(tmp_path / "none.mp4")


def test_a_file_that_names_another_opens_nothing_else(tmp_path: Path) -> None:
    opened = clip._only(tmp_path / "clip.mp4")
    for url in ("file:/etc/passwd", "http://127.0.0.1/x", "/etc/passwd"):
        with pytest.raises(PermissionError):
            opened(url, 1, {})
