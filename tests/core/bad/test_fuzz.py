"""A few rounds of the fuzzer, always the same ones; tests/core/bad/fuzz.py goes on for longer."""
from __future__ import annotations

from pathlib import Path

import pytest

from tests.core.bad.doors import DOORS, Door
from tests.core.bad.fuzz import found

ROUNDS = 25


@pytest.mark.parametrize("door", [door for door in DOORS if door.good], ids=lambda door: door.name)
def test_changed_at_random(door: Door, tmp_path: Path, own_home: Path) -> None:
    assert door.good is not None
    good = door.good(tmp_path).read_bytes()
    for seed in range(ROUNDS):
        said = found(door, good, seed, tmp_path)
        assert not said, f"{door.name}, seed {seed}: {said}"
