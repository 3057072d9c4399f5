"""The Models and heads dialog: choosing, importing, cancelling, removing."""
from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QMessageBox, QPushButton

from app.dialogs.models import ModelsDialog
from app.importing import outcome_of
from app.library import Library, problem
from app.setup import Setup
from core.errors import AssetError
from tests.app.fakes import FakeEngine, FakeLibrary
from tests.app.studio import Studio, flush, until

REPORT = SimpleNamespace(found=[SimpleNamespace(what="FLAME head, 5023 vertices", file=Path("/x/generic_model.pkl"))],
                         problems=["/x/FLAME_texture.npz: it lacks tex_dir. Get FLAME's texture space again."],
                         notes=["2 files skipped"])


@pytest.fixture
def studio() -> Iterator[Studio]:
    made = Studio(FakeEngine(gated=False), make=_engine)
    made.open()
    made.settle()
    yield made
    made.close()


def _engine(setup: Setup) -> FakeEngine:
    head = setup.head or ("flame" if setup.prior else "open")
    return FakeEngine(gated=False, head=head, prior=setup.prior or "fake")


@pytest.fixture
def dialog(studio: Studio) -> ModelsDialog:
    return opened(studio)


def opened(studio: Studio) -> ModelsDialog:
    studio.window.actions_by_name["models"].trigger()
    until(lambda: studio.window.models.importing.shelf.items and not studio.window.models.importing.busy, "it has looked")
    shown = studio.window.models.dialog
    assert shown is not None
    return shown


def texts(dialog: ModelsDialog) -> str:
    flush()
    return "\n".join(label.text() for label in dialog.area.findChildren(QLabel))


def test_what_is_there_and_what_is_missing(dialog: ModelsDialog) -> None:
    shown = texts(dialog)
    assert "Default model's file" in shown and "OpenHead's file" in shown
    assert "FLAME: not here" in shown and "how to get FLAME" in shown and "how to get DECA encoder" in shown
    dialog.close()


def test_import_runs_beside_the_window(studio: Studio, dialog: ModelsDialog, tmp_path: Path) -> None:
    library, view = studio.library, dialog.view
    library.report = REPORT
    dialog.import_folder(tmp_path)
    until(lambda: view.text.text() == f"Reading {tmp_path.name}", "it says what it does")
    assert view.bar.isVisible() and view.stop.isVisible() and not view.start.isVisible() and dialog.tabs.currentIndex() == 1
    assert studio.window.status.imports.text() == f"Importing {tmp_path.name} …"
    studio.document.set("jaw.open", 0.4)  # edits go on
    studio.settle()
    assert not studio.window.models.importing.import_folder(tmp_path), "one at a time"
    library.present.add("flame")
    library.gate.release()
    until(lambda: view.result.isVisible(), "the result shows")
    text = view.result.toPlainText()
    assert "FLAME head, 5023 vertices" in text and "generic_model.pkl" in text and "lacks tex_dir" in text and "2 files" in text
    assert view.text.text() == "1 imported, 1 not usable." and not view.bar.isVisible()
    view.copy.click()
    assert QGuiApplication.clipboard().text() == text
    until(lambda: not studio.window.models.importing.busy, "it has looked again")
    assert "FLAME's file" in texts(dialog) and studio.window.status.imports.text() == "" and studio.window.banner.text == ""


def test_cancelled_import(studio: Studio, dialog: ModelsDialog, tmp_path: Path) -> None:
    dialog.import_folder(tmp_path)
    until(lambda: studio.library.imported, "it runs")
    dialog.view.stop.click()
    until(lambda: "was cancelled" in dialog.view.text.text(), "it ends")
    assert dialog.view.start.isVisible() and "stays" in dialog.view.result.toPlainText()
    until(lambda: not studio.window.models.importing.busy, "it has looked again")


@pytest.mark.parametrize(("error", "words"), [(AssetError("The folder can't be read. Choose another one."), "can't be read"),
                                              (ValueError("bug"), "Something went wrong while importing")])
def test_failing_import(studio: Studio, dialog: ModelsDialog, tmp_path: Path, error: Exception, words: str) -> None:
    studio.library.error = error
    studio.library.gate.release()
    dialog.import_folder(tmp_path)
    until(lambda: dialog.view.result.isVisible(), "it is told")
    assert words in dialog.view.result.toPlainText()
    until(lambda: not studio.window.models.importing.busy, "it has looked again")


def test_an_import_outlives_the_dialog_and_is_told_in_the_window(studio: Studio, dialog: ModelsDialog, tmp_path: Path) -> None:
    studio.library.report = REPORT
    dialog.import_folder(tmp_path)
    dialog.close()
    flush()
    assert studio.window.models.dialog is None and studio.window.models.importing.busy
    studio.library.gate.release()
    until(lambda: studio.window.banner.text, "it is told")
    assert studio.window.banner.text == "Import: 1 imported, 1 not usable."
    studio.window.banner._button.click()
    shown = studio.window.models.dialog
    assert shown is not None and "lacks tex_dir" in shown.view.result.toPlainText()
    until(lambda: not studio.window.models.importing.busy, "it has looked")


def test_closing_the_window_ends_an_import(studio: Studio, dialog: ModelsDialog, tmp_path: Path) -> None:
    dialog.import_folder(tmp_path)
    until(lambda: studio.library.imported, "it runs")
    studio.window.close()
    assert not studio.window.models.importing.running


def test_a_dropped_folder_is_imported(studio: Studio, dialog: ModelsDialog, tmp_path: Path) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(tmp_path))])
    left, none = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    enter = QDragEnterEvent(QPoint(50, 50), Qt.DropAction.CopyAction, data, left, none)
    dialog.dragEnterEvent(enter)
    assert enter.isAccepted()
    dialog.dropEvent(QDropEvent(QPointF(50, 50), Qt.DropAction.CopyAction, data, left, none))
    studio.library.gate.release()
    until(lambda: studio.library.imported == [tmp_path] and dialog.view.result.isVisible(), "imported")
    assert "Nothing that can be imported" in dialog.view.result.toPlainText()
    until(lambda: not studio.window.models.importing.busy, "it has looked again")


def test_removing_asks_first(studio: Studio) -> None:
    studio.library.present |= {"flame", "faces-512"}
    dialog = opened(studio)
    flush()
    button = next(b for b in dialog.area.findChildren(QPushButton) if b.accessibleName() == "Remove FLAME")
    button.click()
    answer(dialog, "Keep")
    assert "flame" in studio.library.present
    button.click()
    answer(dialog, "Remove")
    until(lambda: "flame" not in studio.library.present and not studio.window.models.importing.busy, "removed")
    assert "FLAME: not here" in texts(dialog)


def answer(dialog: ModelsDialog, text: str) -> None:
    box = dialog.findChild(QMessageBox)
    assert box is not None
    next(b for b in box.buttons() if b.text() == text).click()
    flush()


def test_what_is_in_use_cannot_be_removed(studio: Studio) -> None:
    studio.library.present |= {"flame", "faces-512", "encoder"}
    dialog = opened(studio)
    studio.window.models.switching.ask(Setup(prior="faces-512"))
    until(lambda: studio.window.models.switching.loading is None, "loaded")
    flush()
    buttons = {b.accessibleName(): b.isEnabled() for b in dialog.area.findChildren(QPushButton)}
    assert buttons == {"Remove faces-512": False, "Remove FLAME": False, "Remove DECA encoder": False}
    studio.settle()


def test_choosing_loads_it(studio: Studio) -> None:
    studio.library.present |= {"flame", "faces-512", "texture"}
    choice = opened(studio).choice
    assert not choice.use.isEnabled() and choice.use.text() == "In use"
    pick(choice.model, "faces-512")
    assert choice.head.itemText(0) == "The model's own (FLAME)"
    assert "DECA encoder isn't on this computer" in choice.note.text() and not choice.use.isEnabled()
    pick(choice.estimator, "Fit to landmarks and pixels")
    assert choice.wanted == Setup("faces-512", None, "fit") and choice.note.text() == "" and choice.use.isEnabled()
    choice.use.click()
    until(lambda: studio.window.models.switching.loading is None, "loaded")
    assert studio.window.engine.prior.name == "faces-512" and choice.use.text() == "In use"
    studio.settle()


def pick(box: object, text: str) -> None:
    """As by hand: the box is told, and says so."""
    index = box.findText(text)  # type: ignore[attr-defined]
    assert index >= 0, [box.itemText(i) for i in range(box.count())]  # type: ignore[attr-defined]
    box.setCurrentIndex(index)  # type: ignore[attr-defined]
    box.activated.emit(index)  # type: ignore[attr-defined]


def test_what_stands_against_a_choice() -> None:
    library = FakeLibrary()
    assert "FLAME isn't on this computer" in problem(Setup(head="flame"), library.look())[0]
    library.present |= {"flame", "faces-512"}
    text, loads = problem(Setup(head="flame", estimator="fit"), library.look())
    assert "trained on OpenHead" in text and "no pictures" in text and loads
    text, loads = problem(Setup("faces-512", None, "fit"), library.look())
    assert "FLAME texture" in text and loads
    assert problem(Setup("faces-512"), library.look())[1] is False  # no encoder, and nothing is taken silently in its place
    assert problem(Setup(), library.look()) == ("", True)


def test_everything_is_reached_by_keyboard(studio: Studio, dialog: ModelsDialog) -> None:
    dialog.activateWindow()
    seen = set()
    dialog.tabs.tabBar().setFocus()
    for page in (0, 1):
        dialog.tabs.setCurrentIndex(page)
        flush()
        for _ in range(12):
            QTest.keyClick(QApplication.focusWidget() or dialog, Qt.Key.Key_Tab)
            widget = QApplication.focusWidget()
            seen.add(widget)
    choice, view = dialog.choice, dialog.view
    assert {choice.model, choice.head, choice.estimator, view.start, dialog.area} <= seen


def test_report_in_words() -> None:
    outcome = outcome_of(SimpleNamespace(found=[], problems=["a: bad"]))
    assert outcome.text == "✗ a: bad" and outcome.summary == "1 not usable." and not outcome.good


def test_the_real_library_without_imports() -> None:
    shelf = Library().look()
    assert [item.name for item in shelf.items if item.present] == ["", "open"]
    assert "256 × 256" in shelf.items[0].detail and shelf.head_of(None) == "open"
    assert all(item.how for item in shelf.items if not item.present)
