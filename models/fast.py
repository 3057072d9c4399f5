"""A trained denoiser's arithmetic in the order that costs least: for sampling, never for training.

Nothing is approximated: every rearrangement is exact but for rounding, and tests hold it to the plain network. What changes:
the buffers' share of the first convolution is kept from step to step (a convolution is linear); what time and code say to every
block comes from two products and goes into the norms; a convolution after nearest doubling runs before it, as four small kernels
(9 / 4 fewer products); attention's q and k, and v and output, become one matrix each where there is one head; the direct path's
banks are summed as kernels before they run. On a CPU the kernels are also laid out for oneDNN once instead of at every step.
"""
from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.denoiser import AttentionBlock, Denoiser, DirectPath, ResBlock, pick_buffers, timestep_embedding
from models.rig_model import EpsilonNetwork, RigModel

_KEPT_CONDITIONS = 2  # guidance asks for two in turn
_FEW_TOKENS = 512  # up to here three plain products beat the fused kernel on a CPU
_PACKED = torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_reorder_convolution_weight")


class _Conv:
    """A convolution of stride 1 and, if given, a sum: `conv(x) + added`."""

    def __init__(self, weight: Tensor, bias: Tensor | None, padding: int) -> None:
        self.weight, self.bias, self.padding = weight.detach(), None if bias is None else bias.detach(), padding
        self._pack = _PACKED and weight.device.type == "cpu" and weight.dtype in (torch.float32, torch.bfloat16)
        self._packed: Tensor | None = None

    def __call__(self, x: Tensor, added: Tensor | None = None) -> Tensor:
        if not self._pack:
            y = F.conv2d(x, self.weight, self.bias, padding=self.padding)
            return y if added is None else y + added
        ones, padding = [1, 1], [self.padding] * 2
        if self._packed is None:
            self._packed = torch.ops.mkldnn._reorder_convolution_weight(self.weight, padding, ones, ones, 1, x.shape)
        if added is None:
            return torch.ops.mkldnn._convolution_pointwise(x, self._packed, self.bias, padding, ones, ones, 1, "none", [], "")
        return torch.ops.mkldnn._convolution_pointwise.binary(x, added, self._packed, self.bias, padding, ones, ones, 1,
                                                              "add", 1.0, None, [], None)


def _conv(layer: nn.Module) -> _Conv:
    assert isinstance(layer, nn.Conv2d)
    return _Conv(layer.weight, layer.bias, layer.kernel_size[0] // 2)


class _DoublingConv:
    """A 3x3 convolution after nearest doubling: four 2x2 kernels on the small picture, whose outputs interleave."""

    def __init__(self, layer: nn.Conv2d) -> None:
        w, self.width = layer.weight.detach().float(), layer.out_channels

        def pairs(kernel: Tensor, dim: int) -> tuple[Tensor, Tensor]:  # what the even and the odd outputs see
            a, b, c = kernel.unbind(dim)
            return torch.stack([a, b + c], dim), torch.stack([a + b, c], dim)

        kernels = [kernel for rows in pairs(w, 2) for kernel in pairs(rows, 3)]
        assert layer.bias is not None
        weight = torch.cat(kernels).to(layer.weight.dtype).contiguous(memory_format=torch.channels_last)
        self._conv = _Conv(weight, layer.bias.repeat(4), 1)

    def __call__(self, x: Tensor) -> Tensor:
        height, width = x.shape[2:]
        parts = self._conv(x).split(self.width, 1)
        y = x.new_empty(x.shape[0], 2 * height, 2 * width, self.width).permute(0, 3, 1, 2)
        for k, part in enumerate(parts):
            row, column = divmod(k, 2)
            y[:, :, row::2, column::2] = part[:, :, row:row + height, column:column + width]
        return y


class _Norm:
    """GroupNorm, with a scale and a shift of its own where they are given: (channels,), or (B, channels)."""

    def __init__(self, layer: nn.Module) -> None:
        assert isinstance(layer, nn.GroupNorm)
        self.groups, self.eps = layer.num_groups, layer.eps
        self.weight, self.bias = layer.weight.detach(), layer.bias.detach()

    def __call__(self, x: Tensor, weight: Tensor | None = None, bias: Tensor | None = None) -> Tensor:
        if weight is None or bias is None:
            return F.group_norm(x, self.groups, self.weight, self.bias, self.eps)
        if weight.ndim == 1:
            return F.group_norm(x, self.groups, weight, bias, self.eps)
        return torch.addcmul(bias[:, :, None, None], F.group_norm(x, self.groups, eps=self.eps), weight[:, :, None, None])


class _Residual:
    """A `ResBlock`; the scale and shift of its second norm come from outside."""

    def __init__(self, block: ResBlock) -> None:
        self.how = block.resize.how
        norm, _, first = block.in_layers
        self.norm1, self.norm2 = _Norm(norm), _Norm(block.out_layers[0])
        assert isinstance(first, nn.Conv2d)
        self.conv1 = _DoublingConv(first) if self.how == "up" else _conv(first)
        self.conv2 = _conv(block.out_layers[-1])
        self.skip = None if isinstance(block.skip_connection, nn.Identity) else _conv(block.skip_connection)

    def __call__(self, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        h = F.silu(self.norm1(x), inplace=True)
        if self.how == "down":
            h, x = F.avg_pool2d(h, 2), F.avg_pool2d(x, 2)
        h = self.conv1(h)
        if self.how == "up":
            x = F.interpolate(x, scale_factor=2, mode="nearest")
        h = F.silu(self.norm2(h, weight, bias), inplace=True)
        return self.conv2(h, x if self.skip is None else self.skip(x))


class _Attention:
    """An `AttentionBlock`. With one head, softmax(q k) v W is softmax(x M x) (x V): two matrices instead of four."""

    def __init__(self, block: AttentionBlock) -> None:
        self.norm, self.heads = _Norm(block.norm), block.heads
        qkv, out = block.qkv, block.proj_out
        weight, bias = qkv.weight.detach()[:, :, 0], qkv.bias
        assert bias is not None and out.bias is not None
        last = out.weight.detach()[:, :, 0]
        if self.heads > 1:
            self.weight, self.bias, self.last = weight, bias.detach(), (last, out.bias.detach())
            return
        exact, last, out_bias = weight.cpu().double(), last.cpu().double(), out.bias.detach().cpu().double()
        (q, k, v), (q_bias, _, v_bias) = exact.chunk(3), bias.detach().cpu().double().chunk(3)
        # k's own bias adds the same to all scores of a row: softmax drops it. The weights of a row sum to 1, so v's bias passes.
        scale = len(q) ** -0.5
        self.weight = torch.cat([scale * k.T @ q, last @ v]).to(weight)
        self.bias = torch.cat([scale * k.T @ q_bias, last @ v_bias + out_bias]).to(weight)

    def __call__(self, x: Tensor) -> Tensor:
        batch, channels, height, width = x.shape
        tokens = self.norm(x).flatten(2).transpose(1, 2)
        mixed = F.linear(tokens, self.weight, self.bias)
        if self.heads > 1:
            q, k, v = mixed.view(batch, -1, self.heads, 3, channels // self.heads).permute(3, 0, 2, 1, 4)
            mixed = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(batch, -1, channels)
            mixed = F.linear(mixed, *self.last)
        else:
            q, v = mixed.split(channels, 2)
            if x.device.type == "cpu" and height * width <= _FEW_TOKENS:
                mixed = torch.bmm(torch.softmax(torch.bmm(q, tokens.transpose(1, 2)), -1), v)
            else:
                mixed = F.scaled_dot_product_attention(q[:, None], tokens[:, None], v[:, None], scale=1.0)[:, 0]
        return x + mixed.transpose(1, 2).unflatten(2, (height, width))


class _Direct:
    """A `DirectPath` as one kernel a picture: its banks, weighed by time, are summed before they run."""

    def __init__(self, path: DirectPath) -> None:
        self.channels = path.channels
        self.kernels = path.filters.weight.detach().unflatten(0, (-1, self.channels))
        self.gates = path.gates

    def __call__(self, patches: Tensor, embedding: Tensor) -> Tensor:
        gates = self.gates(F.silu(embedding)).unflatten(1, (-1, self.channels))
        rows = [F.conv2d(patch[None], (gate[:, :, None, None, None] * self.kernels).sum(0), padding=1)
                for patch, gate in zip(patches, gates, strict=True)]
        return rows[0] if len(rows) == 1 else torch.cat(rows).contiguous(memory_format=torch.channels_last)


class FastDenoiser:
    """A `Denoiser` for sampling: same arguments and output, the same numbers but for rounding, no gradients.

    It takes the weights as they are now (and copies of some): change the network, and it must be made anew.
    """

    def __init__(self, denoiser: Denoiser) -> None:
        self.config, self.time_embed = denoiser.config, denoiser.time_embed
        head = denoiser.input_blocks[0][0]  # type: ignore[index]
        share = 3 * self.config.patch ** 2
        self.first = _Conv(head.weight[:, :share].contiguous(memory_format=torch.channels_last), None, 1)
        self.first_buffers = _Conv(head.weight[:, share:].contiguous(memory_format=torch.channels_last), head.bias, 1)
        stages = [*denoiser.input_blocks[1:], denoiser.middle_block, *denoiser.output_blocks]  # type: ignore[misc]
        self.stages = [[_Residual(b) if isinstance(b, ResBlock) else _Attention(b) for b in stage] for stage in stages]
        blocks = [b for stage in stages for b in stage if isinstance(b, ResBlock)]
        self.widths = [b.out_layers[-1].out_channels for b in blocks]
        self.gain, self.offset = (torch.cat([getattr(b.out_layers[0], name).detach() for b in blocks])
                                  for name in ("weight", "bias"))
        self.by_time, self.by_code = (_scales_then_shifts([getattr(b, name)[1] for b in blocks])
                                      for name in ("emb_layers", "cond_emb_layers"))
        self.out_norm, self.out = _Norm(denoiser.out[0]), _conv(denoiser.out[2])
        self.direct = None if denoiser.direct is None else _Direct(denoiser.direct)
        self._known: list[tuple[Tensor, Tensor]] = []

    def __call__(self, x: Tensor, t: Tensor, condition: Tensor, code: Tensor) -> Tensor:
        """See `Denoiser`; condition may also be (1, 9, H, W) for all of the batch."""
        embedding = self.time_embed(timestep_embedding(t, self.config.base).to(code.dtype))
        weights, biases = self._steered(embedding, code)
        steering = zip(weights, biases, strict=True)
        patches = self._patches(x, code.dtype)
        seen = self._condition(condition, code.dtype)
        h = self.first(patches, seen.expand(len(x), -1, -1, -1).contiguous(memory_format=torch.channels_last))
        skips, inputs = [h], (len(self.stages) - 1) // 2
        for at, stage in enumerate(self.stages):
            if at > inputs:
                h = torch.cat([h, skips.pop()], 1)
            for block in stage:
                h = block(h, *next(steering)) if isinstance(block, _Residual) else block(h)
            if at < inputs:
                skips.append(h)
        h = F.silu(self.out_norm(h), inplace=True)
        h = self.out(h, None if self.direct is None else self.direct(patches, embedding))
        return F.pixel_shuffle(h, self.config.patch) if self.config.patch > 1 else h

    def _patches(self, x: Tensor, dtype: torch.dtype) -> Tensor:
        """pixel_unshuffle and the change of number format in one copy, channels last."""
        patch = self.config.patch
        tiles = x.unflatten(3, (-1, patch)).unflatten(2, (-1, patch)).permute(0, 2, 4, 1, 3, 5)
        return tiles.to(dtype).flatten(3).contiguous().permute(0, 3, 1, 2)

    def _condition(self, condition: Tensor, dtype: torch.dtype) -> Tensor:
        """The buffers' share of the first convolution, and its bias: (1 or B, channels, h, w)."""
        if condition.device.type != "cpu":  # a comparison would wait for the device
            return self._conditioned(condition, dtype)
        for k, (known, seen) in enumerate(self._known):
            if torch.equal(known, condition):
                self._known.insert(0, self._known.pop(k))
                return seen
        seen = self._conditioned(condition, dtype)
        self._known = [(condition.clone(), seen), *self._known[:_KEPT_CONDITIONS - 1]]
        return seen

    def _conditioned(self, condition: Tensor, dtype: torch.dtype) -> Tensor:
        if not self.config.buffers:
            bias, patch = self.first_buffers.bias, self.config.patch
            assert bias is not None
            return bias.view(1, -1, 1, 1).expand(len(condition), -1, condition.shape[2] // patch, condition.shape[3] // patch)
        return self.first_buffers(self._patches(torch.cat(pick_buffers(condition, self.config.buffers), 1), dtype))

    def _steered(self, embedding: Tensor, code: Tensor) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
        """Weight and bias of every block's second norm: (channels,) for one picture, else (B, channels) each."""
        by_time, by_code = (F.linear(F.silu(v), *layer) for v, layer in ((embedding, self.by_time), (code, self.by_code)))
        (scale_t, shift_t), (scale_z, shift_z) = by_time.chunk(2, 1), by_code.chunk(2, 1)
        scale = (1 + scale_t) * (1 + scale_z)
        weight, bias = scale * self.gain, scale * self.offset + shift_t * (1 + scale_z) + shift_z
        if len(weight) == 1:
            weight, bias = weight[0], bias[0]
        return weight.split(self.widths, -1), bias.split(self.widths, -1)


def _scales_then_shifts(layers: list[nn.Linear]) -> tuple[Tensor, Tensor]:
    """Weight and bias of one layer that gives all scales, then all shifts."""
    halves = [(layer.weight.detach().chunk(2), layer.bias.detach().chunk(2)) for layer in layers]
    return (torch.cat([w[k] for k in (0, 1) for w, _ in halves]), torch.cat([b[k] for k in (0, 1) for _, b in halves]))


class FastNetwork(EpsilonNetwork):
    """An `EpsilonNetwork` that samples by `FastDenoiser`."""

    def __init__(self, model: RigModel) -> None:
        super().__init__(model)
        with torch.inference_mode():
            self._fast = FastDenoiser(model.denoisingUNet)

    def raw(self, noisy: Tensor, t: Tensor, condition: Tensor, code: Tensor) -> Tensor:
        return self._fast(noisy, t, condition.to(self.device), code)
