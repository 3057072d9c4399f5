"""Written films: complete or not at all, playable everywhere, and saying how they were made."""
from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from core import credentials
from core.errors import Cancelled, ParameterError, UserError
from core.export import read_request
from core.film import clip, encode
from core.film.encode import film_kind, read_about
from core.film.files import read_timeline, write_timeline
from tests.core.film.made import finished, pictures, save_sound, vowel


def write_film(path: Path, *rest: Any, **options: Any) -> Path:
    """Unsigned, which needs no key."""
    assert encode.write_film(path, *rest, signed=False, **options) == ""  # type: ignore[misc]
    return path


@pytest.mark.skipif(bool(credentials.problem()), reason="needs c2pa-python")
def test_credentials_say_that_it_was_edited_with_ai(tmp_path: Path, own_home: Path) -> None:
    film, kept = finished(tmp_path / "frames")
    for name in ("film.mp4", "film.gif"):
        path = tmp_path / name
        assert encode.write_film(path, film, kept) == ""
        found = credentials.read(path.read_bytes(), path.suffix[1:].upper())
        assert found is not None and found.source_type == credentials.EDITED_WITH_AI and found.state == "Valid"
        assert found.edit["moves"] == ["jaw.open"]
        assert read_about(path) is not None and len(decoded(path)) == film.frames
    assert "WebM" in encode.write_film(tmp_path / "film.webm", film, kept)


def decoded(path: Path) -> list[np.ndarray]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


@pytest.mark.parametrize("ending", [".mp4", ".webm", ".gif"])
def test_a_film_holds_every_frame_and_says_how_it_was_made(tmp_path: Path, ending: str) -> None:
    film, kept = finished(tmp_path / "frames")
    path = write_film(tmp_path / f"film{ending}", film, kept, "best")
    assert [p.name for p in tmp_path.iterdir() if p.is_file()] == [path.name]  # nothing is left beside it
    shown = decoded(path)
    assert len(shown) == film.frames
    for picture, wanted in zip(shown, pictures(film.frames), strict=True):
        assert np.abs(picture.astype(int) - wanted).mean() < 6
    about = read_about(path)
    assert about is not None and about["timeline"] == film.timeline.to_json()
    assert "AI" in about["note"]
    assert read_timeline(path) == film.timeline


def test_mp4_plays_everywhere(tmp_path: Path) -> None:
    film, kept = finished(tmp_path / "frames")
    path = write_film(tmp_path / "film.mp4", film, kept)
    with av.open(str(path)) as container:
        stream: Any = container.streams.video[0]
        frame = next(container.decode(stream))
        assert (stream.codec_context.name, stream.pix_fmt, float(stream.average_rate)) == ("h264", "yuv420p", 12.0)
        assert (frame.colorspace, frame.color_primaries, frame.color_trc, frame.color_range) == (1, 1, 1, 1)
        assert "AI" in container.metadata["description"]
    data = path.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")  # it begins to play before it is there


def test_odd_sides_become_even(tmp_path: Path) -> None:
    from core.film.film import fitted

    assert fitted(np.zeros((101, 77, 3), np.uint8), 4000).shape == (100, 76, 3)
    assert fitted(np.zeros((100, 301, 3), np.uint8), 150).shape == (50, 150, 3)


@pytest.mark.parametrize("ending", [".mp4", ".webm"])
def test_the_clips_sound_goes_along_as_long_as_the_film(tmp_path: Path, ending: str) -> None:
    voice = save_sound(tmp_path / "voice.wav", np.concatenate([vowel("-", 1.0), vowel("a", 2.0)]))
    film, kept = finished(tmp_path / "frames", 12, 12.0, str(voice))
    path = write_film(tmp_path / f"film{ending}", film, kept)
    assert clip.look(path).sound
    assert np.abs(clip.sound(path)).max() < 0.05  # the first second is silent
    film, kept = finished(tmp_path / "frames", 12, 12.0, str(voice), sound_start=1.0)
    heard = clip.sound(write_film(path, film, kept))
    assert np.abs(heard).max() > 0.3 and len(heard) / clip.SOUND_RATE == pytest.approx(1.0, abs=0.1)


def test_frames_in_a_folder_open_again_as_edits(tmp_path: Path) -> None:
    film, kept = finished(tmp_path / "frames", 4)
    folder = write_film(tmp_path / "out", film, kept)
    names = sorted(p.name for p in folder.iterdir())
    assert names == ["film.json", "frame_0001.png", "frame_0002.png", "frame_0003.png", "frame_0004.png"]
    assert read_request(folder / "frame_0003.png") == json.loads(json.dumps(film.request_of(2).to_json()))
    assert read_timeline(folder) == film.timeline
    shorter, kept = finished(tmp_path / "frames", 2)
    write_film(folder, shorter, kept)  # again: what a longer one left goes
    assert len(list(folder.glob("frame_*"))) == 2
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("x")
    with pytest.raises(UserError, match="something else"):
        write_film(tmp_path / "mine", film, kept)


def test_a_stop_or_a_full_disk_leaves_the_old_file(tmp_path: Path) -> None:
    film, kept = finished(tmp_path / "frames")
    path = tmp_path / "film.mp4"
    path.write_bytes(b"old")
    count = 0

    def stop() -> None:
        nonlocal count
        count += 1
        if count > 3:
            raise Cancelled

    with pytest.raises(Cancelled):
        write_film(path, film, kept, check=stop)
    assert path.read_bytes() == b"old" and [p.name for p in tmp_path.glob("*") if p.is_file()] == ["film.mp4"]
    with pytest.raises(UserError, match="folder does not exist"):
        write_film(tmp_path / "none" / "film.mp4", film, kept)
    if os.geteuid():
        tmp_path.chmod(0o500)
        with pytest.raises(UserError, match="permission"):
            write_film(tmp_path / "other.mp4", film, kept)
        tmp_path.chmod(0o700)


def test_a_frame_that_is_gone_is_named(tmp_path: Path) -> None:
    film, kept = finished(tmp_path / "frames")
    kept.path(film.keys[3]).write_bytes(b"broken")
    with pytest.raises(UserError, match="Frame 4"):
        write_film(tmp_path / "film.gif", film, kept)
    assert kept.missing(film) == [3]  # the broken file is no frame any more


def test_endings_and_qualities_are_checked(tmp_path: Path) -> None:
    assert film_kind(tmp_path / "frames") is None
    with pytest.raises(ParameterError, match=".mp4, .webm, .gif"):
        film_kind(Path("film.avi"))
    film, kept = finished(tmp_path / "frames")
    with pytest.raises(ParameterError, match="small, good, best"):
        write_film(tmp_path / "film.mp4", film, kept, "superb")


def test_timelines_as_files(tmp_path: Path) -> None:
    film, _ = finished(tmp_path / "frames")
    path = write_timeline(tmp_path / "motion.json", film.timeline)
    assert read_timeline(path) == film.timeline
    for data in (b"", b"[", b"[" * 100_000, b"1e999", b"\xff\xfe\x00"):
        path.write_bytes(data)
        with pytest.raises(UserError, match="motion.json"):
            read_timeline(path)
    with pytest.raises(UserError, match="no file"):
        read_timeline(tmp_path / "none.json")
