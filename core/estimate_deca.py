"""Face parameters by DECA's encoder (Feng et al. 2021), as the reference gets them: one look of a network at a 224-pixel crop."""
from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from core.codes import FaceCode
from core.estimate import FitResult
from core.face_crop import face_box, face_crop, resized
from core.landmarks import points68
from core.render.buffers import render_buffers
from core.render.camera import project
from models.face_encoder import FaceEncoder, split

if TYPE_CHECKING:
    from core.head.base import HeadModel
    from core.photo import Photo

_EYE_CORNERS_68 = (36, 45)
_INNER_68 = slice(17, 68)


def reference_picture(photo: Photo, size: int) -> tuple[np.ndarray, np.ndarray]:
    """The aligned picture (size, size, 3) uint8 that the reference would make of a photo, and its face's 68 points (68, 2) there.

    Points are pixel indices: (0, 0) is the centre of the first pixel. Raises PhotoError for a photo that is taken as an aligned
    face already and is not square.
    """
    whole = photo.alignment == type(photo.alignment).whole(*photo.pixels.shape[1::-1])
    picture = resized(photo.pixels if whole else photo.aligned(size), size)
    return picture, points68(photo.points(size)) - np.float32(0.5)


def encode(encoder: FaceEncoder, picture: np.ndarray, points: np.ndarray, whole_if_none: bool = False) -> FaceCode:
    """The code of a face in a picture (S, S, 3) uint8 with 68 points (68, 2) in pixel indices (spec sections 1 and 2).

    Raises NoFaceError without points; whole_if_none: see `core.face_crop.face_box`.
    """
    box = face_box(points, picture.shape[0], whole_if_none)
    crop = torch.from_numpy(face_crop(picture, box)).permute(2, 0, 1)[None]
    with torch.inference_mode():
        parts = {name: value[0].numpy() for name, value in split(encoder(crop.contiguous())).items()}
    pose = parts["pose"]
    return FaceCode("flame", identity=parts["shape"], expression=parts["exp"], pose=pose[:3], neck=np.zeros(3), jaw=pose[3:],
                    eyes=np.zeros(2), albedo=parts["tex"], camera=parts["cam"], box=box, light=parts["light"])


def fit_photo(encoder: FaceEncoder, head: HeadModel, photo: Photo, size: int) -> FitResult:
    """The code of a photo's chosen face, from its aligned picture at the network's size, and how well it explains the photo."""
    picture, points = reference_picture(photo, size)
    code = encode(encoder, picture, points)
    return FitResult(code, *_residuals(head, code, picture, points))


def _residuals(head: HeadModel, code: FaceCode, picture: np.ndarray, points: np.ndarray) -> tuple[float, float]:
    """Mean distance of the inner landmarks as a share of the outer eye distance, and mean colour error on the head, 0..1."""
    size = picture.shape[0]
    seen = project(head.landmarks68(head.vertices_of(code), code.pose), code.camera, code.box, size)[:, :2] - 0.5
    span = max(float(np.linalg.norm(np.subtract(*points[list(_EYE_CORNERS_68)]))), 1e-6)
    away = float(np.linalg.norm(seen - points, axis=1)[_INNER_68].mean()) / span
    buffers = render_buffers(head, code, size)
    covered = buffers.coverage > 0
    if not covered.any():
        return away, float("nan")
    return away, float(np.abs(buffers.rendered[covered] - picture[covered] / np.float32(255)).mean())
