"""An engine that breaks is started again, and the edit is as it was."""
from __future__ import annotations

from typing import Any

import pytest

from app.live import State
from app.setup import Setup
from core.errors import UserError
from tests.app.fakes import FakeEngine
from tests.app.studio import Studio, flush, until


class Engines:
    """Makes engines; those before `good` break at each picture of an edit."""

    def __init__(self, good: int, error: Exception) -> None:
        self.made: list[tuple[FakeEngine, Setup]] = []
        self._good, self._error = good, error

    def __call__(self, setup: Setup) -> FakeEngine:
        engine = FakeEngine(gated=False)
        if len(self.made) < self._good:
            engine.fail = lambda request: self._error if request.rig.values else None
        self.made.append((engine, setup))
        return engine


def window(engines: Any) -> Studio:
    studio = Studio(FakeEngine(), make=engines)
    studio.open()
    studio.settle()
    return studio


@pytest.mark.parametrize(("error", "device"), [(ValueError("shape"), None),
                                               (RuntimeError("CUDA error: an illegal memory access"), "cpu")])
def test_a_broken_engine_is_started_again_with_the_edit_intact(error: Exception, device: str | None) -> None:
    engines = Engines(1, error)
    studio = window(engines)
    studio.document.set("jaw.open", 0.5)
    steps = studio.document.undo_stack.count()
    until(lambda: len(engines.made) == 2 and studio.window.live.state is State.SETTLED, "another engine makes the picture")
    assert engines.made[1][1].device == device
    assert "started again" in studio.window.banner.text
    assert studio.document.rig.get("jaw.open") == 0.5 and studio.document.undo_stack.count() == steps
    assert engines.made[1][0].opened, "the photo is open in it"
    assert engines.made[0][0].closed
    studio.window.undo()
    studio.settle()
    assert studio.document.rig.get("jaw.open") is None
    studio.close()


def test_an_edit_that_breaks_every_engine_is_tried_once_more_and_told() -> None:
    engines = Engines(99, ValueError("shape"))
    studio = window(engines)
    studio.document.set("jaw.open", 0.5)
    until(lambda: len(engines.made) == 2 and studio.window.live.state is State.FAILED and studio.window.live.state is State.FAILED
          and "Something went wrong while" in studio.window.banner.text, "it is given up")
    for _ in range(5):
        flush()
    assert len(engines.made) == 2
    assert studio.document.rig.get("jaw.open") == 0.5
    studio.window.undo()  # the picture without the edit is remembered, or made: the window goes on
    studio.settle()
    studio.close()


@pytest.mark.parametrize("error", [UserError("The disk is full."), MemoryError()])
def test_what_is_no_defect_needs_no_other_engine(error: Exception) -> None:
    engines = Engines(1, error)
    studio = window(engines)
    studio.document.set("jaw.open", 0.5)
    until(lambda: studio.window.live.state is State.FAILED, "it fails")
    flush()
    assert len(engines.made) == 1
    studio.close()
