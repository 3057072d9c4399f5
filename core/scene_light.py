"""What another light meets in a photo: how much of each pixel is the person, and their skin without the old light's shine."""
from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from core.align import feather, margin
from core.complexion import SIZE, Complexion, complexion
from core.cv import cv2
from core.estimate_light import region_table
from core.matte_edge import share_of_light
from core.render.buffers import render_buffers

if TYPE_CHECKING:
    from core.background import Scene

_BUFFERS = 256  # side of the crop at which the head is drawn for the complexion
_DARK_ALBEDO = 0.04
_NEAR = 0.06  # how softly the complexion ends with the head, as a share of the crop's side


@dataclass(frozen=True, eq=False)
class SceneLight:
    """Each part of a photo's scene is worked out when it is first asked for, and kept."""

    scene: Scene
    _shares: dict[int, np.ndarray] = field(default_factory=dict, repr=False)

    def share(self, size: int) -> np.ndarray:
        """How much of each pixel's light comes from the person (F, F) float32 in [0, 1] (`core.matte_edge`), in the frame around
        a crop of side `size`, at most the native one."""
        if size not in self._shares:
            frame = size + 2 * margin(size)
            self._shares[size] = cv2.resize(self._share, (frame, frame), interpolation=cv2.INTER_AREA)
        return self._shares[size].astype(np.float32) / 255

    @cached_property
    def _share(self) -> np.ndarray:
        """`share` of the native frame, as bytes."""
        scene = self.scene
        layers = scene.layers(scene.native)
        return (share_of_light(layers.photo, layers.matte, layers.plate) * 255 + 0.5).astype(np.uint8)

    @cached_property
    def complexion(self) -> Complexion:
        """The photo's complexion, (f, f, 3) each, in the frame around a crop of any side: f is as fine as it is worth."""
        scene, size = self.scene, min(self.scene.native, SIZE)
        small = min(size, _BUFFERS)
        buffers = render_buffers(scene.head, scene.code, small, scene.rasterizer)
        assert buffers.face_ids is not None and buffers.bary is not None
        bare = region_table(scene.head)[scene.head.faces[np.maximum(buffers.face_ids, 0)]][..., 0]
        skin = (bare * buffers.bary).sum(-1) * buffers.coverage
        shading = buffers.rendered.mean(-1) / np.maximum(buffers.albedo.mean(-1), _DARK_ALBEDO)
        skin, shading, tone = (cv2.resize(cv2.GaussianBlur(a.astype(np.float32), (0, 0), 0.006 * small), (size, size))
                               for a in (skin, shading, buffers.albedo))
        edge = margin(size)
        own = self.share(size)[edge:edge + size, edge:edge + size]
        found = complexion(scene.photo.crop(size), skin * np.clip(2 * own - 1, 0, 1), shading, tone)
        near = cv2.resize(buffers.coverage.astype(np.float32), (size, size), interpolation=cv2.INTER_LINEAR)
        soft = (feather(size) * np.clip(2 * cv2.blur(near, (round(_NEAR * size),) * 2) - 0.2, 0, 1))[..., None]
        return found.map(lambda a: cv2.copyMakeBorder(a * soft, *(edge,) * 4, cv2.BORDER_CONSTANT))
