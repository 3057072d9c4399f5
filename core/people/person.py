"""A person: one file of changes to a prior's weights, with the mean identity and what its maker says of it."""
from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from core.assets.problems import Unfit
from core.errors import AssetError
from core.files import atomic_write, read_file
from core.people.header import ENTRY, MAX_FILE, About, about_in, refusals, storable, to_text
from core.people.names import clean_name
from core.prior import Prior
from models import changes as packed
from models.checkpoint import CheckpointError, check_finite
from models.rig_model import RigModel

_TYPES = (torch.float16, torch.float32, torch.int8)


@dataclass(frozen=True)
class Person(About):
    """A person's file, read and checked but for what only its prior can tell.

    path: where it was read. changes: packed weights (`models.changes`) of the denoiser under 'network.', laid on the prior's own,
    and of its few-step student under 'student.', laid on the prior's student; either may be missing.
    """

    path: Path = field(compare=False)
    changes: Mapping[str, Tensor] = field(compare=False, repr=False)

    def build(self, prior: Prior) -> RigModel:
        """The prior with this person's changes, float32 on the CPU, in eval mode. Raises AssetError where they don't fit."""
        self.check(prior)
        with refusals(self.path):
            return build_network(prior, self.changes)

    def build_student(self, prior: Prior) -> RigModel | None:
        """This person's few-step student, as `build`; None where the prior has none."""
        self.check(prior)
        with refusals(self.path):
            return build_student(prior, self.changes)

    def check(self, prior: Prior) -> None:
        """Raises AssetError when this person was made with another prior, saying which, or does not fit it."""
        if self.prior_digest != prior.digest:
            raise AssetError(f"'{self.name}' was made with the model '{self.prior_name}' ({self.prior_digest[:12]}) and can't be "
                             f"used with '{prior.name}' ({prior.digest[:12]}). Choose that model, or make the person anew.")
        with refusals(self.path):
            if (self.head, self.size) != (prior.head, prior.size):
                raise Unfit(f"it says it is for the '{self.head}' head and {self.size} pixels, but its model is for "
                            f"'{prior.head}' and {prior.size}")
            _check_fit(prior, self.changes)


def build_network(prior: Prior, changes: Mapping[str, Tensor]) -> RigModel:
    """A prior with packed changes under 'network.' laid on it, float32 on the CPU, in eval mode. Raises Unfit where the sums are
    no weights."""
    return _model(prior, packed.apply(prior.checkpoint.state, changes, packed.NETWORK))


def build_student(prior: Prior, changes: Mapping[str, Tensor]) -> RigModel | None:
    """A prior's student with packed changes under 'student.' laid on it; without any, the prior's own difference laid on the
    personal network. None where the prior has no student."""
    own = prior.checkpoint.student_state()
    if own is None:
        return None
    if any(name.startswith(packed.STUDENT) for name in changes):
        return _model(prior, packed.apply(own, changes, packed.STUDENT))
    personal = packed.apply(prior.checkpoint.state, changes, packed.NETWORK)
    return _model(prior, packed.apply(personal, prior.checkpoint.student, packed.STUDENT))


def write_person(path: Path, *, name: str, prior: Prior, identity: Sequence[float], changes: Mapping[str, Tensor],
                 card: Mapping[str, Any]) -> None:
    """Write a person's file at once (see `core.files.atomic_write`), with missing folders made.

    identity: the mean identity (K,) of the prior's head, () for none. changes: see `Person`. card: see `About`; it is stored as
    `core.people.header.storable` leaves it. Raises AssetError for a name that can't be one, ValueError (TypeError) for a card or
    an identity that can't be read again, CheckpointError for changes that are not finite, Unfit for some that are none of this
    prior, WriteError.
    """
    _check_fit(prior, changes)
    plain = tuple(float(v) for v in identity)
    about = About(_digest(prior.digest, plain, changes), clean_name(name), prior.digest, prior.name, prior.licence, prior.head,
                  prior.size, plain, storable(card))
    atomic_write(path, _to_bytes(about, changes), make_folder=True)


def renamed(person: Person, name: str, path: Path) -> None:
    """Write a person under another name. Raises AssetError, WriteError."""
    shown = {one.name: getattr(person, one.name) for one in fields(About)}
    atomic_write(path, _to_bytes(About(**{**shown, "name": clean_name(name)}), person.changes), make_folder=True)


def read_person(path: Path) -> Person:
    """Read a person's file and check all of it but whether it fits its prior (`Person.check`).

    Raises AssetError, naming the file, when it can't be read, is damaged or no person, was written by a newer version, or holds
    values that are none.
    """
    data = read_file(path, MAX_FILE, AssetError)
    with refusals(path):
        about = about_in(io.BytesIO(data))
        try:
            tensors = safetensors.torch.load(data)
            check_finite(tensors)
        except CheckpointError as error:
            raise Unfit(str(error)) from error
        except (SafetensorError, KeyError, ValueError, TypeError, RuntimeError) as error:
            raise Unfit(f"it is damaged or cut short ({' '.join(str(error).split())[:120]})") from error
        _check_names(tensors)
        if about.digest != _digest(about.prior_digest, about.identity, tensors):
            raise Unfit("it is damaged: its content is not what it was when it was written")
    return Person(**{one.name: getattr(about, one.name) for one in fields(About)}, path=path, changes=tensors)


def _to_bytes(about: About, changes: Mapping[str, Tensor]) -> bytes:
    stored = {name: value.detach().cpu().contiguous().clone() for name, value in changes.items()}  # the format shares no memory
    check_finite(stored)
    return safetensors.torch.save(stored, {ENTRY: to_text(about)})


def _digest(prior: str, identity: tuple[float, ...], changes: Mapping[str, Tensor]) -> str:
    """sha256 of everything that decides a person's pictures."""
    found = hashlib.sha256(json.dumps([prior, list(identity)]).encode())
    for name, value in sorted(changes.items()):
        plain = value.detach().cpu().contiguous()
        found.update(f"\n{name} {plain.dtype} {tuple(plain.shape)} ".encode())
        found.update(plain.numpy().tobytes())
    return found.hexdigest()


def _check_names(changes: Mapping[str, Tensor]) -> None:
    for name, value in changes.items():
        if not name.startswith((packed.NETWORK, packed.STUDENT)) or value.dtype not in _TYPES:
            raise Unfit(f"it holds '{name[:80]}' ({str(value.dtype).removeprefix('torch.')}), which no person has")


def _check_fit(prior: Prior, changes: Mapping[str, Tensor]) -> None:
    """Raises Unfit when packed changes are none of this prior."""
    _check_names(changes)
    if any(name.startswith(packed.STUDENT) for name in changes) and not prior.checkpoint.student:
        raise Unfit("it changes a few-step student, but its model has none")
    for prefix in (packed.NETWORK, packed.STUDENT):
        wrong = packed.problem(prior.checkpoint.state, changes, prefix)
        if wrong:
            raise Unfit(f"it does not fit its model: {wrong}")


def _model(prior: Prior, state: Mapping[str, Tensor]) -> RigModel:
    try:
        check_finite(state)
    except CheckpointError as error:
        raise Unfit(f"laid on its model, {error}") from error
    for key, value in state.items():
        if key.endswith(".running_var") and (value < 0).any():
            raise Unfit(f"laid on its model, '{key}' is negative, which no variance is")
    return prior.checkpoint.model_of(state)
