"""Caches with a budget in bytes, and the photos, pictures and blocks of memory that are kept in them."""
from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import torch

from core import caches
from core.caches import Newest, allowance, weight
from core.engine import Engine
from core.opened import Opened
from core.photo import LoadedImage, load_image
from core.render import pool
from core.request import RenderRequest
from core.rig import Rig
from tests.tiny import tiny_engine


@dataclass(frozen=True, eq=False)
class Pair:
    first: np.ndarray
    rest: dict[str, object] = field(default_factory=dict)


def test_every_array_counts_once_however_it_is_held() -> None:
    block = np.zeros(1000, np.uint8)
    assert weight(block) == weight(block[:10]) == weight(block, [block[3:]], Pair(block, {"again": (block,)})) == 1000
    assert weight(Pair(block, {"other": [np.zeros(24, np.uint8)], "tensor": torch.zeros(4), "word": "x"})) == 1040
    assert weight(None, 3, "text", Pair) == 0


def test_what_was_used_longest_ago_goes_first_and_the_newest_stays() -> None:
    kept: Newest[str, np.ndarray] = Newest(100)
    for name in "abc":
        kept.put(name, np.zeros(40, np.uint8))
    assert list(kept) == ["b", "c"] and kept.nbytes == 80
    assert kept.get("b") is not None and kept.get("a") is None
    kept.put("d", np.zeros(40, np.uint8))
    assert list(kept) == ["b", "d"]
    kept.put("d", np.zeros(10, np.uint8))
    assert kept.nbytes == 50, "another value of the same key takes its place"
    kept.put("large", np.zeros(500, np.uint8))
    assert list(kept) == ["large"] and kept.nbytes == 500
    kept.clear()
    assert not len(kept) and kept.nbytes == 0


def test_small_machines_keep_less(monkeypatch: pytest.MonkeyPatch) -> None:
    memory = {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": 2**20}
    monkeypatch.setattr(caches.os, "sysconf", memory.__getitem__, raising=False)
    assert allowance(2**30) == 2**32 // 64
    assert allowance(1000) == 1000

    def silent(_name: str) -> int:
        raise ValueError("unrecognized configuration name")
    monkeypatch.setattr(caches.os, "sysconf", silent, raising=False)
    assert 0 < allowance(2**40) < 2**30


def test_free_blocks_of_sizes_that_nobody_asks_for_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "_free", type(pool._free)())
    monkeypatch.setattr(pool, "_BUDGET", 40_000)
    for side in range(100, 110):
        held = [pool.empty((side, side), np.uint8) for _ in range(3)]
        del held
    free = {size: len(blocks) for size, blocks in pool._free.items() if blocks}
    assert sum(size * count for size, count in free.items()) <= 40_000
    assert list(free)[-1] == 109 * 109 and 100 * 100 not in free
    assert pool.empty((109, 109), np.uint8) is not None and len(pool._free[109 * 109]) == 2, "the newest size is used again"


# -- photos


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    with tiny_engine(tmp_path_factory.mktemp("prior")) as engine:
        yield engine


@pytest.fixture(scope="module")
def photos(sample_photo: Path) -> list[LoadedImage]:
    """Four photos that differ in a strip at the top."""
    first = load_image(sample_photo)
    changed = []
    for k in range(4):
        pixels = first.pixels.copy()
        pixels[:4] = 50 * k
        changed.append(LoadedImage(pixels))
    return changed


def _edit(digest: str) -> RenderRequest:
    rig = Rig().update({"pose.yaw": 9, "light.azimuth": 40, "expression.blink": 0.5})
    return RenderRequest(digest, rig, steps=2, size="crop")


def test_older_photos_give_up_what_can_be_made_again_and_then_go(engine: Engine, photos: list[LoadedImage],
                                                                 monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "_opened", Opened(engine._fitted, engine._finder, budget=0))
    monkeypatch.setattr(engine._maker, "_opened", engine._opened)
    sessions = [engine.open(photo) for photo in photos[:2]]
    picture = engine.render(_edit(sessions[0].digest), measure=False).crop
    engine._results.clear()
    engine._maker.forget()
    engine.render(_edit(sessions[1].digest), measure=False)
    full = [session.nbytes for session in sessions]
    assert min(full) > 8 * 2**20, "two photos are in use and stay whole"
    sessions.append(engine.open(photos[2]))
    assert sessions[0].nbytes < full[0] / 4 and sessions[1].nbytes == full[1]
    assert engine.knows(sessions[0].digest), "who holds a session can go on with it"
    assert np.array_equal(engine.render(_edit(sessions[0].digest), measure=False).crop, picture)
    digest, parts = sessions[1].digest, weakref.ref(sessions[1].scene)
    gone = weakref.ref(sessions.pop(1))
    gc.disable()
    try:
        engine.open(photos[3])
        assert gone() is None and parts() is None and not engine.knows(digest), "without the collector's help"
    finally:
        gc.enable()
