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
_FOLD_SLOPES = (-0.4, -0.2, 0.0, 0.2, 0.4)
_LINER = 0.085  # and so far above the lid's edge they, or liner, hide the skin wholly
_BALL = 0.62  # radius of the eyeball with the lid over it, in widths of the eye
_RIM = 0.4  # how dark the rim of glasses is at most, by the skin under the eye
_DEEPEST = 0.6  # how dark skin under the brow may be, by that under the eye
_SHADING = 0.4  # share of the ball's shading, as a power: the skin around it has some of it too
_TINT = (0.78, 1.1)  # how much darker or lighter than the skin around it a lid may be: beyond, it is lashes or a glint


@dataclass(frozen=True, eq=False)
class LidSkin:
    """One eye's patch (H, W, 3) float32, 0..255, taken apart.

    photo: as it is. bare: without the lashes above the upper lid's edge, and with lid's skin behind them. lashes (H, W, 3):
    photo by bare. above, below (W, 3): colours of the skin at the fold and under the lower lid, for each column. tint (3,): the
    lid's colour by theirs. grain (H, W, 3): the skin's finest texture under the eye. bulge (H, W): shading of skin over the
    round eyeball, by that of flat skin. held (H, W): 1 on what stands before the skin and stays, such as the rim of glasses.
    """

    photo: np.ndarray
    bare: np.ndarray
    lashes: np.ndarray
    above: np.ndarray
    below: np.ndarray
    tint: np.ndarray
    grain: np.ndarray
    bulge: np.ndarray
    held: np.ndarray


def take_apart(photo: np.ndarray, eye: Eye, light: np.ndarray) -> LidSkin:
    """The skin of an eye's patch (H, W, 3) uint8 or float, 0..255, under the photo's light (9, 3) of spherical harmonics."""
    photo, w = photo.astype(np.float32), eye.width
    rows = np.arange(photo.shape[0], dtype=np.float32)[:, None]
    up = eye.upper - rows
    clean = _without_hairs(photo, eye)
    below = _strip(clean, np.zeros_like(rows + eye.upper), eye.lower + 0.1 * w, eye.lower + 0.26 * w, w)
    held = _things(clean, eye, below, rows)
    above = _strip(clean, held, np.maximum(eye.fold - 0.15 * w, eye.brow), 0.65 * eye.fold + 0.35 * eye.upper, w)
    dim = np.maximum(_DEEPEST * (below @ _LUMA) / np.maximum(above @ _LUMA, 1), 1)[:, None]
    above = np.where(dim > 1, (above * dim + _DEEPEST * below) / 2, above)
    tint = _tint(clean, eye, above, rows)
    near = smoothstep(up / (0.02 * w) + 1) * smoothstep((0.34 * w - up) / (0.12 * w)) * (rows > eye.brow + 0.02 * w)
    thin = np.clip(((clean - photo) @ _LUMA / np.maximum(clean @ _LUMA, 8)) / 0.12 - 0.25, 0, 1)
    hairs = cv2.GaussianBlur((thin * near * eye.reach * (1 - held)).astype(np.float32), (0, 0), max(0.008 * w, 0.3))[..., None]
    bare = photo + (clean - photo) * hairs
    behind = smoothstep((np.float32(_LINER * w) - up) / (0.05 * w)) * smoothstep(up / (0.02 * w) + 1) * eye.reach
    bare += (above * tint - bare) * behind[..., None]
    lashes = 1 + (np.clip((photo + 1) / (bare + 1), 0.03, 1.5) - 1) * (1 - held[..., None])
    bare += (above - bare) * held[..., None]
    return LidSkin(photo, bare, lashes, above, below, tint, _grain(photo, w), _bulge(photo.shape, eye, light), held)


def _things(clean: np.ndarray, eye: Eye, below: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Where (H, W) something stands before the skin above the upper lid and under the lower one: the dark rim of glasses."""
    w = eye.width
    dark = np.clip((_RIM - clean @ _LUMA / np.maximum(below @ _LUMA, 1)) / 0.1, 0, 1)
    away = np.maximum(smoothstep((eye.upper - rows) / (0.04 * w) - 3), smoothstep((rows - eye.lower) / (0.04 * w) - 3))
    found = cv2.dilate((dark * away).astype(np.float32), np.ones((3, 3)), iterations=max(round(0.012 * w), 1))
    return cv2.GaussianBlur(found, (0, 0), max(0.008 * w, 0.5))


def _without_hairs(photo: np.ndarray, eye: Eye) -> np.ndarray:
    """The patch with thin dark lines closed that stand on the upper lid's edge, as lashes do; lines about along it, as folds,
    stay: each is left by the closing (Serra 1982) that goes its way."""
    across, w = max(int(_LASH * eye.width), 1) * 2 + 1, eye.width
    y, x = np.mgrid[:photo.shape[0], :photo.shape[1]].astype(np.float32)
    bend = eye.upper - eye.upper.mean()
    level = cv2.remap(photo, x, y + bend, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    closed = np.minimum.reduce([cv2.morphologyEx(level, cv2.MORPH_CLOSE, _stroke(across, slope)) for slope in _FOLD_SLOPES])
    closed = cv2.GaussianBlur(closed, (0, 0), max(0.03 * w, 0.4), sigmaY=max(0.01 * w, 0.3))
    return cv2.remap(closed, x, y - bend, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def _stroke(across: int, slope: float) -> np.ndarray:
    """A line as a mask, so many pixels wide (odd)."""
    half = across // 2
    mask = np.zeros((2 * half + 1, across), np.uint8)
    mask[np.rint(half + slope * (np.arange(across) - half)).astype(int), np.arange(across)] = 1
    return mask


def _strip(picture: np.ndarray, held: np.ndarray, low: np.ndarray, high: np.ndarray, width: float) -> np.ndarray:
    """Colour (W, 3) of the skin in each column between two rows (W,), rather lit than in a crease, smooth along the columns.

    held (H, W): what is no skin."""
    share = np.linspace(0, 1, 9, dtype=np.float32)[:, None]
    y = (low + (high - low) * share).astype(np.float32)
    x = np.ascontiguousarray(np.broadcast_to(np.arange(len(low), dtype=np.float32), y.shape))
    found, hidden = (cv2.remap(a, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE) for a in (picture, held))
    found = np.where(hidden[..., None] > 0.3, 0, found)  # what is dark is last
    row, known = np.sort(found, 0)[5:8].mean(0), np.clip((hidden < 0.3).mean(0) * 3, 1e-3, 1)[:, None]
    sums = np.concatenate([row * known, known], 1, dtype=np.float32)[None]
    sums = cv2.GaussianBlur(sums, (0, 0), max(0.12 * width, 0.5), sigmaY=1e-3, borderType=cv2.BORDER_REPLICATE)[0]
    return sums[:, :3] / np.maximum(sums[:, 3:], 1e-4)


def _tint(clean: np.ndarray, eye: Eye, above: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Colour (3,) of the lid's skin between fold and lashes by that above the fold: make-up, and thinner skin."""
    w, x = eye.width, np.arange(len(eye.upper))
    middle = (x > eye.corners[0] + 0.2 * w) & (x < eye.corners[1] - 0.2 * w)
    strip = (rows > eye.fold + 0.01 * w) & (rows < eye.upper - 0.04 * w) & middle
    if strip.sum() < 4:
        return np.ones(3, np.float32)
    ratio = (clean / np.maximum(above, 4))[strip]
    light = ratio @ _LUMA
    found = np.median(ratio[light >= np.percentile(light, 65)], 0)
    level = float(found @ _LUMA)
    held = float(np.clip(level, *_TINT))
    return (np.clip(found / level, 0.98, 1.02) * held).astype(np.float32)


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
    return np.clip(np.maximum(lit / max(flat, 1e-3), 0.1) ** _SHADING, 0.88, 1.1).astype(np.float32)
