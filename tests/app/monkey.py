"""Somebody who does anything: random actions on whatever the window shows, the same for the same seed as far as threads allow."""
from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QTimer, QUrl
from PySide6.QtGui import QAction, QDragEnterEvent, QDropEvent, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QColorDialog,
    QComboBox,
    QDialog,
    QFileDialog,
    QInputDialog,
    QLineEdit,
    QMenu,
    QMessageBox,
    QWidget,
)

from tests.app.studio import Studio, flush

KEYS = [Qt.Key.Key_Tab, Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_Space, Qt.Key.Key_Return,
        Qt.Key.Key_Delete, Qt.Key.Key_Home, Qt.Key.Key_End, Qt.Key.Key_PageUp, Qt.Key.Key_Plus, Qt.Key.Key_Minus, Qt.Key.Key_P,
        Qt.Key.Key_1, Qt.Key.Key_3, Qt.Key.Key_H, Qt.Key.Key_K, Qt.Key.Key_T, Qt.Key.Key_W, Qt.Key.Key_A]
MODIFIERS = [Qt.KeyboardModifier.NoModifier] * 4 + [Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier,
                                                    Qt.KeyboardModifier.AltModifier]
TEXTS = ("", "0", "-1", "99999", "abc", "12,5", "0.5", "ä€😀", "../../x", "'; --", "smile", "\t")
NEVER = ("quit",)  # closing is what the end of the test does


class Monkey:
    """studio: the window. folder: what file dialogs choose from, and write into."""

    def __init__(self, studio: Studio, folder: Path, seed: int, patch: pytest.MonkeyPatch) -> None:
        self.studio, self.window = studio, studio.window
        self.rng = random.Random(seed)
        self.folder = folder
        self.done: Counter[str] = Counter()
        self.last = ""
        self._answer_dialogs(patch)
        self._popups = QTimer()
        self._popups.timeout.connect(self._close_popups)
        self._popups.start(20)

    def stop(self) -> None:
        """Let go of the timer, and close what is open."""
        self._popups.stop()
        self.close_dialogs()

    def _answer_dialogs(self, patch: pytest.MonkeyPatch) -> None:
        def one(*_: Any, **__: Any) -> tuple[str, str]:
            return self.rng.choice(["", "", *map(str, self._files())]), ""

        def several(*_: Any, **__: Any) -> tuple[list[str], str]:
            return self.rng.sample(list(map(str, self._files())), self.rng.randint(0, 2)), ""

        def new(*_: Any, **__: Any) -> tuple[str, str]:
            ending = self.rng.choice([".png", ".jpg", ".drig", ".json", "", ".mp4", ".glb", ".bad"])
            return self.rng.choice(["", str(self.folder / f"written{self.rng.randrange(9)}{ending}"), "/nowhere/at/all.png"]), ""

        def place(*_: Any, **__: Any) -> str:
            return self.rng.choice(["", str(self.folder)])
        for name, answer in (("getOpenFileName", one), ("getOpenFileNames", several), ("getSaveFileName", new),
                             ("getExistingDirectory", place)):
            patch.setattr(QFileDialog, name, staticmethod(answer))
        for name in ("question", "warning", "information", "critical"):
            patch.setattr(QMessageBox, name, staticmethod(lambda *_, **__: QMessageBox.StandardButton.Cancel))
        patch.setattr(QInputDialog, "getText", staticmethod(lambda *_, **__: (self.rng.choice(TEXTS), self.rng.random() < 0.5)))

    def _files(self) -> list[Path]:
        return sorted(path for path in self.folder.iterdir() if path.is_file()) + [self.folder / "gone.png"]

    def _close_popups(self) -> None:
        """A menu that waits for an answer gets one: an entry of it, or none."""
        popup = QApplication.activePopupWidget()
        if isinstance(popup, QMenu):
            actions = [a for a in popup.actions() if a.isEnabled() and not a.isSeparator() and a.menu() is None and self._may(a)]
            if actions and self.rng.random() < 0.6:
                chosen = self.rng.choice(actions)
                popup.setActiveAction(chosen)
                QTest.keyClick(popup, Qt.Key.Key_Return)
        if popup is not None and QApplication.activePopupWidget() is popup:
            popup.close()

    def _may(self, action: QAction) -> bool:
        return all(self.window.actions_by_name.by_name.get(name) is not action for name in NEVER)

    def act(self) -> None:
        """One random action."""
        kinds: list[tuple[Callable[[], str], int]] = [
            (self._action, 5), (self._button, 6), (self._slider, 6), (self._key, 5), (self._drag, 4), (self._click, 3),
            (self._wheel, 2), (self._text, 2), (self._value, 3), (self._combo, 1), (self._drop, 1), (self._undo, 3),
            (self._resize, 1), (self._open, 1), (self._close_dialog, 3), (self._wait, 4), (self._fail, 1)]
        kind = self.rng.choices([k for k, _ in kinds], [w for _, w in kinds])[0]
        self.last = kind.__name__
        self.last = f"{kind.__name__}: {kind()}"
        self.done[kind.__name__] += 1
        QApplication.processEvents()

    # -- what can be done

    def _place(self) -> QWidget:
        """The window or a dialog over it."""
        tops = [w for w in QApplication.topLevelWidgets() if w.isVisible() and isinstance(w, QDialog)]
        modal = QApplication.activeModalWidget()
        return modal or self.rng.choice([self.window, self.window, *tops])

    def _one(self, kind: Any) -> Any:
        found = [w for w in self._place().findChildren(kind) if w.isVisible() and w.isEnabled()]
        return self.rng.choice(found) if found else None

    def _action(self) -> str:
        if QApplication.activeModalWidget() is not None:
            return "nothing: a dialog waits"
        name, action = self.rng.choice([(name, action) for name, action in self.window.actions_by_name.by_name.items()
                                        if action.isEnabled() and action.isVisible() and name not in NEVER])
        self.last = f"_action: {name}"
        action.trigger()
        return name

    def _button(self) -> str:
        button = self._one(QAbstractButton)
        if button is None or self._closes(button):
            return "none"
        self.last = f"_button: {button.text()} {button.accessibleName()} {button.objectName()}"
        QTest.mouseClick(button, Qt.MouseButton.LeftButton)
        return "clicked"

    def _closes(self, button: QAbstractButton) -> bool:
        action = getattr(button, "defaultAction", lambda: None)()
        return action is not None and not self._may(action)

    def _slider(self) -> str:
        rows = [row for panel in self.window.side.panels for row in getattr(panel, "sliders", {}).values() if row.isVisible()]
        if not rows or QApplication.activeModalWidget() is not None:
            return "none"
        row = self.rng.choice(rows)
        slider = row.findChild(QAbstractSlider) or row
        start = QPoint(slider.width() // 2, slider.height() // 2)
        QTest.mousePress(slider, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, start)
        for _ in range(self.rng.randint(0, 4)):
            QTest.mouseMove(slider, QPoint(self.rng.randrange(max(1, slider.width())), start.y()))
            QApplication.processEvents()
        QTest.mouseRelease(slider, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier,
                           QPoint(self.rng.randrange(max(1, slider.width())), start.y()))
        return row.parameter.name

    def _key(self) -> str:
        target = QApplication.focusWidget() or self.window
        key, modifier = self.rng.choice(KEYS), self.rng.choice(MODIFIERS)
        if modifier == Qt.KeyboardModifier.AltModifier:
            modifier = Qt.KeyboardModifier.NoModifier
        QTest.keyClick(target, key, modifier)
        return f"{key.name} {modifier}"

    def _point(self, widget: QWidget) -> QPoint:
        return QPoint(self.rng.randrange(max(1, widget.width())), self.rng.randrange(max(1, widget.height())))

    def _drag(self) -> str:
        if QApplication.activeModalWidget() is not None:
            return "none"
        widget = self.rng.choice([self.window.middle.currentWidget() or self.window.canvas, self.window.canvas,
                                  self.window.bottom])
        if not widget.isVisible():
            return "hidden"
        button = self.rng.choice([Qt.MouseButton.LeftButton] * 3 + [Qt.MouseButton.RightButton, Qt.MouseButton.MiddleButton])
        modifier = self.rng.choice(MODIFIERS)
        child = widget.childAt(self._point(widget)) or widget
        QTest.mousePress(child, button, modifier, self._point(child))
        for _ in range(self.rng.randint(1, 5)):
            QTest.mouseMove(child, self._point(child))
            QApplication.processEvents()
        QTest.mouseRelease(child, button, modifier, self._point(child))
        return type(child).__name__

    def _click(self) -> str:
        place = self._place()
        child = place.childAt(self._point(place)) or place
        if isinstance(child, QAbstractButton):
            return "a button"
        which = self.rng.choice([QTest.mouseClick, QTest.mouseDClick])
        which(child, self.rng.choice([Qt.MouseButton.LeftButton] * 4 + [Qt.MouseButton.RightButton]),
              Qt.KeyboardModifier.NoModifier, self._point(child))
        return type(child).__name__

    def _wheel(self) -> str:
        place = self._place()
        at = self._point(place)
        child = place.childAt(at) or place
        local = QPointF(child.mapFrom(place, at)) if child is not place else QPointF(at)
        turned = QPoint(0, self.rng.choice([-240, -120, 120, 360]))
        event = QWheelEvent(local, QPointF(child.mapToGlobal(local.toPoint())), QPoint(), turned, Qt.MouseButton.NoButton,
                            self.rng.choice(MODIFIERS), Qt.ScrollPhase.NoScrollPhase, False)
        QApplication.sendEvent(child, event)
        return type(child).__name__

    def _text(self) -> str:
        field = self._one(QLineEdit)
        if field is None or field.isReadOnly():
            return "none"
        field.setFocus()
        field.selectAll()
        text = self.rng.choice(TEXTS)
        QTest.keyClicks(field, text.encode("ascii", "ignore").decode())
        if self.rng.random() < 0.5:
            QTest.keyClick(field, Qt.Key.Key_Return)
        return text

    def _value(self) -> str:
        field = self._one(QAbstractSpinBox)
        if field is None:
            return "none"
        field.stepBy(self.rng.choice([-50, -1, 1, 50]))
        return type(field).__name__

    def _combo(self) -> str:
        box = self._one(QComboBox)
        if box is None or not box.count():
            return "none"
        box.setCurrentIndex(self.rng.randrange(box.count()))
        box.activated.emit(box.currentIndex())
        return "chosen"

    def _drop(self) -> str:
        if QApplication.activeModalWidget() is not None:
            return "none"
        data = QMimeData()
        file = self.rng.choice(self._files())
        data.setUrls([QUrl.fromLocalFile(str(file))])
        canvas = self.window.canvas
        at = QPointF(self._point(canvas))
        for event in (QDragEnterEvent(at.toPoint(), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton,
                                      Qt.KeyboardModifier.NoModifier),
                      QDropEvent(at, Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier)):
            QApplication.sendEvent(canvas, event)
        return file.name

    def _undo(self) -> str:
        for _ in range(self.rng.randint(1, 6)):
            self.rng.choice([self.window.undo, self.window.undo, self.window.redo])()
        return ""

    def _resize(self) -> str:
        self.window.resize(self.rng.randint(700, 1700), self.rng.randint(500, 1000))
        return ""

    def _open(self) -> str:
        if QApplication.activeModalWidget() is None:
            self.window.open_photo(self.rng.choice(self._files()))
        return ""

    def _close_dialog(self) -> str:
        place = self._place()
        if place is self.window:
            return "none"
        QTest.keyClick(place, Qt.Key.Key_Escape)
        return type(place).__name__

    def _wait(self) -> str:
        for _ in range(self.rng.randint(1, 10)):
            QTest.qWait(1)
        return ""

    def _fail(self) -> str:
        """The engine fails at its next picture, or not any more."""
        bad = self.rng.random() < 0.5
        self.studio.engine.fail = (lambda _: RuntimeError("a defect")) if bad else (lambda _: None)
        return "bad" if bad else "good"

    def close_dialogs(self) -> None:
        """Back to the window alone."""
        for _ in range(20):
            self._close_popups()
            modal = QApplication.activeModalWidget()
            dialogs = [w for w in QApplication.topLevelWidgets() if w.isVisible() and isinstance(w, (QDialog, QColorDialog))]
            if modal is None and not dialogs:
                break
            for dialog in ([modal] if modal else dialogs):
                dialog.close()
            flush()
