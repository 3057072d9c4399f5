"""What a photo shows of one eye's lid: its skin without lashes, the lashes apart from it, and the skin's finest texture."""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.compose import smoothstep
from core.cv import cv2
from core.lids.eye import Eye
from core.light import shade

_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
_LASH = 0.09  # widths of the eye: lashes are thinner than this across, and lie closer together
_LINER = 0.085  # and so far above the lid's edge they, or liner, hide the skin wholly
_BALL = 0.62  # radius of the eyeball with the lid over it, in widths of the eye
_TINT = (0.7, 1.12)  # how much darker or lighter than the skin around it a lid may be: beyond, it is lashes or a glint


@dataclass(frozen=True, eq=False)
class LidSkin:
    """One eye's patch (H, W, 3) float32, 0..255, taken apart.

    photo: as it is. bare: without the lashes above the upper lid's edge, and with lid's skin behind them. lashes (H, W, 3):
    photo by bare. above, below (W, 3): colours of the skin at the fold and under the lower lid, for each column. tint (3,): the
    lid's colour by theirs. grain (H, W, 3): the skin's finest texture under the eye. bulge (H, W): shading of skin over the
    round eyeball, by that of flat skin.
    """

    photo: np.ndarray
    bare: np.ndarray
    lashes: np.ndarray
    above: np.ndarray
    below: np.ndarray
    tint: np.ndarray
    grain: np.ndarray
    bulge: np.ndarray


def take_apart(photo: np.ndarray, eye: Eye, light: np.ndarray) -> LidSkin:
    """The skin of an eye's patch (H, W, 3) uint8 or float, 0..255, under the photo's light (9, 3) of spherical harmonics."""
    photo, w = photo.astype(np.float32), eye.width
    rows = np.arange(photo.shape[0], dtype=np.float32)[:, None]
    up = eye.upper - rows
    clean = _without_hairs(photo, w)
    above = _strip(clean, eye.fold - 0.09 * w, eye.fold - 0.01 * w, 0.07 * w)
    below = _strip(clean, eye.lower + 0.1 * w, eye.lower + 0.24 * w, 0.1 * w)
    tint = _tint(clean, eye, above, rows)
    near = (up > -0.02 * w) & (rows > eye.brow + 0.02 * w)
    thin = np.clip(((clean - photo) @ _LUMA / np.maximum(clean @ _LUMA, 8)) / 0.12 - 0.25, 0, 1)
    hairs = cv2.GaussianBlur((thin * near * eye.reach).astype(np.float32), (0, 0), max(0.008 * w, 0.3))[..., None]
    bare = photo + (clean - photo) * hairs
    behind = smoothstep((np.float32(_LINER * w) - up) / (0.05 * w)) * smoothstep(up / (0.02 * w) + 1) * eye.reach
    bare += (above * tint - bare) * behind[..., None]
    lashes = np.clip((photo + 1) / (bare + 1), 0.03, 1.5)
    return LidSkin(photo, bare, lashes, above, below, tint, _grain(photo, w), _bulge(photo.shape, eye, light))


def _without_hairs(photo: np.ndarray, width: float) -> np.ndarray:
    """The patch with thin upright dark lines closed, as lashes are; lines across it, as folds are, stay."""
    across = max(int(_LASH * width), 1) * 2 + 1
    closed = cv2.morphologyEx(photo, cv2.MORPH_CLOSE, np.ones((1, across), np.uint8))
    return cv2.GaussianBlur(closed, (0, 0), max(0.03 * width, 0.4), sigmaY=max(0.01 * width, 0.3))


def _strip(picture: np.ndarray, low: np.ndarray, high: np.ndarray, sigma: float) -> np.ndarray:
    """Mean colour (W, 3) of each column between two rows (W,), smooth along the columns."""
    share = np.linspace(0, 1, 7, dtype=np.float32)[:, None]
    y = low + (high - low) * share
    x = np.broadcast_to(np.arange(len(low), dtype=np.float32), y.shape)
    found = cv2.remap(picture, np.ascontiguousarray(x), y.astype(np.float32), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    row = np.median(found, 0)[None].astype(np.float32)
    return cv2.GaussianBlur(row, (0, 0), max(sigma, 0.5), sigmaY=1e-3, borderType=cv2.BORDER_REPLICATE)[0]


def _tint(clean: np.ndarray, eye: Eye, above: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Colour (3,) of the lid's skin between fold and lashes by that above the fold: make-up, and thinner skin."""
    w, x = eye.width, np.arange(len(eye.upper))
    middle = (x > eye.corners[0] + 0.2 * w) & (x < eye.corners[1] - 0.2 * w)
    strip = (rows > eye.fold + 0.01 * w) & (rows < eye.upper - 0.04 * w) & middle
    if strip.sum() < 4:
        return np.ones(3, np.float32)
    ratio = (clean / np.maximum(above, 4))[strip]
    light = ratio @ _LUMA
    found = np.median(ratio[light >= np.percentile(light, 55)], 0)
    level = float(found @ _LUMA)
    held = float(np.clip(level, *_TINT))
    return (np.clip(found / level, 0.95, 1.05) * held).astype(np.float32)


def _grain(photo: np.ndarray, width: float) -> np.ndarray:
    """The finest texture of a patch, without anything stronger than skin has."""
    fine = photo - cv2.GaussianBlur(photo, (0, 0), max(0.03 * width, 0.8))
    most = 3 * np.median(np.abs(fine)) + 0.5
    return np.clip(fine, -most, most)


def _bulge(shape: tuple[int, ...], eye: Eye, light: np.ndarray) -> np.ndarray:
    y, x = np.mgrid[:shape[0], :shape[1]].astype(np.float32)
    radius = _BALL * eye.width
    nx = (x - (eye.corners[0] + eye.corners[1]) / 2) / radius
    ny = ((eye.upper + eye.lower) / 2 - y) / radius
    far = np.maximum(np.hypot(nx, ny) / 0.85, 1)
    nx, ny = nx / far, ny / far
    normals = np.stack([nx, ny, np.sqrt(1 - nx * nx - ny * ny)], -1).astype(np.float32)
    lit = shade(normals.reshape(-1, 3), light).reshape(normals.shape) @ _LUMA
    flat = float(shade(np.array([[0, 0, 1]], np.float32), light)[0] @ _LUMA)
    return np.clip(lit / max(flat, 1e-3), 0.75, 1.2).astype(np.float32)
