"""Writing films: MP4, WebM and GIF files and folders of frames, at once and complete, with what made them inside."""
from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from core import credentials
from core.errors import ParameterError, UserError
from core.export import save_image
from core.files import WriteError, atomic_adopt, atomic_write, reason
from core.film.clip import ClipError, opened
from core.film.film import Film, Frames, Report, fitted

if TYPE_CHECKING:
    from core.photo import LoadedImage

NOTE = "Edited with AI (DiffusionRig Studio)"
GIF_SIDE = 640
_MOST_SIGNED = 512 * 2**20
_MOST_COMMENT = 8 * 2**20
# Matrix, primaries and range as every player takes them for granted; the pictures are sRGB, whose curve players treat alike.
_BT709 = {"color_primaries": 1, "color_trc": 1, "colorspace": 1, "color_range": 1}
_SOUND_RATE, _SOUND_BITS = 48_000, 128_000
_LIST = "film.json"


@dataclass(frozen=True)
class Kind:
    """A way to write films. container, codecs (the first that is there), sound: names of the library's. pixels: their format."""

    name: str
    container: str
    codecs: tuple[str, ...]
    pixels: str = "yuv420p"
    sound: tuple[str, ...] = ()


KINDS = {".mp4": Kind("MP4", "mp4", ("libx264", "libopenh264", "h264"), sound=("aac",)),
         ".webm": Kind("WebM", "webm", ("libvpx-vp9", "libvpx"), sound=("libopus", "opus", "libvorbis")),
         ".gif": Kind("GIF", "gif", ("gif",), "pal8")}
QUALITIES = {"small": (28, 40), "good": (20, 31), "best": (14, 20)}  # constant rate factor of H.264 and of VP9


def film_kind(path: Path) -> Kind | None:
    """How a film of that name is written; None for a folder of frames. Raises ParameterError naming the endings there are."""
    if not path.suffix:
        return None
    kind = KINDS.get(path.suffix.lower())
    if kind is None:
        raise ParameterError(f"A film can't be written as {path.name}: end the name in {', '.join(KINDS)}, or give the name of a "
                             "folder, without an ending, for single pictures.")
    return kind


def write_film(path: Path, film: Film, kept: Frames, quality: str = "good", loop: bool = True, report: Report | None = None,
               check: Callable[[], None] | None = None, signed: bool = True, source: LoadedImage | None = None) -> str:
    """Write a film whose frames are all kept to `path`: .mp4, .webm, .gif, or a folder of PNG files.

    quality: small, good or best. loop: of a GIF. report(done, frames); check() between frames may raise Cancelled: the file that
    was there stays as it was then. signed: with Content Credentials, naming the photo `source`. The timeline's sound goes along
    where the file can hold it. Returns what the user should know of the file, '' if nothing. Raises UserError.
    """
    if quality not in QUALITIES:
        raise ParameterError(f"The quality is one of {', '.join(QUALITIES)}, not '{quality}'.")
    path = Path(path)
    kind = film_kind(path)
    pictures = _pictures(film, kept, report, check)
    note = _note(film) if signed and not credentials.problem() else None
    said = credentials.problem() if signed else ""
    if kind is None:
        _write_folder(path, film, pictures, note, source)
        return said
    handle = _beside(path)
    try:
        try:
            if kind.name == "GIF":
                _write_gif(handle, film, pictures, loop)
            else:
                _write_video(handle, kind, film, pictures, quality, path)
            if note is not None:
                said = _sign(handle, kind, note, source)
        except OSError as error:  # of the library, too
            raise WriteError(f"Could not write {path}: {reason(error)}.") from error
        atomic_adopt(handle, path)
        return said
    finally:
        with contextlib.suppress(OSError):
            handle.unlink()


def read_about(path: Path) -> dict[str, Any] | None:
    """What a film's file says of how it was made (`Film.to_json`), or None where it says nothing. Raises ClipError for a file
    that is no video."""
    with opened(path) as container:
        facts = {name.lower(): text for name, text in container.metadata.items()}
    try:
        text = facts.get("comment", "")
        found = json.loads(text) if len(text) <= _MOST_COMMENT else None
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) and "timeline" in found else None


def _note(film: Film) -> dict[str, Any]:
    """What Content Credentials say of a film."""
    return {"summary": "Film made from a single photo: the face was moved or relit by a diffusion model", "frames": film.frames,
            "seconds": film.timeline.duration, "moves": list(film.timeline.names()), "sound": bool(film.timeline.sound)}


def _sign(path: Path, kind: Kind, note: dict[str, Any], source: LoadedImage | None) -> str:
    """Put Content Credentials into a finished file; '' or why there are none."""
    if kind.name not in ("MP4", "GIF") or path.stat().st_size > _MOST_SIGNED:
        return (f"Content Credentials were left out: such a {kind.name} file can't hold them. That it was edited with AI stands "
                "in the file's description.")
    try:
        path.write_bytes(credentials.signed(path.read_bytes(), kind.name, note, source))
    except credentials.CredentialsError as error:
        return str(error)
    return ""


def _beside(path: Path) -> Path:
    """A hidden file in the same folder, with the same ending."""
    try:
        handle, name = tempfile.mkstemp(prefix=".", suffix=f".part{path.suffix}", dir=path.absolute().parent)
    except OSError as error:
        raise WriteError(f"Could not write {path}: {reason(error)}.") from error
    os.close(handle)
    return Path(name)


def _pictures(film: Film, kept: Frames, report: Report | None, check: Callable[[], None] | None) -> Iterator[np.ndarray]:
    shape: tuple[int, ...] = ()
    for frame, key in enumerate(film.keys):
        if check is not None:
            check()
        picture = kept.read(key)
        if picture is None or shape and picture.shape != shape:
            raise UserError(f"Frame {frame + 1} of the film is gone from {kept.folder}. Make it again; the others are kept.")
        shape = picture.shape
        if report is not None:
            report(frame, film.frames)
        yield picture
    if report is not None:
        report(film.frames, film.frames)


def _rate(film: Film) -> Fraction:
    return Fraction(film.timeline.fps).limit_denominator(1001)


def _write_video(path: Path, kind: Kind, film: Film, pictures: Iterator[np.ndarray], quality: str, shown: Path) -> None:
    import av

    codec = _codec(kind.codecs)
    options = {"movflags": "+faststart+use_metadata_tags"} if kind.container == "mp4" else {}
    with av.open(str(path), "w", format=kind.container, options=options) as container:
        container.metadata.update({"comment": json.dumps(film.to_json()), "description": NOTE, "title": NOTE})
        stream: Any = container.add_stream(codec, rate=_rate(film), options=_video_options(codec, quality))
        first = next(pictures)
        stream.height, stream.width = first.shape[:2]
        stream.pix_fmt = kind.pixels
        for name, value in _BT709.items():
            setattr(stream.codec_context, name, value)
        sound = _Sound.open(container, kind, film)
        for number, picture in enumerate(_again(first, pictures)):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame = frame.reformat(format=kind.pixels, dst_colorspace="ITU709", dst_color_range="MPEG")
            frame.pts, frame.time_base = number, 1 / _rate(film)
            frame.color_primaries, frame.color_trc = 1, 1
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if sound is not None:
            sound.write()


def _video_options(codec: str, quality: str) -> dict[str, str]:
    h264, vp9 = QUALITIES[quality]
    if codec == "libx264":
        return {"crf": str(h264), "preset": "medium"}
    if codec.startswith("libvpx"):
        return {"crf": str(vp9), "b": "0", "row-mt": "1", "deadline": "good", "cpu-used": "2"}
    return {"b": str(12_000_000 * 20 // (h264 * h264) * 20)}


@dataclass(frozen=True, eq=False)
class _Sound:
    """The sound of a film's clip on its way into the file."""

    container: Any
    stream: Any
    film: Film

    @classmethod
    def open(cls, container: Any, kind: Kind, film: Film) -> _Sound | None:
        if not film.timeline.sound or not kind.sound:
            return None
        with opened(film.timeline.sound) as clip:
            if not clip.streams.audio:
                return None
        stream = container.add_stream(_codec(kind.sound), rate=_SOUND_RATE)
        stream.layout, stream.bit_rate = "stereo", _SOUND_BITS
        return cls(container, stream, film)

    def write(self) -> None:
        """All of it, as long as the film."""
        import av

        left = round(self.film.frames / self.film.timeline.fps * _SOUND_RATE)
        written, skip = 0, round(self.film.timeline.sound_start * _SOUND_RATE)
        resampler = av.AudioResampler(format=self.stream.format.name, layout="stereo", rate=_SOUND_RATE,
                                      frame_size=self.stream.frame_size or 1024)
        with opened(self.film.timeline.sound) as clip:
            try:
                for frame in clip.decode(clip.streams.audio[0]):
                    frame.pts = None
                    for part in resampler.resample(frame):
                        skip -= part.samples
                        if skip > 0 or written >= left:
                            continue
                        part.pts, part.time_base = written, Fraction(1, _SOUND_RATE)
                        written += part.samples
                        self.container.mux(self.stream.encode(part))
                    if written >= left:
                        break
            except av.FFmpegError as error:
                raise ClipError(f"The sound of {Path(self.film.timeline.sound).name} can't be read ({error.strerror}). Choose "
                                "another file, or make the film without it.") from error
        self.container.mux(self.stream.encode(None))


def _write_gif(path: Path, film: Film, pictures: Iterator[np.ndarray], loop: bool) -> None:
    """A GIF with one palette made for all its frames, dithered by error diffusion where something moves."""
    import av

    first = fitted(next(pictures), GIF_SIDE)
    height, width = first.shape[:2]
    rate = _rate(film)
    rate = Fraction(100, max(2, round(100 / rate)))  # GIFs count in hundredths, and players slow down what is faster than 50
    graph = av.filter.Graph()
    source = graph.add_buffer(width=width, height=height, format=av.VideoFormat("rgb24"), time_base=1 / rate)
    split = graph.add("split")
    palette = graph.add("palettegen", "stats_mode=full")
    use = graph.add("paletteuse", "dither=sierra2_4a:diff_mode=rectangle")
    sink = graph.add("buffersink")
    source.link_to(split)
    split.link_to(use, 0, 0)
    split.link_to(palette, 1, 0)
    palette.link_to(use, 0, 1)
    use.link_to(sink)
    graph.configure()
    with av.open(str(path), "w", format="gif", options={"loop": "0" if loop else "-1"}) as container:
        stream: Any = container.add_stream("gif", rate=rate)
        stream.width, stream.height, stream.pix_fmt = width, height, "pal8"
        for number, picture in enumerate(_again(first, pictures)):
            frame = av.VideoFrame.from_ndarray(fitted(picture, GIF_SIDE), format="rgb24")
            frame.pts, frame.time_base = number, 1 / rate
            source.push(frame)
        source.push(None)
        for number in range(film.frames):
            made = sink.pull()
            made.pts, made.time_base = number, 1 / rate
            container.mux(stream.encode(made))
        container.mux(stream.encode(None))
    _comment_gif(path, json.dumps(film.to_json()))


def _comment_gif(path: Path, text: str) -> None:
    """Put a comment block before the first picture of a GIF file (GIF89a, section 24)."""
    data = path.read_bytes()
    after = 13 + (3 << (data[10] & 7) + 1 if data[10] & 0x80 else 0)  # header, screen descriptor, colours
    raw = text.encode("ascii", "replace")
    blocks = b"".join(bytes([len(part)]) + part for part in (raw[i:i + 255] for i in range(0, len(raw), 255)))
    path.write_bytes(data[:after] + b"\x21\xfe" + blocks + b"\0" + data[after:])


def _write_folder(folder: Path, film: Film, pictures: Iterator[np.ndarray], note: dict[str, Any] | None,
                  source: LoadedImage | None) -> None:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir()) and not (folder / _LIST).is_file()):
        raise WriteError(f"Could not write {folder}: there is something else of that name. Choose a new or an empty folder.")
    atomic_write(folder / _LIST, json.dumps(film.to_json(), indent=1).encode(), make_folder=True)
    digits = max(4, len(str(film.frames)))
    for number, picture in enumerate(pictures):
        name = f"frame_{number + 1:0{digits}}.png"
        save_image(picture, folder / name, request_json=film.request_of(number).to_json(), note=note, source=source)
    for path in folder.glob("frame_*.png"):  # of a longer film that was here before
        counted = path.stem.removeprefix("frame_")
        if counted.isdigit() and int(counted) > film.frames:
            with contextlib.suppress(OSError):
                path.unlink()


def _codec(names: tuple[str, ...]) -> str:
    import av

    for name in names:
        with contextlib.suppress(ValueError, av.FFmpegError):
            return str(av.codec.Codec(name, "w").name)
    raise UserError(f"This installation can't write such films: none of {', '.join(names)} is there. Run 'make setup', or choose "
                    "another kind of file.")


def _again(first: np.ndarray, rest: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
    yield first
    yield from rest
