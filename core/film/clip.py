"""Reading video and sound files that somebody else made: what is in them, their pictures at an even pace, their sound.

A file is opened by what it is, not by what it says: the container is recognised from its first bytes and handed to that reader
alone, and no reader may open anything else (playlists, references to other files, addresses on the net).
"""
from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from core.errors import UserError
from core.files import check_file

MAX_BYTES = 4 * 2**30
MAX_SIDE = 8192
MAX_SECONDS = 600.0
MAX_RATE = 240.0
SOUND_RATE = 16_000
_BAD_FRAMES = 100  # that can't be decoded before a file counts as damaged
SUFFIXES = (".mp4", ".mov", ".m4v", ".webm", ".mkv", ".avi", ".gif", ".m4a", ".mp3", ".wav", ".flac", ".ogg", ".opus")
VIDEO_SUFFIXES = SUFFIXES[:7]


class ClipError(UserError):
    """A video or sound file that can't be used."""


@dataclass(frozen=True)
class Facts:
    """What a file holds. seconds: as it says itself, 0 when it doesn't. fps, width, height: of its pictures, 0 without any.
    sound: whether it has sound."""

    path: Path
    seconds: float
    fps: float
    width: int
    height: int
    sound: bool


def look(path: str | Path) -> Facts:
    """What a video or sound file holds. Raises ClipError, naming the file and what to do, for one that can't be used."""
    with opened(path) as container:
        return _facts(Path(path), container)


def pictures(path: str | Path, fps: float = 0.0, start: float = 0.0, seconds: float = MAX_SECONDS, side: int = 720,
             ) -> Iterator[tuple[float, np.ndarray]]:
    """The pictures of a video from `start` on for at most so many seconds: (time since start, (H, W, 3) uint8 RGB, upright).

    fps: pictures a second, each time the newest there is; 0 takes the file's own pace. side: longer ones are brought down to it.
    What can't be decoded is left out. Raises ClipError when nothing can be.
    """
    path = Path(path)
    with opened(path) as container:
        facts = _facts(path, container)
        if not facts.width:
            raise ClipError(f"{path.name} holds sound, but no pictures. Choose a video.")
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        count, step, fresh = 0, 1 / (fps or facts.fps), False
        began: float | None = None
        last: np.ndarray | None = None
        for frame in _decoded(path, container, stream):
            if frame.time is None:
                continue
            began = frame.time if began is None else began
            time = frame.time - began - start
            if time < -1e-6:
                continue
            # what was shown until now fills the moments before this picture
            while last is not None and count * step < time - 0.25 * step and count * step < seconds:
                yield count * step, last
                count, fresh = count + 1, False
            if count * step >= seconds - 1e-9:
                return
            if time >= (count - 0.25) * step - 1e-9:
                last, fresh = _rgb(path, frame, side), True
        if last is None:
            raise ClipError(f"No picture of {path.name} can be decoded from second {start:g} on. Convert it to MP4.")
        if fresh:
            yield count * step, last


def sound(path: str | Path, start: float = 0.0, seconds: float = MAX_SECONDS) -> np.ndarray:
    """A file's sound from `start` on for at most so many seconds: (N,) float32 in [-1, 1], one channel, 16,000 a second.

    Raises ClipError for a file without sound, or one that can't be decoded.
    """
    import av

    path = Path(path)
    parts: list[np.ndarray] = []
    wanted, have = int((start + min(seconds, MAX_SECONDS)) * SOUND_RATE), 0
    with opened(path) as container:
        if not container.streams.audio:
            raise ClipError(f"{path.name} has no sound. Choose a file with a voice.")
        resampler = av.AudioResampler(format="flt", layout="mono", rate=SOUND_RATE)
        for frame in _decoded(path, container, container.streams.audio[0]):
            frame.pts = None
            try:
                resampled = resampler.resample(frame)
            except (av.FFmpegError, ValueError) as error:
                raise _damaged(path, error) from error
            for part in resampled:
                parts.append(np.array(part.to_ndarray().ravel(), np.float32))
                have += parts[-1].size
            if have >= wanted:
                break
    joined = np.nan_to_num(np.concatenate(parts)) if parts else np.zeros(0, np.float32)
    kept = np.clip(joined[int(start * SOUND_RATE):wanted], -1, 1)
    if not kept.size:
        raise ClipError(f"{path.name} has no sound from second {start:g} on.")
    return kept


@contextlib.contextmanager
def opened(path: str | Path) -> Iterator[Any]:
    """The container of a file, safely. Raises ClipError for one that is no video or sound, or is damaged."""
    import av

    path = Path(path)
    check_file(path, MAX_BYTES, ClipError)
    kind = _kind(path)
    if kind is None:
        raise ClipError(f"{path.name} is no video or sound file that this program reads. Use MP4, MOV, WebM, MKV, AVI, GIF, WAV, "
                        "MP3, FLAC, Ogg or M4A.")
    try:
        container = av.open(str(path.absolute()), format=kind, io_open=_only(path.absolute()), metadata_errors="ignore",
                            options={"protocol_whitelist": "file", "enable_drefs": "0"})
    except (av.FFmpegError, OSError, ValueError) as error:
        raise _damaged(path, error) from error
    with container:
        yield container


def _only(path: Path) -> Any:
    """Opens the file itself and nothing it names."""
    def open_only(url: str, flags: int, options: Any) -> Any:
        if flags & 2 or url.removeprefix("file:") != str(path):
            raise PermissionError(f"{path.name} asks for another file")
        return path.open("rb")
    return open_only


def _kind(path: Path) -> str | None:
    """The name of the one reader for a file with these first bytes."""
    try:
        with path.open("rb") as file:
            head = file.read(64)
    except OSError as error:
        raise ClipError(f"{path.name} can't be read ({error.strerror or error}). Check that you may open it.") from error
    if head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"):
        return "mov"
    if head[:4] == b"\x1a\x45\xdf\xa3":
        return "matroska"
    if head[:4] == b"RIFF":
        return {b"AVI ": "avi", b"WAVE": "wav"}.get(head[8:12])
    if head[:3] == b"ID3" or len(head) > 1 and head[0] == 0xFF and head[1] & 0xE6 in (0xE2, 0xE4):
        return "mp3"
    starts = {b"OggS": "ogg", b"fLaC": "flac", b"GIF8": "gif"}
    return starts.get(head[:4])


def _facts(path: Path, container: Any) -> Facts:
    video, audio = container.streams.video, container.streams.audio
    if not video and not audio:
        raise ClipError(f"{path.name} holds neither pictures nor sound. Choose another file.")
    seconds = float(container.duration or 0) / 1e6
    if not video:
        return Facts(path, seconds, 0.0, 0, 0, True)
    stream = video[0]
    if stream.codec_context is None:
        raise _damaged(path, None)
    width, height = int(stream.codec_context.width), int(stream.codec_context.height)
    if not 16 <= min(width, height) or max(width, height) > MAX_SIDE:
        raise ClipError(f"{path.name} has pictures of {width} x {height} pixels; 16 to {MAX_SIDE} a side will do. Convert it.")
    rate = float(stream.average_rate or stream.guessed_rate or 25)
    if not math.isfinite(rate) or rate <= 0:
        rate = 25.0
    return Facts(path, max(seconds, 0.0), min(rate, MAX_RATE), width, height, bool(audio))


def _decoded(path: Path, container: Any, stream: Any) -> Iterator[Any]:
    """The frames of a stream; what is damaged is skipped, up to a measure."""
    import av

    bad = good = 0
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets)
            frames = packet.decode()
        except StopIteration:
            break
        except (av.FFmpegError, OSError, ValueError, MemoryError) as error:
            bad += 1
            if bad > _BAD_FRAMES or isinstance(error, (MemoryError, av.EOFError)):
                break
            continue
        for frame in frames:
            good += 1
            yield frame
    if not good:
        raise _damaged(path, None)


def _rgb(path: Path, frame: Any, side: int) -> np.ndarray:
    import av

    scale = min(1.0, side / max(frame.width, frame.height))
    width, height = max(2, round(frame.width * scale)), max(2, round(frame.height * scale))
    if max(frame.width, frame.height) > MAX_SIDE:
        raise ClipError(f"{path.name} has pictures larger than {MAX_SIDE} pixels a side. Convert it.")
    try:
        rgb = frame.reformat(width=width, height=height, format="rgb24").to_ndarray()
    except (av.FFmpegError, ValueError) as error:
        raise _damaged(path, error) from error
    return np.ascontiguousarray(np.rot90(rgb, round(frame.rotation / 90) % 4))


def _damaged(path: Path, error: Exception | None) -> ClipError:
    text = " ".join(str(getattr(error, "strerror", None) or error or "nothing in it can be decoded").split())[:120]
    return ClipError(f"{path.name} is damaged, cut short, or of a kind that can't be decoded ({text.rstrip('.').lower()}). "
                     "Convert it to MP4 and try again.")
