"""Shadows by rays (Embree): what settled pictures are made with."""
from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.cv import cv2
from core.light_lamps import Lamp, disc
from core.render.camera import ndc_affine
from core.render.surface import Mesh

_FEWEST, _MOST = 16, 64  # rays of a pixel in a half shadow, of a point and of the widest lamp
_FIRST = 8  # rays of every pixel; where they and those of the pixels around it agree, there are no more
_LIFT = np.float32(4e-4)  # metres that rays start above the surface
_CHUNK = 400_000  # rays at a time, to hold memory down
_FLATTEST = np.float32(0.25)  # normal's part toward the viewer below which a pixel covers no more of the surface
_lock = threading.Lock()
_scenes: list[tuple[bytes, Any, Any]] = []  # of the newest mesh: a drag of the light keeps it


def available() -> bool:
    """Whether Embree is installed."""
    try:
        import embreex.mesh_construction  # noqa: F401
    except ImportError:
        return False
    return True


def visibility(mesh: Mesh, ids: np.ndarray, bary: np.ndarray, normal: np.ndarray, normals: np.ndarray, lamp: Lamp) -> np.ndarray:
    """How much of a lamp's light each pixel gets of what it would get freely, 0 to 1 (H, W) float32; 1 off the head.

    ids (H, W), bary (H, W, 3), normal (H, W, 3): as in `core.render.buffers.Buffers`; normals (V, 3): unit, of the vertices.
    Every pixel sends rays to points of the lamp's disc, from points of the surface that it covers; the same ones each time.
    """
    rays = _FIRST * round((_FEWEST + (_MOST - _FEWEST) * lamp.softness) / _FIRST)
    toward = np.broadcast_to(disc(lamp, rays), (rays, 3))
    out, waiting = np.ones(ids.shape, np.float32), ids >= 0
    waiting[waiting] = (normal[waiting] @ toward.T).max(-1) > 0
    if not waiting.any():
        return out
    facing = normal[waiting]
    look = _Look(_scene(mesh), _lifted(mesh, ids[waiting], bary[waiting], normals, facing),
                 _footprint(mesh, ids.shape[0], facing), toward, np.maximum(facing @ toward.T, 0))
    order = np.arange(rays).reshape(_FIRST, -1).T.reshape(-1)  # the first few are spread over the disc
    index = np.zeros(ids.shape, np.int32)
    index[waiting] = np.arange(len(facing))
    total = look.through(index[waiting], order[:_FIRST])
    out[waiting] = _ratio(total)
    while True:  # a half shadow that is found may reach farther than the first rays told
        torn = waiting & (_spread(out) > 1e-3)
        if not torn.any():
            return out
        waiting &= ~torn
        which = index[torn]
        total[:, which] += look.through(which, order[_FIRST:])
        out[torn] = _ratio(total[:, which])


@dataclass(frozen=True, eq=False)
class _Look:
    """Points of a surface that look at a lamp. scene: Embree's; start (n, 3); steps: of a pixel across and down on the surface,
    (n, 3) each; toward (r, 3): directions to the lamp; weight (n, r): what light from each counts for."""

    scene: Any
    start: np.ndarray
    steps: tuple[np.ndarray, np.ndarray]
    toward: np.ndarray
    weight: np.ndarray

    def through(self, which: np.ndarray, some: np.ndarray) -> np.ndarray:
        """Light that comes through, and all of it (2, m), from the directions `some` to the points `which` (m,)."""
        free = np.empty((len(which), len(some)), np.float32)
        size = max(1, _CHUNK // len(some))
        for begin in range(0, len(which), size):
            free[begin:begin + size] = self._free(which[begin:begin + size], some)
        share = self.weight[which][:, some]
        return np.stack([(share * free).sum(1), share.sum(1)])

    def _free(self, which: np.ndarray, some: np.ndarray) -> np.ndarray:
        jitter, (across, down) = _JITTER[some], self.steps
        origins = self.start[which][:, None] + jitter[:, :1] * across[which][:, None] + jitter[:, 1:] * down[which][:, None]
        directions = np.broadcast_to(self.toward[some], origins.shape)
        hit = self.scene.run(np.ascontiguousarray(origins.reshape(-1, 3), np.float32),
                             np.ascontiguousarray(directions.reshape(-1, 3), np.float32), query="OCCLUDED")
        return (np.asarray(hit) < 0).reshape(len(which), -1)


def _spread(seen: np.ndarray) -> np.ndarray:
    """By how much the visibility (H, W) of the pixels around each pixel differs, or a half shadow's own from none and all."""
    around = cv2.dilate(seen, np.ones((3, 3), np.uint8)) - cv2.erode(seen, np.ones((3, 3), np.uint8))
    return np.maximum(around, np.minimum(seen, 1 - seen))


def _ratio(total: np.ndarray) -> np.ndarray:
    return np.where(total[1] > 1e-6, total[0] / np.maximum(total[1], 1e-6), 1).astype(np.float32)


def _lifted(mesh: Mesh, ids: np.ndarray, bary: np.ndarray, normals: np.ndarray, normal: np.ndarray) -> np.ndarray:
    """Points (n, 3) to start rays from: on the smooth surface that the normals tell of, not on the flat faces, which would shade
    each other in steps (Hanika, "Hacking the Shadow Terminator", Ray Tracing Gems II)."""
    corners = mesh.faces[ids]
    at, up = mesh.vertices[corners], normals[corners]
    flat = np.einsum("nk,nkc->nc", bary, at)
    below = np.minimum(np.einsum("nkc,nkc->nk", flat[:, None] - at, up), 0)
    return (flat - np.einsum("nk,nkc->nc", bary * below, up) + _LIFT * normal).astype(np.float32)


def _footprint(mesh: Mesh, size: int, normal: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What a step of one pixel across and down moves on the surface: two (n, 3)."""
    pixel = np.float32(2 / (size * ndc_affine(mesh.box)[0] * float(mesh.camera[0])))
    forward = np.maximum(normal[:, 2], _FLATTEST)
    zero, one = np.zeros(len(normal), np.float32), np.full(len(normal), pixel, np.float32)
    return (np.stack([one, zero, -pixel * normal[:, 0] / forward], 1), np.stack([zero, -one, pixel * normal[:, 1] / forward], 1))


def _scene(mesh: Mesh) -> Any:
    """The mesh as Embree takes it; kept while the mesh stays."""
    from embreex.mesh_construction import TriangleMesh
    from embreex.rtcore_scene import EmbreeScene

    vertices = np.ascontiguousarray(mesh.vertices, np.float32)
    key = vertices.tobytes() + len(mesh.faces).to_bytes(8, "little")
    with _lock:
        if not _scenes or _scenes[0][0] != key:
            scene = EmbreeScene()
            shape = TriangleMesh(scene, vertices[mesh.faces])
            scene.run(np.zeros((1, 3), np.float32), np.ones((1, 3), np.float32), query="OCCLUDED")  # builds it, on this thread
            _scenes[:] = [(key, scene, shape)]
        return _scenes[0][1]


def _halton(count: int) -> np.ndarray:
    """Points (n, 2) spread evenly over (-0.5, 0.5) squared."""
    def part(index: int, base: int) -> float:
        value, step = 0.0, 1.0 / base
        while index:
            value, index, step = value + step * (index % base), index // base, step / base
        return value
    return np.array([[part(i, 2) - 0.5, part(i, 3) - 0.5] for i in range(1, count + 1)], np.float32)


_JITTER = _halton(_MOST)
