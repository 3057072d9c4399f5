"""What shows where there is little room, in every language: panels, words on buttons, captions, the photo's edge."""
from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QLocale, QPoint, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QDialog, QToolButton

from app import language
from app.badge import badge
from app.history.cards import in_lines
from app.live import State
from app.panels.slider import Number
from app.settings import SECTIONS, Settings
from tests.app.fakes import FakeEngine
from tests.app.studio import Studio, flush, until

WORDS, ICON = Qt.ToolButtonStyle.ToolButtonTextBesideIcon, Qt.ToolButtonStyle.ToolButtonIconOnly


@pytest.fixture
def spoken(request: pytest.FixtureRequest) -> Iterator[str]:
    """A language in use."""
    yield language.use(request.param)
    language.use(language.ENGLISH)


@pytest.mark.parametrize("spoken", sorted(language.languages()), indirect=True)
def test_at_first_all_panels_are_open_and_fit_into_their_column(spoken: str) -> None:
    studio = Studio(FakeEngine(gated=False))
    studio.open()
    side = studio.window.side
    assert all(panel.opened for panel in side.panels)
    flush()
    wide = {panel.title: panel.minimumSizeHint().width() for panel in side.panels}
    assert max(wide.values()) <= side.viewport().width() , wide
    side.jaw.set_open(False)
    assert studio.window.settings.open_sections == tuple(name for name in SECTIONS if name != "Jaw")
    studio.close()


def test_sections_remembered_in_another_language_are_all_open() -> None:
    studio = Studio(FakeEngine(gated=False), settings=Settings(open_sections=("Licht", "Person")))
    assert all(panel.opened for panel in studio.window.side.panels)
    studio.close()


def test_what_is_seldom_needed_is_folded_and_stays_as_it_was_left() -> None:
    settings = Settings()
    for opened in (False, True):
        studio = Studio(FakeEngine(gated=False), settings=settings)
        studio.open()
        light, expression = studio.window.side.light, studio.window.side.expression
        parts = (light.around, light.raw)
        assert [part.opened for part in parts] == [opened, opened]
        assert [box.grid.folded for box in (light.preset_box, expression.preset_box)] == [not opened, not opened]
        for part in parts:
            part.head.click()
        for box in (light.preset_box, expression.preset_box):
            box.button.click()
        studio.close()
    assert settings.open_parts == ()


def test_make_film_keeps_its_word_the_longest(studio: Studio) -> None:
    window = studio.window
    window.actions_by_name["timeline"].trigger()

    def styles(width: int) -> dict[str, Any]:
        window.resize(width, 800)
        flush()
        tools = window.bottom.pages["timeline"].findChild(object, "timelineTools")  # type: ignore[type-var]
        return {made.text(): made.toolButtonStyle() for made in tools.findChildren(QToolButton)  # type: ignore[attr-defined]
                if made.isVisible()}

    assert styles(1280)["Make film"] == WORDS and styles(1280)["From video"] == ICON
    assert set(styles(1900).values()) >= {WORDS} and styles(1900)["Add key"] == styles(1900)["From video"] == WORDS
    assert "Whole film" not in styles(1024), "what the wheel does too gives way first"


@pytest.mark.parametrize("what", ["compare", "variations"])
def test_the_timeline_comes_with_the_picture_that_it_moves(studio: Studio, what: str) -> None:
    window = studio.window
    window.actions_by_name[what].trigger()
    window.actions_by_name["timeline"].trigger()
    assert window.middle.currentWidget() is window.canvas and not window.actions_by_name[what].isChecked()


def test_a_caption_has_two_lines_before_it_is_cut(studio: Studio) -> None:
    metrics = QFontMetrics(QFont())
    text = "Smile 0.5, Light 60°, Yaw 15°, Jaw open 0.3"
    wide = metrics.horizontalAdvance(text)
    assert in_lines(text, 2, metrics, wide + 2) == [text]
    first, second = in_lines(text, 2, metrics, round(wide * 0.6))
    assert f"{first} {second}" == text
    cut = in_lines(text, 2, metrics, round(wide * 0.35))
    assert len(cut) == 2 and cut[1].endswith("…") and not cut[0].endswith("…")
    assert len(in_lines("Unbreakable" * 9, 2, metrics, 60)) == 1


def test_nothing_is_drawn_beyond_the_photo_s_edge(studio: Studio) -> None:
    """A crop reaches over the edge of a photo that is cut close; what it holds there is made up."""
    canvas = studio.canvas
    canvas.photo.quad = canvas.photo.quad - np.array([0, canvas.photo.quad[:, 1].min() + 40])
    canvas.set_result(np.full((64, 64, 3), 255, np.uint8), plain=True)
    canvas.show_inset = canvas.show_ball = False
    canvas.set_whole(True)
    for mode in (type(canvas.mode).PHOTO, type(canvas.mode).ALBEDO):
        canvas.mode = mode
        flush()
        shot = canvas.grab().toImage()
        ratio = shot.devicePixelRatio()
        x = round(canvas.view.rect.left() + canvas.view.rect.width() * 0.6)
        beyond = QPoint(round(x * ratio), round((canvas.view.rect.top() - 6) * ratio))
        assert shot.pixelColor(beyond) == QColor(studio.window.theme.colors.canvas)


def test_undo_names_its_step_only_where_there_is_one(studio: Studio) -> None:
    undo, redo = (studio.window.actions_by_name[name] for name in ("undo", "redo"))
    assert (undo.text(), redo.text()) == ("&Undo", "&Redo")
    studio.document.set("jaw.open", 0.4, "Jaw")
    assert (undo.text(), redo.text()) == ("Undo jaw", "&Redo")
    studio.window.undo()
    assert (undo.text(), redo.text()) == ("&Undo", "Redo jaw")


def test_menus_mark_what_is_on_without_colour(studio: Studio) -> None:
    actions = studio.window.actions_by_name
    toggles = [name for name, action in actions.by_name.items() if action.isCheckable()]
    assert {"split", "ball", "timeline", "theme-dark"} <= set(toggles)
    assert not [name for name in toggles if actions[name].isIconVisibleInMenu()]
    studio.window.theme_button.click()
    light = studio.window.settings.theme == "light"
    assert actions["theme-light"].isChecked() is light and actions["theme-dark"].isChecked() is not light
    until(lambda: studio.window.theme.dark is not light)


def test_dialogs_stay_within_a_small_screen(studio: Studio) -> None:
    window = studio.window
    room = window.screen().availableGeometry()  # 800 x 800 here
    for name in ("models", "people", "help", "shortcuts", "batch-add"):
        if name == "batch-add":
            window.queue.ask_add([])
        else:
            window.actions_by_name[name].trigger()
        flush()
    dialogs = [dialog for dialog in window.findChildren(QDialog) if dialog.isVisible()]
    assert len(dialogs) >= 4
    for dialog in dialogs:
        assert dialog.width() <= max(room.width(), dialog.minimumSizeHint().width()) and dialog.height() <= room.height(), dialog
        dialog.close()


def test_a_preview_says_what_the_settled_picture_waits_for(gated: Studio, tmp_path: Path) -> None:
    window = gated.window
    window.live.state = State.PREVIEW
    window.show_state()
    assert window.canvas.status[0] == "Preview"
    window.exports.add(gated.document.request("settled"), tmp_path / "x.png", {})
    window.show_state()
    assert window.canvas.status[0] == "Preview; next after the export"
    assert badge(State.REFINING, None, "the export")[0] == "Refining"


@pytest.mark.parametrize("typed, value", [("0,3", 0.3), ("0.4", 0.4), ("5", 1.0), ("-7,5", -1.0), ("abc", 0.2), ("", 0.2)])
def test_numbers_are_typed_as_people_type_them(app: object, typed: str, value: float) -> None:
    for language_of in (QLocale.c(), QLocale("de_DE")):
        number = Number(-1, 1, 0.01, "")
        number.setLocale(language_of)
        number.show()
        number.setValue(0.2)
        number.selectAll()
        QTest.keyClick(number, Qt.Key.Key_Delete)
        QTest.keyClicks(number, typed)
        QTest.keyClick(number, Qt.Key.Key_Return)
        assert number.value() == pytest.approx(value) and number.text() == number.textFromValue(value)
        number.close()


def test_a_click_on_the_empty_page_asks_for_a_photo() -> None:
    studio, asked = Studio(FakeEngine(gated=False)), []
    canvas = studio.canvas
    canvas.open_clicked.disconnect()
    canvas.open_clicked.connect(lambda: asked.append(True))
    QTest.mouseMove(canvas, canvas.rect().center())
    QTest.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=canvas.rect().center())
    assert asked == [True]
    canvas.set_busy("Opening photo.png …")
    QTest.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=canvas.rect().center())
    canvas.set_busy("")
    studio.open()
    QTest.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=canvas.rect().center())
    assert asked == [True]
    studio.close()
