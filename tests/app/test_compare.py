"""Comparing pictures: what stands side by side, one camera for all, split, flicker, difference, and the file."""
from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QDropEvent, QGuiApplication, QKeyEvent, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFileDialog

from app.compare.slots import ITEM, LIVE, ORIGINAL, Source, in_plain_words
from app.compare.view import CompareView, Layout
from core.difference import difference
from tests.app.studio import Studio, drag, flush, until


def edit(studio: Studio, **values: float) -> None:
    studio.document.update({name.replace("_", "."): value for name, value in values.items()})
    studio.settle()


def compare(studio: Studio, *rows: int) -> CompareView:
    """Begin with these rows of the history."""
    history = studio.window.history
    history.comparing.begin([history.shelf.items[row] for row in rows])
    flush()
    view = history.comparing.view
    assert view is not None
    return view


def kinds(studio: Studio) -> list[str]:
    return [source.kind for source in studio.window.history.comparing.slots.sources]


def shade(studio: Studio, place: int) -> int:
    pixels = studio.window.history.comparing.slots.pixels(place)
    assert pixels is not None
    return int(pixels[40, 40, 0])


def test_the_original_stands_beside_the_live_picture(studio: Studio) -> None:
    edit(studio, expression_smile=0.6)
    studio.window.actions_by_name["compare"].trigger()
    view = studio.window.history.comparing.view
    assert view is not None and studio.window.middle.currentWidget() is view and not studio.window.foot.isVisible()
    assert kinds(studio)[:2] == [ORIGINAL, LIVE] and view.mode is Layout.TWO
    assert view.captions[1].words.text() == "Smile 0.6" and view.captions[0].words.text() == "The photo as it is"
    before = shade(studio, 1)
    edit(studio, jaw_open=0.5)
    assert shade(studio, 1) == before + 1, "the live picture is followed"
    assert view.captions[1].words.text() == "Smile 0.6, Jaw open 0.5"


def test_two_or_four_of_the_history(studio: Studio) -> None:
    for value in (0.2, 0.4, 0.6):
        edit(studio, expression_smile=value)
    view = compare(studio, 0, 2)
    assert view.mode is Layout.TWO and kinds(studio) == [ITEM, ITEM, LIVE, ORIGINAL]
    view = compare(studio, 0, 1, 2, 3)
    assert view.mode is Layout.FOUR and kinds(studio) == [ITEM] * 4
    assert all(pane.isVisible() for pane in view.panes)
    assert len({(pane.width(), pane.height()) for pane in view.panes}) <= 2, "as large as each other, but for a pixel"
    view = compare(studio, 3)
    assert kinds(studio)[:2] == [ITEM, LIVE] and view.mode is Layout.TWO


def test_the_newest_pinned_picture_comes_first(studio: Studio) -> None:
    edit(studio, expression_smile=0.2)
    history = studio.window.history
    history.pin(history.shelf.items[1:])
    edit(studio, expression_smile=0.6)
    studio.window.actions_by_name["compare"].trigger()
    assert history.comparing.slots.sources[0] == Source(ITEM, history.shelf.items[1])


def test_one_camera_for_all(studio: Studio) -> None:
    edit(studio, expression_smile=0.6)
    view = compare(studio, 0, 1)
    pane, camera = view.panes[0], view.camera
    fitted = camera.view.zoom
    at = QPointF(pane.rect().center())
    wheel = QWheelEvent(at, pane.mapToGlobal(at), QPoint(), QPoint(0, 240), Qt.MouseButton.NoButton,
                        Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False)
    QGuiApplication.sendEvent(pane, wheel)
    assert camera.view.zoom > fitted * 1.2
    before = camera.view.offset
    drag(view.panes[1], QPoint(100, 100), QPoint(130, 110))
    assert camera.view.offset - before == QPointF(30, 10), "a drag in one moves both"
    view.set_mode(Layout.SPLIT)
    assert camera.view.zoom > fitted, "the place stays when it is looked at in another way"
    QTest.keyClick(view, Qt.Key.Key_0)
    assert camera.view.fitted


def test_the_split_line_is_dragged(studio: Studio) -> None:
    edit(studio, expression_smile=0.6)
    view = compare(studio, 0, 1)
    QTest.keyClick(view, Qt.Key.Key_3)
    flush()
    pane = view.panes[0]
    start = QPoint(round(pane._split_x), 150)
    drag(pane, start, start + QPoint(60, 0))
    assert pane.split > 0.52
    QTest.mouseDClick(pane, Qt.MouseButton.LeftButton, pos=QPoint(round(pane._split_x), 150))
    assert pane.split == 0.5


def test_a_key_swaps_and_flickers(studio: Studio) -> None:
    edit(studio, expression_smile=0.6)
    view = compare(studio, 0, 1)
    a, b = shade(studio, 0), shade(studio, 1)
    QTest.keyClick(view, Qt.Key.Key_X)
    assert (shade(studio, 0), shade(studio, 1)) == (b, a)
    QTest.keyClick(view, Qt.Key.Key_4)
    assert view.mode is Layout.FLICKER and view.panes[0].letters[0] == "A"
    QTest.keyClick(view, Qt.Key.Key_X)
    assert view.panes[0].letters[0] == "B" and shade(studio, 0) == b, "nothing is swapped: the other one shows"
    QTest.mouseClick(view.panes[0], Qt.MouseButton.LeftButton)
    assert view.panes[0].letters[0] == "A"


def test_the_difference_has_numbers_and_a_scale(studio: Studio) -> None:
    edit(studio, expression_smile=0.6)
    edit(studio, jaw_open=0.4)
    view = compare(studio, 0, 2)
    QTest.keyClick(view, Qt.Key.Key_5)
    assert view.legend.isVisible() and view.legend.ramp.scale == 8
    assert view.legend.words.text() == "Nothing to see: 2.00 of 255 levels on average, 2 at most."
    view.legend.scales.setCurrentIndex(view.legend.scales.findData(64))
    assert view.legend.ramp.scale == 64
    studio.window.history.comparing.slots.put(1, Source(ITEM, studio.window.history.shelf.items[0]))
    assert view.legend.words.text() == "The pictures are the same, bit for bit."


def test_a_difference_in_plain_words() -> None:
    a, b = np.zeros((40, 40, 3), np.uint8), np.zeros((40, 40, 3), np.uint8)
    b[30:, :10] = 60
    assert in_plain_words(difference(a, b)) == \
        "6 % of the pixels differ visibly. 3.8 of 255 levels on average, 60 at most, at the lower left."


def test_pictures_are_chosen_from_the_menu_or_dropped(studio: Studio) -> None:
    edit(studio, expression_smile=0.6)
    view = compare(studio)
    view.captions[0].menu.aboutToShow.emit()
    actions = [action for action in view.captions[0].menu.actions() if action.text()]
    assert [action.text() for action in actions] == ["Original", "Live picture", "Smile 0.6", "Original"]
    assert actions[0].isChecked()
    actions[2].trigger()
    assert kinds(studio)[0] == ITEM
    shelf = studio.window.history.shelf
    data = shelf.mimeData([shelf.index(0)])
    event = QDropEvent(QPointF(50, 50), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier)
    view.panes[1].dropEvent(event)
    assert studio.window.history.comparing.slots.sources[1].item is shelf.items[0]


def test_an_item_that_is_taken_out_gives_way_to_the_original(studio: Studio) -> None:
    edit(studio, expression_smile=0.6)
    compare(studio, 1)
    studio.window.history.delete(studio.window.history.shelf.items[1:])
    assert kinds(studio)[0] == ORIGINAL


def test_leaving(studio: Studio) -> None:
    window = studio.window
    view = compare(studio)
    QTest.keyClick(view, Qt.Key.Key_Escape)
    assert window.middle.currentWidget() is window.canvas and window.foot.isVisible()
    assert not window.actions_by_name["compare"].isChecked()
    window.actions_by_name["compare"].trigger()
    window.actions_by_name["view-1"].trigger()
    assert window.middle.currentWidget() is window.canvas, "another view of the canvas leaves too"
    window.actions_by_name["view-0"].trigger()
    compare(studio)
    studio.open("other.png")
    studio.settle()
    assert window.middle.currentWidget() is window.canvas


def test_its_own_keys_come_before_the_windows_and_others_pass(studio: Studio) -> None:
    """1 to 5 choose a view here and a buffer elsewhere; C is the window's here too."""
    view = compare(studio)

    def claims(key: Qt.Key) -> bool:
        event = QKeyEvent(QEvent.Type.ShortcutOverride, key, Qt.KeyboardModifier.NoModifier)
        event.ignore()
        view.event(event)
        return event.isAccepted()
    assert claims(Qt.Key.Key_1) and claims(Qt.Key.Key_Escape) and claims(Qt.Key.Key_X) and not claims(Qt.Key.Key_C)


def test_without_a_photo_there_is_nothing_to_compare(gated: Studio) -> None:
    gated.window._photo_usable(False)
    assert not gated.window.actions_by_name["compare"].isEnabled()


@pytest.mark.parametrize("mode", list(Layout))
def test_the_comparison_is_written_as_one_picture(studio: Studio, mode: Layout, tmp_path: Path,
                                                  monkeypatch: pytest.MonkeyPatch) -> None:
    edit(studio, expression_smile=0.6)
    view = compare(studio, 0, 1)
    view.set_mode(mode)
    asked: list[Any] = []

    def answer(*words: Any) -> tuple[str, str]:
        asked.append(words)
        return str(tmp_path / "both"), ""
    monkeypatch.setattr(QFileDialog, "getSaveFileName", answer)
    QTest.keyClick(view, Qt.Key.Key_S, Qt.KeyboardModifier.ControlModifier)
    file = tmp_path / "both.png"
    until(lambda: "Comparison written" in studio.window.banner.text)
    assert Path(asked[0][2]).name == "photo-comparison.png"
    with Image.open(file) as image:
        across = {Layout.DIFFERENCE: 3}.get(mode, 2)
        assert image.width == 40 + across * 512 + (across - 1) * 8
        assert (image.height > 1024) == (mode is Layout.FOUR)


def test_a_file_that_cannot_be_written_is_told(studio: Studio, tmp_path: Path) -> None:
    compare(studio)
    studio.window.history.comparing.export(tmp_path / "missing" / "x" / "both.png")
    until(lambda: "Could not write" in studio.window.banner.text)
