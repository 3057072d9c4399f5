"""The People dialog: who is there, and what can be done with them."""
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QFileDialog, QInputDialog, QLabel, QMessageBox, QPushButton

from app.personal.people_dialog import PeopleDialog
from core.errors import AssetError
from tests.app.fakes import FakeEngine, FakePeople, entry_of, person_of
from tests.app.studio import Studio, flush, until

ANN = person_of("Ann")
CAT = person_of("Cat", prior="faces-512", head="flame")
BROKEN = replace(entry_of(person_of("Old")), digest="", problem="can't be read (no permission)")


@pytest.fixture
def studio() -> Iterator[Studio]:
    engine = FakeEngine(gated=False)
    engine.people = {str(person.path): person for person in (ANN, CAT)}
    made = Studio(engine, people=FakePeople(entry_of(ANN), entry_of(CAT), BROKEN))
    made.open()
    made.settle()
    yield made
    made.close()


@pytest.fixture
def dialog(studio: Studio) -> PeopleDialog:
    studio.window.actions_by_name["people"].trigger()
    idle(studio)
    found = studio.window.people.dialog("people")
    assert isinstance(found, PeopleDialog)
    return found


def idle(studio: Studio) -> None:
    shelf = studio.window.people.shelf
    until(lambda: shelf.known and not shelf.busy, "the shelf is idle")
    flush()


def texts(dialog: PeopleDialog) -> list[str]:
    flush()
    return [label.text() for label in dialog.area.findChildren(QLabel) if label.text()]


def button(dialog: PeopleDialog, name: str) -> Any:
    flush()
    return next(found for found in dialog.area.findChildren(QPushButton) if found.accessibleName() == name)


def more(dialog: PeopleDialog, name: str, text: str) -> Any:
    menu = button(dialog, f"Rename, export or delete {name}").menu()
    return next(action for action in menu.actions() if action.text() == text)


def answer(box: QMessageBox | None, text: str) -> None:
    assert box is not None
    next(found for found in box.buttons() if found.text() == text).click()
    flush()


def test_who_is_there(dialog: PeopleDialog) -> None:
    said = texts(dialog)
    assert said.index("Ann") < said.index("Cat") < said.index("Old")
    assert "18 photos, quick, 23 Nov 2026" in said and "Consent: They agreed (2026-11-23)" in said
    assert "Made for the model fake, OpenHead, 256 × 256, licence CC0, 42 MB" in said
    assert "Cat was learned with the model 'faces-512', which is not the one in use." in said
    assert "Old can't be read (no permission)" in said
    assert button(dialog, "Use Ann").isEnabled() and not button(dialog, "Use Cat").isEnabled()
    assert not button(dialog, "Use Old").isEnabled() and not more(dialog, "Old", "Rename …").isEnabled()
    assert more(dialog, "Old", "Delete …").isEnabled(), "what is damaged can be thrown away"
    assert all(label.textFormat() == Qt.TextFormat.PlainText for label in dialog.area.findChildren(QLabel) if label.text())


def test_nobody_yet() -> None:
    made = Studio(FakeEngine(gated=False))
    made.window.actions_by_name["people"].trigger()
    idle(made)
    dialog = made.window.people.dialog("people")
    assert isinstance(dialog, PeopleDialog) and texts(dialog)[0].startswith("Nobody yet.")
    made.close()


def test_use_and_open_once(studio: Studio, dialog: PeopleDialog) -> None:
    button(dialog, "Use Ann").click()
    until(lambda: studio.document.person is not None, "Ann is used")
    assert button(dialog, "Use Ann").text() == "In use" and not button(dialog, "Use Ann").isEnabled()
    studio.settle()
    studio.window.actions_by_name["people"].trigger()
    idle(studio)
    assert studio.window.people.dialog("people") is dialog
    dialog.close()
    flush()
    assert studio.window.people.dialog("people") is None


def test_rename(studio: Studio, dialog: PeopleDialog) -> None:
    button(dialog, "Use Ann").click()
    until(lambda: studio.document.person is not None, "Ann is used")
    studio.settle()
    more(dialog, "Ann", "Rename …").trigger()
    box = dialog.findChild(QInputDialog)
    assert box is not None and box.textValue() == "Ann"
    box.setTextValue("Anna")
    box.accept()
    idle(studio)
    assert "Anna" in texts(dialog) and studio.window.side.person.who.currentText() == "Anna"
    assert studio.window.status.person.text() == "Person Anna", "it is the same person, whatever the name"


def test_a_name_that_cannot_be_is_told(studio: Studio, dialog: PeopleDialog) -> None:
    studio.people.error = AssetError("A person needs a name.")
    more(dialog, "Ann", "Rename …").trigger()
    box = dialog.findChild(QInputDialog)
    assert box is not None
    box.accept()
    until(lambda: dialog.note.text() == "A person needs a name.", "it is told")
    assert dialog.note.objectName() == "warnNote" and studio.window.banner.text == ""
    idle(studio)


def test_export(studio: Studio, dialog: PeopleDialog, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    offered: list[str] = []

    def chosen(_parent: object, _title: str, start: str, _kinds: str) -> tuple[str, str]:
        offered.append(start)
        return str(tmp_path / "copy.safetensors"), ""

    monkeypatch.setattr(QFileDialog, "getSaveFileName", chosen)
    more(dialog, "Ann", "Export …").trigger()
    idle(studio)
    assert studio.people.exported == [("Ann", tmp_path / "copy.safetensors")] and offered == ["Ann.safetensors"]
    assert dialog.note.text() == f"Exported to {tmp_path / 'copy.safetensors'}."
    assert studio.window.settings.people_folder == str(tmp_path)


def test_import_asks_for_another_name_where_one_is_taken(studio: Studio, dialog: PeopleDialog) -> None:
    dialog.import_file(Path("/from/Ann.safetensors"))
    until(lambda: dialog.findChild(QInputDialog) is not None, "another name is asked for")
    box = dialog.findChild(QInputDialog)
    assert box is not None and "Ann" in box.labelText()
    box.setTextValue("Ann of Arc")
    box.accept()
    idle(studio)
    assert studio.people.imported == [(Path("/from/Ann.safetensors"), ""), (Path("/from/Ann.safetensors"), "Ann of Arc")]
    assert "Ann of Arc" in texts(dialog) and dialog.note.text() == "Ann of Arc was imported."


def test_a_dropped_file_is_imported_and_refused_with_the_reason(studio: Studio, dialog: PeopleDialog) -> None:
    studio.people.error = AssetError("'Eve' was made with the model 'other', which is not installed here.")
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile("/from/Eve.safetensors")])
    dialog.dropEvent(QDropEvent(QPointF(5, 5), Qt.DropAction.CopyAction, mime, Qt.MouseButton.LeftButton,
                                Qt.KeyboardModifier.NoModifier))
    until(lambda: "not installed" in dialog.note.text(), "it is refused")
    idle(studio)


@pytest.mark.parametrize(("reply", "left"), [("Keep", True), ("Delete", False)])
def test_delete_asks(studio: Studio, dialog: PeopleDialog, reply: str, left: bool) -> None:
    button(dialog, "Use Ann").click()
    until(lambda: studio.document.person is not None, "Ann is used")
    studio.settle()
    more(dialog, "Ann", "Delete …").trigger()
    answer(dialog.findChild(QMessageBox), reply)
    idle(studio)
    studio.settle()
    assert ("Ann" in texts(dialog)) is left and (studio.document.person is not None) is left


def test_a_failure_without_the_dialog_is_told_in_the_window(studio: Studio) -> None:
    idle(studio)
    studio.people.error = AssetError("The disk is full.")
    shelf = studio.window.people.shelf
    shelf.rename(shelf.entries[0], "Zoe")
    until(lambda: studio.window.banner.text == "The disk is full.", "it is told")
    idle(studio)
