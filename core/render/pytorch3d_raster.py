"""pytorch3d's rasterizer (Ravi et al. 2020), called as the reference calls it, behind our interface. An optional extra.

pytorch3d counts NDC to the left and up, we to the right and down: both axes are negated on the way in, and nothing on the way
out, as its pictures have row 0 on top too. Its own code decides each pixel; interpolation and shading are `torch_raster`'s.
"""
from __future__ import annotations

import logging

import torch
from torch import Tensor

from core.errors import AssetError
from core.render.torch_raster import TorchRasterizer

log = logging.getLogger(__name__)

MISSING = ("The pytorch3d rasterizer was asked for, but pytorch3d can't be loaded ({reason}). Get its source from "
           "github.com/facebookresearch/pytorch3d and build it with 'make pytorch3d SOURCE=that/folder', or use the rasterizer "
           "'numba' or 'torch', which draw the same pixels.")


def to_pytorch3d(ndc: Tensor) -> Tensor:
    """Our NDC (..., 3) in pytorch3d's: +x left, +y up, the same depth."""
    return ndc * ndc.new_tensor([-1.0, -1.0, 1.0])


class Pytorch3dRasterizer(TorchRasterizer):
    """See `core.render.rasterize.Rasterizer`. Raises AssetError where pytorch3d is missing or does not load."""

    name = "pytorch3d"

    def __init__(self, device: torch.device | str | None = None) -> None:
        super().__init__(device)
        try:
            from pytorch3d.renderer.mesh.rasterize_meshes import rasterize_meshes
            from pytorch3d.structures import Meshes
        except (ImportError, OSError) as error:  # OSError: built for another torch
            raise AssetError(MISSING.format(reason=str(error).splitlines()[0])) from error
        self._rasterize, self._meshes = rasterize_meshes, Meshes
        if device is None and self.device.type == "cuda" and not self._draws():
            log.warning("this pytorch3d was built without CUDA and draws on the CPU; build it again where torch finds CUDA")
            self.device = torch.device("cpu")

    def _draws(self) -> bool:
        try:
            self.surface_of(torch.ones(1, 3, 3, device=self.device), torch.arange(3, device=self.device)[None], 1)
        except RuntimeError:
            return False
        return True

    def surface_of(self, ndc: Tensor, faces: Tensor, size: int) -> tuple[Tensor, Tensor, Tensor]:
        """`SurfaceOf` of pytorch3d."""
        # bin_size 0: its coarse bins, the default on a GPU, drop faces where they overflow
        meshes = self._meshes(verts=to_pytorch3d(ndc), faces=faces.expand(len(ndc), -1, -1))
        ids, depth, bary, _ = self._rasterize(meshes, image_size=size, blur_radius=0.0, faces_per_pixel=1, bin_size=0,
                                              perspective_correct=False, clip_barycentric_coords=False, cull_backfaces=False)
        ids, depth, bary = ids[..., 0], depth[..., 0], bary[..., 0, :]
        first = len(faces) * torch.arange(len(ndc), device=ids.device)[:, None, None]  # it counts through the batch
        missed = ids < 0
        return (torch.where(missed, ids, ids - first), depth.masked_fill(missed, torch.inf),
                bary.masked_fill(missed[..., None], 0))
