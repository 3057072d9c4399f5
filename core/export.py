"""Writing finished pictures: PNG, JPEG, WebP and TIFF, with an sRGB profile and the request that made them."""
from __future__ import annotations

import functools
import hashlib
import io
import json
import struct
import warnings
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageCms

from core.cv import cv2
from core.errors import UserError
from core.files import atomic_write

if TYPE_CHECKING:
    from core.photo import LoadedImage

SUFFIXES: dict[str, str] = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WebP", ".tif": "TIFF", ".tiff": "TIFF"}
DEEP_FORMATS = ("PNG", "TIFF")  # keep 16 bits a channel; the others are reduced to 8
DEFAULT_QUALITY = 92
SOFTWARE = "DiffusionRig Studio"
DESCRIPTION = "Portrait edited with DiffusionRig Studio"
REQUEST_KEY = "diffusionrig-request"

_MAX_SIDE = {"JPEG": 65_535, "WebP": 16_383}
_MAX_EXIF = 65_000  # a JPEG segment holds 65,533 bytes, and EXIF is one segment
_ASCII = b"ASCII\0\0\0"  # EXIF 2.3, table 9: how UserComment names its character code

# What of a photo's own EXIF goes on into the result: who made it, when, and with what. Not where (it would tell where the
# person lives), not the thumbnail (it shows the unedited face), not the maker's private blocks.
_KEPT_MAIN = (0x010F, 0x0110, 0x0132, 0x013B, 0x8298)  # Make, Model, DateTime, Artist, Copyright
_KEPT_EXIF = (0x829A, 0x829D, 0x8827, 0x9003, 0x9004, 0x9010, 0x9011, 0x9012, 0x920A, 0xA405, 0xA433, 0xA434)
_DESCRIPTION, _SOFTWARE, _EXIF_FOLDER, _USER_COMMENT = 0x010E, 0x0131, 0x8769, 0x9286


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
               request_json: dict[str, Any] | None = None, quality: int = DEFAULT_QUALITY) -> Path:
    """Write a picture at once (see `core.files.atomic_write`) and return its path. Equal arguments give equal bytes.

    image: (H, W, 3) RGB in sRGB, uint8 or uint16 (0..65535); JPEG and WebP round 16 bits to 8. The suffix of `path` names
    the format. source: the photo it was made from, whose camera, date and author are kept. request_json: what made it, readable
    again with `read_request`. quality: 1..100 of JPEG and WebP.
    Raises UserError, naming the path, for an unknown suffix, a picture too large for the format, and when it can't be written.
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
    request = json.dumps(request_json, sort_keys=True, separators=(",", ":")) if request_json is not None else None
    return atomic_write(path, encode(image, kind, source=source, request=request, quality=quality))


def encode(image: np.ndarray, kind: str, *, source: LoadedImage | None = None, request: str | None = None,
           quality: int = DEFAULT_QUALITY) -> bytes:
    """The bytes of a picture file; arguments as for `save_image`, with the format's name and the request as ASCII JSON."""
    exif = _exif(source, None if kind in DEEP_FORMATS else request)
    if kind == "PNG":
        return _png(image, exif, request)
    if kind == "TIFF":
        return _tiff(image, exif, request)
    block = exif.tobytes()
    if len(block) > _MAX_EXIF:  # better a picture without all of its history than none
        short = json.dumps({"too_long": True, "sha256": hashlib.sha256((request or "").encode()).hexdigest()})
        block = _exif(None, short).tobytes()
    options: dict[str, Any] = {"subsampling": 0} if kind == "JPEG" else {"method": 4}
    file = io.BytesIO()
    options["quality"] = int(np.clip(quality, 1, 100))
    Image.fromarray(image).save(file, kind, exif=block, icc_profile=srgb_profile(), **options)
    return file.getvalue()


def read_request(path: str | Path) -> dict[str, Any] | None:
    """The request that `save_image` put into a picture file, or None when it holds none."""
    try:
        with Image.open(path) as image:
            text = getattr(image, "text", {}).get(REQUEST_KEY)
            if text is None:
                exif = image.getexif()
                comment = exif.get_ifd(_EXIF_FOLDER).get(_USER_COMMENT, b"")
                text = comment.removeprefix(_ASCII).decode("ascii") if comment else exif.get(_DESCRIPTION, "")
        found = json.loads(text)
    except (OSError, ValueError, AttributeError):
        return None
    return found if isinstance(found, dict) else None


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


def _exif(source: LoadedImage | None, comment: str | None) -> Image.Exif:
    """What is kept of the source's EXIF, with our own description and the request as UserComment."""
    exif = Image.Exif()
    if source is not None and source.exif:
        _keep_exif(source.exif, exif)
    exif[_SOFTWARE] = SOFTWARE
    exif[_DESCRIPTION] = DESCRIPTION
    if comment is not None:
        exif.get_ifd(_EXIF_FOLDER)[_USER_COMMENT] = _ASCII + comment.encode("ascii")
    return exif


def _keep_exif(block: bytes, into: Image.Exif) -> None:
    original, trial = Image.Exif(), Image.Exif()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            original.load(block)
            details = original.get_ifd(_EXIF_FOLDER)
            kept = {tag: original[tag] for tag in _KEPT_MAIN if tag in original}
            kept_details = {tag: details[tag] for tag in _KEPT_EXIF if tag in details}
            trial.update(kept)
            trial.get_ifd(_EXIF_FOLDER).update(kept_details)
            trial.tobytes()  # damaged values are found only here
    except Exception:  # cameras write every kind of broken EXIF: no reason not to save the picture
        return
    into.update(kept)
    into.get_ifd(_EXIF_FOLDER).update(kept_details)


def _png(image: np.ndarray, exif: Image.Exif, request: str | None) -> bytes:
    """PNG through OpenCV, which writes 16 bits a channel (PIL can't), with our chunks put in after the header."""
    ok, encoded = cv2.imencode(".png", image[..., ::-1])
    if not ok:
        raise UserError("This picture could not be written as PNG. Write a TIFF.")
    plain = encoded.tobytes()
    header_end = 8 + 12 + 13  # signature; length, name and checksum; IHDR
    chunks = _chunk(b"iCCP", b"sRGB\0\0" + zlib.compress(srgb_profile()))
    chunks += _chunk(b"eXIf", exif.tobytes().removeprefix(b"Exif\0\0"))
    chunks += _chunk(b"tEXt", b"Software\0" + SOFTWARE.encode("latin-1"))
    if request is not None:
        chunks += _chunk(b"iTXt", REQUEST_KEY.encode() + b"\0\0\0\0\0" + request.encode())
    return plain[:header_end] + chunks + plain[header_end:]


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def _tiff(image: np.ndarray, exif: Image.Exif, request: str | None) -> bytes:
    """A baseline TIFF 6.0 file of 8 or 16 bits (PIL writes RGB only in 8): deflated strips with the horizontal predictor."""
    height, width = image.shape[:2]
    bits = image.dtype.itemsize * 8
    rows = max(1, 2**20 // (width * 3 * image.dtype.itemsize))
    differences = image.astype(image.dtype.newbyteorder("<"))
    differences[:, 1:] -= image[:, :-1]  # wraps around, as the predictor wants
    strips = [zlib.compress(differences[top:top + rows].tobytes(), 6) for top in range(0, height, rows)]
    offsets = list(np.cumsum([8, *map(len, strips)]))
    texts = {tag: str(exif[tag]) for tag in (*_KEPT_MAIN, _SOFTWARE) if tag in exif}
    texts[_DESCRIPTION] = request if request is not None else DESCRIPTION
    entries: dict[int, tuple[str, list[int] | bytes]] = {
        256: ("I", [width]), 257: ("I", [height]), 258: ("H", [bits] * 3), 259: ("H", [8]), 262: ("H", [2]),
        273: ("I", [int(o) for o in offsets[:-1]]), 277: ("H", [3]), 278: ("I", [rows]),
        279: ("I", [len(strip) for strip in strips]), 284: ("H", [1]), 317: ("H", [2]), 34675: ("undefined", srgb_profile()),
        **{tag: ("ascii", text.encode("ascii", "replace") + b"\0") for tag, text in texts.items()},
    }
    body = b"".join(strips)
    body += b"\0" * (len(body) % 2)
    return struct.pack("<2sHI", b"II", 42, 8 + len(body)) + body + _tiff_directory(entries, 8 + len(body))


def _tiff_directory(entries: dict[int, tuple[str, list[int] | bytes]], start: int) -> bytes:
    """One image file directory that begins at byte `start`, followed by the values that don't fit into its entries."""
    kinds = {"ascii": 2, "H": 3, "I": 4, "undefined": 7}
    table, extra = struct.pack("<H", len(entries)), b""
    extra_start = start + 2 + 12 * len(entries) + 4
    for tag, (kind, value) in sorted(entries.items()):
        data = value if isinstance(value, bytes) else struct.pack(f"<{len(value)}{kind}", *value)
        table += struct.pack("<HHI", tag, kinds[kind], len(value))
        if len(data) <= 4:
            table += data.ljust(4, b"\0")
        else:
            table += struct.pack("<I", extra_start + len(extra))
            extra += data + b"\0" * (len(data) % 2)
    return table + struct.pack("<I", 0) + extra
