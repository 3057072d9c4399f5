"""Soft masks over the head: what a vertex is (lips, brows, scalp, teeth ...), for albedo, the fit and tests."""
from __future__ import annotations

import numpy as np

from resources.head_build.mesh import IRIS_DEGREES, PUPIL_DEGREES, Crop
from resources.head_build.source import Source

# Middle line of the picture's right brow on the base mesh, x and y in decimetres, inner to outer; and its half-thickness.
BROW_LINE = ((0.12, 7.475), (0.24, 7.515), (0.37, 7.540), (0.47, 7.515), (0.545, 7.455))
BROW_HALF = (0.036, 0.040, 0.036, 0.028, 0.018)
# Hairline: angle around the skull's axis in degrees (0 front, 180 back) to height on the base mesh.
HAIRLINE = ((0, 7.93), (25, 7.93), (40, 7.80), (55, 7.55), (70, 7.40), (85, 7.25), (100, 7.22), (118, 7.0), (140, 6.55),
            (180, 6.5))
SKULL_AXIS_Z = 0.45


def smoothstep(value: np.ndarray, low: float, high: float) -> np.ndarray:
    """0 below low, 1 above high, smooth between."""
    x = np.clip((value - low) / (high - low), 0, 1)
    return x * x * (3 - 2 * x)


def brow_mask(points: np.ndarray) -> np.ndarray:
    """1 on the brows, 0 off them; points (n, 3) on the base mesh."""
    x, y = np.abs(points[:, 0]), points[:, 1]
    line = np.array(BROW_LINE)
    along = np.interp(x, line[:, 0], line[:, 1])
    half = np.interp(x, line[:, 0], BROW_HALF)
    ends = smoothstep(x, line[0, 0] - 0.04, line[0, 0] + 0.02) * (1 - smoothstep(x, line[-1, 0] - 0.05, line[-1, 0] + 0.02))
    return (1 - smoothstep(np.abs(y - along), 0.55 * half, 1.35 * half)) * ends * (points[:, 2] > 0.9)


def scalp_mask(points: np.ndarray) -> np.ndarray:
    """1 where hair grows; points (n, 3) on the base mesh."""
    angle = np.degrees(np.arctan2(np.abs(points[:, 0]), points[:, 2] - SKULL_AXIS_Z))
    line = np.array(HAIRLINE)
    return smoothstep(points[:, 1] - np.interp(angle, line[:, 0], line[:, 1]), -0.06, 0.10)


def skin_masks(source: Source, crop: Crop) -> dict[str, np.ndarray]:
    """Masks (n,) over the kept vertices, teeth and tongue included."""
    points = source.vertices[crop.kept]
    part = {name: np.isin(crop.kept, source.part_vertices(name)) for name in ("skin", "upper_teeth", "lower_teeth", "tongue")}
    cavity = source.mask("inside-mouth")[crop.kept] * part["skin"]
    cavity = np.where(points[:, 2] < 1.42, (cavity > 0.3).astype(float), cavity)
    lips = np.clip(source.mask("lips")[crop.kept] * part["skin"] - cavity, 0, 1)
    ears = source.mask("ears")[crop.kept] * part["skin"]
    lids = source.mask("eyelids")[crop.kept] * part["skin"]
    nape = 6.05 + 0.12 * np.clip(1 - points[:, 2], -0.6, 1.2)
    neck = part["skin"] * (1 - smoothstep(points[:, 1] - nape, 0, 0.12)) * (1 - cavity)
    scalp = scalp_mask(points) * part["skin"] * (1 - ears) * (1 - cavity)
    brows = brow_mask(points) * part["skin"]
    return {"skin": part["skin"] * (1 - cavity), "mouth": cavity, "lips": lips, "ears": ears, "lids": lids,
            "neck": neck, "scalp": scalp, "brows": brows, "teeth": (part["upper_teeth"] | part["lower_teeth"]).astype(float),
            "lower_teeth": part["lower_teeth"].astype(float), "tongue": part["tongue"].astype(float),
            "depth": 1 - smoothstep(points[:, 2], 0.9, 1.45)}



def eye_masks(polar: np.ndarray) -> dict[str, np.ndarray]:
    """Masks over one eye's vertices from their polar angle in degrees."""
    pupil = 1 - smoothstep(polar, PUPIL_DEGREES - 0.8, PUPIL_DEGREES + 0.8)
    iris = (1 - smoothstep(polar, IRIS_DEGREES - 0.8, IRIS_DEGREES + 0.8)) * (1 - pupil)
    return {"eyes": np.ones_like(polar), "pupil": pupil, "iris": iris}
