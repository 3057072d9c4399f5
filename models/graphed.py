"""The network as a CUDA graph: a small network is hundreds of short kernels, and launching them takes longer than they do."""
from __future__ import annotations

import logging
from collections import OrderedDict
from dataclasses import dataclass

import torch
from torch import Tensor

from models.fast import FastNetwork

log = logging.getLogger(__name__)

_KEPT_GRAPHS = 6  # batch sizes and picture sizes; each holds its own inputs and output
_WARM_UPS = 3  # runs before the capture: cuDNN picks its kernels, the allocator its blocks


@dataclass(eq=False)
class _Graph:
    """A captured evaluation: fill `inputs`, replay, read `output`."""

    graph: torch.cuda.CUDAGraph
    inputs: tuple[Tensor, ...]
    output: Tensor


class GraphedNetwork(FastNetwork):
    """A `FastNetwork` on CUDA whose evaluation is captured at the first call of each shape and replayed from then on.

    Nothing in a call waits for the device. Where a capture fails (no memory, a kernel that can't be captured), that shape runs as
    it does without graphs, with one warning. One thread at a time.
    """

    _graphs: OrderedDict[tuple[torch.Size, ...], _Graph | None] | None = None

    def raw(self, noisy: Tensor, t: Tensor, condition: Tensor, code: Tensor) -> Tensor:
        given = (noisy, t, condition.to(self.device), code)
        shapes = tuple(value.shape for value in given)
        if self._graphs is None:
            self._graphs = OrderedDict()
        if shapes not in self._graphs:
            self._graphs[shapes] = self._captured(given)
            while len(self._graphs) > _KEPT_GRAPHS:
                self._graphs.popitem(last=False)
        self._graphs.move_to_end(shapes)
        found = self._graphs[shapes]
        if found is None:
            return super().raw(*given)
        for kept, value in zip(found.inputs, given, strict=True):
            kept.copy_(value)
        found.graph.replay()
        return found.output.clone()  # the next replay writes over it

    def _captured(self, given: tuple[Tensor, ...]) -> _Graph | None:
        try:
            return self._capture(given)
        except RuntimeError as problem:  # torch.cuda.OutOfMemoryError is one too
            log.warning("the network runs without CUDA graphs here (%s)", str(problem).splitlines()[0])
            return None

    def _capture(self, given: tuple[Tensor, ...]) -> _Graph:
        inputs = tuple(value.clone(memory_format=torch.contiguous_format) for value in given)
        beside = torch.cuda.Stream(self.device)
        beside.wait_stream(torch.cuda.current_stream(self.device))
        with torch.cuda.stream(beside):
            for _ in range(_WARM_UPS):
                super().raw(*inputs)
        torch.cuda.current_stream(self.device).wait_stream(beside)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            output = super().raw(*inputs)
        return _Graph(graph, inputs, output)
