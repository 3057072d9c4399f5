"""The Personalize dialog: choosing photos, reading, album health, consent, learning, done."""
from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QMessageBox, QPushButton, QToolButton, QWidget

from app.personal.dialog import DONE, HEALTH, IMPORT, LEARN, READING, TRAIN, PersonalizeDialog
from app.personal.training import Training
from app.settings import Settings
from app.theme import Theme
from core.album.album import Album
from core.personalize.presets import DEFAULT, load_presets
from core.personalize.runs import Run, runs
from tests.app.personal_album import Child, ordinary, reading, write_album
from tests.app.studio import flush, until

Opened = Callable[[], PersonalizeDialog]


@pytest.fixture
def album(tmp_path: Path) -> Album:
    return write_album(tmp_path / "made", ordinary())


@pytest.fixture
def child(tmp_path: Path) -> Child:
    return Child(tmp_path)


@pytest.fixture
def training(child: Child) -> Iterator[Training]:
    made = Training(child.make)
    yield made
    made.close()


@pytest.fixture
def opened(child: Child, training: Training) -> Opened:
    """For a dialog that is to find something when it opens."""
    def make() -> PersonalizeDialog:
        dialog = PersonalizeDialog(Theme("dark"), Settings(), training, child.make)
        dialog.show()
        return dialog
    return make


@pytest.fixture
def dialog(opened: Opened) -> PersonalizeDialog:
    return opened()


def read(dialog: PersonalizeDialog, child: Child, album: Album) -> None:
    """Up to the health page."""
    child.script = reading(album)
    dialog.sources.add([album.folder.parent / "photos"])
    dialog.sources.name.setText("Ada")
    dialog.primary.click()
    assert dialog.page == READING
    until(lambda: dialog.page == HEALTH, "the album is shown")


def test_what_is_missing_is_said(dialog: PersonalizeDialog, album: Album, tmp_path: Path) -> None:
    assert dialog.page == IMPORT and not dialog.primary.isEnabled() and dialog.note.text() == "Choose photos first."
    empty = tmp_path / "empty"
    empty.mkdir()
    dialog.sources.add([empty])
    assert "no pictures" in dialog.note.text()
    dialog.sources.remove([empty])
    dialog.sources.name.clear()
    dialog.sources.add([album.folder.parent / "photos"])
    assert dialog.sources.person == "photos" and dialog.sources.photos == 13  # named after the folder
    assert dialog.sources.field.title.text().startswith("13 photos")
    assert dialog.primary.isEnabled() and dialog.note.text() == ""
    dialog.sources.name.clear()
    assert "name" in dialog.note.text() and not dialog.primary.isEnabled()
    dialog.sources.name.setText("a/b")
    assert "'/'" in dialog.note.text() and not dialog.primary.isEnabled()


def test_photos_appear_as_they_are_read(dialog: PersonalizeDialog, child: Child, album: Album) -> None:
    child.script = reading(album, upto=9, then="sys.stdin.readline()")
    photos = album.folder.parent / "photos"
    dialog.sources.add([photos])
    dialog.sources.name.setText("--minutes")  # nobody's option
    dialog.primary.click()
    until(lambda: dialog.watch.tiles.rowCount() == 9, "nine are there")
    assert child.arguments == [["personalize", str(photos), "--name=--minutes", "--check", "--events"]]
    assert dialog.watch.title.text() == "Reading photo 10 of 13" and dialog.watch.bar.value() == 9
    tiles = dialog.watch.tiles.tiles
    assert [tile.word for tile in tiles] == ["Good"] * 8 + ["Weak"] and tiles[8].reason == "Blurred"
    assert dialog.watch.tiles.image(tiles[0].thumb) is not None
    assert not dialog.primary.isVisible() and dialog.dismiss.text() == "Cancel reading"
    dialog.dismiss.click()
    assert dialog.watch.title.text() == "Stopping …" and not dialog.dismiss.isEnabled()
    until(lambda: dialog.page == IMPORT, "it is cancelled")
    assert not dialog.reading.running and dialog.problem.text() == ""


def test_a_reading_that_fails_says_why(dialog: PersonalizeDialog, child: Child, album: Album) -> None:
    child.script = "tell(event='failed', message='There is no photo of a face.')\nsys.exit(2)"
    dialog.sources.add([album.folder.parent / "photos"])
    dialog.primary.click()
    until(lambda: dialog.page == IMPORT, "it fails")
    assert dialog.problem.text() == "There is no photo of a face." and dialog.problem.isVisible()
    dialog.primary.click()
    assert dialog.problem.text() == ""
    until(lambda: dialog.page == IMPORT, "it fails again")


def test_closing_ends_the_reading(dialog: PersonalizeDialog, child: Child, album: Album) -> None:
    child.script = reading(album, upto=1, then="sys.stdin.readline()")
    dialog.sources.add([album.folder.parent / "photos"])
    dialog.primary.click()
    until(lambda: dialog.reading.done == 1, "one is read")
    running = dialog.reading
    dialog.close()
    assert not running.running


def test_health(dialog: PersonalizeDialog, child: Child, album: Album) -> None:
    read(dialog, child, album)
    health = dialog.health
    assert health.title.text() == "9 of 13 photos are used"
    assert health.words.text() == "1 weak, 4 left out, 2 kept for testing"
    words = {tile.name: (tile.word, tile.reason) for tile in health.tiles.tiles}
    assert words["good0"] == ("Used", "") and words["soft"] == ("Weak", "Blurred")
    assert words["small"][1].startswith("Face is small") and words["empty"] == ("Left out", "No face found")
    assert words["other"] == ("Left out", "Another person")
    assert [health.groups.button(i).text() for i in range(4)] == ["All  13", "Used  9", "Weak  1", "Left out  4"]
    health.groups.button(3).click()
    assert health.tiles.rowCount() == 4
    assert len(health.held) == 2 and sum(tile.held for tile in health.tiles.tiles) == 2
    turns, spread, light = health.plots
    assert "from the front" in turns.accessibleDescription() and "smile" in spread.accessibleDescription()
    assert "lit from the left" in light.accessibleDescription()


def test_overruling_by_key_and_by_mouse(dialog: PersonalizeDialog, child: Child, album: Album) -> None:
    read(dialog, child, album)
    health, view = dialog.health, dialog.health.view
    health.groups.button(3).click()
    health.pick("small")
    QTest.keyClick(view, Qt.Key.Key_Space)
    assert health.album is not None and health.album.photo("small").choice is True
    assert health.title.text() == "10 of 13 photos are used"
    assert view.currentIndex().data() == "small.jpg", "it stays in sight until another group is chosen"
    QTest.keyClick(view, Qt.Key.Key_Space)
    assert health.album.photo("small").choice is None, "back to what the verdict says"
    health.groups.button(0).click()
    health.pick("good0")
    cell = view.visualRect(view.currentIndex())
    QTest.mouseMove(view.viewport(), cell.center())
    QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(cell.right() - 24, cell.top() + 24))
    assert health.album.photo("good0").choice is False
    assert next(tile for tile in health.tiles.tiles if tile.name == "good0").word == "Left out, by you"
    health.pick("empty")
    QTest.keyClick(view, Qt.Key.Key_Space)
    assert health.album.photo("empty").choice is None, "there is no face to use"
    dialog.close()
    assert Album.load(album.folder).choices == {"good0": False}


def test_another_person_may_be_meant(dialog: PersonalizeDialog, child: Child, album: Album) -> None:
    read(dialog, child, album)
    buttons = dialog.health.people.findChildren(QToolButton)
    assert [button.accessibleName() for button in buttons] == ["The person seen in 10 photos", "The person seen in 2 photos"]
    assert buttons[0].isChecked()
    buttons[1].click()
    until(lambda: dialog.health.tiles.count("used") == 2, "the album is theirs")
    flush()
    words = {tile.name: tile.word for tile in dialog.health.tiles.tiles}
    assert words["other"] == "Used" and words["good0"] == "Left out"
    assert dialog.page == HEALTH and Album.load(album.folder).main is not None


def test_no_photo_used_stops_here(dialog: PersonalizeDialog, child: Child, album: Album) -> None:
    read(dialog, child, album)
    for tile in dialog.health.tiles.tiles:
        if tile.used:
            dialog.health.overrule(tile.name, False)
    assert not dialog.primary.isEnabled() and "No photo is used" in dialog.note.text()
    assert dialog.health.title.text() == "None of 13 photos can be used"


def test_consent_and_start(dialog: PersonalizeDialog, child: Child, album: Album, training: Training) -> None:
    read(dialog, child, album)
    dialog.primary.click()
    assert dialog.page == LEARN and dialog.learn.title.text() == "Learn Ada"
    assert dialog.learn.words.text().startswith("7 photos to learn from; ")
    assert dialog.learn.preset == DEFAULT and len(dialog.learn.cards) == len(load_presets())
    assert not dialog.primary.isEnabled() and "consent" in dialog.note.text()
    dialog.learn.consent.click()
    assert dialog.primary.isEnabled()
    dialog.back.click()
    dialog.primary.click()
    assert not dialog.learn.agreed, "asked anew"
    paper = next(card for card in dialog.learn.cards if card.preset.name == "paper")
    QTest.mouseClick(paper, Qt.MouseButton.LeftButton)
    dialog.learn.consent.click()
    child.script = ("tell(event='started', run='/nowhere', preset='paper', steps=4, held_out=['a', 'b'], device='cpu')\n"
                    "sys.stdin.readline()\n"
                    "tell(event='done', name='Ada', file='/nowhere/ada.safetensors', seconds=4, steps=4, enough=150,\n"
                    " before={'identity': 0.6, 'perceptual': 0.5}, after={'identity': 0.4, 'perceptual': 0.4, 'drift': 3.3,"
                    " 'drift_error': 3})\n")
    dialog.primary.click()
    assert dialog.page == TRAIN and not dialog.primary.isVisible()
    until(lambda: training.state == "training", "it trains")
    assert child.arguments[-1] == ["personalize", "--resume=Ada", "--preset", "paper", "--yes-i-have-consent", "--events"]
    assert "goes on when this is closed" in dialog.note.text()
    training.finish()
    until(lambda: dialog.page == DONE, "it is done")
    assert dialog.outcome.title.text() == "Ada is learned" and "2 photos" in dialog.outcome.words.text()
    assert "0.600 before, 0.400 after" in dialog.outcome.view.accessibleDescription()
    assert "3.3 CIE Lab" in dialog.outcome.drift.text() and "2 photos can't tell" in dialog.outcome.drift.text()
    assert dialog.outcome.short.text().startswith("Only 4 steps")
    taken: list[str] = []
    dialog.use_person.connect(taken.append)
    dialog.primary.click()
    assert taken == ["/nowhere/ada.safetensors"] and not dialog.isVisible()


def test_unfinished_runs_are_offered(opened: Opened, child: Child, training: Training, album: Album) -> None:
    run = Run.begin("Bela")
    run.save(state="stopped", step=30, steps=100, photos=12)
    dialog = opened()
    buttons = {b.accessibleName(): b for b in dialog.sources.findChildren(QPushButton) if b.accessibleName()}
    dialog.sources.add([album.folder.parent / "photos"])
    dialog.sources.name.setText("bela")
    assert "was begun already" in dialog.note.text() and not dialog.primary.isEnabled()
    child.script = "tell(event='step', step=31, steps=100, phase='denoiser', loss=0.1, seconds=1)\nsys.stdin.readline()"
    buttons["Go on with Bela"].click()
    assert dialog.page == TRAIN
    until(lambda: training.progress.step == 31, "it goes on")
    assert child.arguments[-1][:2] == ["personalize", "--resume=Bela"]
    dialog.back.click()
    flush()
    assert dialog.page == IMPORT
    next(b for b in dialog.sources.findChildren(QPushButton) if b.accessibleName() == "Show Bela").click()
    assert dialog.page == TRAIN
    training.keep()
    until(lambda: not training.active, "it ends")


def test_a_run_that_another_process_has_is_not_offered(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.personal.import_page.WATCH_MS", 20)
    run = Run.begin("Bela")
    run.save(state="training", step=30, steps=100)

    def buttons(dialog: PersonalizeDialog) -> list[bool]:
        flush()
        return [b.isEnabled() for b in dialog.sources.findChildren(QPushButton) if "Bela" in b.accessibleName()]

    with run.locked():
        dialog = opened()
        assert buttons(dialog) == [False, False]
        assert "Another window or command works on it" in [one.text() for one in dialog.sources.findChildren(QLabel)]
    until(lambda: buttons(dialog) == [True, True], "it is free again")


def test_an_album_that_was_read_is_gone_on_with(opened: Opened) -> None:
    run = Run.begin("Ada")
    made = write_album(run.folder, ordinary())
    assert made.folder == run.album
    run.save(state="checked", photos=9)
    dialog = opened()
    next(b for b in dialog.sources.findChildren(QPushButton) if b.accessibleName() == "Go on with Ada").click()
    until(lambda: dialog.page == HEALTH, "it is shown")
    assert dialog.person == "Ada" and dialog.health.count == 9


def test_a_reading_that_was_interrupted_is_gone_on_with(opened: Opened, child: Child, album: Album) -> None:
    Run.begin("Ada")
    child.script = reading(album)
    dialog = opened()
    next(b for b in dialog.sources.findChildren(QPushButton) if b.accessibleName() == "Go on with Ada").click()
    assert dialog.page == READING
    until(lambda: dialog.page == HEALTH, "it is read")
    assert child.arguments == [["personalize", "--resume=Ada", "--check", "--events"]] and dialog.person == "Ada"


def test_everything_is_reached_by_keyboard(dialog: PersonalizeDialog, child: Child, album: Album) -> None:
    dialog.activateWindow()
    flush()

    def reached(steps: int) -> set[QWidget | None]:
        found = set()
        for _ in range(steps):
            QTest.keyClick(QApplication.focusWidget() or dialog, Qt.Key.Key_Tab)
            found.add(QApplication.focusWidget())
        return found

    dialog.sources.add([album.folder.parent / "photos"])
    field = dialog.sources.field
    assert {field.folder, field.files, dialog.sources.name, dialog.dismiss, dialog.primary} <= reached(10)
    read(dialog, child, album)
    health = dialog.health
    assert QApplication.focusWidget() is health.view
    people = set(health.people.findChildren(QToolButton)) & reached(14)
    assert len(people) == 1, "one Tab stop; arrows choose"
    assert {health.view, health.groups.checkedButton(), dialog.back, dialog.primary} <= reached(14)
    dialog.primary.click()
    assert {dialog.learn.consent, dialog.back, dialog.dismiss} <= reached(8)


def test_discarding_asks_first(opened: Opened) -> None:
    Run.begin("Bela").save(state="paused", step=3, steps=9)
    dialog = opened()
    drop = next(b for b in dialog.sources.findChildren(QPushButton) if b.accessibleName() == "Discard Bela")
    for answer, left in (("Keep", 1), ("Discard", 0)):
        drop.click()
        box = dialog.sources.findChild(QMessageBox)
        assert box is not None
        next(b for b in box.buttons() if b.text() == answer).click()
        flush()
        assert len(runs()) == left


def test_photos_are_dropped_anywhere(dialog: PersonalizeDialog, child: Child, album: Album) -> None:
    read(dialog, child, album)
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(album.photo("good0").path))])
    left, none = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    enter = QDragEnterEvent(QPoint(50, 50), Qt.DropAction.CopyAction, data, left, none)
    dialog.dragEnterEvent(enter)
    assert enter.isAccepted()
    dialog.dropEvent(QDropEvent(QPointF(50, 50), Qt.DropAction.CopyAction, data, left, none))
    assert dialog.page == IMPORT and dialog.sources.photos == 14
