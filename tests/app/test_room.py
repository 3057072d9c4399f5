"""Small windows and quick ways: nothing is pushed off the screen, each section is one click away, Escape leads back."""
from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from app.help.tour import STEPS
from tests.app.studio import Studio, drag, flush, until


@pytest.mark.parametrize("what", ["timeline", "batch", "compare", "variations"])
def test_no_page_makes_a_small_window_wider(studio: Studio, what: str) -> None:
    window = studio.window
    window.resize(1024, 700)
    window.actions_by_name[what].trigger()
    flush()
    assert (window.width(), window.height()) == (1024, 700)
    window.resize(1500, 700)
    window.resize(1024, 700)
    flush()
    assert window.width() == 1024


def test_the_timeline_shows_words_and_zoom_where_there_is_room(studio: Studio) -> None:
    window = studio.window
    window.actions_by_name["timeline"].trigger()
    style = Qt.ToolButtonStyle.ToolButtonTextBesideIcon
    shown = []
    for width in (1024, 1900, 1024):
        window.resize(width, 800)
        flush()
        tools = window.bottom.pages["timeline"].findChild(object, "timelineTools")  # type: ignore[type-var]
        folded = tools._foldable[0].toolButtonStyle() == style  # type: ignore[attr-defined]
        shown.append((folded, all(part.isVisible() for part in tools.spare)))  # type: ignore[attr-defined]
    assert shown == [(False, False), (True, True), (False, False)]


def test_the_names_above_the_panels_lead_to_their_sections(studio: Studio) -> None:
    side = studio.window.side
    side.pose.set_open(False)
    for section in (side.pose, side.light):
        button = side.jump.buttons[section]
        assert button.width() >= button.sizeHint().width(), "its name is cut"
        button.click()
        flush()
        top = section.mapTo(side, QPoint(0, 0)).y()
        assert section.opened and side.jump.height() <= top < side.height() - 40
        assert [one.title for one, other in side.jump.buttons.items() if other.isChecked()] == [section.title]
    side.verticalScrollBar().setValue(side.expression.y() + 10)
    assert side.jump.buttons[side.expression].isChecked()


@pytest.mark.parametrize("what", ["compare", "variations"])
def test_escape_or_a_view_leaves_what_stands_in_the_canvas_s_place(studio: Studio, what: str) -> None:
    window = studio.window
    action = window.actions_by_name[what]
    for leave in (lambda: QTest.keyClick(window, Qt.Key.Key_Escape), window.actions_by_name["view-0"].trigger):
        action.trigger()
        assert window.middle.currentWidget() is not window.canvas and not window.foot.isVisible()
        window.side.pose.head.setFocus()  # not in the comparison
        leave()
        assert window.middle.currentWidget() is window.canvas and window.foot.isVisible() and not action.isChecked()


def test_the_overlay_s_slider_shows_with_the_overlay(studio: Studio) -> None:
    assert not studio.window.alpha.isVisible()
    studio.window.actions_by_name["overlay"].trigger()
    assert studio.window.alpha.isVisible() and studio.window.alpha.isEnabled()


def test_the_status_line_gives_up_what_matters_least(studio: Studio) -> None:
    window, status = studio.window, studio.window.status
    window.resize(1024, 700)
    flush()
    assert status.photo.isVisible() and status.prior.isVisible()
    status.set_training("Learning Ann: step 120 of 900, 8 min left")
    status.reading.setText("Beyond the model: light 31 degrees off, smile 0.2 less")
    until(lambda: not status.steps.isVisible(), "the steps give way")
    until(lambda: status.reading.width() >= status.reading.sizeHint().width(), "what matters is read in full")
    status.set_training("")
    status.reading.clear()
    until(lambda: status.steps.isVisible() and status.prior.isVisible(), "they are back")


def test_a_level_drag_of_the_head_sets_no_pitch(studio: Studio) -> None:
    until(lambda: studio.canvas._live is not None, "the head is drawn")
    box = studio.canvas.view.rect
    at = QPoint(round(box.center().x() + 70), round(box.center().y()))
    drag(studio.canvas, at, at + QPoint(20, 0), at + QPoint(40, 0))
    assert [name for name, _ in studio.document.rig.values] == ["pose.yaw"]


def test_the_preview_of_an_edit_taken_back_does_not_cover_the_settled_picture(gated: Studio) -> None:
    document, live, shown = gated.document, gated.window.live, []  # type: ignore[var-annotated]
    live.shown.connect(shown.append)
    document.set("jaw.open", 0.5)
    until(lambda: [one for one in gated.engine.started if one.quality == "preview"], "a preview is on the way")
    document.undo_stack.undo()
    assert live.state.value == "settled" and [one.request.quality for one in shown] == ["settled"]
    made: list[object] = []
    gated.window.thread_of_engine.worker.rendered.connect(made.append)  # after the window's own
    gated.engine.allow_all()
    until(lambda: made, "it is made all the same")
    flush()
    assert [one.request.quality for one in shown] == ["settled"]
    assert gated.window.status.time.text().startswith("Picture")


def test_escape_puts_a_half_typed_number_back(studio: Studio) -> None:
    number = studio.slider("expression.smile").number
    steps = studio.document.undo_stack.count()
    number.setFocus()
    number.selectAll()
    QTest.keyClicks(number, "0.7")
    QTest.keyClick(number, Qt.Key.Key_Escape)
    assert number.value() == 0 and number.lineEdit().text() == "0.00"
    QTest.keyClick(number, Qt.Key.Key_Return)
    assert studio.document.undo_stack.count() == steps


def test_the_first_minute_brings_the_expression_into_view_and_stays_beside_its_matter(studio: Studio) -> None:
    window = studio.window
    window.resize(1280, 800)
    window.help.start_tour()
    tour = window.help.tour
    assert tour is not None
    for step in STEPS:
        flush()
        if step.title == "Change the expression":
            assert window.side.expression.mapTo(window.side, QPoint(0, 0)).y() < 120
        if step.title == "Take it with you":
            assert tour.bubble.y() < 200 and tour.bubble.x() < 40
        tour.bubble.next.click()
    assert window.help.tour is None
