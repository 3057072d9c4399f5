"""From a finished picture to a file: in which colours, how deep and how large, and what the file says of how it was made.

The window's export, `main.py edit` and batches all write through here, so equal choices give equal pixels.
"""
from __future__ import annotations

import argparse
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from core import credentials
from core.align import Alignment
from core.colour_profile import wide_space
from core.cv import cv2
from core.errors import ParameterError
from core.export import DEEP_FORMATS, DEFAULT_QUALITY, picture_format, save_image, to_eight_bits

if TYPE_CHECKING:
    from core.photo import Photo
    from core.request import RenderRequest

log = logging.getLogger(__name__)

LEAST_SIDE = 16


@dataclass(frozen=True)
class ExportOptions:
    """How a picture is written.

    quality: 1..100 of JPEG and WebP. deep: 16 bits a channel, in PNG and TIFF. own_colours: in the photo's own colour space where
    that is wider than sRGB. long_side: the longer side in pixels, where the picture is larger; None: as it is. place: keep where
    the photo was taken. credentials: sign a note that a model edited it (`core.credentials`).
    """

    quality: int = DEFAULT_QUALITY
    deep: bool = False
    own_colours: bool = True
    long_side: int | None = None
    place: bool = False
    credentials: bool = True

    def __post_init__(self) -> None:
        if not 1 <= self.quality <= 100:
            raise ParameterError(f"quality goes from 1 to 100, not {self.quality}.")
        if self.long_side is not None and self.long_side < LEAST_SIDE:
            raise ParameterError(f"The longer side has at least {LEAST_SIDE} pixels, not {self.long_side}.")


def write_result(photo: Photo, result: Any, path: str | Path, options: ExportOptions = ExportOptions(), *,  # noqa: B008
                 model: str = "") -> str:
    """Write a finished picture (`core.engine.Result`) of that photo; returns what the user should know of it, '' if nothing.

    model: the prior's name. Credentials that can't be made are left out, and what is returned says so. Raises UserError as
    `save_image` does.
    """
    path = Path(path)
    picture, icc = finished(photo, result, options, deep=options.deep and picture_format(path) in DEEP_FORMATS)
    request: RenderRequest = result.request
    writing: dict[str, Any] = {"source": photo.image, "request_json": request.to_json(), "quality": options.quality, "icc": icc,
                               "place": options.place, "made_from": made_from(photo, model)}
    if not options.credentials:
        save_image(picture, path, **writing)
        return ""
    try:
        save_image(picture, path, **writing, note=edit_note(request, model))
        return ""
    except credentials.CredentialsError as error:
        log.warning("%s", error)
        save_image(picture, path, **writing)
        return f"{path.name} was written. {error}"


def finished(photo: Photo, result: Any, options: ExportOptions, *, deep: bool) -> tuple[np.ndarray, bytes | None]:
    """The picture as it goes into the file, (H, W, 3) uint8 or, with `deep`, uint16, and its colour profile (None: sRGB).

    In the photo's own colours and in 16 bits the photo's own numbers stay wherever nothing was edited.
    """
    image = photo.image
    space = wide_space(image.icc) if options.own_colours and image.own is not None else None
    if space is None and not deep:
        return smaller(result.image, options.long_side), None
    own = image.own if space is not None else image.deep if image.deep is not None else image.pixels
    assert own is not None
    made = getattr(result, "fine", None)  # None: of the method 'paper', whose pictures have 8 bits
    alignment, anew = photo.alignment, None
    after = result.crop.astype(np.float32) if made is None else _plain(made.crop)
    before = photo.crop(after.shape[0]).astype(np.float32)
    if made is not None and made.after is not None and result.request.size == "full":
        alignment, before, after = alignment.widened, made.before.astype(np.float32), _plain(made.after)
        anew = made.anew.astype(np.float32) if made.anew is not None else None
    if space is not None:
        before, after = space.from_srgb(before), space.from_srgb(after)
    if deep and own.dtype == np.uint8:
        own = own.astype(np.uint16) * np.uint16(257)
    if result.request.size == "full":
        picture = alignment.paste(own, before, after, anew=anew)
    else:
        crop = photo.alignment.crop(own, after.shape[0]).astype(np.float32)
        scale, top = (257.0, 65_535) if own.dtype == np.uint16 else (1.0, 255)
        picture = np.clip(np.rint(crop + (after - before) * scale), 0, top).astype(own.dtype)
    picture = smaller(picture, options.long_side)
    return (picture if deep or picture.dtype == np.uint8 else to_eight_bits(picture)), image.icc if space is not None else None


def _plain(packed: np.ndarray) -> np.ndarray:
    """uint16 0..65535 -> float32 on the scale 0..255."""
    return packed.astype(np.float32) / 257


def smaller(picture: np.ndarray, long_side: int | None) -> np.ndarray:
    """The picture brought down so that its longer side has that many pixels; one that is no larger stays as it is."""
    width, height = size_of(picture.shape[1], picture.shape[0], long_side)
    if (height, width) == picture.shape[:2]:
        return picture
    return cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)


def size_of(width: int, height: int, long_side: int | None) -> tuple[int, int]:
    """(width, height) of the file of a picture of that size."""
    if long_side is None or long_side >= max(width, height):
        return width, height
    share = long_side / max(width, height)
    return max(1, round(width * share)), max(1, round(height * share))


def made_from(photo: Photo, model: str) -> dict[str, Any]:
    """What stands beside the request, so that the file opens again as an edit: the photo's name (not its folder), its face, and
    the model's name. Whose personal model it was, it does not say."""
    height, width = photo.pixels.shape[:2]
    return {"photo": photo.path.name if photo.path else "", "width": width, "height": height, "face": photo.index,
            "aligned": photo.alignment == Alignment.whole(width, height), "model": model}


def edit_note(request: RenderRequest, model: str) -> dict[str, Any]:
    """What Content Credentials say of an edit: its names and values, and by what kind of model."""
    values = {name: list(value) if isinstance(value, tuple) else value for name, value in request.rig.values}
    copied = [copy.block for copy in request.rig.copies]
    return {"summary": summary(request), "values": values, "copied_from_another_photo": copied, "model": model,
            "personal_model": request.person is not None, "noise": request.noise, "method": request.method}


def summary(request: RenderRequest) -> str:
    """An edit in one English sentence, for people who look at a picture's credentials."""
    kinds = [("lamp", "light"), ("environment", "light"), ("sh", "light"), ("light", "light"), ("expression", "expression"),
             ("jaw", "jaw"), ("eyes", "gaze"), ("pose", "head pose")]
    named = [label for start, label in kinds if any(name.startswith(f"{start}.") for name, _ in request.rig.values)]
    named += [copy.block for copy in request.rig.copies]
    what = list(dict.fromkeys(named))
    listed = " and ".join(filter(None, (", ".join(what[:-1]), what[-1]))) if what else "nothing"
    by = ", painted by a personal model" if request.person else ""
    return f"Portrait edited with a diffusion model: {listed} changed{by}"


# -- the command line -------------------------------------------------------------------------------------------------------


def add_export_arguments(parser: argparse._ActionsContainer, films: bool = False) -> None:
    """What `edit` and `batch` both take about the files they write. films: what those can't hold is taken, and not shown."""
    def shown(text: str) -> str:
        return argparse.SUPPRESS if films else text

    parser.add_argument("--quality", metavar="1..100", type=int, default=DEFAULT_QUALITY,
                        help=shown(f"of JPEG and WebP (default: {DEFAULT_QUALITY})"))
    parser.add_argument("--bits", type=int, choices=(8, 16), default=8, help=shown("a channel, in PNG and TIFF (default: 8)"))
    parser.add_argument("--long-side", metavar="PIXELS", type=int, help="bring the picture down to this longer side")
    parser.add_argument("--srgb", action="store_true", help=shown("write sRGB also where the photo's own colours are wider"))
    parser.add_argument("--keep-place", action="store_true", help=shown("keep where the photo was taken (GPS), if it says so"))
    parser.add_argument("--no-credentials", action="store_true",
                        help="leave out the signed Content Credentials that say that the picture was edited with AI")


def check_depth(bits: int, path: Path) -> None:
    """Raises ParameterError where the format of that file has no room for so many bits a channel."""
    if bits == 16 and picture_format(path) not in DEEP_FORMATS:
        raise ParameterError(f"16 bits a channel need PNG or TIFF, and {path.name} is neither. Take another format, or leave out "
                             "--bits 16.")


def options_of(arguments: argparse.Namespace) -> ExportOptions:
    """The options that were given. Raises ParameterError for one out of its range."""
    return ExportOptions(arguments.quality, arguments.bits == 16, not arguments.srgb, arguments.long_side, arguments.keep_place,
                         not arguments.no_credentials)
