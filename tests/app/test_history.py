"""The history strip: what comes in, going back, what is done with pictures, memory, and what projects save."""
from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt
from PySide6.QtGui import QDropEvent, QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLineEdit

from app.history.menu import menu_for
from app.history.outgoing import MIME
from app.history.shelf import Item
from core.export import read_request
from core.project.snapshot import Snapshot
from core.request import RenderRequest
from tests.app.fakes import FakeEngine, person_of
from tests.app.studio import Studio, flush, until


def items(studio: Studio) -> list[Item]:
    return list(studio.window.history.shelf.items)


def edit(studio: Studio, **values: float) -> None:
    """One step, and its settled picture."""
    studio.document.update({name.replace("_", "."): value for name, value in values.items()})
    studio.settle()


def captions(studio: Studio) -> list[str]:
    shelf = studio.window.history.shelf
    return [shelf.caption(item) for item in shelf.items]


def click(studio: Studio, row: int, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
    strip = studio.window.history.strip
    strip.scrollTo(strip.model().index(row, 0))
    at = strip.visualRect(strip.model().index(row, 0)).center()
    QTest.mouseClick(strip.viewport(), Qt.MouseButton.LeftButton, modifier, at)


# -- what comes in


def test_every_settled_picture_comes_in_with_its_words(studio: Studio) -> None:
    edit(studio, expression_smile=0.6)
    edit(studio, light_azimuth=40.0)
    assert captions(studio) == ["Original", "Smile 0.6", "Light 40°, Smile 0.6"], "what is new comes first"
    assert [item.distance for item in items(studio)] == [0.21] * 3
    tip = studio.window.history.shelf.index(2).data(Qt.ItemDataRole.ToolTipRole)
    assert "Shown now" in tip and "0.21" in tip and time.strftime("%H:") in tip


def test_equal_requests_are_marked_and_not_doubled(studio: Studio) -> None:
    edit(studio, expression_smile=0.6)
    studio.window.undo()
    studio.settle()
    assert len(items(studio)) == 2
    assert studio.window.history.shelf.find(studio.window.history.shelf.shown) is items(studio)[0]


def test_a_drag_leaves_one_picture(studio: Studio) -> None:
    """The mouse rests twice within the drag, and both rests settle."""
    studio.document.begin("Smile")
    for value in (0.2, 0.4):
        edit(studio, expression_smile=value)
    assert len(items(studio)) == 1, "nothing comes in while the drag goes on"
    studio.document.end()
    assert captions(studio)[1:] == ["Smile 0.4"]


def test_a_drag_back_to_where_it_began_leaves_none(studio: Studio) -> None:
    studio.document.begin("Smile")
    edit(studio, expression_smile=0.2)
    studio.document.update({"expression.smile": None})
    studio.document.end()
    studio.settle()
    assert captions(studio) == ["Original"]


def test_each_photo_has_its_own_history_and_keeps_it(studio: Studio) -> None:
    edit(studio, expression_smile=0.6)
    studio.open("other.png")
    studio.settle()
    assert captions(studio) == ["Original"]
    made = len(studio.engine.finished)
    studio.open("photo.png")
    studio.settle()
    assert captions(studio) == ["Original", "Smile 0.6"]
    assert len(studio.engine.finished) == made, "its picture is remembered"


# -- going back


def test_click_brings_back_all_parameters_as_one_step_without_a_render(studio: Studio) -> None:
    edit(studio, expression_smile=0.6)
    studio.document.set_appearance(noise="seeded", seed=7)
    edit(studio, light_azimuth=40.0)
    first = items(studio)[1].request
    started, steps = len(studio.engine.started), studio.document.undo_stack.count()
    click(studio, 1)
    assert studio.document.request("settled") == first
    assert studio.document.appearance.noise == "inverted"
    assert studio.window.live.state.value == "settled"
    flush()
    assert len(studio.engine.started) == started, "the picture is there already"
    assert studio.document.undo_stack.count() == steps + 1
    studio.window.undo()
    assert studio.document.values()["light.azimuth"] == 40.0 and studio.document.appearance.seed == 7


def test_a_person_comes_back_with_the_picture() -> None:
    engine = FakeEngine(gated=False)
    ann = person_of("Ann")
    made = Studio(engine)
    made.open()
    made.settle()
    engine.loaded[ann.digest] = ann
    made.document.set_person(ann)
    made.settle()
    made.document.set_person(None)
    made.settle()
    history = made.window.history
    item = next(item for item in history.shelf.items if item.request.person == ann.digest)
    assert history.shelf.words(item) == "Person Ann"
    history.restore(item)
    assert made.document.person == ann
    made.close()


def test_keys_walk_preview_and_go_back(studio: Studio) -> None:
    edit(studio, expression_smile=0.6)
    strip, canvas = studio.window.history.strip, studio.canvas
    click(studio, 1)
    strip.setFocus()
    before = canvas._after_crop
    QTest.keyClick(strip, Qt.Key.Key_Left)
    assert canvas._after_crop[0, 0, 0] == 120 != before[0, 0, 0], "the neighbour is previewed"
    assert canvas.status[0] == "History: Original"
    assert studio.document.values()["expression.smile"] == 0.6, "and not gone back to yet"
    QTest.keyClick(strip, Qt.Key.Key_Escape)
    assert canvas._after_crop is before and canvas.status[0] == "Settled"
    QTest.keyClick(strip, Qt.Key.Key_Return)
    assert not studio.document.rig.values


def test_hovering_previews_and_leaving_returns(studio: Studio) -> None:
    edit(studio, expression_smile=0.6)
    history, canvas = studio.window.history, studio.canvas
    history.strip._entered(history.shelf.index(0))
    until(lambda: canvas.status[0] == "History: Original")
    history.strip._left()
    assert canvas.status[0] == "Settled" and canvas._after_crop[0, 0, 0] == 121


def test_a_new_live_picture_ends_the_preview(studio: Studio) -> None:
    history, canvas = studio.window.history, studio.canvas
    history.preview(items(studio)[0])
    edit(studio, expression_smile=0.6)
    shown = canvas._after_crop
    history.preview(None)
    assert canvas._after_crop is shown


def test_another_engines_picture_is_made_anew(studio: Studio) -> None:
    edit(studio, expression_smile=0.6)
    studio.window.undo()
    studio.settle()
    shelf = studio.window.history.shelf
    request = shelf.items[1].request
    assert shelf.recall(request) is not None
    shelf.engine = ("fake", "open", "another estimator")
    assert shelf.recall(request) is None


# -- what is done with pictures


def test_pin_delete_clear_and_undo(studio: Studio) -> None:
    for value in (0.2, 0.4, 0.6):
        edit(studio, expression_smile=value)
    history, window = studio.window.history, studio.window
    click(studio, 1)
    QTest.keyClick(history.strip, Qt.Key.Key_P)
    assert [item.pinned for item in items(studio)] == [False, True, False, False]
    assert "pinned" in history.shelf.index(1).data(Qt.ItemDataRole.AccessibleTextRole).lower()
    click(studio, 2, Qt.KeyboardModifier.ControlModifier)
    assert len(history.strip.chosen) == 2
    assert studio.document.values()["expression.smile"] == 0.2, "Ctrl and a click only choose"
    QTest.keyClick(history.strip, Qt.Key.Key_Delete)
    assert captions(studio) == ["Original", "Smile 0.6"]
    window.banner._act()
    assert captions(studio) == ["Original", "Smile 0.2", "Smile 0.4", "Smile 0.6"]
    assert items(studio)[1].pinned
    history.page.clear.click()
    assert captions(studio) == ["Smile 0.2"] and not history.page.clear.isEnabled()
    window.banner._act()
    assert len(items(studio)) == 4


def test_undoing_a_delete_after_another_photo_was_opened_mixes_nothing(studio: Studio) -> None:
    edit(studio, expression_smile=0.6)
    studio.window.history.delete(items(studio)[1:])
    undo = studio.window.banner._run
    studio.open("other.png")
    studio.settle()
    assert undo is not None
    undo()
    assert captions(studio) == ["Original"]


def test_a_name_is_typed_in_place(studio: Studio) -> None:
    edit(studio, expression_smile=0.6)
    strip = studio.window.history.strip
    click(studio, 1)
    QTest.keyClick(strip, Qt.Key.Key_F2)
    field = strip.findChild(QLineEdit, "cardName")
    assert field is not None
    QTest.keyClicks(field, " Happy  one ")
    QTest.keyClick(field, Qt.Key.Key_Return)
    flush()
    assert captions(studio)[1] == "Happy one"
    assert "Smile 0.6" in studio.window.history.shelf.index(1).data(Qt.ItemDataRole.ToolTipRole)


def test_copy_puts_the_picture_on_the_clipboard(studio: Studio) -> None:
    click(studio, 0)
    QTest.keyClick(studio.window.history.strip, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    image = QGuiApplication.clipboard().image()
    assert image.width() == 64 and image.pixelColor(5, 5).red() == 120


def test_dragging_hands_out_a_png_with_its_request(studio: Studio) -> None:
    edit(studio, expression_smile=0.6)
    shelf = studio.window.history.shelf
    data = shelf.mimeData([shelf.index(1)])
    assert data.hasImage() and data.hasFormat(MIME)
    file = Path(data.urls()[0].toLocalFile())
    assert file.suffix == ".png" and (read_request(file) or {})["rig"]["values"] == {"expression.smile": 0.6}
    folder = shelf.keeper.folder
    studio.window.history.stop()
    assert folder is not None and not folder.exists(), "nothing stays on the disk"


def test_a_picture_dropped_on_the_canvas_is_gone_back_to(studio: Studio) -> None:
    edit(studio, expression_smile=0.6)
    shelf, opened = studio.window.history.shelf, len(studio.engine.opened)
    data = shelf.mimeData([shelf.index(0)])
    event = QDropEvent(QPointF(50, 50), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier)
    assert studio.window.history.eventFilter(studio.canvas, event)
    assert not studio.document.rig.values and len(studio.engine.opened) == opened


def test_the_menu_offers_what_fits(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    edit(studio, expression_smile=0.6)
    history = studio.window.history

    def offered(chosen: list[Item]) -> dict[str, bool]:
        actions = menu_for(history, chosen).actions()
        return {action.text().split("\t")[0]: action.isEnabled() for action in actions if action.text()}
    assert offered([]) == {"Clear, keep what is pinned": True}
    one = offered(items(studio)[:1])
    assert one["Go back to it"] and one["Export …"] and one["Name …"]
    two = offered(items(studio))
    assert two["Compare"] and two["Pin"] and not two["Name …"] and not two["Export …"]
    asked: list[RenderRequest] = []
    monkeypatch.setattr(studio.window, "ask_export", asked.append)
    history.export(items(studio)[1])
    assert asked == [items(studio)[1].request]


def test_the_strip_opens_closes_and_is_remembered(studio: Studio) -> None:
    window = studio.window
    assert window.bottom.current == "history" and window.history.page.isVisible()
    assert window.bottom.height() <= 130, "low enough for a small screen"
    window.actions_by_name["history"].trigger()
    assert window.bottom.current == "" and not window.settings.show_history
    window.actions_by_name["history"].trigger()
    assert window.bottom.current == "history" and window.settings.show_history


# -- memory


def test_a_picture_that_is_gone_is_made_again(studio: Studio) -> None:
    edit(studio, expression_smile=0.6)
    edit(studio, expression_smile=0.8)
    item = items(studio)[1]
    studio.window.live._remembered.clear()
    item.picture.forget()
    made = len(studio.engine.finished)
    studio.window.history.restore(item)
    studio.settle()
    assert len(studio.engine.finished) > made and len(items(studio)) == 3


# -- for projects


def test_snapshots_hold_everything_and_load_again(studio: Studio) -> None:
    edit(studio, expression_smile=0.6)
    history = studio.window.history
    history.pin(items(studio)[1:])
    history.shelf.rename(items(studio)[1], "Best")
    saved = history.snapshots()
    assert history.snapshots()[0] is saved[0], "the same object as long as nothing changes: its file is written once"
    assert all(isinstance(one, Snapshot) for one in saved)
    copies = [Snapshot(one.request, one.picture, one.pinned, one.name, one.made, one.distance, one.person) for one in saved]
    assert saved[1].png == copies[1].png
    history.clear()
    told: list[int] = []
    history.changed.connect(lambda: told.append(1))
    history.load(copies)
    assert told
    assert captions(studio) == ["Original", "Best"] and [item.pinned for item in items(studio)] == [False, True]
    made = len(studio.engine.finished)
    studio.window.live._remembered.clear()
    history.restore(items(studio)[0])
    assert studio.window.live.state.value == "settled" and len(studio.engine.finished) == made
    assert studio.window.status.identity.text().startswith("Identity 0.21")


def test_what_changes_is_told(studio: Studio) -> None:
    told: list[int] = []
    history = studio.window.history
    history.changed.connect(lambda: told.append(1))

    def tells(what: Callable[[], object]) -> bool:
        told.clear()
        what()
        return bool(told)
    assert tells(lambda: edit(studio, expression_smile=0.6))
    assert tells(lambda: history.pin(items(studio)[:1]))
    assert tells(lambda: history.shelf.rename(items(studio)[0], "A"))
    assert tells(lambda: history.delete(items(studio)[:1]))
    assert not tells(lambda: history.preview(items(studio)[0]))


def test_a_mime_of_another_run_names_no_item(studio: Studio) -> None:
    data = QMimeData()
    data.setData(MIME, b"12345 garbage")
    event = QDropEvent(QPointF(50, 50), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier)
    assert studio.window.history.eventFilter(studio.canvas, event)
    assert not studio.document.rig.values
