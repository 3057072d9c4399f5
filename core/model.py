"""Model: one set of weights ready to paint, the prior's own or those of a person."""
from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import torch

from core.backends import Backend
from core.edit import Painter
from core.errors import AssetError
from core.memory import Singly
from core.people.person import Person
from core.prior import Prior
from core.sampling import Sampler
from models.rig_model import EpsilonNetwork, NoisePredictor, RigModel


class Model:
    """A network with its painter, and the global codes that it made of photos.

    prior: the weights, or those that a person changes. person: whose they are; None for the prior itself. backend: who evaluates
    networks of that shape here. singly: evaluate the pictures of a batch one by one, which needs less memory. Raises AssetError
    when the weights, or what is said of how to sample them, can't be used.

    network: evaluates the denoiser and the encoder. painter: it and its few-step student. codes: global codes by the digest of
    their photo, for networks whose code depends on the photo alone.
    """

    def __init__(self, prior: Prior, backend: Backend, person: Person | None = None, singly: bool = False) -> None:
        self.prior, self.person, self._backend = prior, person, backend
        self._in_turn: Callable[[NoisePredictor], NoisePredictor] = Singly if singly else _as_it_is
        # an exported network's file is kept for the prior; people come and go
        self.network: EpsilonNetwork = backend.network(self._build(), keep=person is None)
        self.painter: Painter = self._painter()
        self.codes: dict[str, torch.Tensor] = {}

    @property
    def identity(self) -> tuple[float, ...]:
        """The mean identity that this model's pictures are rendered with; () for each photo's own."""
        return self.person.identity if self.person else ()

    @cached_property
    def exact(self) -> EpsilonNetwork:
        """The network in 32-bit numbers on torch, whatever the device would rather have."""
        if self._backend.runtime == "torch" and self._backend.dtype == torch.float32:
            return self.network
        return Backend("torch", torch.float32, self._backend.device).network(self._build())

    def _build(self) -> RigModel:
        return self.person.build(self.prior) if self.person else self.prior.build()

    def _painter(self) -> Painter:
        """The network with its student, if it has one, and what the prior's card says of how to use them."""
        prior = self.prior
        try:
            built = self.person.build_student(prior) if self.person else prior.build_student()
            if built is not None and prior.student is not None:
                sampler = Sampler.of_student(prior.student)
                fast = self._backend.network(built, keep=self.person is None)
            else:
                sampler, fast = Sampler.of_card(prior.card.get("sampler", {})), None
            student = None if fast is None else self._in_turn(fast)
            return Painter(self._in_turn(self.network), self.network.device, student, sampler,
                           int(prior.card.get("repaint_from", 0)))
        except (ValueError, TypeError, KeyError) as error:
            raise AssetError(f"What the model '{prior.name}' says of how to sample it can't be used: {error}. Get the file "
                             "again, or choose another one.") from error


def _as_it_is(network: NoisePredictor) -> NoisePredictor:
    return network
