"""The paper's chain (DiffusionRig, arXiv 2304.06711) as plain functions over the program's own parts, number for number.

aligned photos and their 68 points -> codes -> the album's mean shape -> the buffers of an edit -> 20 steps of DDIM -> a PNG's
values. `Engine` uses the same functions for requests of the method 'paper'; a researcher can call them one by one.
"""
from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from core.codes import FaceCode
from core.diffusion import OnStep, ddim, respaced
from core.errors import ParameterError
from core.render.buffers import Buffers, render_buffers

if TYPE_CHECKING:
    from core.head.base import HeadModel
    from models.face_encoder import FaceEncoder
    from models.rig_model import NoisePredictor

STEPS = 20
# What each mode takes from the target's code; 'latent' takes the target's picture for the global code instead (spec section 7).
MODES: dict[str, tuple[str, ...]] = {"pose": ("pose",), "light": ("light",), "exp": ("expression", "jaw"), "latent": ()}


@dataclass(frozen=True, eq=False)
class Example:
    """A photo as the reference stores it. picture: (S, S, 3) uint8 at the network's size. code: the encoder's, own shape."""

    picture: np.ndarray
    code: FaceCode


def example(encoder: FaceEncoder, photo: np.ndarray, points: Callable[[np.ndarray], np.ndarray], size: int) -> Example:
    """One photo of the data creation.

    photo (N, N, 3) uint8: square and aligned; points(picture): the 68 points (68, 2) of the picture at size x size, in pixel
    indices. Raises PhotoError for a photo that is not square, NoFaceError where there are no points.
    """
    from core.estimate_deca import encode
    from core.face_crop import resized

    picture = resized(photo, size)
    return Example(picture, encode(encoder, picture, points(picture)))


def mean_identity(codes: Iterable[FaceCode]) -> np.ndarray:
    """The mean of the codes' identities (K,) float32, a person's mean shape over an album. Raises ParameterError without any."""
    shapes = [code.identity for code in codes]
    if not shapes:
        raise ParameterError("A mean shape needs at least one photo.")
    return np.stack(shapes).mean(0, dtype=np.float32)


def data_buffers(head: HeadModel, code: FaceCode, size: int, identity: np.ndarray | None = None,
                 rasterizer: str = "numba") -> Buffers:
    """The buffers that training sees: no re-centring. identity: the mean shape to put in place of the photo's own."""
    return render_buffers(head, code if identity is None else code.replace(identity=identity), size, rasterizer)


def edited_code(source: FaceCode, target: FaceCode, mode: str, identity: np.ndarray | None = None) -> FaceCode:
    """The source's code with what a mode takes from the target. Raises ParameterError for a mode that is not in `MODES`."""
    if mode not in MODES:
        raise ParameterError(f"There is no mode '{mode}'. Modes: {', '.join(MODES)}.")
    code = source.replace(**{name: getattr(target, name) for name in MODES[mode]})
    return code if identity is None else code.replace(identity=identity)


def edit_buffers(head: HeadModel, source: FaceCode, edited: FaceCode, size: int, rasterizer: str = "numba") -> Buffers:
    """The buffers of an edit, re-centred on the source's code with the photo's own shape (spec section 3)."""
    return render_buffers(head, edited, size, rasterizer, recentre_from=source)


def network_picture(picture: np.ndarray) -> Tensor:
    """(S, S, 3) uint8 -> (1, 3, S, S) float32 in [-1, 1], what the global encoder sees."""
    values = torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1))).float()
    return (values / 255)[None] * 2 - 1


def noise(size: int, seed: int) -> Tensor:
    """Drawn noise (1, 3, S, S), the same on every device. The reference draws without a seed."""
    return torch.randn(1, 3, size, size, generator=torch.Generator().manual_seed(seed))


def sample(network: NoisePredictor, start: Tensor, buffers: Buffers, code: Tensor, steps: int = STEPS,
           on_step: OnStep | None = None) -> Tensor:
    """DDIM, eta 0, in 'ddimN' steps from noise (1, 3, S, S): the network's whole picture (1, 3, S, S) in about [-1, 1].

    code (1, 64): the global code. Raises ParameterError when no whole stride over 1,000 gives that many steps.
    """
    try:
        schedule = respaced(f"ddim{steps}")
    except ValueError as error:
        raise ParameterError(f"The paper's sampler can't take {steps} steps: no whole stride over 1,000 gives that many. "
                             "Take 10, 20, 25, 50 or 100.") from error
    condition = torch.from_numpy(buffers.condition())[None]
    return ddim(network, start, schedule, condition, code, on_step=on_step)


def to_float(picture: Tensor) -> Tensor:
    """About [-1, 1] -> about [0, 1], not clamped."""
    return (picture + 1) / 2


def to_png(picture: Tensor) -> np.ndarray:
    """(1, 3, S, S) in about [-1, 1] -> (S, S, 3) uint8: floor(clamp(255 (x + 1) / 2 + 0.5))."""
    values = (to_float(picture.float()) * 255 + 0.5).clamp(0, 255)
    return values[0].permute(1, 2, 0).to("cpu", torch.uint8).numpy()


# -- the reference's two other kinds of light, which none of its pictures use ----------------------------------------------


def directional_shading(normals: np.ndarray, lights: np.ndarray) -> np.ndarray:
    """Shading (V, 3) of unit normals (V, 3) under lamps far away (L, 6): direction to the lamp, RGB; averaged over the lamps."""
    toward = _unit(lights[:, None, :3])
    return (np.clip((normals[None] * toward).sum(-1, keepdims=True), 0, 1) * lights[:, None, 3:]).mean(0)


def point_shading(vertices: np.ndarray, normals: np.ndarray, lights: np.ndarray) -> np.ndarray:
    """Shading (V, 3) of points (V, 3) under lamps (L, 6): place, RGB; averaged over the lamps. Light from behind is negative."""
    toward = _unit(lights[:, None, :3] - vertices[None])
    return ((normals[None] * toward).sum(-1, keepdims=True) * lights[:, None, 3:]).mean(0)


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
