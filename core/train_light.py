"""Another light for a training picture: on the photo by a quotient image, on its buffers exactly."""
from __future__ import annotations

import numpy as np

from core import compose
from core.cv import cv2
from core.light import SH_CONSTANTS, LightParams, lamp_lobe, mean_shading, shade
from core.light_quotient import laid, quotient


def other_light(light: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A light (9, 3) of about the same level with another lamp: anywhere in front or at a side, soft to strong."""
    level = mean_shading(light)
    params = LightParams(azimuth=float(rng.uniform(-100, 100)), elevation=float(rng.uniform(-25, 65)))
    share = rng.uniform(0.25, 0.95)
    lamp = np.outer(lamp_lobe(params.direction), np.exp(rng.normal(0, 0.08, 3)))
    lamp[0] += 0.6 * (1 - share) / share / SH_CONSTANTS[0]
    lamp *= (level / np.maximum(mean_shading(lamp), 1e-3)) * np.exp(rng.normal(0, 0.12))
    keep = rng.uniform(0, 0.5)
    return (keep * light + (1 - keep) * lamp).astype(np.float32)


def relit(picture: np.ndarray, rendered: np.ndarray, normal: np.ndarray, albedo: np.ndarray, coverage: np.ndarray,
          before: np.ndarray, after: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Photo (S, S, 3) and rendered buffer under another light; the photo by a quotient image, made at a quarter of the size."""
    target = (albedo * shade(normal, after)).astype(np.float32) * coverage[..., None]
    small = max(32, picture.shape[0] // 4)
    parts = [cv2.resize(image, (small, small), interpolation=cv2.INTER_AREA) for image in (target, rendered, albedo, coverage)]
    inside = (parts[3] > 0.5).astype(np.float32)
    factors = laid(quotient(parts[0], parts[1], parts[2], inside), compose.soft_mask(inside))
    factors = cv2.resize(factors, picture.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    return compose.relight(picture, factors), target
