"""A photo's skin without the shine and the grain of its own light: what another light falls on.

A quotient image multiplies what a photo shows. Two things in it are not the skin's: shine is the lamp itself, mirrored, and
goes with it (Shafer's dichromatic model, 1985); and where the photo is dark, most of what a brighter light would bring out is
grain and the tint of the shade. Both are found once for a photo.
"""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from core.compose import relight, smoothstep
from core.cv import cv2

SIZE = 512  # largest side of a crop at which both are found
_AROUND = 0.05  # of skin that is compared with, as a share of the side
_BRIGHTER = 1.05  # how much brighter than the skin around it something must be to be shine
_PALER = 0.1  # share of what is brighter that is shine even where it is as colourful as skin
_LEAST = 0.15  # shading under which the fit of the light says little
_DARK = (0.12, 0.42)  # brightness under which a photo is all grain and shade, and over which it is neither
_WHITE = (0.6, 0.85)  # brightness over which skin begins to lose its colour, and over which it has
_GRAIN, _BLOTCH = 0.005, 0.02  # radii of grain and of blotches of colour, as shares of the side
_FLAT = 0.03**2  # variance under which brightness counts as grain
_COLOURS = (0.2, 0.4)  # spread of colours, over their brightness, up to which they are of one thing, and from which they aren't
_TINT = 0.6  # how far the colour of dark skin is taken for the fitted head's
_OTHER = 1.15  # how far a photo's skin may be of another colour than the fitted head's
_MIDDLE = 0.5  # brightness over which mending is of bright parts
_MENDED = (0.1, 0.9)  # change of light, in stops, from which parts are mended, and from which wholly
_COLOURLESS = 1.28  # how far a channel may change with another light that is still taken for as white as the old one
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)


@dataclass(frozen=True, eq=False)
class Complexion:
    """shine (S, S, 3): what of a photo is mirrored light, 0..1; mend (S, S, 3): what to add where a dark part is brightened."""

    shine: np.ndarray
    mend: np.ndarray

    @cached_property
    def box(self) -> tuple[slice, slice]:
        """The rows and columns in which there is any of both."""
        held = (self.shine != 0).any(-1) | (self.mend != 0).any(-1)
        rows, columns = (np.flatnonzero(held.any(axis)) for axis in (1, 0))
        if not len(rows):
            return slice(0, 0), slice(0, 0)
        return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)

    def map(self, change: Callable[[np.ndarray], np.ndarray]) -> Complexion:
        """The same with both pictures cut or moved."""
        return Complexion(change(self.shine), change(self.mend))


def complexion(crop: np.ndarray, skin: np.ndarray, shading: np.ndarray, tone: np.ndarray) -> Complexion:
    """The complexion of a crop (S, S, 3) uint8.

    skin (S, S) in [0, 1]: where the fitted head has bare skin; shading (S, S): how bright it is lit there, so that a cheek toward
    the lamp doesn't pass for shine; tone (S, S, 3): the fitted head's colour.
    """
    image, side = crop.astype(np.float32) / 255, crop.shape[0]
    luma = image @ _LUMA
    skin = skin * _one_colour(image, luma)
    tint = _tint(image, luma, skin, tone)
    shine = _shine(image, luma, skin, tint, np.maximum(shading, _LEAST))
    return Complexion(shine, _mend(image - shine, luma, skin, tint, side))


def relight_skin(picture: np.ndarray, factors: np.ndarray, found: Complexion) -> np.ndarray:
    """`core.compose.relight` of a picture (S, S, 3), 0..255, with its complexion: shine goes faster than the light does, and
    doesn't come back with another; what is brightened out of the dark, or darkened out of the white, is mended first."""
    out = picture.astype(np.float32) - 255 * found.shine
    change = np.log2(np.maximum(factors @ _LUMA, 0.1))
    change = np.where(out @ _LUMA > 255 * _MIDDLE, -change, change)
    out += 255 * found.mend * smoothstep((change - _MENDED[0]) / (_MENDED[1] - _MENDED[0]))[..., None]
    return np.maximum(relight(out, factors) + 255 * _mirrored(found.shine, factors), 0)


def _mirrored(shine: np.ndarray, factors: np.ndarray) -> np.ndarray:
    """What is left of shine (S, S, 3) under another light: ever whiter, for a channel that the photo clipped is all that makes it
    coloured, except under a coloured lamp."""
    bright = np.maximum(factors @ _LUMA, 1e-3)[..., None]
    low = np.minimum(bright, 1)
    left, grey = low * low * low, (shine @ _LUMA)[..., None]
    return left * (grey + (shine - grey) * left) * np.minimum(_COLOURLESS * factors / bright, 1)


def _one_colour(image: np.ndarray, luma: np.ndarray) -> np.ndarray:
    """Where colours hardly differ from those next to them (S, S), as on skin in any light: not on a patterned scarf."""
    own, sigma = image / np.maximum(luma, 0.1)[..., None], _BLOTCH * len(luma)
    mean, square = cv2.GaussianBlur(own, (0, 0), sigma), cv2.GaussianBlur(own * own, (0, 0), sigma)
    spread = np.sqrt(np.maximum(square - mean * mean, 0).max(-1))
    return smoothstep((_COLOURS[1] - spread) / (_COLOURS[1] - _COLOURS[0]))


def _tint(image: np.ndarray, luma: np.ndarray, skin: np.ndarray, tone: np.ndarray) -> np.ndarray:
    """Colours (S, S, 3) of skin, of brightness 1: the fitted head's, in the white balance of the photo."""
    tint = tone / np.maximum(tone @ _LUMA, 0.02)[..., None]
    weight = skin * smoothstep((luma - 0.15) / 0.2) * smoothstep((0.85 - image.max(-1)) / 0.15)
    if weight.sum() > 0.002 * weight.size:
        own = (image * weight[..., None]).sum((0, 1)) / (tint * (luma * weight)[..., None]).sum((0, 1))
        tint = tint * np.clip(own / (own @ _LUMA), 1 / _OTHER, _OTHER)
    return (tint / np.maximum(tint @ _LUMA, 0.02)[..., None]).astype(np.float32)


def _mean(values: np.ndarray, weight: np.ndarray, sigma: float) -> np.ndarray:
    """Weighted mean (S, S) or (S, S, C) around each pixel, worked out a quarter as fine."""
    shape, few = weight.shape[::-1], (max(weight.shape[1] // 4, 8), max(weight.shape[0] // 4, 8))
    parts = values * (weight if values.ndim == 2 else weight[..., None]), weight
    total, mass = (cv2.GaussianBlur(cv2.resize(a.astype(np.float32), few, interpolation=cv2.INTER_AREA), (0, 0), sigma / 4)
                   for a in parts)
    everywhere = cv2.GaussianBlur(mass, (0, 0), 3 * sigma / 4), cv2.GaussianBlur(total, (0, 0), 3 * sigma / 4)
    mass = mass + 0.02 * everywhere[0] + 1e-6
    total = total + 0.02 * everywhere[1]
    return cv2.resize(total / (mass if values.ndim == 2 else mass[..., None]), shape, interpolation=cv2.INTER_LINEAR)


def _shine(image: np.ndarray, luma: np.ndarray, skin: np.ndarray, tint: np.ndarray, shading: np.ndarray) -> np.ndarray:
    """A highlight is brighter than the skin around it is in the same light, and paler."""
    side = len(luma)
    shading = shading / _mean(shading, np.maximum(skin, 1e-3), _AROUND * side)
    even, plain = luma / shading, skin * (image.max(-1) < 0.97)
    weight = plain
    for _ in range(2):
        weight = plain * smoothstep((1.25 - even / np.maximum(_mean(even, weight, _AROUND * side), 0.02)) / 0.2)
    over = np.maximum(luma - _BRIGHTER * shading * _mean(even, weight, _AROUND * side), 0)
    amount = over * (_PALER + (1 - _PALER) * smoothstep(_pale(image, luma, tint) / 0.6)) * skin
    amount = cv2.GaussianBlur(amount, (0, 0), 0.004 * side)
    share = smoothstep(amount / np.maximum(0.12 * luma, 0.02))[..., None]
    return (share * (image - (luma - amount)[..., None] * tint)).astype(np.float32)


def _pale(image: np.ndarray, luma: np.ndarray, tint: np.ndarray) -> np.ndarray:
    """How far each pixel's colour is from the skin's, 0, to white, 1."""
    toward = 1 - tint
    own = image / np.maximum(luma, 0.02)[..., None]
    return ((own - tint) * toward).sum(-1) / np.maximum((toward * toward).sum(-1), 0.01)


def _mend(image: np.ndarray, luma: np.ndarray, skin: np.ndarray, tint: np.ndarray, side: int) -> np.ndarray:
    """Dark parts without grain, and with the skin's colour; bright ones that lost it, with it."""
    broad = cv2.GaussianBlur(luma, (0, 0), _BLOTCH * side)
    dark = smoothstep((_DARK[1] - broad) / (_DARK[1] - _DARK[0]))
    value = image @ _LUMA
    smooth = cv2.ximgproc.guidedFilter(value, value, max(round(_GRAIN * side), 2), _FLAT)
    chroma = cv2.ximgproc.guidedFilter(value, image - value[..., None], max(round(_BLOTCH * side), 2), 4 * _FLAT)
    chroma = chroma + (smooth[..., None] * (tint - 1) - chroma) * (_TINT * skin)[..., None]
    white = skin * smoothstep((broad - _WHITE[0]) / (_WHITE[1] - _WHITE[0])) * smoothstep(_pale(image, value, tint))
    return ((smooth[..., None] + chroma - image) * dark[..., None]
            + value[..., None] * (tint - 1) * white[..., None] + (value[..., None] - image) * white[..., None]).astype(np.float32)
