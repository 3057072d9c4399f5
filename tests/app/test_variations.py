"""Variations: what is varied, pictures that come one by one beside live edits, and what becomes of one that is picked."""
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFileDialog

from app.variations.view import VariationsView
from core.export import read_request
from core.request import RenderRequest
from core.variations import Axis
from tests.app.fakes import FakeEngine
from tests.app.studio import Studio, flush, until


def begin(studio: Studio, *axes: tuple[str, float, float, int]) -> VariationsView:
    """The grid over these axes."""
    studio.window.actions_by_name["variations"].trigger()
    view = studio.window.history.varying.view
    assert view is not None
    for row, (name, low, high, count) in zip((view.across, view.down), axes, strict=False):
        row.choose(name)
        row.low.setValue(low)
        row.high.setValue(high)
        row.count.setValue(count)
    view.take_axes()
    flush()
    return view


def full(studio: Studio) -> None:
    work = studio.window.history.varying.work
    until(lambda: not work.busy and work.counts[0] == work.counts[1] > 0, "the grid is full")


def values(studio: Studio, name: str) -> list[Any]:
    return [request.rig.get(name) for request in requests(studio)]


def requests(studio: Studio) -> list[RenderRequest]:
    return [place.request for place in studio.window.history.varying.work.grid.cells if place.request is not None]


def test_a_parameter_in_equal_steps(studio: Studio) -> None:
    view = begin(studio, ("light.azimuth", -60, 60, 5))
    full(studio)
    assert values(studio, "light.azimuth") == [-60, -30, 0, 30, 60]
    assert studio.window.middle.currentWidget() is view and not studio.window.foot.isVisible()
    assert [place.name for place in view.work.grid.cells][:2] == ["Light -60°", "Light -30°"]
    assert all(request.quality == "settled" and request.size == "crop" for request in studio.engine.finished[-5:])
    assert "Click a picture" in view.note.text() and not view.progress.isVisible()


def test_two_parameters_as_a_grid(studio: Studio) -> None:
    view = begin(studio, ("expression.smile", 0, 1, 3), ("light.azimuth", -40, 40, 4))
    full(studio)
    assert view.work.grid.columns == ("Smile 0", "Smile 0.5", "Smile 1")
    assert [len(row) for row in view.work.grid.rows] == [3] * 4 and len(view.work.grid.cells) == 12
    names = {button.accessibleName() for button in view.grid.buttons.values()}
    assert "Smile 0.5, Light 40°" in names


def test_picking_takes_over_as_one_step_with_the_picture_there(studio: Studio) -> None:
    view = begin(studio, ("expression.smile", 0, 1, 3))
    full(studio)
    made, steps = len(studio.engine.finished), studio.document.undo_stack.count()
    place = view.work.grid.cells[2]
    view.grid.buttons[place].click()
    assert studio.document.values()["expression.smile"] == 1
    assert studio.window.live.state.value == "settled" and len(studio.engine.finished) == made
    assert studio.document.undo_stack.count() == steps + 1
    assert view.work.is_chosen(place) and "in use" in view.grid.buttons[place].accessibleName()
    assert studio.window.middle.currentWidget() is view, "to look at another one"
    assert view.again.isHidden()
    assert studio.window.history.shelf.find(place.request) is not None, "it settled, so it is in the history"
    studio.window.undo()
    assert not studio.document.rig.values


def test_p_pins_in_the_history_without_touching_the_edit(studio: Studio) -> None:
    view = begin(studio, ("expression.smile", 0, 1, 3))
    full(studio)
    place = view.work.grid.cells[1]
    view.grid.buttons[place].setFocus()
    QTest.keyClick(view.grid.buttons[place], Qt.Key.Key_P)
    item = studio.window.history.shelf.find(place.request)
    assert item is not None and item.pinned and item.distance == 0.21
    assert not studio.document.rig.values


def test_seeds_that_change_nothing_are_said_so(studio: Studio) -> None:
    view = begin(studio, ("seed", 3, 0, 4))
    assert "seed changes nothing" in view.note.text() and not view.work.grid.cells
    assert not view.seeded.isHidden()
    view.seeded.click()
    full(studio)
    assert [request.seed for request in requests(studio)] == [3, 4, 5, 6]
    assert all(request.noise == "seeded" for request in requests(studio))
    assert studio.document.appearance.noise == "seeded" and studio.document.undo_stack.canUndo()
    assert view.seeded.isHidden() and view.across.high.isHidden(), "seeds are counted up"


def test_drawn_noise_starts_with_seeds(studio: Studio) -> None:
    studio.document.set_appearance(noise="seeded")
    studio.settle()
    view = begin(studio)
    assert view.across.axis == Axis("seed", (0.0, 1.0, 2.0, 3.0, 4.0))


def test_colours_go_from_one_to_the_other(studio: Studio) -> None:
    view = begin(studio)
    view.across.choose("light.color")
    view.take_axes()
    full(studio)
    assert view.across.low.isHidden() and not view.across.swatches[0].isHidden()
    assert values(studio, "light.color")[0] == (1.0, 0.75, 0.45) and len(set(values(studio, "light.color"))) == 5


def test_the_live_picture_comes_first_and_stop_keeps_what_is_there(gated: Studio) -> None:
    view = begin(gated, ("expression.smile", 0, 1, 3))
    work, engine = view.work, gated.engine
    until(lambda: engine.started, "the first cell is begun")
    gated.document.set("jaw.open", 0.3)
    engine.allow(1)
    until(lambda: any(one.quality == "preview" for one in engine.started), "the live edit is let by")
    assert not view.again.isHidden(), "the edit is another one than what is varied"

    def then(what: Callable[[], bool]) -> bool:
        engine.allow()  # one more step, of whatever waits: the live pictures come in between
        return what()
    until(lambda: then(lambda: work.counts[0] >= 1), "the live pictures, and a cell")
    view.stop.click()
    assert view.stop.text() == "Go on" and "Stopped" in view.note.text()
    until(lambda: then(lambda: not work.busy), "it stops")
    done = work.counts[0]
    engine.allow_all()
    gated.settle()
    assert work.counts[0] == done < 3
    view.stop.click()
    full(gated)


def test_the_present_edit_is_taken_when_asked(studio: Studio) -> None:
    view = begin(studio, ("expression.smile", 0, 1, 3))
    full(studio)
    studio.document.set("jaw.open", 0.3)
    studio.settle()
    assert all(value is None for value in values(studio, "jaw.open")), "the grid stays as it is"
    view.again.click()
    full(studio)
    assert values(studio, "jaw.open") == [0.3] * 3 and view.again.isHidden()


def test_what_was_made_once_is_kept(studio: Studio) -> None:
    view = begin(studio, ("expression.smile", 0, 1, 3))
    full(studio)
    made = len(studio.engine.finished)
    view.across.count.setValue(5)
    view.take_axes()
    full(studio)
    assert len(studio.engine.finished) == made + 2


def test_a_picture_that_fails_is_told_and_tried_again(studio: Studio) -> None:
    studio.engine.fail = lambda request: MemoryError() if request.rig.get("expression.smile") == 0.5 else None
    view = begin(studio, ("expression.smile", 0, 1, 3))
    work = view.work
    full(studio)
    assert "not enough free memory" in work.problem(work.grid.cells[1]) and "memory" in view.note.text()
    assert work.picture(work.grid.cells[2]) is not None, "the others are made"
    studio.engine.fail = lambda request: None
    work.go_on()
    full(studio)
    assert work.picture(work.grid.cells[1]) is not None


def test_leaving_ends_the_work(gated: Studio) -> None:
    view = begin(gated, ("expression.smile", 0, 1, 3))
    until(lambda: view.work.busy and gated.engine.started)
    QTest.keyClick(view, Qt.Key.Key_Escape)
    assert gated.window.middle.currentWidget() is gated.canvas
    assert not gated.window.actions_by_name["variations"].isChecked()
    gated.engine.allow(2)
    until(lambda: not view.work.busy, "the picture that was begun is given up")
    assert view.work.counts[0] == 0


def test_another_photo_ends_it(studio: Studio) -> None:
    view = begin(studio, ("expression.smile", 0, 1, 3))
    full(studio)
    studio.open("other.png")
    studio.settle()
    assert studio.window.middle.currentWidget() is studio.canvas and not view.work.grid.cells
    begin(studio, ("expression.smile", 0, 1, 3))
    full(studio)
    assert {request.photo for request in requests(studio)} == {"other.png#0"}


def test_the_grid_is_written_with_what_made_it(studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    view = begin(studio, ("expression.smile", 0, 1, 6))
    full(studio)
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "grid"), ""))
    QTest.keyClick(view, Qt.Key.Key_S, Qt.KeyboardModifier.ControlModifier)
    until(lambda: "Saved to" in view.note.text())
    with Image.open(tmp_path / "grid.png") as grid:
        assert grid.width == 40 + 3 * 256 + 16 and grid.height > 2 * 256
    assert (read_request(tmp_path / "grid.png") or {})["axes"][0]["values"] == [0, 0.2, 0.4, 0.6, 0.8, 1.0]


def test_impossible_pictures_are_not_begun() -> None:
    engine = FakeEngine(gated=False)
    engine.render_problem = "This head has no pictures."
    made = Studio(engine)
    made.open()
    made.window.actions_by_name["variations"].trigger()
    assert made.window.middle.currentWidget() is made.canvas
    assert not made.window.actions_by_name["variations"].isChecked()
    made.close()


def test_the_requests_are_those_of_the_command(studio: Studio) -> None:
    from core.variations import plan
    begin(studio, ("expression.smile", 0, 1, 3))
    base: RenderRequest = studio.document.request("settled")
    wanted = plan(base, Axis("expression.smile", (0.0, 0.5, 1.0)))[0]
    assert [place.request for place in studio.window.history.varying.work.grid.cells] == wanted
