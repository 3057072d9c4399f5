"""Denoiser and global encoder together, as one checkpoint holds them, and the noise predictor a sampler calls."""
from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor, nn

from models.config import DenoiserConfig
from models.denoiser import Denoiser, pick_buffers
from models.encoder import GlobalEncoder
from models.schedule import alphas_bar


class NoisePredictor(Protocol):
    """What every sampler calls: noise in x (B, 3, H, W) at raw timesteps t (B,), as float32 (B, 3, H, W)."""

    def __call__(self, x: Tensor, t: Tensor, condition: Tensor, code: Tensor | None) -> Tensor: ...


class RigModel(nn.Module):
    """The two networks under the published key prefixes `denoisingUNet.` and `encoder.`.

    forward(x, t, condition, code) is the denoiser's raw output (epsilon or velocity, see DenoiserConfig.prediction).
    """

    def __init__(self, config: DenoiserConfig) -> None:
        super().__init__()
        self.config = config
        self.denoisingUNet = Denoiser(config)
        self.encoder = GlobalEncoder(config.code, config.encoder_width, 3 * (1 + len(config.encoder_buffers)))

    def encode(self, photo: Tensor, condition: Tensor | None = None, vector: Tensor | None = None) -> Tensor:
        """What steers the denoiser, (B, code_width): the global code of photos (B, 3, H, W) in [-1, 1], then `vector`.

        condition (B, 9, H, W) is looked at where config.encoder_buffers names buffers, vector (B, config.vector) where that is
        not 0. Raises ValueError when one is needed and missing, or the vector has another length.
        """
        config = self.config
        if config.encoder_buffers:
            if condition is None:
                raise ValueError("this network's encoder needs the buffers beside the photo")
            photo = torch.cat([photo, *pick_buffers(condition, config.encoder_buffers)], 1)
        code = self.encoder(photo)
        if not config.vector:
            return code
        if vector is None or vector.shape[-1] != config.vector:
            found = "none" if vector is None else f"{vector.shape[-1]}"
            raise ValueError(f"this network needs {config.vector} numbers of the face code beside the photo, not {found}")
        return torch.cat([code, vector.to(code)], -1)

    def forward(self, x: Tensor, t: Tensor, condition: Tensor, code: Tensor) -> Tensor:
        return self.denoisingUNet(x, t, condition, code)


class EpsilonNetwork:
    """A RigModel as a `NoisePredictor`: hides its dtype, device, memory format and what its output means.

    x may be float32 or float64; condition (B or 1, 9, H, W) and code (B or 1, code_width) are broadcast over the batch;
    code None is the null code (zeros), which training drops in now and then. The model is put in eval mode.
    """

    def __init__(self, model: RigModel) -> None:
        self.model = model.eval()
        self.config = model.config
        parameter = next(model.parameters())
        self.dtype, self.device = parameter.dtype, parameter.device
        self._bar = alphas_bar(model.config.schedule, model.config.steps).float().to(self.device)

    @torch.inference_mode()
    def __call__(self, x: Tensor, t: Tensor, condition: Tensor, code: Tensor | None) -> Tensor:
        batch = x.shape[0]
        noisy = x.to(self.device, torch.float32)
        t = t.to(self.device).long().expand(batch)
        if code is None:
            code = noisy.new_zeros(1, self.config.code_width)
        raw = self.raw(noisy, t, condition, code.to(self.device, self.dtype).expand(batch, -1)).float()
        if self.config.prediction == "epsilon":
            return raw
        bar = self._bar[t].view(-1, 1, 1, 1)
        return bar.sqrt() * raw + (1 - bar).sqrt() * noisy

    @torch.inference_mode()
    def encode(self, photo: Tensor, condition: Tensor | None = None, vector: Tensor | None = None) -> Tensor:
        """What steers the denoiser, float32 (B, code_width): see `RigModel.encode`."""
        beside = None if condition is None else self._cast(condition)
        return self.model.encode(self._cast(photo), beside, None if vector is None else vector.to(self.device)).float()

    def raw(self, noisy: Tensor, t: Tensor, condition: Tensor, code: Tensor) -> Tensor:
        """The denoiser's output (B, 3, H, W) for float32 noisy (B, 3, H, W), t (B,), condition (B or 1, ...), code (B, width)."""
        return self.model(self._cast(noisy), t, self._cast(condition.expand(len(noisy), -1, -1, -1)), code)

    def _cast(self, x: Tensor) -> Tensor:
        return x.to(self.device, self.dtype, memory_format=torch.channels_last)
