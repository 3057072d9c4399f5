"""Reading environment maps: equirectangular panorama files, which come from anywhere and are trusted in nothing."""
from __future__ import annotations

import io
import re
from pathlib import Path

import numpy as np

from core.cv import cv2
from core.errors import UserError
from core.files import read_file
from core.people.names import visible
from core.photo import load_image

MOST_BYTES = 512 * 2**20
MOST_PIXELS = 50_000_000  # 10,000 x 5,000
MOST_NUMBERS = 4 * MOST_PIXELS  # of all channels and parts of an OpenEXR file together
BRIGHTEST = 1e6  # radiance; also what an infinite one counts as: a sun that the file's numbers can't hold
_HDR = (b"#?RADIANCE", b"#?RGBE")
_EXR = b"\x76\x2f\x31\x01"
_HDR_SIZE = re.compile(rb"[-+][XY] +(\d{1,9}) +[-+][XY] +(\d{1,9})\s*\n")


class PanoramaError(UserError):
    """An environment map that can't be used, in words for the user."""


def read_panorama(path: str | Path, width: int = 512) -> np.ndarray:
    """The radiance (width / 2, width, 3) float32 RGB of a panorama file, linear, 0 to `BRIGHTEST`.

    Radiance HDR and OpenEXR are read as they are, any other picture as a photo whose values are sRGB. Row 0 is straight up; the
    middle column is what the head looks at, at the camera (see `core.environment`). Negative radiance counts as none, and so does
    what is not a number. Raises PanoramaError (a UserError) when there is no file, it is no picture, damaged, cut short, too
    large or all black; PhotoError for a photo that can't be used.
    """
    path = Path(path)
    data = read_file(path, MOST_BYTES, PanoramaError)
    if data.startswith(_EXR):
        pixels = _exr(path, data)
    elif data.startswith(_HDR):
        pixels = _hdr(path, data)
    else:
        pixels = _linear(load_image(path).pixels)
    pixels = np.nan_to_num(pixels, copy=False, nan=0.0, posinf=BRIGHTEST, neginf=0.0)
    small = cv2.resize(np.clip(pixels, 0, BRIGHTEST, out=pixels), (width, width // 2), interpolation=cv2.INTER_AREA)
    if not small.max() > 0:
        raise PanoramaError(f"{visible(path.name)} is all black: it has no light to give. Choose another environment.")
    return small  # type: ignore[no-any-return]


def _hdr(path: Path, data: bytes) -> np.ndarray:
    found = _HDR_SIZE.search(data[:65536])
    if found is None:
        raise _damaged(path)
    _check_size(path, int(found[1]), int(found[2]))
    before = cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)  # it would tell the terminal of a damaged file
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error as error:
        raise _damaged(path) from error
    finally:
        cv2.utils.logging.setLogLevel(before)
    if pixels is None or pixels.ndim != 3 or pixels.dtype != np.float32:
        raise _damaged(path)
    return np.ascontiguousarray(pixels[..., ::-1])


def _exr(path: Path, data: bytes) -> np.ndarray:
    try:
        import OpenEXR
    except ImportError as error:
        raise PanoramaError(f"{visible(path.name)} is an OpenEXR file, which needs the package OpenEXR. Install it "
                            "(pip install OpenEXR), or save the environment as .hdr.") from error
    try:
        parts = OpenEXR.File(io.BytesIO(data), header_only=True, num_threads=0).parts
        numbers = 0
        for part in parts:
            low, high = (np.asarray(corner, np.int64) for corner in part.header["dataWindow"])
            across, down = (int(v) for v in high - low + 1)
            _check_size(path, across, down)
            numbers += across * down * max(1, len(part.header["channels"]))
        if numbers > MOST_NUMBERS:
            raise PanoramaError(f"{visible(path.name)} holds too many layers. Save only its colours.")
        file = OpenEXR.File(io.BytesIO(data), num_threads=0)
        return _exr_colours(path, file.parts)
    except (RuntimeError, ValueError, TypeError, KeyError, IndexError, OverflowError) as error:
        raise _damaged(path) from error


def _exr_colours(path: Path, parts: list) -> np.ndarray:  # type: ignore[type-arg]
    """The first layer that is a colour picture, or a grey one."""
    for wanted in (("RGB", "RGBA"), ("Y",)):
        for part in parts:
            for name, channel in part.channels.items():
                if name.split(".")[-1] in wanted and channel.pixels is not None:
                    pixels = np.asarray(channel.pixels, np.float32)
                    return np.ascontiguousarray(np.repeat(pixels[..., None], 3, 2) if pixels.ndim == 2 else pixels[..., :3])
    raise PanoramaError(f"{visible(path.name)} has no colours: no channels R, G and B. Save it anew as a colour picture.")


def _linear(pixels: np.ndarray) -> np.ndarray:
    """sRGB values (H, W, 3) uint8 as radiance in [0, 1] (IEC 61966-2-1)."""
    value = np.arange(256, dtype=np.float32) / 255
    table = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4).astype(np.float32)
    return table[pixels]  # type: ignore[no-any-return]


def _check_size(path: Path, width: int, height: int) -> None:
    if width < 1 or height < 1:
        raise _damaged(path)
    if width * height > MOST_PIXELS:
        raise PanoramaError(f"{visible(path.name)} has {width} x {height} pixels; at most {MOST_PIXELS // 10**6} million can be "
                            "opened. Save it smaller: 1024 x 512 is more than enough.")


def _damaged(path: Path) -> PanoramaError:
    return PanoramaError(f"{visible(path.name)} is damaged or cut short, or no environment map. Copy or download it again.")
