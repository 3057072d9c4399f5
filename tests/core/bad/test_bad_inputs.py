"""Every door of the program against every bad file: a clear message, or an answer; never a crash, a hang or a way out."""
from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from core.errors import UserError
from tests.core.bad import spoil
from tests.core.bad.doors import DOORS, Door

TWISTED = 60  # odd JSON documents a door
_INSIDE = ("Traceback", "object at 0x", "NoneType", "has no attribute", "unexpected keyword", "list index", "<class", "__init__")


def tried(door: Door, path: Path) -> str:
    """What the user is told of it; '' for an answer. Anything but a UserError goes through and fails the test."""
    try:
        door.open(path)
    except UserError as error:
        return str(error)
    return ""


def check(said: str, path: Path) -> None:
    """A message in plain words."""
    if not said:
        return
    assert 15 < len(said) < 900, said[:2000]
    assert "\n" not in said.strip() and said.isprintable(), repr(said)
    assert not [words for words in _INSIDE if words in said], said
    assert said.rstrip().endswith((".", "'", ")")), said


def _cases() -> list[Any]:
    return [pytest.param(door, name, spoiled, id=f"{door.name}-{name}") for door in DOORS
            for name, spoiled in (*spoil.places(), *spoil.foreign())]


@pytest.mark.timeout(20)
@pytest.mark.parametrize(("door", "name", "spoiled"), _cases())
def test_what_is_no_such_file(door: Door, name: str, spoiled: Any, tmp_path: Path, own_home: Path) -> None:
    path = tmp_path / f"bad{door.ending}"
    spoiled(path)
    said = tried(door, path)
    check(said, path)
    assert said or door.lenient, "it was taken for a good one"
    places = (tmp_path, tmp_path.parent, tmp_path.parent.parent, Path("/tmp"))
    assert not [place for place in places if (place / "escaped").exists()]
    assert not Path("/tmp/diffusionrig-was-here").exists()


@pytest.mark.parametrize("door", [door for door in DOORS if door.good], ids=lambda door: door.name)
def test_a_good_file_is_opened_and_damaged_ones_are_told(door: Door, tmp_path: Path, own_home: Path) -> None:
    assert door.good is not None
    good = door.good(tmp_path)
    if door.name not in ("person", "person to import"):  # a prior's file is what those are made of here
        assert tried(door, good) == ""
    data = good.read_bytes()
    for k, (name, damaged) in enumerate(spoil.cut(data)):
        path = tmp_path / f"{k}{door.ending}"
        path.write_bytes(damaged)
        try:
            check(tried(door, path), path)
        except Exception as error:
            raise AssertionError(f"{door.name}, {name}") from error


@pytest.mark.parametrize("door", [door for door in DOORS if door.plain], ids=lambda door: door.name)
def test_odd_values_are_told(door: Door, tmp_path: Path, own_home: Path) -> None:
    assert door.plain is not None and door.as_file is not None
    for k, (name, plain) in enumerate(spoil.twisted(door.plain(), random.Random(door.name), TWISTED)):
        path = tmp_path / f"{k}{door.ending}"
        door.as_file(path, plain)
        try:
            check(tried(door, path), path)
        except Exception as error:
            raise AssertionError(f"{door.name}, {name}") from error


def test_the_corpus_is_large_enough() -> None:
    files = len(DOORS) * (len(list(spoil.places())) + len(spoil.FOREIGN))
    files += sum(len(list(spoil.cut(bytes(999)))) for door in DOORS if door.good)
    files += TWISTED * sum(door.plain is not None for door in DOORS)
    assert files >= 300
