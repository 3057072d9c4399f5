"""Presets: named sets of values of a rig, those that ship and the user's own, as small JSON files that can be passed on.

A file is ``{"format": 1, "kind": "expression", "name": "Big grin", "values": {"expression.smile": 0.9}}``. What ships lies in
resources/presets/KIND.json, a list of them; the user's in their data folder under presets/KIND. Every file that is read is
untrusted: its size, its shape, its names and values are checked, and nothing in it is a path.
"""
from __future__ import annotations

import difflib
import json
import logging
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from core import paths
from core.errors import ParameterError, UserError
from core.files import atomic_write, reason
from core.files import read_file as read_bytes
from core.head.base import HeadModel
from core.people.names import clean_name, same, slug, visible
from core.rig import Rig, Value, check, parameters

log = logging.getLogger(__name__)

FORMAT = 1
# What each kind of preset decides: it takes all of this back before it sets its own. "" is everything.
OWNED: dict[str, tuple[str, ...]] = {
    "light": ("light.", "lamp.", "environment.", "sh."),
    "expression": ("expression.", "neutral.", "jaw.", "eyes."),
    "rig": ("",),
}
KINDS = tuple(OWNED)
MAX_BYTES = 256 * 1024  # every value of a rig, written out at length, takes a tenth of it
MAX_VALUES = 1000
_NAME = re.compile(r"[a-z]{1,24}(\.[A-Za-z0-9_]{1,40}){1,3}")
_AMOUNT = re.compile(r"(.+)@([0-9]*\.?[0-9]+)")


class PresetError(UserError):
    """A preset that is not there, can't be read, or can't be kept."""


class PresetExists(PresetError):
    """There is a preset of that name already."""


@dataclass(frozen=True)
class Preset:
    """A named set of values. kind: one of KINDS. path: the user's file; None for one that ships."""

    kind: str
    name: str
    values: Mapping[str, Value] = field(hash=False)
    builtin: bool = False
    path: Path | None = None

    def changes(self, rig: Rig, amount: float = 1.0) -> dict[str, Value | None]:
        """What to change of a rig: what the kind decides is taken back, the preset's own values are set.

        amount (0..1): how much of it; only numbers that 0 leaves as they are (expression, jaw, eyes, pose) can be had in part.
        """
        owned = OWNED[self.kind]
        reset: dict[str, Value | None] = {name: None for name, _ in rig.values if name.startswith(owned)}
        return {**reset, **{name: self._part(name, value, amount) for name, value in self.values.items()}}

    @staticmethod
    def _part(name: str, value: Value, amount: float) -> Value:
        partial = not isinstance(value, tuple) and name.startswith((*OWNED["expression"], "pose."))
        return value * amount if partial and not isinstance(value, tuple) else value

    def problem(self, head: HeadModel) -> str:
        """Why it can't be used on faces of this head, '' where it can."""
        try:
            for name, value in self.values.items():
                check(head, name, value)
        except ParameterError as error:
            return str(error)
        return ""

    def to_json(self) -> dict[str, Any]:
        """As it is written."""
        values = {name: list(value) if isinstance(value, tuple) else value for name, value in self.values.items()}
        return {"format": FORMAT, "kind": self.kind, "name": self.name, "values": values}


def presets(kind: str, head: HeadModel | None = None) -> tuple[Preset, ...]:
    """All presets of a kind: first those that ship in their own order, then the user's by name.

    head: leave out those that its faces can't show. The user's files that can't be used are passed over with a line in the log.
    """
    found = (*builtin(kind), *_own(kind))
    if head is None:
        return found
    known = parameters(head).keys()  # first, because finding the nearest name for a message takes longer than all the rest
    return tuple(preset for preset in found if preset.values.keys() <= known and not preset.problem(head))


@lru_cache(maxsize=len(KINDS))
def builtin(kind: str) -> tuple[Preset, ...]:
    """Those that ship. Raises PresetError when their file is damaged; none where there is no file."""
    path = paths.RESOURCES / "presets" / f"{_known(kind)}.json"
    if not path.is_file():
        return ()
    plain = _read(path)
    if not isinstance(plain, list):
        raise PresetError(f"{path} is damaged: it holds no list. Install the program again.")
    return tuple(replace(from_json(one, str(path)), builtin=True) for one in plain)


def find(kind: str, name: str) -> Preset:
    """The preset of that name; the user's own comes first. Raises PresetError that names the nearest ones."""
    there = presets(kind)
    match = next((preset for preset in reversed(there) if same(preset.name, name)), None)
    if match is None:
        near = difflib.get_close_matches(name, [preset.name for preset in there], n=3, cutoff=0.0)
        hint = f"Near it: {', '.join(near)}." if near else "There are none yet; the window saves them."
        raise PresetError(f"There is no {kind} preset '{visible(name)}'. {hint}")
    return match


def save(kind: str, name: str, values: Mapping[str, Value], *, over: bool = False) -> Preset:
    """Keep values under a name, as the user's own preset.

    over: in place of one of that name. Raises PresetExists where there is one, PresetError for values that don't belong to the
    kind, AssetError for a name that can't be used, WriteError.
    """
    preset = from_json({"format": FORMAT, "kind": kind, "name": name, "values": dict(values)}, "The preset")
    old = next((one for one in presets(kind) if same(one.name, preset.name)), None)
    if old is not None and (old.builtin or not over):
        raise PresetExists(f"There is a preset '{old.name}' already{', which comes with the program' if old.builtin else ''}. "
                           "Choose another name.")
    return _written(preset, old.path if old is not None else None)


def rename(preset: Preset, name: str) -> Preset:
    """Give the user's own preset another name. Raises as `save`."""
    _mine(preset)
    new = clean_name(name, "preset")
    if any(same(one.name, new) and one.path != preset.path for one in presets(preset.kind)):
        raise PresetExists(f"There is a preset '{new}' already. Choose another name.")
    kept = _written(replace(preset, name=new), None)
    _remove(preset)
    return kept


def delete(preset: Preset) -> None:
    """Delete the user's own preset for good. Raises PresetError for one that ships, or where the system refuses."""
    _mine(preset)
    _remove(preset)


def export(preset: Preset, path: Path) -> Path:
    """Write a preset to a file to pass on. Raises WriteError."""
    return atomic_write(path, _text(preset))


def read_preset(path: Path, head: HeadModel | None = None) -> Preset:
    """The preset in a file from elsewhere. head: also refuse names and values that its faces have not.

    Raises PresetError that says what is wrong with the file.
    """
    preset = from_json(_read(path), str(path))
    problem = preset.problem(head) if head is not None else ""
    if problem:
        raise PresetError(f"{path} can't be used here: {problem}")
    return preset


def import_file(path: Path, head: HeadModel | None = None) -> Preset:
    """Check a preset's file from elsewhere (as `read_preset`) and keep it among the user's own; one whose name is taken gets a
    number. Raises PresetError, WriteError."""
    preset = read_preset(path, head)
    taken, name, number = presets(preset.kind), preset.name, 2
    if any(same(one.name, name) and dict(one.values) == dict(preset.values) for one in taken):
        raise PresetExists(f"The preset '{name}' is here already.")
    while any(same(one.name, name) for one in taken):
        name, number = f"{preset.name[:50].strip()} {number}", number + 1
    return _written(replace(preset, name=name), None)


def from_json(plain: Any, source: str) -> Preset:
    """A preset from plain values that may be anything. source: what messages call it. Raises PresetError."""
    if not isinstance(plain, dict) or not {"kind", "name", "values"} <= set(plain):
        raise PresetError(f"{source} is no preset: it must hold a kind, a name and values.")
    if plain.get("format", FORMAT) != FORMAT:
        raise PresetError(f"{source} was written by a newer version of this program. Get that version, then try again.")
    kind, name, values = plain["kind"], plain["name"], plain["values"]
    if not isinstance(kind, str) or kind not in KINDS:
        raise PresetError(f"{source} is a preset of an unknown kind. There are {', '.join(KINDS)}.")
    if not isinstance(name, str) or not isinstance(values, dict) or not 0 < len(values) <= MAX_VALUES:
        raise PresetError(f"{source} is no preset: it needs a name and from 1 to {MAX_VALUES} values.")
    try:
        clean = clean_name(name, "preset")
    except UserError as error:
        raise PresetError(f"{source}: {error}") from error
    return Preset(kind, clean, {_checked_name(key, kind, source): _checked_value(key, value, source)
                                for key, value in values.items()})


def parse_preset(text: str) -> tuple[str, str, float]:
    """'KIND:NAME' or 'KIND:NAME@AMOUNT' as `--preset` takes it -> (kind, name, amount). Raises ValueError with its own words."""
    kind, colon, name = text.partition(":")
    if not colon or not name.strip() or kind not in KINDS:
        raise ValueError(f"'{text}' is not of the form KIND:NAME, as in expression:Laugh (kinds: {', '.join(KINDS)})")
    part = _AMOUNT.fullmatch(name)
    if part is None:
        return kind, name.strip(), 1.0
    if not 0 <= float(part[2]) <= 1:
        raise ValueError(f"'{text}': the amount after @ goes from 0 to 1")
    return kind, part[1].strip(), float(part[2])


def with_presets(head: HeadModel, rig: Rig, wanted: Iterable[tuple[str, str, float]]) -> Rig:
    """A rig with presets laid over it in their order; each (kind, name or file, amount). Raises PresetError, ParameterError."""
    for kind, name, amount in wanted:
        preset = read_preset(Path(name), head) if name.endswith(".json") and Path(name).is_file() else find(kind, name)
        problem = preset.problem(head)
        if problem:
            raise ParameterError(f"The preset '{preset.name}' can't be used on the '{head.name}' head: {problem}")
        rig = rig.update(preset.changes(rig, amount))
    return rig


def _checked_name(name: str, kind: str, source: str) -> str:
    if not _NAME.fullmatch(name):
        raise PresetError(f"{source} holds '{visible(name[:40])}', which is no name of a parameter.")
    if not name.startswith(OWNED[kind]):
        raise PresetError(f"{source} sets {name}, which is no part of {'an' if kind == 'expression' else 'a'} {kind} preset.")
    return name


def _checked_value(name: str, value: Any, source: str) -> Value:
    try:
        if isinstance(value, (list, tuple)) and len(value) == 3:
            red, green, blue = (_number(part) for part in value)
            return red, green, blue
        return _number(value)
    except (TypeError, ValueError, OverflowError):
        raise PresetError(f"{source}: {name} takes a number, or three for a colour.") from None


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(float(value)):
        raise ValueError
    return float(value)


def _known(kind: str) -> str:
    if kind not in KINDS:
        raise PresetError(f"There is no kind of preset '{visible(kind)}'. There are {', '.join(KINDS)}.")
    return kind


def _folder(kind: str) -> Path:
    return paths.data_dir() / "presets" / _known(kind)


def _own(kind: str) -> tuple[Preset, ...]:
    try:
        files = sorted(_folder(kind).glob("*.json"))
    except OSError as error:
        log.warning("presets in %s can't be read: %s", _folder(kind), error)
        return ()
    found = []
    for path in files:
        try:
            preset = replace(from_json(_read(path), path.name), path=path)
        except UserError as error:
            log.warning("preset passed over: %s", error)
            continue
        if preset.kind == kind:
            found.append(preset)
    return tuple(sorted(found, key=lambda preset: preset.name.casefold()))


def _read(path: Path) -> Any:
    data = read_bytes(path, MAX_BYTES, PresetError)
    try:
        return json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError, OverflowError) as error:
        raise PresetError(f"{path} is no preset: it is no JSON. Choose a file that was exported as a preset.") from error


def _written(preset: Preset, path: Path | None) -> Preset:
    path = path or _free_path(preset)
    return replace(preset, builtin=False, path=atomic_write(path, _text(preset), make_folder=True))


def _free_path(preset: Preset) -> Path:
    folder = _folder(preset.kind)
    stem, number = slug(preset.name, "preset"), 2
    while (folder / f"{stem}.json").exists():
        stem, number = f"{slug(preset.name, 'preset')}-{number}", number + 1
    return folder / f"{stem}.json"


def _text(preset: Preset) -> bytes:
    return (json.dumps(preset.to_json(), indent=1, ensure_ascii=False) + "\n").encode()


def _mine(preset: Preset) -> None:
    if preset.builtin or preset.path is None:
        raise PresetError(f"'{preset.name}' comes with the program. Save it under another name to change it.")


def _remove(preset: Preset) -> None:
    assert preset.path is not None
    try:
        preset.path.unlink(missing_ok=True)
    except OSError as error:
        raise PresetError(f"The preset '{preset.name}' can't be deleted: {reason(error)}.") from error
