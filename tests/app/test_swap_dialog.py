"""The dialog "Swap and mix" on a fake engine, and the blend of a copied appearance in its panel."""
from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QAbstractSlider, QAbstractSpinBox, QFileDialog, QListWidget

import app.swap as module
from app.dialogs.swap import SwapDialog
from app.document import Document
from app.jobs import SwitchJob
from app.settings import Settings
from app.setup import Setup
from app.swap import MIX
from app.theme import Theme
from app.worker import WorkerThread
from core.errors import PhotoError
from core.export import read_request
from core.people.shelf import Entry
from core.request import RenderRequest
from core.rig import Rig
from tests.app.fakes import SIZE, FakeEngine, FakeResult, entry_of, person_of
from tests.app.studio import Studio, flush, until


class GridEngine(FakeEngine):
    """Paints each person in a shade of their own; 'bad.png' can't be painted."""

    def __init__(self, *people: str, gated: bool = False) -> None:
        super().__init__(gated=gated)
        self.people = {str(person_of(name).path): person_of(name) for name in people}

    def render(self, request: RenderRequest, on_step: Any = None, cancelled: Any = None, measure: bool = True) -> FakeResult:
        result = super().render(request, on_step, cancelled)
        shade = 60 + 40 * list(self.loaded).index(request.person) if request.person else 30
        return replace(result, crop=np.full((SIZE, SIZE, 3), shade, np.uint8))


class Hands:
    """A dialog with its worker, and what a test asks of both."""

    def __init__(self, engine: GridEngine, document: Document | None = None) -> None:
        self.engine = engine
        self.settings = Settings()
        self.theme = Theme("dark")
        self.theme.apply()
        self.worker = WorkerThread(lambda setup: engine, lambda *a, **k: None, Setup())
        self.dialog = SwapDialog(self.theme, self.settings, self.worker, document or Document())
        self.dialog.show()
        self.worker.start()

    @property
    def work(self) -> Any:
        return self.dialog.work

    @property
    def cells(self) -> list[Any]:
        return list(self.work.grid.cells)

    def full(self) -> None:
        """Wait until nothing is missing."""
        until(lambda: not self.work.busy and self.work.counts[0] == self.work.counts[1] > 0, "the grid is full")

    def tick(self, name: str, on: bool) -> None:
        listing: QListWidget = self.dialog.side.people
        item = next(listing.item(i) for i in range(listing.count()) if listing.item(i).text() == name)
        item.setCheckState(Qt.CheckState.Checked if on else Qt.CheckState.Unchecked)

    def painted(self) -> list[tuple[str | None, str]]:
        """Whose model painted which photo, in order."""
        return [(request.person, request.photo.split(".")[0]) for request in self.engine.finished]


@pytest.fixture
def shelf(monkeypatch: pytest.MonkeyPatch) -> list[Entry]:
    """Who is on the shelf."""
    entries = [entry_of(person_of("Ada")), entry_of(person_of("Bo"))]
    monkeypatch.setattr(module, "listed", lambda: list(entries))
    return entries


@pytest.fixture
def make() -> Iterator[Callable[..., Hands]]:
    made: list[Hands] = []

    def one(*people: str, gated: bool = False, photos: tuple[str, ...] = ("one.png", "two.png")) -> Hands:
        made.append(Hands(GridEngine(*people, gated=gated)))
        made[-1].work.add_photos([Path(name) for name in photos])
        return made[-1]
    yield one
    for hands in made:
        hands.engine.allow_all()
        assert hands.worker.stop()


def test_people_across_and_photos_down_person_by_person(make: Callable[..., Hands], shelf: list[Entry]) -> None:
    hands = make("Ada", "Bo")
    until(lambda: len(hands.work.grid.columns) == 5, "the people are there")
    hands.full()
    assert hands.work.grid.columns == ("Photo", "Buffers", "Default model", "Ada", "Bo")
    assert hands.painted()[-6:] == [(None, "one"), (None, "two"), ("Ada-1", "one"), ("Ada-1", "two"), ("Bo-1", "one"),
                                    ("Bo-1", "two")]
    request = hands.engine.finished[-1]
    assert request.noise == "seeded" and request.size == "crop" and not request.hold_background
    assert request.identity == (0.0, 0.0, 0.0, 0.0), "the photo's own head shape"
    assert all(hands.work.picture(place) is not None for row in hands.work.grid.rows for place in row)


def test_that_nobody_is_there_is_said_once_it_is_known(make: Callable[..., Hands], shelf: list[Entry]) -> None:
    shelf.clear()
    hands = make(photos=())
    assert hands.dialog.side.nobody.isHidden()
    until(lambda: not hands.dialog.side.nobody.isHidden(), "it was looked")


def test_somebody_taken_out_and_put_back_costs_nothing(make: Callable[..., Hands], shelf: list[Entry]) -> None:
    hands = make("Ada", "Bo")
    until(lambda: len(hands.work.grid.columns) == 5)
    hands.full()
    count = len(hands.engine.finished)
    hands.tick("Ada", False)
    assert hands.work.grid.columns == ("Photo", "Buffers", "Default model", "Bo")
    hands.tick("Ada", True)
    hands.full()
    assert len(hands.engine.finished) == count
    hands.dialog.side.shapes["person"].click()
    hands.full()
    assert hands.engine.finished[-1].identity == () and hands.engine.finished[-1].person == "Bo-1"


def test_a_person_that_cant_be_used_is_greyed_and_only_a_few_start_in_the_grid(make: Callable[..., Hands],
                                                                             shelf: list[Entry]) -> None:
    shelf[:] = [*(entry_of(person_of(f"P{i}")) for i in range(6)), entry_of(person_of("Z"), "was made with another model")]
    hands = make(*(f"P{i}" for i in range(6)))
    until(lambda: hands.dialog.side.people.count() == 8)
    assert hands.work.grid.columns[2:] == ("Default model", "P0", "P1", "P2")
    last = hands.dialog.side.people.item(7)
    assert last.text() == "Z" and not last.flags() and "another model" in last.toolTip()
    assert hands.dialog.side.person.findText("Z") < 0


def test_stop_keeps_what_is_there_and_go_on_makes_the_rest(make: Callable[..., Hands], shelf: list[Entry]) -> None:
    shelf.clear()
    hands = make(gated=True)
    until(lambda: len(hands.engine.started) == 1)
    hands.engine.allow(3)
    until(lambda: len(hands.engine.started) == 2)
    hands.dialog.stop.click()
    hands.engine.allow()  # the next step hears of it
    until(lambda: not hands.work.busy)
    assert hands.work.counts == (1, 2) and "Stopped: 1 of 2" in hands.dialog.note.text() and hands.dialog.stop.text() == "Go on"
    hands.engine.allow_all()
    hands.dialog.stop.click()
    hands.full()
    assert not hands.dialog.stop.isVisible() and not hands.dialog.progress.isVisible()


def test_what_cant_be_made_is_said_and_the_others_go_on(make: Callable[..., Hands], shelf: list[Entry]) -> None:
    shelf[:] = [shelf[0]]
    hands = make("Ada", photos=("one.png", "words.txt", "two.png"))
    hands.engine.fail = lambda request: PhotoError("It can't be painted.") if request.person and "one" in request.photo else None
    until(lambda: len(hands.work.grid.columns) == 4)
    hands.full()
    problems = [hands.work.problem(place) for place in hands.cells]
    assert [bool(text) for text in problems] == [False, True, False, True, True, False]
    assert "not a picture" in problems[1] and problems[3] == "It can't be painted."
    bad = hands.dialog.view.buttons[hands.cells[3]]
    assert "can't be painted" in bad.accessibleName() and "can't be painted" in bad.toolTip()
    assert "can't be painted" in hands.dialog.note.text()
    hands.engine.fail = lambda request: None
    hands.work.go_on()
    hands.full()
    assert not hands.work.problem(hands.cells[3])


def test_mixing_takes_codes_of_other_photos_and_the_slider_blends_them(make: Callable[..., Hands], shelf: list[Entry]) -> None:
    hands = make("Ada", "Bo")
    hands.full()
    side = hands.dialog.side
    side.modes[MIX].click()
    hands.full()
    assert hands.work.grid.columns == ("", "", "one.png", "two.png") and len(hands.work.grid.rows) == 3
    copies = {(r.photo.split(".")[0], c.label if (c := r.rig.copied("appearance")) else "") for r in hands.engine.finished[-4:]}
    assert copies == {(photo, f"{code}.png") for photo in ("one", "two") for code in ("one", "two")}
    count = len(hands.engine.finished)
    side.blend.moved.emit("mix.blend", 0.8)
    side.blend.moved.emit("mix.blend", 0.4)
    until(lambda: hands.work.amount == 0.4)
    hands.full()
    added = hands.engine.finished[count:]
    assert [copy.amount for r in added for copy in r.rig.copies] == [0.4, 0.4], "own codes and steps between: nothing"
    assert len(added) == 2
    side.person.setCurrentIndex(side.person.findText("Bo"))
    side.person.activated.emit(side.person.currentIndex())
    hands.full()
    assert {r.person for r in hands.engine.finished[-4:]} == {"Bo-1"}


def test_the_whole_dialog_can_be_used_by_keys(make: Callable[..., Hands], shelf: list[Entry]) -> None:
    hands = make("Ada", "Bo")
    until(lambda: len(hands.work.grid.columns) == 5)
    hands.full()
    dialog, view = hands.dialog, hands.dialog.view
    dialog.activateWindow()
    first = view.buttons[hands.work.grid.rows[0][0]]
    first.setFocus()
    for key in (Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_Down):
        QTest.keyClick(dialog.focusWidget(), key)
    assert dialog.focusWidget() is view.buttons[hands.work.grid.rows[1][3]]
    QTest.keyClick(dialog.focusWidget(), Qt.Key.Key_Return)
    large = dialog.large
    assert dialog.pages.currentWidget() is large and large.title.text() == "Ada, two.png" and large.save.isEnabled()

    def shown() -> Any:
        assert large.sheet.picture is not None
        return large.sheet.picture.toImage().pixelColor(5, 5)

    painted = shown()
    QTest.keyPress(large, Qt.Key.Key_Space)
    assert shown() != painted, "the photo, as long as Space is held"
    QTest.keyRelease(large, Qt.Key.Key_Space)
    assert shown() == painted
    QTest.keyClick(large, Qt.Key.Key_Right)
    assert large.title.text() == "Bo, two.png" and not large.after.isEnabled()
    QTest.keyClick(large, Qt.Key.Key_Escape)
    assert dialog.pages.currentWidget() is view and dialog.isVisible()
    assert dialog.focusWidget() is view.buttons[hands.work.grid.rows[1][4]]
    for widget, after in ((dialog.side.background, view.stops[0]), (view.stops[-1], dialog.stop)):
        assert widget.nextInFocusChain() is after
    QTest.keyClick(dialog, Qt.Key.Key_Escape)
    assert not dialog.isVisible()


def test_controls_have_names_and_both_themes_paint(make: Callable[..., Hands], shelf: list[Entry]) -> None:
    hands = make("Ada", "Bo")
    hands.full()
    nameless = [widget for kind in (QAbstractButton, QAbstractSlider, QAbstractSpinBox, QListWidget)
                for widget in hands.dialog.findChildren(kind)
                if not (widget.accessibleName() or getattr(widget, "text", str)()) and widget.isVisible()
                and widget.metaObject().className() != "QScrollBar"]
    assert not nameless, [(widget.metaObject().className(), widget.objectName()) for widget in nameless]
    for choice in ("light", "dark"):
        hands.theme.set(choice)
        assert not hands.dialog.grab().isNull()
    hands.dialog.resize(700, 480)
    flush()
    assert hands.dialog.view.stops[0].width() >= 90, "pictures stay large enough to see, and the grid scrolls"


def test_pictures_and_grids_are_saved(make: Callable[..., Hands], shelf: list[Entry], tmp_path: Path,
                                      monkeypatch: pytest.MonkeyPatch) -> None:
    hands = make("Ada", "Bo")
    until(lambda: len(hands.work.grid.columns) == 5)
    hands.full()
    asked: list[str] = []

    def answer(_parent: Any, _title: str, name: str, _kinds: str) -> tuple[str, str]:
        asked.append(Path(name).name)
        return str(tmp_path / asked[-1]), ""

    monkeypatch.setattr(QFileDialog, "getSaveFileName", answer)
    saved: list[Path] = []
    hands.work.saved.connect(saved.append)
    hands.dialog.ask_save_grid()
    hands.dialog.ask_save_cell(hands.cells[3])
    until(lambda: len(saved) == 2)
    assert asked == ["people.png", "two__Ada.png"] and hands.settings.swap_folder == str(tmp_path)
    assert (read_request(tmp_path / "two__Ada.png") or {})["person"] == "Ada-1"
    assert (read_request(tmp_path / "people.png") or {})["columns"][3:] == ["Ada", "Bo"]
    assert str(saved[-1]) in hands.dialog.note.text()
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "no" / "grid.png"), ""))
    hands.dialog.ask_save_grid()
    until(lambda: "Could not write" in hands.dialog.note.text())


def test_photos_are_dropped_taken_out_and_those_of_the_window_are_there(make: Callable[..., Hands], shelf: list[Entry],
                                                                      tmp_path: Path) -> None:
    hands = make("Ada", "Bo", photos=())
    assert hands.dialog.pages.currentWidget() is hands.dialog.empty and not hands.dialog.save.isEnabled()
    for name in ("b.jpg", "a.png", "notes.md"):
        (tmp_path / name).touch()
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(tmp_path)), QUrl.fromLocalFile("c.png"), QUrl.fromLocalFile("c.png")])
    hands.dialog.dropEvent(QDropEvent(QPointF(9, 9), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton,
                                      Qt.KeyboardModifier.NoModifier))
    hands.full()
    assert [photo.path.name for photo in hands.work.photos] == ["a.png", "b.jpg", "c.png"]
    listing = hands.dialog.side.photos
    listing.item(1).setSelected(True)
    QTest.keyClick(listing, Qt.Key.Key_Delete)
    assert [photo.path.name for photo in hands.work.photos] == ["a.png", "c.png"] and listing.count() == 2
    hands.full()


def test_another_model_makes_everything_anew(make: Callable[..., Hands], shelf: list[Entry]) -> None:
    shelf.clear()
    hands = make(photos=("one.png",))
    hands.full()
    other = GridEngine()
    hands.worker.worker._make_engine = lambda setup: other
    hands.worker.put(SwitchJob(Setup(prior="other")))
    until(lambda: other.finished)
    hands.full()
    assert [photo.engine for photo in hands.work.photos] == [other] and len(hands.engine.finished) == 1


def test_the_dialog_starts_with_the_photo_of_the_window_and_lets_its_pictures_by(shelf: list[Entry]) -> None:
    engine = GridEngine("Ada", "Bo")
    studio = Studio(engine)
    studio.open()
    studio.settle()
    dialog = SwapDialog(studio.window.theme, Settings(), studio.window.thread_of_engine, studio.document, studio.window)
    dialog.show()
    assert [photo.path.name for photo in dialog.work.photos] == ["photo.png"]
    studio.document.set("light.azimuth", 30.0)
    studio.settle()
    until(lambda: dialog.work.counts == (3, 3), "the grid is full")
    assert studio.document.rig.get("light.azimuth") == 30.0 and not dialog.work.busy
    dialog.close()
    studio.close()


def amount_of(rig: Rig) -> float:
    copy = rig.copied("appearance")
    assert copy is not None
    return copy.amount


def test_a_copied_appearance_is_blended_in_the_panel(studio: Studio) -> None:
    panel, document = studio.window.side.appearance, studio.document
    studio.window.copy_from(Path("other.png"), "appearance")
    until(lambda: document.rig.copies, "copied")
    row = panel.blend
    assert row is not None and row.number.value() == 1.0 and not row.reset.isVisible()
    row.slider.pressed.emit()
    for amount in (0.8, 0.3):
        row.slider.moved.emit(amount)
    row.slider.released.emit()
    assert amount_of(document.rig) == 0.3 and panel.blend is row, "the row stays while it is dragged"
    assert row.number.value() == 0.3 and document.undo_stack.undoText() == "Blend"
    studio.settle()
    assert amount_of(studio.engine.finished[-1].rig) == 0.3
    studio.window.undo()
    assert amount_of(document.rig) == 1.0 and row.number.value() == 1.0
    row.number.setValue(0.5)
    row.reset.click()
    assert amount_of(document.rig) == 1.0
    document.drop_copy("appearance")
    assert panel.blend is None and panel.copies.count() == 0
