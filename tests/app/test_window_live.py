"""Dragging: buffers at each move, the newest edit wins, preview then settled, cancel, failures."""
from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPoint

import app.worker
from app.live import State
from core.errors import UserError
from tests.app.studio import Studio, drag, flush, until


def points(row: object, *shares: float) -> list[QPoint]:
    """Places on a slider."""
    slider = row.slider  # type: ignore[attr-defined]
    return [QPoint(round(8 + share * (slider.width() - 16)), slider.height() // 2) for share in shares]


def test_drag_asks_for_buffers_at_each_move(gated: Studio) -> None:
    row = gated.slider("pose.yaw")
    start, *rest = points(row, 0.5, 0.6, 0.7, 0.8)
    drag(row.slider, start, *rest)
    flush()
    yaws = [rig.get("pose.yaw") for rig, _ in gated.engine.buffer_calls]
    assert len(yaws) >= 3 and yaws == sorted(yaws) and yaws[-1] > 20
    assert gated.window.canvas._live is not None


def test_in_a_drag_the_picture_comes_first_and_the_panels_follow(studio: Studio) -> None:
    document, row, told = studio.document, studio.slider("pose.yaw"), []
    document.followed.connect(lambda: told.append(document.rig.get("pose.yaw")))
    start, *rest = points(row, 0.5, 0.6, 0.7, 0.8)
    document._following.setInterval(10**6)  # the moves of a slow machine take longer than the panels wait
    drag(row.slider, start, *rest, release=False)
    yaw = document.rig.get("pose.yaw")
    assert yaw > 20 and told == [], "none of the moves waited for the panels"
    assert row.number.value() == pytest.approx(yaw, abs=0.06) and not row.reset.isVisible(), "but the number in hand is right"
    document._following.start(0)
    until(lambda: told, "they follow in the middle of the drag")
    assert told == [yaw] and row.reset.isVisible()
    document.set("pose.yaw", 5.0)
    document.end()
    assert told == [yaw, 5.0] and row.number.value() == 5.0, "and when it ends"
    document.set("pose.yaw", 6.0)
    assert told == [yaw, 5.0, 6.0], "a single change is shown at once"


def test_a_picture_is_measured_when_the_hand_rests(gated: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    measured: list[float] = []

    def judged(result: Any) -> Any:
        measured.append(result.request.rig.get("pose.yaw"))
        return result

    monkeypatch.setattr(gated.engine, "judged", judged)
    monkeypatch.setattr(app.worker, "JUDGE_MS", 10**6)  # the first picture's rest never ends
    for yaw in (1.0, 2.0):
        gated.document.set("pose.yaw", yaw)
        until(lambda: gated.window.live.state is State.STALE, "asked for")
        gated.engine.allow(4)
        gated.settle()
        monkeypatch.setattr(app.worker, "JUDGE_MS", 0)
    until(lambda: measured, "measured")
    assert measured == [2.0], "the first one gave way to the next edit"


def test_newest_edit_wins_then_settles(gated: Studio) -> None:
    document, engine, live = gated.document, gated.engine, gated.window.live
    document.set("pose.yaw", 1.0)
    until(lambda: engine.started, "the first preview runs")
    for yaw in range(2, 9):
        document.set("pose.yaw", float(yaw))
    assert live.state is State.STALE
    engine.allow(1)
    until(lambda: len(engine.started) == 2, "the next preview runs")
    assert [r.rig.get("pose.yaw") for r in engine.started] == [1.0, 8.0]
    engine.allow(1)
    until(lambda: live.state is State.PREVIEW and len(engine.started) == 3, "settling starts")
    assert engine.started[2].quality == "settled" and engine.started[2].rig == document.rig
    engine.allow(1)
    until(lambda: live.state is State.REFINING, "a step came")
    assert "Refining 1 of 3" in gated.canvas.status[0]
    engine.allow(2)
    gated.settle()
    assert [r.quality for r in engine.finished] == ["preview", "preview", "settled"]
    assert gated.window.status.state.text() == "Settled"
    assert "0.21" in gated.window.status.identity.text()


def test_a_new_edit_ends_the_settle_pass_between_steps(gated: Studio) -> None:
    document, engine = gated.document, gated.engine
    document.set("jaw.open", 0.2)
    engine.allow(2)  # the preview, and the settle pass's first step
    until(lambda: len(engine.started) == 2 and gated.window.live.state is State.REFINING, "settling")
    document.set("jaw.open", 0.3)
    until(lambda: len(engine.started) == 3, "given up for the newer preview")
    assert [r.quality for r in engine.finished] == ["preview"]
    engine.allow_all()
    gated.settle()
    assert engine.finished[-1].rig.get("jaw.open") == 0.3


def test_jobs_do_not_nest(studio: Studio) -> None:
    """Each job comes from the thread's event loop, or the thread could not be ended between two of them."""
    depths: list[int] = []
    render = studio.engine.render

    def counted(*args: Any, **named: Any) -> Any:
        depths.append(len(inspect.stack()))
        return render(*args, **named)

    studio.engine.render = counted  # type: ignore[method-assign]
    studio.document.set("jaw.open", 0.5)
    studio.settle()
    assert len(depths) == 2 and len(set(depths)) == 1


def test_equal_edit_asks_for_nothing(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    monkeypatch.setattr(studio.window.thread_of_engine, "preview", asked.append)
    studio.window.live.ask(studio.document.request("settled"))
    studio.document.set("jaw.open", None)
    studio.document.reset_all()
    assert not asked and studio.window.live.state is State.SETTLED
    studio.document.set("jaw.open", 0.1)
    assert len(asked) == 1


def test_a_waiting_preview_is_dropped_when_the_picture_is_known(gated: Studio) -> None:
    gated.document.set("jaw.open", 0.1)
    until(lambda: gated.engine.started, "a preview runs and waits")
    gated.document.set("jaw.open", 0.2)
    gated.window.undo()
    gated.window.undo()
    assert gated.window.live.state is State.SETTLED
    gated.engine.allow_all()
    until(lambda: gated.engine.finished, "the first preview is done")
    assert gated.window.thread_of_engine.inbox.take() is None


def test_undo_shows_the_settled_picture_at_once(studio: Studio) -> None:
    studio.document.set("jaw.open", 0.5)
    studio.settle()
    before = len(studio.engine.started)
    studio.window.undo()
    assert studio.window.live.state is State.SETTLED
    flush()
    assert len(studio.engine.started) == before


def test_cancel_keeps_the_preview(gated: Studio) -> None:
    gated.document.set("jaw.open", 0.4)
    gated.engine.allow(2)
    until(lambda: gated.window.live.state is State.REFINING, "settling")
    gated.canvas.cancel_clicked.emit()
    until(lambda: gated.window.live.state is State.PREVIEW, "stopped")
    assert gated.window.banner.text == ""


@pytest.mark.parametrize(("error", "words"), [(UserError("The disk is full. Free some space."), "The disk is full"),
                                              (ValueError("shape"), "Something went wrong"),
                                              (MemoryError(), "not enough free memory")])
def test_failure_is_told_and_the_window_goes_on(studio: Studio, error: Exception, words: str) -> None:
    studio.engine.fail = lambda request: error if request.rig.get("jaw.open") == 0.5 else None
    studio.document.set("jaw.open", 0.5)
    until(lambda: studio.window.live.state is State.FAILED and words in studio.window.banner.text, "it fails")
    studio.document.set("jaw.open", 0.6)
    studio.settle()


def test_older_settled_result_is_dropped(studio: Studio) -> None:
    shown: list[object] = []
    studio.document.set("jaw.open", 0.5)
    studio.settle()
    old = studio.engine.render(studio.document.request("settled"))
    studio.document.set("jaw.open", 0.7)
    studio.settle()
    studio.window.live.shown.connect(shown.append)
    studio.window.live._rendered(old)
    assert not shown
    other = studio.engine.render(studio.document.request("settled"))
    object.__setattr__(other, "request", other.request.__class__(photo="another"))
    studio.window.live._rendered(other)
    assert not shown


def test_the_picture_keeps_the_photos_detail() -> None:
    from app.picture import detailed

    native = np.random.default_rng(1).integers(50, 200, (64, 64, 3)).astype(np.uint8)
    small = np.full((16, 16, 3), 100, np.uint8)
    assert np.array_equal(detailed(native, small, small), native)
    assert np.abs(detailed(native, small, small + 20).astype(int) - native - 20).max() <= 1
