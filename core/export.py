"""Writing finished pictures: PNG, JPEG, WebP and TIFF, with a colour profile and the request that made them."""
from __future__ import annotations

import functools
import hashlib
import io
import json
import struct
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageCms

from core import credentials
from core.cv import cv2
from core.errors import UserError
from core.export_blocks import (
    ASCII,
    BYTE,
    DESCRIPTION,
    DESCRIPTION_TAG,
    EXIF_FOLDER,
    LONG,
    RAW,
    SHORT,
    SOFTWARE,
    TEXT,
    USER_COMMENT,
    kept_exif,
    tiff_directories,
    xmp,
)
from core.files import atomic_write, check_file
from core.photo import MAX_FILE_BYTES

if TYPE_CHECKING:
    from core.photo import LoadedImage

SUFFIXES: dict[str, str] = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WebP", ".tif": "TIFF", ".tiff": "TIFF"}
DEEP_FORMATS = ("PNG", "TIFF")  # keep 16 bits a channel; the others are reduced to 8
LOSSY_FORMATS = ("JPEG", "WebP")
DEFAULT_QUALITY = 92
REQUEST_KEY = "diffusionrig-request"
MADE_FROM = "made_from"  # beside the request: the photo's name and face, the model's and the person's name

_MAX_SIDE = {"JPEG": 65_535, "WebP": 16_383}
_MAX_EXIF = 65_000  # a JPEG segment holds 65,533 bytes, and EXIF is one segment


def picture_format(path: str | Path) -> str:
    """'PNG', 'JPEG', 'WebP' or 'TIFF', by the suffix. Raises UserError naming the suffixes there are."""
    path = Path(path)
    try:
        return SUFFIXES[path.suffix.lower()]
    except KeyError:
        ending = f"'{path.suffix}' is no picture format" if path.suffix else "the name has no ending"
        raise UserError(f"Could not write {path}: {ending} that can be written here. "
                        f"End the name in {', '.join(sorted(SUFFIXES))}.") from None


def save_image(image: np.ndarray, path: str | Path, *, source: LoadedImage | None = None,
               request_json: dict[str, Any] | None = None, quality: int = DEFAULT_QUALITY, icc: bytes | None = None,
               place: bool = False, made_from: dict[str, Any] | None = None, note: dict[str, Any] | None = None) -> Path:
    """Write a picture at once (see `core.files.atomic_write`) and return its path. Equal arguments give equal bytes, but for a
    note: that is signed anew each time.

    image: (H, W, 3) RGB, uint8 or uint16 (0..65535); JPEG and WebP round 16 bits to 8. The suffix of `path` names
    the format. source: the photo it was made from, whose camera, date and author are kept. request_json: what made it, readable
    again with `read_request`. quality: 1..100 of JPEG and WebP. icc: the colour profile of `image`; None: sRGB. place: keep where
    the photo was taken, too. made_from: see `core.export_picture`. note: what Content Credentials say of the edit; None for none.
    Raises UserError, naming the path, for an unknown suffix, a picture too large for the format, when it can't be written, and
    for credentials that can't be made.
    """
    path = Path(path)
    kind = picture_format(path)
    _check_array(image)
    limit = _MAX_SIDE.get(kind)
    if limit and max(image.shape[:2]) > limit:
        raise UserError(f"Could not write {path}: {kind} pictures have at most {limit:,} pixels a side, "
                        f"this one has {max(image.shape[:2]):,}. Write a PNG or TIFF.")
    if image.dtype == np.uint16 and kind not in DEEP_FORMATS:
        image = to_eight_bits(image)
    record = request_json if request_json is None or made_from is None else {**request_json, MADE_FROM: made_from}
    request = json.dumps(record, sort_keys=True, separators=(",", ":")) if record is not None else None
    data = encode(image, kind, source=source, request=request, quality=quality, icc=icc, place=place)
    return atomic_write(path, data if note is None else credentials.signed(data, kind, note, source))


def encode(image: np.ndarray, kind: str, *, source: LoadedImage | None = None, request: str | None = None,
           quality: int = DEFAULT_QUALITY, icc: bytes | None = None, place: bool = False) -> bytes:
    """The bytes of a picture file; arguments as for `save_image`, with the format's name and the request as ASCII JSON."""
    exif = kept_exif(source, None if kind in DEEP_FORMATS else request, place)
    icc = icc or srgb_profile()
    about = xmp() if request is not None else None  # a picture without a request is no edited photo
    if kind == "PNG":
        return _png(image, exif, request, icc, about)
    if kind == "TIFF":
        return _tiff(image, exif, request, icc, about)
    block = exif.tobytes()
    if len(block) > _MAX_EXIF:  # better a picture without all of its history than none
        short = json.dumps({"too_long": True, "sha256": hashlib.sha256((request or "").encode()).hexdigest()})
        block = kept_exif(None, short).tobytes()
    options: dict[str, Any] = {"subsampling": 0} if kind == "JPEG" else {"method": 4}
    options |= {"xmp": about} if about is not None else {}
    file = io.BytesIO()
    options["quality"] = int(np.clip(quality, 1, 100))
    Image.fromarray(image).save(file, kind, exif=block, icc_profile=icc, **options)
    return file.getvalue()


def read_record(path: str | Path) -> dict[str, Any] | None:
    """As `read_request`, with what stands beside the request (MADE_FROM)."""
    try:
        check_file(Path(path), MAX_FILE_BYTES)
        with Image.open(path) as image:
            text = image.info.get(REQUEST_KEY)  # ours stands before the pixels: nothing has to be decoded
            if text is None:
                exif = image.getexif()
                comment = exif.get_ifd(EXIF_FOLDER).get(USER_COMMENT, b"")
                text = comment.removeprefix(ASCII).decode("ascii") if comment else exif.get(DESCRIPTION_TAG, "")
        found = json.loads(text)
    except (UserError, OSError, ValueError, AttributeError, TypeError, SyntaxError, RecursionError, Image.DecompressionBombError):
        return None
    return found if isinstance(found, dict) else None


def read_request(path: str | Path) -> dict[str, Any] | None:
    """The request that `save_image` put into a picture file, or None when it holds none."""
    record = read_record(path)
    return None if record is None else {name: value for name, value in record.items() if name != MADE_FROM}


def to_eight_bits(image: np.ndarray) -> np.ndarray:
    """uint16 0..65535 -> uint8 0..255, to the nearest."""
    return ((image.astype(np.uint32) * 255 + 32_767) // 65_535).astype(np.uint8)


@functools.cache
def srgb_profile() -> bytes:
    """An sRGB ICC profile, the same bytes each time: the library stamps it with the hour, which would tell files apart."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    profile[24:36] = struct.pack(">6H", 2026, 1, 1, 0, 0, 0)
    return bytes(profile)


def _check_array(image: np.ndarray) -> None:
    if image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape or image.dtype not in (np.uint8, np.uint16):
        raise ValueError(f"expected (H, W, 3) uint8 or uint16, got {image.shape} {image.dtype}")


def _png(image: np.ndarray, exif: Image.Exif, request: str | None, icc: bytes, about: bytes | None) -> bytes:
    """PNG through OpenCV, which writes 16 bits a channel (PIL can't), with our chunks put in after the header."""
    ok, encoded = cv2.imencode(".png", image[..., ::-1])
    if not ok:
        raise UserError("This picture could not be written as PNG. Write a TIFF.")
    plain = encoded.tobytes()
    header_end = 8 + 12 + 13  # signature; length, name and checksum; IHDR
    name = b"sRGB" if icc == srgb_profile() else b"ICC profile"
    chunks = _chunk(b"iCCP", name + b"\0\0" + zlib.compress(icc))
    chunks += _chunk(b"eXIf", exif.tobytes().removeprefix(b"Exif\0\0"))
    chunks += _chunk(b"tEXt", b"Software\0" + SOFTWARE.encode("latin-1"))
    if about is not None:
        chunks += _chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + about)
    if request is not None:
        chunks += _chunk(b"iTXt", REQUEST_KEY.encode() + b"\0\0\0\0\0" + request.encode())
    return plain[:header_end] + chunks + plain[header_end:]


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def _tiff(image: np.ndarray, exif: Image.Exif, request: str | None, icc: bytes, about: bytes | None) -> bytes:
    """A baseline TIFF 6.0 file of 8 or 16 bits (PIL writes RGB only in 8): deflated strips with the horizontal predictor."""
    height, width = image.shape[:2]
    bits = image.dtype.itemsize * 8
    rows = max(1, 2**20 // (width * 3 * image.dtype.itemsize))
    differences = image.astype(image.dtype.newbyteorder("<"))
    differences[:, 1:] -= image[:, :-1]  # wraps around, as the predictor wants
    strips = [zlib.compress(differences[top:top + rows].tobytes(), 6) for top in range(0, height, rows)]
    offsets = [int(offset) for offset in np.cumsum([8, *map(len, strips)])]
    entries: dict[int, tuple[int, Any]] = {
        256: (LONG, width), 257: (LONG, height), 258: (SHORT, (bits,) * 3), 259: (SHORT, 8),
        262: (SHORT, 2), 273: (LONG, tuple(offsets[:-1])), 277: (SHORT, 3), 278: (LONG, rows),
        279: (LONG, tuple(len(strip) for strip in strips)), 284: (SHORT, 1), 317: (SHORT, 2),
        DESCRIPTION_TAG: (TEXT, request if request is not None else DESCRIPTION), 34675: (RAW, icc),
        **({700: (BYTE, about)} if about is not None else {}),
    }
    body = b"".join(strips)
    body += b"\0" * (len(body) % 2)
    directories, main = tiff_directories(entries, exif, 8 + len(body))
    return struct.pack("<2sHI", b"II", 42, main) + body + directories
