"""Photos: reading a picture file safely, and a photo with the face that was chosen in it."""
from __future__ import annotations

import hashlib
import importlib.util
import io
import warnings
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from core.align import Alignment, ffhq_align
from core.colour_profile import wide_space
from core.cv import cv2
from core.errors import PhotoError
from core.files import read_file

if TYPE_CHECKING:
    from core.edit import Finished
    from core.landmarks import DetectedFace, FaceFinder

MAX_FILE_BYTES = 300 * 2**20
UNNAMED = "The picture"  # what messages call a picture that came as bytes
MAX_SIDE = 20_000
MAX_PIXELS = 100_000_000
FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP")
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp", ".heic", ".heif")
_HEIF_BRANDS = (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1")
_BACKDROP = (255, 255, 255)  # what stands behind transparent pixels


@dataclass(frozen=True, eq=False)
class LoadedImage:
    """A picture as it should be looked at.

    pixels: (H, W, 3) uint8 sRGB, upright, can't be written to. deep: the same as (H, W, 3) uint16 when the file had 16 bits a
    channel and is sRGB already, else None. bits: 8 or 16, of the file. format: PIL's name. path: the file, or None for bytes.
    icc: the file's own colour profile, or None. exif: its EXIF block without the orientation, or None.
    own: the same as (H, W, 3) uint8 or uint16 in the file's own colours, where its profile is wider than sRGB; else None.
    stamp: size and time of change (ns) of the file as it was read.
    """

    pixels: np.ndarray
    path: Path | None = None
    format: str = ""
    bits: int = 8
    deep: np.ndarray | None = None
    icc: bytes | None = None
    exif: bytes | None = None
    own: np.ndarray | None = None
    stamp: tuple[int, int] = (0, 0)

    @property
    def name(self) -> str:
        """What to call it in a message."""
        return self.path.name if self.path else UNNAMED

    @cached_property
    def digest(self) -> str:
        """sha256 of the pixels, as hex."""
        return hashlib.sha256(repr(self.pixels.shape).encode() + self.pixels.tobytes()).hexdigest()


def load_image(source: str | Path | bytes) -> LoadedImage:
    """Read a JPEG, PNG, WebP, TIFF, BMP or (with pillow-heif installed) HEIC picture from a path or from bytes.

    EXIF orientation is applied, any colour profile is turned into sRGB, transparency is laid on white, grey, palette, CMYK and
    16-bit pictures become 8-bit RGB. Raises PhotoError, naming the file and what to do, when there is no file, it is no such
    picture, damaged, cut short, larger than 300 MiB, 20,000 pixels a side or 100 megapixels.
    """
    path = None if isinstance(source, bytes) else Path(source)
    name = path.name if path else UNNAMED
    stamp = _stamp(path) if path is not None else (0, 0)
    data = source if isinstance(source, bytes) else read_file(source, MAX_FILE_BYTES, PhotoError)
    heif = _is_heif(data)
    if heif:
        _register_heif(name)
    Image.init()  # PIL registers only its commonest formats by itself, and knows no name in FORMATS before
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # bombs are judged below, damaged EXIF is no reason to refuse a photo
            with Image.open(io.BytesIO(data), formats=(*FORMATS, "HEIF") if heif else FORMATS) as image:
                _check_size(image, name)
                bits = _bits(image)  # before decoding, which forgets it
                image.load()
                return _convert(image, data, path, bits, stamp)
    except PhotoError:
        raise
    except UnidentifiedImageError as error:
        raise PhotoError(f"{name} is not a picture this program can read. "
                         "Use a JPEG, PNG, WebP, TIFF or HEIC file.") from error
    except Image.DecompressionBombError as error:
        raise PhotoError(_too_large(name, "more than 100 megapixels")) from error
    except MemoryError as error:
        raise PhotoError(f"{name} does not fit into memory. Make it smaller and open it again.") from error
    except Exception as error:  # decoders raise anything on damaged data: OSError, SyntaxError, ValueError, struct.error
        raise PhotoError(f"{name} is damaged or cut short ({error}). Copy or export it again.") from error


def _stamp(path: Path) -> tuple[int, int]:
    try:
        facts = path.stat()
    except OSError:  # said when it is read
        return 0, 0
    return facts.st_size, facts.st_mtime_ns


def _is_heif(data: bytes) -> bool:
    return data[4:8] == b"ftyp" and data[8:12] in _HEIF_BRANDS


def _register_heif(name: str) -> None:
    if importlib.util.find_spec("pillow_heif") is None:
        raise PhotoError(f"{name} is a HEIC picture. Install the plug-in for it (pip install pillow-heif), "
                         "or export the photo as JPEG.")
    import pillow_heif  # type: ignore[import-not-found,unused-ignore]

    pillow_heif.register_heif_opener()


def _check_size(image: Image.Image, name: str) -> None:
    width, height = image.size
    if max(width, height) > MAX_SIDE or width * height > MAX_PIXELS:
        raise PhotoError(_too_large(name, f"{width} x {height} pixels"))


def _too_large(name: str, has: str) -> str:
    return f"{name} has {has}; at most {MAX_SIDE:,} a side and {MAX_PIXELS // 10**6} megapixels can be opened. Make it smaller."


def _convert(image: Image.Image, data: bytes, path: Path | None, bits: int, stamp: tuple[int, int]) -> LoadedImage:
    icc = image.info.get("icc_profile")
    form = image.format or ""
    upright = ImageOps.exif_transpose(image)
    exif = upright.info.get("exif")
    flat = _flatten(_eight_bits(upright))
    pixels = np.array(_to_srgb(flat, icc))
    wide = wide_space(icc) is not None and flat.mode == "RGB"
    deep = _deep(data, image.getexif().get(0x0112, 1), pixels.shape) if bits == 16 and (wide or _is_srgb(icc)) else None
    own = None
    if wide:
        own, deep = np.array(flat) if deep is None else deep, None
        own.setflags(write=False)
    pixels.setflags(write=False)
    return LoadedImage(pixels, path, form, bits, deep, icc, exif, own, stamp)


def _bits(image: Image.Image) -> int:
    if image.mode.startswith("I") or image.mode == "F":
        return 16
    tile = getattr(image, "tile", None)
    raw = str(tile[0].args) if tile and image.format == "PNG" else ""
    if image.format == "TIFF":
        sizes = image.tag_v2.get(258, (8,))  # type: ignore[attr-defined]
        return 16 if max(sizes if isinstance(sizes, tuple) else (sizes,)) > 8 else 8
    return 16 if ";16" in raw else 8


def _eight_bits(image: Image.Image) -> Image.Image:
    """Grey pictures of more than 8 bits brought down by value; PIL would clip them at 255."""
    if not (image.mode.startswith("I") or image.mode == "F"):
        return image
    values = np.asarray(image, np.float64)
    top = (1.0 if values.max(initial=0) <= 1.0 else 255.0) if image.mode == "F" else 65535.0
    return Image.fromarray(np.uint8(np.rint(np.clip(np.nan_to_num(values) / top, 0, 1) * 255)))


def _flatten(image: Image.Image) -> Image.Image:
    """Transparent pixels laid on white; the colour mode otherwise as it is."""
    if image.mode == "P" or "transparency" in image.info and image.mode in ("L", "RGB"):
        image = image.convert("RGBA" if "transparency" in image.info else "RGB")
    if image.mode in ("LA", "PA", "La", "RGBa"):
        image = image.convert("RGBA")
    if image.mode != "RGBA":
        return image
    back = Image.new("RGBA", image.size, (*_BACKDROP, 255))
    return Image.alpha_composite(back, image).convert("RGB")


def _to_srgb(image: Image.Image, icc: bytes | None) -> Image.Image:
    if icc and not _is_srgb(icc):
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(icc))
            space = source.profile.xcolor_space.strip()
            working = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK", "Lab": "LAB"}.get(space)
            if working == "L" and image.mode in ("1", "L") or working == image.mode:
                image = image.convert(working)
                done = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB",
                                                 renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
                                                 flags=ImageCms.Flags.BLACKPOINTCOMPENSATION)
                if done is not None:
                    return done
        except (ImageCms.PyCMSError, OSError, ValueError, AttributeError):
            pass  # a damaged profile: the picture's own numbers are the best there is
    return image.convert("RGB")


def _is_srgb(icc: bytes | None) -> bool:
    if not icc:
        return True
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(icc)).profile
        text = (profile.profile_description or "").lower()
        return "srgb" in text and profile.xcolor_space.strip() == "RGB"
    except (ImageCms.PyCMSError, OSError, ValueError):
        return False


def _deep(data: bytes, orientation: int, shape: tuple[int, ...]) -> np.ndarray | None:
    """The 16-bit pixels as RGB uint16, or None when they can't be had as such (transparency, odd layouts)."""
    try:
        raw = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED | cv2.IMREAD_IGNORE_ORIENTATION)
    except cv2.error:
        return None
    if raw is None or raw.dtype != np.uint16 or raw.ndim == 3 and raw.shape[2] != 3:
        return None
    rgb = np.repeat(raw[..., None], 3, 2) if raw.ndim == 2 else raw[..., ::-1]
    turned = _ORIENT.get(orientation, lambda a: a)(rgb)
    if turned.shape != shape:
        return None
    deep = np.ascontiguousarray(turned)
    deep.setflags(write=False)
    return deep


_ORIENT: dict[int, Any] = {  # EXIF tag 0x0112: what makes the stored rows upright
    2: lambda a: a[:, ::-1], 3: lambda a: a[::-1, ::-1], 4: lambda a: a[::-1], 5: lambda a: a.transpose(1, 0, 2),
    6: lambda a: a.transpose(1, 0, 2)[:, ::-1], 7: lambda a: a.transpose(1, 0, 2)[::-1, ::-1],
    8: lambda a: a.transpose(1, 0, 2)[::-1],
}


@dataclass(frozen=True, eq=False)
class Photo:
    """A loaded picture, the faces in it, the one that was chosen, and that face's alignment.

    faces: all usable faces, the largest first, in photo coordinates. index: which one is meant.
    face: that one, measured again on its own crop, in photo coordinates. alignment: its square crop.
    """

    image: LoadedImage
    faces: tuple[DetectedFace, ...]
    index: int
    face: DetectedFace
    alignment: Alignment
    _crops: dict[int, np.ndarray] = field(default_factory=dict, repr=False)

    @classmethod
    def open(cls, source: str | Path | bytes | LoadedImage, face: int | None = None, finder: FaceFinder | None = None) -> Photo:
        """Load a picture and find its faces; `face` counts from 0 (largest first), None takes the largest.

        finder: a FaceFinder to use again; None makes one for this call. Raises PhotoError or NoFaceError (see
        `load_image` and `core.landmarks.choose`).
        """
        from core.landmarks import FaceFinder, choose, points68

        image = source if isinstance(source, LoadedImage) else load_image(source)
        own = FaceFinder() if finder is None else None
        finder = finder or own
        assert finder is not None
        try:
            faces = finder.detect(image.pixels)
            index, coarse = choose(faces, face, image.name, image.pixels.shape)
            fine = finder.refine(image.pixels, coarse)
        finally:
            if own:
                own.close()
        return cls(image, tuple(faces), index, fine, Alignment.from_points68(points68(fine.points)))

    @classmethod
    def aligned_already(cls, image: LoadedImage, finder: FaceFinder) -> Photo:
        """A picture that is an aligned crop itself, as in data sets: the crop is the whole picture.

        Raises NoFaceError when no face is found.
        """
        from core.landmarks import choose

        height, width = image.pixels.shape[:2]
        faces = finder.detect(image.pixels, thorough=False)
        index, face = choose(faces, None, image.name, image.pixels.shape)
        return cls(image, tuple(faces), index, face, Alignment.whole(width, height))

    @property
    def path(self) -> Path | None:
        """The file it came from."""
        return self.image.path

    @property
    def pixels(self) -> np.ndarray:
        """The whole photo, (H, W, 3) uint8, not writable."""
        return self.image.pixels

    @property
    def native_size(self) -> int:
        """The crop side at which one crop pixel is about one photo pixel (256 to 1024)."""
        return self.alignment.native_size

    @cached_property
    def digest(self) -> str:
        """sha256 over pixels and alignment, as hex: the same picture with another face is another photo."""
        frame = np.array([self.alignment.centre, self.alignment.x_half, self.alignment.y_half], "<f8")
        return hashlib.sha256(self.image.digest.encode() + np.round(frame, 3).tobytes()).hexdigest()

    def crop(self, size: int | None = None) -> np.ndarray:
        """The aligned crop (size, size, 3) uint8, not writable; None: native size. Smaller ones average the native one."""
        size = size or self.native_size
        crop = self._crops.get(size)
        if crop is None:
            crop = self._crops[size] = self.alignment.crop(self.pixels, size)
            crop.setflags(write=False)
        return crop

    def forget(self) -> None:
        """Let go of the crops that were made."""
        self._crops.clear()

    def points(self, size: int) -> np.ndarray:
        """The face's 478 landmarks (478, 2) in pixels of the crop of side `size`."""
        return self.alignment.to_crop(self.face.points, size).astype(np.float32)

    def aligned(self, size: int = 256) -> np.ndarray:
        """The reference pipeline's crop (size, size, 3) uint8 (spec section 1), for data sets."""
        from core.landmarks import points68

        return ffhq_align(self.pixels, points68(self.face.points) - 0.5, size)

    def paste(self, after: np.ndarray, before: np.ndarray | None = None, mask: np.ndarray | None = None,
              deep: bool = False) -> np.ndarray:
        """The whole photo with an edited crop laid over it (see `Alignment.paste`).

        after: (S, S, 3) uint8, or float on the scale 0..255. before: the crop it was made from; None: `crop(S)`. mask: (S, S) in
        [0, 1]. deep: keep 16 bits where the file had them. Pixels outside the change stay bit for bit.
        """
        photo = self.image.deep if deep and self.image.deep is not None else self.pixels
        return self.alignment.paste(photo, self.crop(after.shape[0]) if before is None else before, after, mask)

    def finished(self, made: Finished, deep: bool = False) -> np.ndarray:
        """The whole photo with a finished picture in it, as far as its edit goes beyond the crop too."""
        if made.before is None or made.after is None:
            return self.paste(made.crop, deep=deep)
        photo = self.image.deep if deep and self.image.deep is not None else self.pixels
        return self.alignment.widened.paste(photo, made.before, made.after, anew=made.anew)
