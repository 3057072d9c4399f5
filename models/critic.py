"""Critic: tells photos from a student's pictures, so that few-step pictures are sharp where an average would be soft."""
from __future__ import annotations

import torch
from torch import Tensor, nn

from models.config import DenoiserConfig
from models.denoiser import Denoiser


class Critic(nn.Module):
    """Scores of pictures, from two looks at each.

    One looks at the features of the frozen prior's own encoder half (Sauer et al. 2024, latent adversarial distillation): they
    know faces already, so few pictures are enough. The other looks at the pixels beside the rendered buffer, in patches (Isola
    et al. 2017), which sees grain and blur finer than a denoiser's patches.
    """

    def __init__(self, config: DenoiserConfig, width: int = 32) -> None:
        super().__init__()
        self.heads = nn.ModuleList([_head(channels, 2 * width) for channels in config.widths])
        layers: list[nn.Module] = [nn.Conv2d(6, width, 4, 2, 1), nn.LeakyReLU(0.2)]
        for k in range(2):
            layers += [nn.Conv2d(width << k, width << k + 1, 4, 2, 1), nn.GroupNorm(8, width << k + 1), nn.LeakyReLU(0.2)]
        self.pixels = nn.Sequential(*layers, nn.Conv2d(4 * width, 1, 3, 1, 1))

    def forward(self, picture: Tensor, rendered: Tensor, features: list[Tensor]) -> list[Tensor]:
        """Score maps: high for photos. picture, rendered (B, 3, H, W); features: of `levels`."""
        return [self.pixels(torch.cat([picture, rendered], 1)),
                *(head(value) for head, value in zip(self.heads, features, strict=True))]


def _head(channels: int, width: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(channels, width, 1), nn.LeakyReLU(0.2), nn.Conv2d(width, width, 3, 1, 1),
                         nn.GroupNorm(8, width), nn.LeakyReLU(0.2), nn.Conv2d(width, 1, 1))


def levels(network: Denoiser, x: Tensor, t: Tensor, condition: Tensor, code: Tensor) -> list[Tensor]:
    """What a denoiser's encoder half makes of noisy pictures: the last feature map (B, C, h, w) of each level, finest first."""
    _, _, maps = network.descend(x, t, condition, code)
    return list({value.shape[-1]: value for value in maps}.values())  # a later map of the same side takes the place
