"""The denoiser: an ADM UNet (Dhariwal & Nichol 2021) that sees noise and physical buffers, steered by time and code.

Module names follow the published checkpoints, so that those load key by key (DiffusionRig, CVPR 2023).
"""
from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.config import BUFFERS, DenoiserConfig


def timestep_embedding(t: Tensor, width: int, period: float = 10000.0) -> Tensor:
    """[cos | sin] features of timesteps t (B,): float32 (B, width), width even. Frequencies fall from 1 to 1/period."""
    half = width // 2
    frequencies = torch.exp(-math.log(period) * torch.arange(half, dtype=torch.float32, device=t.device) / half)
    angles = t[:, None].float() * frequencies[None]
    return torch.cat([torch.cos(angles), torch.sin(angles)], -1)


def pick_buffers(condition: Tensor, names: tuple[str, ...]) -> tuple[Tensor, ...]:
    """The named buffers, (B, 3, H, W) each, out of a condition (B, 9, H, W) = rendered, normal, albedo."""
    return tuple(condition[:, 3 * BUFFERS.index(name):][:, :3] for name in names)


def _zeroed(layer: nn.Module) -> nn.Module:
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
    return layer


class _Resize(nn.Module):
    """2x average pooling (down), nearest doubling (up), or nothing."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.how = how

    def forward(self, x: Tensor) -> Tensor:
        if self.how == "down":
            return F.avg_pool2d(x, 2)
        return F.interpolate(x, scale_factor=2, mode="nearest") if self.how == "up" else x


class ResBlock(nn.Module):
    """Residual block steered twice: scale and shift from the time embedding, then from the global code."""

    def __init__(self, inputs: int, outputs: int, config: DenoiserConfig, resize: str = "") -> None:
        super().__init__()
        self.resize = _Resize(resize)
        self.in_layers = nn.Sequential(
            nn.GroupNorm(config.groups, inputs), nn.SiLU(), nn.Conv2d(inputs, outputs, 3, padding=1))
        self.emb_layers = nn.Sequential(nn.SiLU(), nn.Linear(4 * config.base, 2 * outputs))
        self.cond_emb_layers = nn.Sequential(nn.SiLU(), nn.Linear(config.code_width, 2 * outputs))
        self.out_layers = nn.Sequential(
            nn.GroupNorm(config.groups, outputs), nn.SiLU(), nn.Dropout(config.dropout),
            _zeroed(nn.Conv2d(outputs, outputs, 3, padding=1)))
        self.skip_connection = nn.Identity() if inputs == outputs else nn.Conv2d(inputs, outputs, 1)

    def forward(self, x: Tensor, embedding: Tensor, code: Tensor) -> Tensor:
        norm, act, conv = self.in_layers
        h = conv(self.resize(act(norm(x))))
        norm, *rest = self.out_layers
        # Both modulations are affine in h, so they fold into one multiply and one add over the pixels.
        scale_t, shift_t = self.emb_layers(embedding)[:, :, None, None].chunk(2, 1)
        scale_z, shift_z = self.cond_emb_layers(code)[:, :, None, None].chunk(2, 1)
        h = torch.addcmul(shift_t * (1 + scale_z) + shift_z, norm(h), (1 + scale_t) * (1 + scale_z))
        for layer in rest:
            h = layer(h)
        return self.skip_connection(self.resize(x)) + h


def _pointwise(layer: nn.Conv1d, x: Tensor) -> Tensor:
    """A 1x1 convolution as a product over x (B, pixels, channels), which needs no copy of x."""
    return F.linear(x, layer.weight[:, :, 0], layer.bias)


class AttentionBlock(nn.Module):
    """Self-attention over all pixels of a feature map; `qkv` in ADM's legacy order (heads first, each q|k|v)."""

    def __init__(self, channels: int, config: DenoiserConfig) -> None:
        super().__init__()
        self.heads = channels // config.head_channels if config.head_channels else 1
        self.norm = nn.GroupNorm(config.groups, channels)
        self.qkv = nn.Conv1d(channels, 3 * channels, 1)
        self.proj_out = nn.Conv1d(channels, channels, 1)
        _zeroed(self.proj_out)

    def forward(self, x: Tensor, embedding: Tensor, code: Tensor) -> Tensor:
        batch, channels, height, width = x.shape
        tokens = self.norm(x).flatten(2).transpose(1, 2)
        qkv = _pointwise(self.qkv, tokens)
        qkv = qkv.view(batch, -1, self.heads, 3, channels // self.heads).permute(3, 0, 2, 1, 4)
        mixed = F.scaled_dot_product_attention(qkv[0], qkv[1], qkv[2])
        mixed = mixed.transpose(1, 2).reshape(batch, -1, channels)
        mixed = _pointwise(self.proj_out, mixed)
        return x + mixed.transpose(1, 2).reshape(batch, channels, height, width)


class DirectPath(nn.Module):
    """A linear way from the noisy patches to the output, weighed by time.

    Most of what a denoiser says at low noise is x_t itself, high-pass filtered; through wide patches a small network learns that
    slowly. This path starts as averages over 1, 2, 4 ... pixels (learned further) that the time embedding mixes.
    """

    def __init__(self, config: DenoiserConfig) -> None:
        super().__init__()
        patch, self.channels = config.patch, 3 * config.patch ** 2
        scales = [2 ** k for k in range(patch.bit_length()) if patch % 2 ** k == 0]
        self.filters = nn.Conv2d(self.channels, self.channels * len(scales), 3, padding=1, bias=False)
        self.gates = nn.Linear(4 * config.base, self.channels * len(scales))
        _zeroed(self.gates)
        row = torch.arange(patch)
        centre = []
        for scale in scales:
            same = (row[:, None] // scale == row[None] // scale).float() / scale
            centre.append(torch.kron(torch.eye(3), torch.kron(same, same)))  # channel order of pixel_unshuffle
        with torch.no_grad():
            nn.init.normal_(self.filters.weight, std=1e-3)
            self.filters.weight[:, :, 1, 1] += torch.cat(centre).to(self.filters.weight.device)

    def forward(self, patches: Tensor, embedding: Tensor) -> Tensor:
        banks = self.filters(patches) * self.gates(F.silu(embedding))[:, :, None, None]
        return banks.unflatten(1, (-1, self.channels)).sum(1)


class _Stage(nn.Sequential):
    """Layers run one after another; residual and attention blocks also get the embedding and the code."""

    def forward(self, x: Tensor, embedding: Tensor, code: Tensor) -> Tensor:  # type: ignore[override]
        for layer in self:
            steered = isinstance(layer, (ResBlock, AttentionBlock))
            x = layer(x, embedding, code) if steered else layer(x)
        return x


class Denoiser(nn.Module):
    """UNet over cat[x_t (3), the buffers its configuration names] -> noise or velocity (3), same size, about unit variance.

    forward(x, t, condition, code): x (B, 3, H, W) noisy picture, t (B,) raw timesteps 0..999,
    condition (B, 9, H, W) = rendered, normal, albedo, always all three, code (B, config.code_width). H and W need not be
    config.size but must be multiples of patch * 2^(levels-1). Output (B, 3, H, W) in x's dtype.
    """

    def __init__(self, config: DenoiserConfig) -> None:
        super().__init__()
        self.config = config
        widths, hidden = config.widths, 4 * config.base
        self.time_embed = nn.Sequential(nn.Linear(config.base, hidden), nn.SiLU(), nn.Linear(hidden, hidden))
        inputs = 3 * (1 + len(config.buffers)) * config.patch ** 2
        self.input_blocks = nn.ModuleList([_Stage(nn.Conv2d(inputs, widths[0], 3, padding=1))])
        skips, channels, side = [widths[0]], widths[0], config.size // config.patch
        for level, width in enumerate(widths):
            for _ in range(config.blocks):
                self.input_blocks.append(self._stage(channels, width, side))
                channels = width
                skips.append(channels)
            if level < len(widths) - 1:
                self.input_blocks.append(_Stage(ResBlock(channels, channels, config, "down")))
                skips.append(channels)
                side //= 2
        self.middle_block = _Stage(ResBlock(channels, channels, config), AttentionBlock(channels, config),
                                   ResBlock(channels, channels, config))
        self.output_blocks = nn.ModuleList()
        for level, width in reversed(list(enumerate(widths))):
            for block in range(config.blocks + 1):
                stage = self._stage(channels + skips.pop(), width, side)
                channels = width
                if level and block == config.blocks:
                    stage.append(ResBlock(channels, channels, config, "up"))
                    side *= 2
                self.output_blocks.append(stage)
        self.out = nn.Sequential(nn.GroupNorm(config.groups, channels), nn.SiLU(),
                                 _zeroed(nn.Conv2d(channels, 3 * config.patch ** 2, 3, padding=1)))

        self.direct = DirectPath(config) if config.direct else None

    def _stage(self, inputs: int, outputs: int, side: int) -> _Stage:
        stage = _Stage(ResBlock(inputs, outputs, self.config))
        if side in self.config.attention:
            stage.append(AttentionBlock(outputs, self.config))
        return stage

    def descend(self, x: Tensor, t: Tensor, condition: Tensor, code: Tensor) -> tuple[Tensor, Tensor, list[Tensor]]:
        """The encoder half: patches of input and buffers, the time embedding, and the feature map after each stage, finest first.

        Arguments as in `forward`.
        """
        embedding = self.time_embed(timestep_embedding(t, self.config.base).to(code.dtype))
        patches = torch.cat([x, *pick_buffers(condition, self.config.buffers)], 1)
        if self.config.patch > 1:
            patches = F.pixel_unshuffle(patches, self.config.patch)
        h, skips = patches, []
        for stage in self.input_blocks:
            h = stage(h, embedding, code)
            skips.append(h)
        return patches, embedding, skips

    def forward(self, x: Tensor, t: Tensor, condition: Tensor, code: Tensor) -> Tensor:
        patches, embedding, skips = self.descend(x, t, condition, code)
        h = self.middle_block(skips[-1], embedding, code)
        for stage in self.output_blocks:
            h = stage(torch.cat([h, skips.pop()], 1), embedding, code)
        h = self.out(h)
        if self.direct is not None:
            h = h + self.direct(patches[:, :3 * self.config.patch ** 2], embedding)
        return F.pixel_shuffle(h, self.config.patch) if self.config.patch > 1 else h
