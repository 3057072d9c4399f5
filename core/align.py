"""Face alignment: the square crop of a photo around a face (spec section 1) and the exact way back.

The crop is a rotated square ("quad") in the photo, placed by the eyes and the mouth as FFHQ does (Karras et al. 2019,
appendix C). Two ways lead into it:

* `ffhq_align` reproduces the reference pipeline pixel by pixel (shrink, pad, blur, oversample, Lanczos). Data sets are made
  with it.
* `Alignment.crop` is the application's: one similarity warp at the photo's own resolution, and every smaller size is the area
  average of that one, so that what an edit changes in a small crop can be carried back into the photo (`Alignment.paste`).

Points are continuous picture coordinates: pixel i covers [i, i + 1].
"""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from core.cv import cv2

MIN_NATIVE = 256
MAX_NATIVE = 1024
_FRAME = 5 / 16  # width of the frame around the crop, as a share of the crop's side
_FEATHER = 0.06  # of the crop's side: over this width an edit fades out toward the crop's border


def margin(size: int) -> int:
    """Width in pixels of the frame around a crop of side `size`: so far beyond the crop an edit may go."""
    return round(_FRAME * size)


@dataclass(frozen=True)
class Alignment:
    """A rotated square in a photo: its centre and two half sides.

    centre, x_half, y_half: (2,) pixels of the photo, x_half pointing along the crop's rows, y_half down its columns.
    """

    centre: tuple[float, float]
    x_half: tuple[float, float]
    y_half: tuple[float, float]

    @classmethod
    def from_points68(cls, points: np.ndarray) -> Alignment:
        """FFHQ framing from 68 points (68, 2) in continuous picture coordinates."""
        centre, x_half, y_half = ffhq_frame(np.asarray(points, np.float64))
        return cls(tuple(centre), tuple(x_half), tuple(y_half))  # type: ignore[arg-type]

    @classmethod
    def whole(cls, width: int, height: int) -> Alignment:
        """The alignment of a photo that already is an aligned crop: the whole picture (its largest centred square)."""
        half = min(width, height) / 2
        return cls((width / 2, height / 2), (half, 0.0), (0.0, half))

    @property
    def side(self) -> float:
        """Length of the square's side in pixels of the photo."""
        return 2 * float(np.hypot(*self.x_half))

    @property
    def quad(self) -> np.ndarray:
        """Corners (4, 2) in the photo: top left, bottom left, bottom right, top right."""
        c, x, y = (np.array(v) for v in (self.centre, self.x_half, self.y_half))
        return np.stack([c - x - y, c - x + y, c + x + y, c + x - y])

    @property
    def native_size(self) -> int:
        """The crop size at which one crop pixel is about one photo pixel, even, kept between 256 and 1024."""
        return int(np.clip(2 * round(self.side / 2), MIN_NATIVE, MAX_NATIVE))

    def to_photo(self, points: np.ndarray, size: int) -> np.ndarray:
        """Points (N, 2) of a crop of side `size` -> photo coordinates."""
        matrix = self.matrix(size)
        return np.asarray(points) @ matrix[:, :2].T + matrix[:, 2]

    def to_crop(self, points: np.ndarray, size: int) -> np.ndarray:
        """Points (N, 2) of the photo -> coordinates in a crop of side `size`."""
        matrix = self.matrix(size)
        return np.linalg.solve(matrix[:, :2], (np.asarray(points) - matrix[:, 2]).T).T

    def matrix(self, size: int) -> np.ndarray:
        """The similarity (2, 3) that takes crop coordinates to photo coordinates."""
        x, y = np.array(self.x_half), np.array(self.y_half)
        return np.column_stack([2 * x / size, 2 * y / size, np.array(self.centre) - x - y])

    def crop(self, photo: np.ndarray, size: int | None = None) -> np.ndarray:
        """The crop (size, size, 3) of a photo (H, W, 3) uint8 or uint16, of the same kind; None: at native size.

        Sizes below the native one are area averages of the native crop. Outside the photo the picture is mirrored, blurred and
        faded to its median, as in spec section 1.
        """
        native = self._native_crop(photo)
        if size is None or size == native.shape[0]:
            return native
        shrinking = size < native.shape[0]
        return cv2.resize(native, (size, size), interpolation=cv2.INTER_AREA if shrinking else cv2.INTER_CUBIC)

    @property
    def widened(self) -> Alignment:
        """The alignment of the crop with the frame around it."""
        k = 1 + 2 * margin(self.native_size) / self.native_size
        return Alignment(self.centre, (self.x_half[0] * k, self.x_half[1] * k), (self.y_half[0] * k, self.y_half[1] * k))

    def frame(self, photo: np.ndarray) -> np.ndarray:
        """The native crop with the frame around it, (F, F, 3) like the photo, F = N + 2 * margin(N).

        Outside the photo the picture is only mirrored: unlike in `crop`, nothing inside the photo is blurred.
        """
        size = self.native_size
        edge = margin(size)
        if _is_identity(self, photo.shape, size):
            return cv2.copyMakeBorder(photo, edge, edge, edge, edge, cv2.BORDER_REFLECT_101)
        matrix, factor = self.matrix(size), self.side / size
        if factor > 1.5:  # as for the crop: brought down first
            small = (max(1, round(photo.shape[1] / factor)), max(1, round(photo.shape[0] / factor)))
            matrix = matrix * (np.array(small) / (photo.shape[1], photo.shape[0]))[:, None]
            photo = cv2.resize(photo, small, interpolation=cv2.INTER_AREA)
        matrix = np.column_stack([matrix[:, :2], matrix[:, 2] - matrix[:, :2] @ (edge, edge)])
        side = size + 2 * edge
        return cv2.warpAffine(photo, _centres(matrix), (side, side), flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP,
                              borderMode=cv2.BORDER_REFLECT_101)

    def open_sides(self, shape: tuple[int, ...]) -> tuple[bool, ...]:
        """For each side (top, right, bottom, left) of the frame whether the photo ends before it: most of it lies outside."""
        along = np.linspace(0.1, 0.9, 9)
        none, whole = np.zeros(9), np.ones(9)
        found = []
        for line in ((along, none), (whole, along), (along, whole), (none, along)):
            x, y = self.widened.to_photo(np.stack(line, 1), 1).T
            found.append(bool(((x < 0.5) | (y < 0.5) | (x > shape[1] - 0.5) | (y > shape[0] - 0.5)).mean() > 0.7))
        return tuple(found)

    def _native_crop(self, photo: np.ndarray) -> np.ndarray:
        size = self.native_size
        if _is_identity(self, photo.shape, size):
            return np.ascontiguousarray(photo)
        part, origin = _cut(photo, self.quad, max(int(np.rint(self.side * 0.1)), 3))
        scale = np.ones(2)
        factor = self.side / size
        if factor > 1.5:  # a photo much larger than the crop is brought down first, or single pixels of it would be picked
            small = (max(1, round(part.shape[1] / factor)), max(1, round(part.shape[0] / factor)))
            scale = np.array([small[0] / part.shape[1], small[1] / part.shape[0]])
            part = cv2.resize(part, small, interpolation=cv2.INTER_AREA)
        else:
            factor = 1.0
        padded, offset = _pad(part, (self.quad - origin) * scale, self.side / factor, skip=8)
        matrix = self.matrix(size)
        matrix = np.column_stack([matrix[:, :2] * scale[:, None], (matrix[:, 2] - origin) * scale + offset])
        return cv2.warpAffine(padded, _centres(matrix), (size, size), flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP,
                              borderMode=cv2.BORDER_REPLICATE)

    def paste(self, photo: np.ndarray, before: np.ndarray, after: np.ndarray, mask: np.ndarray | None = None,
              anew: np.ndarray | None = None) -> np.ndarray:
        """The photo with the difference of two crops laid over it.

        photo: (H, W, 3) uint8 or uint16, left as it is. before, after: (S, S, 3) uint8, or float on the scale 0..255, of any one
        size S: the crop as it was and as it should be. mask: (S, S) float in [0, 1], how much of the change to take.
        anew (S, S): 1 where `after` takes the photo's place instead of being laid on as a difference: where something moved, the
        photo's own finest detail belongs elsewhere.
        The change fades out toward the crop's border. Only the difference is resampled: the photo's own detail stays, whatever S
        is, and where nothing changed every pixel is bit for bit the photo's.
        Returns an array like `photo`. Raises ValueError when the sizes don't fit.
        """
        square = before.shape == after.shape and before.shape[0] == before.shape[1]
        if not square or mask is not None and mask.shape != before.shape[:2]:
            raise ValueError(f"crops of one square size are needed, not {before.shape} and {after.shape}")
        size = before.shape[0]
        delta = (after.astype(np.float32) - before.astype(np.float32)) * feather(size)[..., None]
        if mask is not None:
            delta *= mask.astype(np.float32)[..., None]
        if not delta.any():
            return photo.copy()
        method = cv2.INTER_LINEAR
        if anew is not None and anew.any():
            share = (anew * feather(size))[..., None]
            delta, method = np.concatenate([delta + before * share, share], -1), cv2.INTER_CUBIC
        target = int(np.ceil(self.side))
        if target < size:  # the photo is coarser than the crop: average, don't pick
            delta, size = cv2.resize(delta, (target, target), interpolation=cv2.INTER_AREA), target
        x0, y0, x1, y1 = self._bounds(photo.shape, delta)
        if x1 <= x0 or y1 <= y0:
            return photo.copy()
        matrix = self.matrix(size)
        matrix = np.column_stack([matrix[:, :2], matrix[:, 2] - (x0, y0)])
        scale, top = (257.0, 65535) if photo.dtype == np.uint16 else (1.0, 255)
        out = photo.copy()
        region = out[y0:y1, x0:x1]
        moved = cv2.warpAffine(delta, _centres(matrix), (x1 - x0, y1 - y0), flags=method, borderMode=cv2.BORDER_CONSTANT,
                               borderValue=0)
        if moved.shape[2] == 4:  # the change, and the crop as it was in the place of the photo
            moved = moved[..., :3] - np.clip(moved[..., 3:], 0, 1) * region / np.float32(scale)
        region[...] = np.clip(np.rint(region + scale * moved), 0, top).astype(photo.dtype)
        return out

    def _bounds(self, shape: tuple[int, ...], delta: np.ndarray) -> tuple[int, int, int, int]:
        """The part of a photo (left, top, right, bottom) that a change (S, S, C) of the crop reaches."""
        changed = np.asarray(np.asarray(delta).any(axis=2))
        rows, columns = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
        y0, y1, x0, x1 = rows[0] - 2, rows[-1] + 3, columns[0] - 2, columns[-1] + 3
        corners = self.to_photo(np.array([[x0, y0], [x1, y0], [x0, y1], [x1, y1]]), len(delta))
        low = np.maximum(np.floor(corners.min(0)).astype(int) - 1, 0)
        high = np.minimum(np.ceil(corners.max(0)).astype(int) + 1, (shape[1], shape[0]))
        return int(low[0]), int(low[1]), int(high[0]), int(high[1])


def ffhq_frame(points: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Centre and half sides (2,) each of the FFHQ quad for 68 points (68, 2) (spec section 1)."""
    left, right = points[36:42].mean(0), points[42:48].mean(0)
    between = (left + right) / 2
    eye_to_eye = right - left
    eye_to_mouth = (points[48] + points[54]) / 2 - between
    x = eye_to_eye - eye_to_mouth[::-1] * (-1, 1)
    length = np.hypot(*x)
    if length < 1e-6:
        raise ValueError("these face points span no frame")
    x = x / length * max(2.0 * np.hypot(*eye_to_eye), 1.8 * np.hypot(*eye_to_mouth))
    return between + 0.1 * eye_to_mouth, x, x[::-1] * (-1, 1)


def ffhq_align(photo: np.ndarray, points68: np.ndarray, size: int = 256, oversample: int = 4096) -> np.ndarray:
    """The reference pipeline's aligned crop (size, size, 3) uint8 (spec section 1).

    photo (H, W, 3) uint8; points68 (68, 2) as pixel indices, where (0, 0) is the centre of the first pixel. oversample: side of
    the picture that is warped before the last reduction.
    """
    centre, x, y = ffhq_frame(np.asarray(points68, np.float64))
    quad = np.stack([centre - x - y, centre - x + y, centre + x + y, centre + x - y])
    side = 2 * float(np.hypot(*x))
    image = Image.fromarray(np.ascontiguousarray(photo))
    shrink = int(np.floor(side / size * 0.5))
    if shrink > 1:
        image = image.resize((int(np.rint(image.width / shrink)), int(np.rint(image.height / shrink))), Image.Resampling.LANCZOS)
        quad, side = quad / shrink, side / shrink
    border = max(int(np.rint(side * 0.1)), 3)
    array, origin = _cut(np.asarray(image), quad, border)
    array, offset = _pad(array, quad - origin, side)
    corners = (quad - origin + offset + 0.5).ravel()
    warped = Image.fromarray(array).transform((oversample, oversample), Image.Transform.QUAD, tuple(corners),
                                              Image.Resampling.BILINEAR)
    return np.asarray(warped.resize((size, size), Image.Resampling.LANCZOS) if size < oversample else warped)


def _cut(photo: np.ndarray, quad: np.ndarray, border: int) -> tuple[np.ndarray, np.ndarray]:
    """The part of the photo around the quad with a border, and where it begins (2,). Raises ValueError when they don't meet."""
    low = np.maximum(np.floor(quad.min(0)).astype(int) - border, 0)
    high = np.minimum(np.ceil(quad.max(0)).astype(int) + border, (photo.shape[1], photo.shape[0]))
    if (high <= low).any():
        raise ValueError("the crop lies outside the photo")
    return np.ascontiguousarray(photo[low[1]:high[1], low[0]:high[0]]), low.astype(np.float64)


def _pad(part: np.ndarray, quad: np.ndarray, side: float, skip: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """The picture padded where the quad leaves it: mirrored, blurred, faded to its median; and the pads left and above (2,).

    skip: take every so many pixels for the median, and above 1 blur a smaller copy: those two are slow.
    """
    border = max(int(np.rint(side * 0.1)), 3)
    height, width = part.shape[:2]
    low = np.maximum(-np.floor(quad.min(0)).astype(int) + border, 0)
    high = np.maximum(np.ceil(quad.max(0)).astype(int) - (width, height) + border, 0)
    pads = np.array([low[0], low[1], high[0], high[1]])
    if pads.max() <= border - 4:
        return part, np.zeros(2)
    pads = np.maximum(pads, int(np.rint(side * 0.3)))
    padded = np.pad(np.float32(part), ((pads[1], pads[3]), (pads[0], pads[2]), (0, 0)), "reflect")
    rows, columns, _ = np.ogrid[:padded.shape[0], :padded.shape[1], :1]
    mask = np.maximum(
        1.0 - np.minimum(np.float32(columns) / pads[0], np.float32(padded.shape[1] - 1 - columns) / pads[2]),
        1.0 - np.minimum(np.float32(rows) / pads[1], np.float32(padded.shape[0] - 1 - rows) / pads[3]))
    sigma = side * 0.02
    blurred = _blur(padded, sigma) if skip == 1 or sigma < 4 else _fast_blur(padded, sigma)
    padded += (blurred - padded) * np.clip(mask * 3.0 + 1.0, 0.0, 1.0)
    padded += (np.median(padded[::skip, ::skip], axis=(0, 1)) - padded) * np.clip(mask, 0.0, 1.0)
    return np.clip(np.rint(padded), 0, np.iinfo(part.dtype).max).astype(part.dtype), pads[:2].astype(np.float64)


def _blur(image: np.ndarray, sigma: float) -> np.ndarray:
    width = 2 * int(4 * sigma + 0.5) + 1
    return cv2.GaussianBlur(image, (width, width), sigma, borderType=cv2.BORDER_REFLECT)


def _fast_blur(image: np.ndarray, sigma: float) -> np.ndarray:
    height, width = image.shape[:2]
    small = cv2.resize(image, (max(1, width // 4), max(1, height // 4)), interpolation=cv2.INTER_AREA)
    return cv2.resize(_blur(small, sigma / 4), (width, height), interpolation=cv2.INTER_LINEAR)


def _centres(matrix: np.ndarray) -> np.ndarray:
    """A continuous-coordinate matrix (2, 3) -> the same map between pixel centres, as OpenCV counts."""
    return np.column_stack([matrix[:, :2], matrix[:, 2] + matrix[:, :2] @ (0.5, 0.5) - 0.5])


def _is_identity(alignment: Alignment, shape: tuple[int, ...], size: int) -> bool:
    return shape[0] == shape[1] == size and alignment == Alignment.whole(size, size)


def feather(size: int) -> np.ndarray:
    """(size, size) float32: 0 at the crop's border, 1 from 6 % inside, smooth between."""
    distance = (np.minimum(np.arange(size), np.arange(size)[::-1]) + 0.5) / size
    ramp = np.clip((distance - 0.5 / size) / _FEATHER, 0, 1)
    ramp = ramp * ramp * (3 - 2 * ramp)
    return np.outer(ramp, ramp).astype(np.float32)
