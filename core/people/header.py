"""What a person's file says about itself, read without its weights and checked to the last value: such files come from others.

The file is a .safetensors file; this text is one JSON value in its metadata. Nothing in it is executed, and nothing in it can be
larger than the limits here.
"""
from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from core.assets.problems import Unfit
from core.assets.store import header_of
from core.errors import AssetError
from core.files import check_file
from core.people.names import clean_name, printable, visible

FORMAT = 1
KIND = "person"
ENTRY = "diffusionrig"
MAX_FILE = 1 << 30  # four times a person of the published network
MAX_TEXT = 4 << 20
MAX_IDENTITY = 1000
_LARGEST = 100.0  # of an identity coefficient; heads know a few standard deviations
_DEPTH = 12
_STRING = 4000
_DIGEST = re.compile(r"[0-9a-f]{64}")
_KNOWN = {"version", "kind", "name", "digest", "prior", "head", "size", "identity", "card"}
_CARD: dict[str, type] = {"preset": str, "settings": dict, "photos": dict, "curve": list, "measured": dict, "consent": dict,
                          "created": str}


@dataclass(frozen=True)
class About:
    """A person but for the weights; equal for equal digests.

    name: for people. digest: of everything that decides the person's pictures (weights, prior, identity): a new name leaves it.
    prior_digest, prior_name, licence: of the prior that it changes; the licence is the prior's and holds for the person too.
    head: the head model of its buffers; size: side of its pictures, pixels. identity: the mean identity (K,), () for none.
    card: {preset, settings, photos, curve, measured, consent: {statement, given}, created}, plain values; each may be absent.
    """

    digest: str
    name: str = field(compare=False)
    prior_digest: str = field(compare=False)
    prior_name: str = field(compare=False)
    licence: str = field(compare=False)
    head: str = field(compare=False)
    size: int = field(compare=False)
    identity: tuple[float, ...] = field(compare=False)
    card: Mapping[str, Any] = field(compare=False, repr=False)

    @property
    def photos(self) -> int:
        """How many photos the person was made of, without those held out; 0 where the file does not say."""
        said = self.card.get("photos", {})
        used, held = said.get("used"), said.get("held_out", [])
        found = used - len(held) if type(used) is int and isinstance(held, list) else said.get("accepted")
        return max(found, 0) if type(found) is int else 0

    @property
    def created(self) -> str:
        """When, as an ISO date or time; '' where the file does not say."""
        return str(self.card.get("created", ""))

    @property
    def consent(self) -> str:
        """The statement of whoever made it, with its date; '' where there is none."""
        said = self.card.get("consent", {})
        statement, given = str(said.get("statement", "")), str(said.get("given", ""))
        return f"{statement} ({given})" if statement and given else statement


def to_text(about: About) -> str:
    """The text for a file's metadata. Raises ValueError for values that `from_text` would refuse."""
    text = json.dumps({
        "version": FORMAT, "kind": KIND, "name": about.name, "digest": about.digest,
        "prior": {"digest": about.prior_digest, "name": about.prior_name, "licence": about.licence}, "head": about.head,
        "size": about.size, "identity": list(about.identity), "card": dict(about.card)}, allow_nan=False)
    from_text(text)
    return text


def storable(value: Any) -> Any:
    """A plain value as a card may hold it, so that what somebody typed or a measurement gone wrong can't cost a finished
    training: hidden characters are taken out of texts, long ones cut, and a number that is none becomes None."""
    if isinstance(value, str):
        return "".join(sign for sign in value if sign in "\n\t" or printable(sign))[:_STRING]
    if isinstance(value, Mapping):
        return {storable(key): storable(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [storable(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def from_text(text: str) -> About:
    """What `to_text` wrote, checked. Raises Unfit with the reason."""
    if len(text) > MAX_TEXT:
        raise Unfit(f"its description has {len(text):,} characters, at most {MAX_TEXT:,} are possible")
    try:
        said = json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise Unfit(f"its description is damaged ({_first_line(error)})") from error
    if not isinstance(said, dict) or said.get("kind") != KIND:
        raise Unfit("it holds a model, not a person; it can be given to --prior" if isinstance(said, dict) and "config" in said
                    else "it describes something else than a person")
    version = said.get("version")
    if type(version) is not int or version < 1:
        raise Unfit("the version in its description is damaged")
    if version > FORMAT:
        raise Unfit(f"it was written by a newer version of this program (format {str(version)[:20]}, known is {FORMAT}); use "
                    "that version")
    if set(said) != _KNOWN:
        odd = sorted(set(said) ^ _KNOWN)[0]
        raise Unfit(f"its description {'lacks' if odd in _KNOWN else 'has an unknown entry'} '{visible(odd)[:40]}'")
    _check_plain(said, _DEPTH)
    return _checked(said)


def read_about(path: Path) -> About:
    """What a person's file says about itself, without its weights. Raises AssetError naming the file."""
    check_file(path, MAX_FILE, AssetError)
    with refusals(path), path.open("rb") as file:
        return about_in(file)


def about_in(file: BinaryIO) -> About:
    """As `read_about`, from an open file at its beginning. Raises Unfit, OSError."""
    try:
        metadata = header_of(file).get("__metadata__")
    except ValueError as error:
        raise Unfit(f"it is damaged or cut short, or no .safetensors file ({_first_line(error)})") from error
    text = metadata.get(ENTRY) if isinstance(metadata, dict) else None
    if not isinstance(text, str):
        raise Unfit("it does not describe itself, so it is no person of this program")
    return from_text(text)


@contextmanager
def refusals(path: Path) -> Iterator[None]:
    """Within it, what is wrong with a person's file becomes an AssetError that names the file and what to do."""
    shown = visible(str(path))
    try:
        yield
    except Unfit as error:
        raise AssetError(f"{shown} can't be used as a person: {error}. Get the file again, or choose another one.") from error
    except OSError as error:
        raise AssetError(f"{shown} can't be read ({error.strerror or error}). Choose another file.") from error


def _checked(said: dict[str, Any]) -> About:
    prior, card = said["prior"], said["card"]
    if not isinstance(prior, dict) or set(prior) != {"digest", "name", "licence"} or not _texts(*prior.values()):
        raise Unfit("what it says of its prior is damaged")
    if not _texts(said["name"], said["head"], said["digest"]) or not isinstance(card, dict):
        raise Unfit("its description is damaged")
    if not _DIGEST.fullmatch(prior["digest"]) or not _DIGEST.fullmatch(said["digest"]):
        raise Unfit("a digest in its description is damaged")
    if type(said["size"]) is not int or not 8 <= said["size"] <= 8192:
        raise Unfit("the size of its pictures is impossible")
    identity = said["identity"]
    if not isinstance(identity, list) or len(identity) > MAX_IDENTITY:
        raise Unfit("its mean identity is damaged")
    if not all(type(v) in (int, float) and abs(v) <= _LARGEST for v in identity):
        raise Unfit("its mean identity holds impossible numbers")
    for key, kind in _CARD.items():
        if key in card and not isinstance(card[key], kind):
            raise Unfit(f"the '{key}' of its card is damaged")
    if not all(isinstance(point, dict) for point in card.get("curve", [])):
        raise Unfit("the training curve of its card is damaged")
    try:
        name = clean_name(said["name"])
    except AssetError as error:
        raise Unfit(f"its name is none: {error}".rstrip(".")) from error
    return About(said["digest"], name, prior["digest"], prior["name"], prior["licence"], said["head"], said["size"],
                 tuple(float(v) for v in identity), card)


def _check_plain(value: Any, depth: int) -> None:
    """Raises Unfit for values nested too deeply, numbers that are not finite, and texts that can't be shown as they are."""
    if depth < 0:
        raise Unfit("its description is nested too deeply")
    if isinstance(value, str):
        if len(value) > _STRING:
            raise Unfit(f"a text in its description has {len(value):,} characters, at most {_STRING:,} are possible")
        if not printable(value.replace("\n", "").replace("\t", "")):
            raise Unfit("a text in its description holds control characters")
    elif isinstance(value, dict):
        for key, inner in value.items():
            _check_plain(key, depth - 1)
            _check_plain(inner, depth - 1)
    elif isinstance(value, list):
        for inner in value:
            _check_plain(inner, depth - 1)
    elif isinstance(value, int | float) and not isinstance(value, bool) and not (abs(value) < 1e18 and math.isfinite(value)):
        raise Unfit("a number in its description is impossible")


def _texts(*values: Any) -> bool:
    return all(isinstance(value, str) and len(value) <= _STRING for value in values)


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is no number")


def _first_line(error: BaseException) -> str:
    return visible(" ".join(str(error).split()))[:120] or type(error).__name__
