"""Copy and paste of rigs, between photos and between windows."""
from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, fields, replace
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QMimeData, QObject, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QCheckBox, QDialog, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from app.carry import clamped
from app.edit import Appearance
from app.language import tr
from core.errors import ParameterError
from core.project.rig_text import PARTS, RigText, from_text, to_text
from core.request import RenderRequest

if TYPE_CHECKING:
    from app.window import Window

MIME = "application/x-diffusionrig-rig"
WORDS = {"light": "Light", "expression": "Expression, jaw and eyes", "pose": "Pose",
         "appearance": "Appearance and how it is made"}


class RigClipboard(QObject):
    """Belongs to a window: the actions, and what they do. parts: what was chosen to paste last."""

    def __init__(self, window: Window) -> None:
        super().__init__(window)
        self._window = window
        self.parts: tuple[str, ...] = PARTS
        self.dialog: PartsDialog | None = None
        a = window.actions_by_name
        a.add("copy-rig", tr("&Copy rig"), self.copy, "Ctrl+C", tip=tr("Copy all settings, for another photo or window"))
        a.add("paste-rig", tr("&Paste rig"), self.paste, "Ctrl+V", tip=tr("Give this photo the settings that were copied"))
        a.add("paste-parts", tr("Paste &parts of a rig …"), self.choose, "Ctrl+Shift+V",
              tip=tr("Choose what to paste: light, expression, pose, appearance"))
        self.usable(False)

    def usable(self, on: bool) -> None:
        """Whether a photo is open."""
        self._window.actions_by_name.enable(("copy-rig", "paste-rig", "paste-parts"), on)

    def copy(self) -> None:
        """Put the rig onto the clipboard: as text, and marked as ours."""
        document = self._window.document
        if document.session is None:
            return
        path = document.session.photo.path
        text = to_text(RigText(document.edit.rig, asdict(document.appearance), path.name if path is not None else ""))
        data = QMimeData()
        data.setText(text)
        data.setData(MIME, text.encode())
        QGuiApplication.clipboard().setMimeData(data)

    def paste(self, parts: Collection[str] = PARTS) -> None:
        """Take these parts of the rig on the clipboard, as one step."""
        found = self._found()
        if found is not None:
            self._take(found, parts)

    def choose(self) -> None:
        """Let the user choose the parts."""
        found = self._found()
        if found is None:
            return
        self.dialog = PartsDialog(found, self.parts, self._window)
        self.dialog.accepted.connect(lambda: self._chosen(found))
        self.dialog.destroyed.connect(self._gone)
        self.dialog.open()

    def _chosen(self, found: RigText) -> None:
        if self.dialog is not None:
            self.parts = self.dialog.parts
            self._take(found, self.parts)

    def _gone(self) -> None:
        self.dialog = None

    def _found(self) -> RigText | None:
        if self._window.document.session is None:
            return None
        data = QGuiApplication.clipboard().mimeData()
        text = bytes(data.data(MIME).data()).decode("utf-8", "replace") if data.hasFormat(MIME) else data.text()
        try:
            return from_text(text)
        except ParameterError as error:
            self._window.banner.say(str(error))
            return None

    def _take(self, found: RigText, parts: Collection[str]) -> None:
        document, table = self._window.document, self._window.document.parameters()
        rig = found.onto(document.edit.rig, parts)
        rig = rig.update({name: clamped(table[name], value) for name, value in rig.values if name in table})
        look = document.appearance
        if "appearance" in parts:
            try:
                look = _look(found.look, look)
            except ParameterError as error:
                self._window.banner.say(str(error))
                return
        before = set(document.set_aside)
        document.restore(replace(document.edit, rig=rig, appearance=look), tr("Paste rig"))
        aside = [name for name in document.set_aside if name not in before]
        if aside and not document.absent:
            self._window.banner.say(tr("Not everything can be shown here: {names}.", names=", ".join(aside[:6])), "info")


def _look(values: Any, now: Appearance) -> Appearance:
    """How the picture is made, with what was pasted of it. Raises ParameterError."""
    known = {field.name: values[field.name] for field in fields(Appearance)
             if field.name in values and _fits(values[field.name], getattr(now, field.name))}
    return Appearance.of(RenderRequest("", **{**asdict(now), **known}))


def _fits(value: Any, example: Any) -> bool:
    number = isinstance(example, float) and type(value) is int
    return type(value) is type(example) or number


class PartsDialog(QDialog):
    """Which parts to paste; `parts` holds the answer. What the rig holds nothing of can be ticked too: it is reset."""

    def __init__(self, found: RigText, ticked: Collection[str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Paste parts of a rig"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        held = found.parts()
        title = QLabel(tr("From {photo}", photo=found.label) if found.label else tr("From the clipboard"))
        title.setTextFormat(Qt.TextFormat.PlainText)
        title.setObjectName("heading")
        self.boxes = {part: QCheckBox(tr(WORDS[part]) if part in held else tr("{part} (as in the photo)", part=tr(WORDS[part])))
                      for part in PARTS}
        self.ok, cancel = QPushButton(tr("&Paste")), QPushButton(tr("&Cancel"))
        self.ok.clicked.connect(self.accept)
        cancel.clicked.connect(self.reject)
        self.ok.setDefault(True)
        self.ok.setObjectName("primary")
        buttons = QHBoxLayout()  # in the order of all dialogs here
        buttons.setSpacing(10)
        buttons.addStretch(1)
        buttons.addWidget(cancel)
        buttons.addWidget(self.ok)
        column = QVBoxLayout(self)
        column.setContentsMargins(22, 18, 22, 16)
        column.setSpacing(10)
        column.addWidget(title)
        for part, box in self.boxes.items():
            box.setChecked(part in ticked)
            box.setToolTip(tr("These settings become as they are in the copied rig"))
            box.toggled.connect(self._check)
            column.addWidget(box)
        column.addSpacing(6)
        column.addLayout(buttons)
        self._check()

    @property
    def parts(self) -> tuple[str, ...]:
        """What is ticked."""
        return tuple(part for part, box in self.boxes.items() if box.isChecked())

    def _check(self) -> None:
        self.ok.setEnabled(bool(self.parts))
