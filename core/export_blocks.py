"""What stands in a picture file beside the pixels: the EXIF that is kept of the photo, XMP that says a model edited it, and where
a TIFF keeps both."""
from __future__ import annotations

import struct
import warnings
from typing import TYPE_CHECKING, Any

from PIL import Image
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from core.credentials import EDITED_WITH_AI

if TYPE_CHECKING:
    from core.photo import LoadedImage

SOFTWARE = "DiffusionRig Studio"
DESCRIPTION = "Portrait edited with DiffusionRig Studio"
DESCRIPTION_TAG, SOFTWARE_TAG, EXIF_FOLDER, GPS_FOLDER, USER_COMMENT = 0x010E, 0x0131, 0x8769, 0x8825, 0x9286
BYTE, TEXT, SHORT, LONG, RAW = 1, 2, 3, 4, 7  # kinds of TIFF fields
_LETTERS = {SHORT: "H", LONG: "I"}
ASCII = b"ASCII\0\0\0"  # EXIF 2.3, table 9: how UserComment names its character code

# What of a photo's own EXIF goes on into the result: who made it, when, and with what. Not where, unless it is asked for (it
# would tell where the person lives), not the thumbnail (it shows the unedited face), not the maker's private blocks.
KEPT_MAIN = (0x010F, 0x0110, 0x0132, 0x013B, 0x8298)  # Make, Model, DateTime, Artist, Copyright
_KEPT_EXIF = (0x829A, 0x829D, 0x8827, 0x9003, 0x9004, 0x9010, 0x9011, 0x9012, 0x920A, 0xA405, 0xA433, 0xA434)


def kept_exif(source: LoadedImage | None, comment: str | None = None, place: bool = False) -> Image.Exif:
    """What is kept of the source's EXIF, with our own description and `comment` (ASCII) as UserComment. place: where it was taken
    too. The orientation is not among it: the pixels are upright."""
    exif = Image.Exif()
    if source is not None and source.exif:
        _keep(source.exif, exif, place)
    exif[SOFTWARE_TAG] = SOFTWARE
    exif[DESCRIPTION_TAG] = DESCRIPTION
    if comment is not None:
        exif.get_ifd(EXIF_FOLDER)[USER_COMMENT] = ASCII + comment.encode("ascii")
    return exif


def has_place(source: LoadedImage | None) -> bool:
    """Whether a photo's EXIF says where it was taken."""
    return source is not None and bool(source.exif) and bool(_folders(source.exif or b"")[2])


def _folders(block: bytes) -> tuple[dict[int, Any], dict[int, Any], dict[int, Any]]:
    """What may be kept of the main directory, of the EXIF one and of the place; empty where they are damaged."""
    original = Image.Exif()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            original.load(block)
            details, place = original.get_ifd(EXIF_FOLDER), original.get_ifd(GPS_FOLDER)
            return ({tag: original[tag] for tag in KEPT_MAIN if tag in original},
                    {tag: details[tag] for tag in _KEPT_EXIF if tag in details}, dict(place))
    except Exception:  # cameras write every kind of broken EXIF: no reason not to save the picture
        return {}, {}, {}


def _keep(block: bytes, into: Image.Exif, place: bool) -> None:
    main, details, where = _folders(block)
    parts: list[tuple[int | None, dict[int, Any]]] = [(None, main), (EXIF_FOLDER, details)]
    for folder, values in [*parts, (GPS_FOLDER, where)] if place else parts:
        trial = Image.Exif()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                (trial if folder is None else trial.get_ifd(folder)).update(values)
                trial.tobytes()  # damaged values are found only here
        except Exception:  # as above
            continue
        (into if folder is None else into.get_ifd(folder)).update(values)


def xmp() -> bytes:
    """An XMP packet that says how the picture came about, for programs that read no Content Credentials (IPTC Photo Metadata
    2023.1, Digital Source Type)."""
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description rdf:about="" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" '
        'xmlns:xmp="http://ns.adobe.com/xap/1.0/" '
        f'Iptc4xmpExt:DigitalSourceType="{EDITED_WITH_AI}" xmp:CreatorTool="{SOFTWARE}"/>'
        '</rdf:RDF></x:xmpmeta><?xpacket end="w"?>').encode()


def tiff_directories(entries: dict[int, tuple[int, Any]], exif: Image.Exif, start: int) -> tuple[bytes, int]:
    """The image file directories of a little-endian TIFF 6.0 file that begin at byte `start`, and the byte of the main one.

    entries: kind of field (TIFF 6.0, section 2) and value by tag. What is kept of the EXIF lies in directories of its own.
    """
    for tag in (*KEPT_MAIN, SOFTWARE_TAG):
        if tag in exif:
            entries = {tag: (TEXT, str(exif[tag])), **entries}
    below = b""
    for folder in (EXIF_FOLDER, GPS_FOLDER):
        values = exif.get_ifd(folder)
        if values:
            directory = ImageFileDirectory_v2(prefix=b"II")
            directory.update(dict(values))
            entries = {**entries, folder: (LONG, start + len(below))}
            below += directory.tobytes(start + len(below))
            below += b"\0" * (len(below) % 2)
    return below + _directory(entries, start + len(below)), start + len(below)


def _directory(entries: dict[int, tuple[int, Any]], start: int) -> bytes:
    """One directory that begins at byte `start`, followed by the values that don't fit into its entries."""
    table, extra = struct.pack("<H", len(entries)), b""
    extra_start = start + 2 + 12 * len(entries) + 4
    for tag, (kind, value) in sorted(entries.items()):
        if isinstance(value, str):
            value = value.encode("ascii", "replace") + b"\0"
        values = value if isinstance(value, tuple | bytes) else (value,)
        data = values if isinstance(values, bytes) else struct.pack(f"<{len(values)}{_LETTERS[kind]}", *values)
        table += struct.pack("<HHI", tag, kind, len(values))
        if len(data) <= 4:
            table += data.ljust(4, b"\0")
        else:
            table += struct.pack("<I", extra_start + len(extra))
            extra += data + b"\0" * (len(data) % 2)
    return table + struct.pack("<I", 0) + extra
