"""Measures that compare two pictures, or two sets of pictures, without a learned network: what runs here and favours no model."""
from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.fft import dct
from scipy.linalg import sqrtm

from core.cv import cv2
from core.landmarks import FaceFinder

_LUMA = np.array([0.299, 0.587, 0.114])
_YIQ = np.array([[0.299, 0.587, 0.114], [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]])
_HAAR_C, _HAAR_ALPHA = 30.0, 4.2  # the paper's constants
_PATCH = 8


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    """Peak signal to noise ratio in dB of two uint8 pictures; 99 for equal ones."""
    error = float(np.mean((a.astype(np.float64) - b) ** 2))
    return 99.0 if error == 0 else min(99.0, float(10 * np.log10(255**2 / error)))


def rmse(a: np.ndarray, b: np.ndarray, mask: np.ndarray | None = None) -> float:
    """Root mean square difference (0 to 255) of two pictures (H, W, 3), where the mask (H, W) is set; NaN for an empty one."""
    error = (a.astype(np.float64) - b) ** 2
    chosen = error if mask is None else error[mask > 0]
    return float(np.sqrt(chosen.mean())) if chosen.size else float("nan")


def ssim(a: np.ndarray, b: np.ndarray) -> float:
    """Structural similarity (Wang et al. 2004) of luma: 11 x 11 Gaussian windows of deviation 1.5, mean over the picture."""
    x, y = a.astype(np.float64) @ _LUMA, b.astype(np.float64) @ _LUMA

    def local(values: np.ndarray) -> np.ndarray:
        return cv2.GaussianBlur(values, (11, 11), 1.5)[5:-5, 5:-5]

    mx, my = local(x), local(y)
    vx, vy, vxy = local(x * x) - mx * mx, local(y * y) - my * my, local(x * y) - mx * my
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    return float(((2 * mx * my + c1) * (2 * vxy + c2) / ((mx * mx + my * my + c1) * (vx + vy + c2))).mean())


def perceptual(a: np.ndarray, b: np.ndarray, mask: np.ndarray | None = None) -> float:
    """Perceptual distance of two uint8 pictures, 0 for equal ones, at most 1: 1 - HaarPSI (Reisenhofer et al. 2018).

    Chosen over LPIPS and DISTS because it needs no network, so that it can't favour a model that shares one, and over SSIM
    because it follows people's judgements better: it compares edges at two scales, weighed by a coarser third, and two colours.
    mask (H, W): where to look.
    """
    first, second = (_halved(picture.astype(np.float64) @ _YIQ.T) for picture in (a, b))
    similar, weights = [], []
    for axis in (0, 1):
        one, two = ([_haar(p[..., 0], scale, axis) for scale in (1, 2, 3)] for p in (first, second))
        similar.append(np.mean([_alike(one[k], two[k]) for k in (0, 1)], 0))
        weights.append(np.maximum(one[2], two[2]))
    chroma = [[np.abs(_box(p[..., k], 2)) for k in (1, 2)] for p in (first, second)]
    similar.append(np.mean([_alike(chroma[0][k], chroma[1][k]) for k in (0, 1)], 0))
    weights.append(np.mean(weights, 0))
    values, share = np.stack(similar), np.stack(weights)
    if mask is not None:
        share = share * _halved((mask > 0).astype(np.float64)[..., None])[None, ..., 0]
    mean = float((_logistic(values) * share).sum() / max(float(share.sum()), 1e-9))
    score = (np.log(mean / (1 - mean)) / _HAAR_ALPHA) ** 2 if mean > 0.5 else 0.0
    return float(np.clip(1 - score, 0, 1))


def mean_lab(picture: np.ndarray, mask: np.ndarray | None = None) -> np.ndarray:
    """Mean colour (3,) float64 in CIE Lab (D65; L 0 to 100) of a uint8 sRGB picture (H, W, 3), where the mask (H, W) is set; NaN
    for an empty one."""
    lab = cv2.cvtColor(picture.astype(np.float32) / 255, cv2.COLOR_RGB2LAB).astype(np.float64)
    chosen = lab.reshape(-1, 3) if mask is None else lab[mask > 0]
    return np.asarray(chosen.mean(0)) if len(chosen) else np.full(3, np.nan)


def colour_shift(made: np.ndarray, photo: np.ndarray, mask: np.ndarray | None = None) -> np.ndarray:
    """How far a picture's mean colour lies from its photo's: (3,) units of CIE Lab."""
    return mean_lab(made, mask) - mean_lab(photo, mask)


def drift(shifts: Sequence[np.ndarray]) -> float:
    """The colour cast that many pictures share: length of their mean `colour_shift`, in units of CIE Lab; NaN of none.

    The shift of one picture is as much that picture's own error; what is left of it over many photos and seeds is the model's.
    """
    known = [shift for shift in shifts if np.isfinite(shift).all()]
    return float(np.linalg.norm(np.mean(known, 0))) if known else float("nan")


def drift_error(shifts: Sequence[np.ndarray]) -> float:
    """Standard error of `drift`: how much of it chance alone can be, for shifts (3,) of so many photos; NaN of fewer than two."""
    known = np.array([shift for shift in shifts if np.isfinite(shift).all()])
    return float(np.sqrt(known.var(0, ddof=1).sum() / len(known))) if len(known) > 1 else float("nan")


def _logistic(values: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-_HAAR_ALPHA * values))


def _alike(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return (2 * a * b + _HAAR_C) / (a * a + b * b + _HAAR_C)


def _halved(picture: np.ndarray) -> np.ndarray:
    return cv2.resize(picture, (picture.shape[1] // 2, picture.shape[0] // 2), interpolation=cv2.INTER_AREA).reshape(
        picture.shape[0] // 2, picture.shape[1] // 2, -1)


def _box(values: np.ndarray, size: int) -> np.ndarray:
    return np.asarray(cv2.blur(values, (size, size), borderType=cv2.BORDER_REFLECT))


def _haar(luma: np.ndarray, scale: int, axis: int) -> np.ndarray:
    """Magnitude of the Haar wavelet response of one scale and direction, not subsampled."""
    size = 2 ** scale
    kernel = np.full((size, size), 2.0 ** -scale)
    kernel[:size // 2] *= -1
    return np.abs(cv2.filter2D(luma, -1, kernel if axis == 0 else kernel.T, borderType=cv2.BORDER_REFLECT))


# -- sets of pictures -------------------------------------------------------------------------------------------------------


def patch_features(pictures: Sequence[np.ndarray]) -> np.ndarray:
    """(P, 66) of all 8 x 8 patches, at full and half size: the luma's 64 cosine coefficients and two mean chroma values, each as
    sign(v) log(1 + |v|), because a few strong edges would hide everything else."""
    found = []
    basis = dct(np.eye(_PATCH), axis=0, norm="ortho")
    for picture in pictures:
        yiq = picture.astype(np.float64) @ _YIQ.T
        for _ in range(2):
            rows, columns = (n // _PATCH for n in yiq.shape[:2])
            blocks = yiq[:rows * _PATCH, :columns * _PATCH].reshape(rows, _PATCH, columns, _PATCH, 3).swapaxes(1, 2)
            cosine = (basis @ blocks[..., 0] @ basis.T).reshape(rows, columns, -1)
            found.append(np.concatenate([cosine, blocks[..., 1:].mean((2, 3))], -1).reshape(rows * columns, -1))
            yiq = _halved(yiq)
    values = np.concatenate(found)
    return np.sign(values) * np.log1p(np.abs(values))


def frechet(real: np.ndarray, made: np.ndarray) -> float:
    """Frechet distance of two sets of features (P, F), each feature in standard deviations of the real set: 0 for equal ones."""
    scale = real.std(0) + 1e-6
    first, second = real / scale, made / scale
    a, b = np.cov(first, rowvar=False), np.cov(second, rowvar=False)
    cross = np.real(sqrtm(a @ b))
    shift = first.mean(0) - second.mean(0)
    return max(0.0, float(shift @ shift + np.trace(a + b - 2 * cross)))


# -- identity ---------------------------------------------------------------------------------------------------------------


def embedding(picture: np.ndarray, finder: FaceFinder) -> np.ndarray | None:
    """The re-identification network's embedding (128,) of the largest face, None where no face is found. Raises AssetError."""
    from core import identity

    faces = finder.detect(picture, thorough=False)
    try:
        return identity.embedding(picture, faces[0].points) if faces else None
    except ValueError:  # a face that lies outside the picture is none
        return None


def identity_distance(a: np.ndarray | None, b: np.ndarray | None) -> float:
    """Distance of two embeddings, NaN where one is missing."""
    from core import identity

    return float("nan") if a is None or b is None else identity.distance(a, b)
