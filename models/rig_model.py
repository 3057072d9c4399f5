"""Denoiser and global encoder together, as one checkpoint holds them, and the noise predictor a sampler calls."""
from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor, nn

from models.config import DenoiserConfig
from models.denoiser import Denoiser
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
        self.encoder = GlobalEncoder(config.code, config.encoder_width)

    def encode(self, photo: Tensor) -> Tensor:
        """Global code (B, code) of photos (B, 3, H, W) in [-1, 1]."""
        return self.encoder(photo)

    def forward(self, x: Tensor, t: Tensor, condition: Tensor, code: Tensor) -> Tensor:
        return self.denoisingUNet(x, t, condition, code)


class EpsilonNetwork:
    """A RigModel as a `NoisePredictor`: hides its dtype, device, memory format and what its output means.

    x may be float32 or float64; condition (B or 1, 9, H, W) and code (B or 1, code) are broadcast over the batch;
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
            code = noisy.new_zeros(1, self.config.code)
        raw = self.model(self._cast(noisy), t, self._cast(condition.expand(batch, -1, -1, -1)),
                         code.to(self.device, self.dtype).expand(batch, -1)).float()
        if self.config.prediction == "epsilon":
            return raw
        bar = self._bar[t].view(-1, 1, 1, 1)
        return bar.sqrt() * raw + (1 - bar).sqrt() * noisy

    @torch.inference_mode()
    def encode(self, photo: Tensor) -> Tensor:
        """Global code, float32 (B, code), of photos (B, 3, H, W) in [-1, 1]."""
        return self.model.encode(self._cast(photo)).float()

    def _cast(self, x: Tensor) -> Tensor:
        return x.to(self.device, self.dtype, memory_format=torch.channels_last)
