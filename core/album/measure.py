"""Numbers about one face of a photo, from which `core.album.judge` says what it is good for."""
from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from core import light as lighting
from core.cv import cv2
from core.rig import pose_degrees

if TYPE_CHECKING:
    from core.estimate import FitResult
    from core.photo import Photo

SIDE = 256  # of the crop that is measured
LOOK = 32
_INNER = (slice(64, 224), slice(48, 208))  # of the crop of 256: brows to chin
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
_DARK = 30.0  # luma, 0 to 255: below, a skin's detail is lost in noise
_REBLUR = 1.0  # px
_FINE, _SHARP = 512, 0.9  # crop in which detail is looked for; px, deviation of a sharp edge
_EDGES = 0.1  # share of the edge pixels, the strongest, from which blur is read
# Points beside the nose bridge and under each eye, and on the cheek below: picture left, picture right.
_UNDER = ((119, 120, 100, 47), (348, 349, 329, 277))
_CHEEK = ((205, 36, 50, 187), (425, 266, 280, 411))


def measure(photo: Photo, fit: FitResult) -> dict[str, float]:
    """Facts by name.

    side: of the aligned square, in pixels of the photo. yaw, pitch, roll: degrees (`core.rig.pose_degrees`). smile, jaw,
    blink_left, blink_right: the landmark model's scores, 0 to 1. azimuth, elevation (degrees), lamp (intensity): of the fitted
    light (`core.light`). brightness: mean luma of the face, 0 to 255; dark: share of it that is nearly black; sides: brighter
    half over darker half. blur: deviation in pixels of the edges' blur, in the crop of 256; detail: pixels across
    the square that are worth having (a photo that was enlarged has no more than before). eyes_left, eyes_right, eyes_colour:
    see `eyes`. confidence, landmark_error, light_residual: of the fit.
    """
    crop, points = photo.crop(SIDE), photo.points(SIDE)
    luma = crop.astype(np.float32) @ _LUMA
    mask = face_mask(points, SIDE)
    values = luma[mask]
    yaw, pitch, roll = pose_degrees(fit.code.pose)
    lamp = lighting.decompose(fit.code.light)
    scores = photo.face.blendshapes
    left, right, colour = eyes(crop, points)
    half = [luma[mask & side] for side in _halves(points)]
    means = [float(part.mean()) if part.size else 0.0 for part in half]
    return {
        "side": photo.alignment.side, "yaw": yaw, "pitch": pitch, "roll": roll,
        "smile": (scores.get("mouthSmileLeft", 0.0) + scores.get("mouthSmileRight", 0.0)) / 2, "jaw": scores.get("jawOpen", 0.0),
        "blink_left": scores.get("eyeBlinkLeft", 0.0), "blink_right": scores.get("eyeBlinkRight", 0.0),
        "azimuth": lamp.azimuth, "elevation": lamp.elevation, "lamp": lamp.intensity,
        "brightness": float(values.mean()) if values.size else 0.0,
        "dark": float((values < _DARK).mean()) if values.size else 1.0,
        "sides": max(means) / max(min(means), 1.0), "blur": blur(luma, mask),
        "detail": _detail(photo),
        "eyes_left": left, "eyes_right": right, "eyes_colour": colour,
        "confidence": fit.confidence, "landmark_error": fit.landmark_error,
        "light_residual": 0.0 if np.isnan(fit.light_residual) else fit.light_residual}


def face_mask(points: np.ndarray, size: int) -> np.ndarray:
    """(S, S) bool: inside the outline of a face's points (478, 2)."""
    mask = np.zeros((size, size), np.uint8)
    cv2.fillConvexPoly(mask, cv2.convexHull(np.rint(points[:468]).astype(np.int32)), 1)
    return mask > 0


def blur(luma: np.ndarray, mask: np.ndarray) -> float:
    """Deviation in pixels of the blur of a face's sharpest edges; about 0.6 to 1.1 for a sharp photo, 99 for a flat one.

    luma (S, S), mask (S, S) bool. An edge of deviation s that is blurred by r once more loses the share s / sqrt(s^2 + r^2) of
    its gradient, so the ratio of the gradients before and after tells s, whatever the edge's contrast (Zhuo & Sim 2011).
    """
    before, after = _gradient(luma), _gradient(cv2.GaussianBlur(luma, (0, 0), _REBLUR))
    inside = cv2.erode(mask.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    ridge = inside & (before >= cv2.dilate(before, np.ones((3, 3), np.uint8)))
    if not ridge.any():
        return 99.0
    strong = ridge & (before >= np.quantile(before[ridge], 1 - _EDGES)) & (before > 0.5)
    if not strong.any():
        return 99.0
    ratio = before[strong] / np.maximum(after[strong], 1e-3)
    return float(np.median(_REBLUR / np.sqrt(np.maximum(ratio**2 - 1, 1e-2))))


def _detail(photo: Photo) -> float:
    """The square's side in pixels of a picture as coarse as its edges allow, at most that of the photo."""
    crop = photo.crop(_FINE)
    sigma = blur(crop.astype(np.float32) @ _LUMA, face_mask(photo.points(_FINE), _FINE))
    return min(photo.alignment.side, _FINE * _SHARP / sigma)


def eyes(crop: np.ndarray, points: np.ndarray) -> tuple[float, float, float]:
    """How the skin under the eyes compares with the cheek below: luma under the eye on the picture's left over the cheek's, the
    same on the right, and the lesser of both sides' differences in colour (a, b of CIE Lab).

    Bare skin gives about 0.8 to 1.2, in half shadow too, because both patches lie on one side, and a difference below 8. On 371
    portraits with and without glasses all with both ratios below 0.5 wore dark ones, and of those below 0.7 all but one in four.
    """
    lab = cv2.cvtColor(crop.astype(np.float32) / 255, cv2.COLOR_RGB2Lab)
    found = []
    for under, cheek in zip(_UNDER, _CHEEK, strict=True):
        (above, upper), (below, lower) = (_patch(crop, lab, points[list(places)]) for places in (under, cheek))
        found.append((above / max(below, 1.0), float(np.hypot(*(upper - lower)))))
    return found[0][0], found[1][0], min(found[0][1], found[1][1])


def look(photo: Photo) -> np.ndarray:
    """(32, 32) uint8: the inner face, grey and small; equal for the same face however the photo was cut or scaled."""
    part = photo.crop(SIDE)[_INNER].astype(np.float32) @ _LUMA
    return np.asarray(np.rint(cv2.resize(part, (LOOK, LOOK), interpolation=cv2.INTER_AREA)), np.uint8)


def _gradient(luma: np.ndarray) -> np.ndarray:
    return np.asarray(np.hypot(cv2.Sobel(luma, -1, 1, 0), cv2.Sobel(luma, -1, 0, 1)) / 8)


def _patch(crop: np.ndarray, lab: np.ndarray, places: np.ndarray) -> tuple[float, np.ndarray]:
    """Median luma, and median colour (2,), of the box around some points."""
    low, high = (np.clip(np.rint(v).astype(int), 0, SIDE - 1) for v in (places.min(0), places.max(0)))
    box = slice(low[1], high[1] + 1), slice(low[0], high[0] + 1)
    return float(np.median(crop[box] @ _LUMA)), np.median(lab[box][..., 1:].reshape(-1, 2), 0)


def _halves(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(S, S) bool: left and right of the line from the forehead's middle to the chin's."""
    top, bottom = points[10], points[152]
    rows, columns = np.mgrid[:SIDE, :SIDE] + 0.5
    side = (columns - top[0]) * (bottom[1] - top[1]) - (rows - top[1]) * (bottom[0] - top[0])
    return side < 0, side >= 0
