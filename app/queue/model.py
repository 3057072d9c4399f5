"""The queue's entries as rows of a table."""
from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtGui import QIcon, QPixmap

from app.language import told, tr
from app.picture import to_image
from app.theme import Theme
from core.batch_queue import DONE, FAILED, SKIPPED, WAITING, WORKING, Entry
from core.batch_record import KEPT

COLUMNS = ("Photo", "Edit", "File", "State")
PHOTO, EDIT, FILE, STATE = range(4)
_ICONS = {WAITING: "history", WORKING: "target", DONE: "check", FAILED: "warning", SKIPPED: "minus"}
_KEPT = 500  # small pictures, 27 KiB each
_Index = QModelIndex | QPersistentModelIndex
_TOP = QModelIndex()


class QueueModel(QAbstractTableModel):
    """wanted(entry): a small picture of this entry's photo is missing."""

    def __init__(self, theme: Theme, wanted: Callable[[Entry], object]) -> None:
        super().__init__()
        self._theme, self._wanted = theme, wanted
        self.entries: list[Entry] = []
        self._pictures: OrderedDict[Any, QIcon] = OrderedDict()

    def show(self, entries: list[Entry]) -> None:
        """Another list."""
        self.beginResetModel()
        self.entries = list(entries)
        self.endResetModel()

    def refresh(self, entry: Entry) -> None:
        """An entry is another."""
        if entry in self.entries:
            row = self.entries.index(entry)
            self.dataChanged.emit(self.index(row, 0), self.index(row, len(COLUMNS) - 1))

    def set_picture(self, key: Any, picture: np.ndarray) -> None:
        """A small picture of a photo (its container and member) or of what was made of it (the entry's file)."""
        self._pictures[key] = QIcon(QPixmap.fromImage(to_image(picture)))
        while len(self._pictures) > _KEPT:
            self._pictures.popitem(last=False)
        for entry in self.entries:
            if key in (photo_key(entry), entry.task.out):
                self.refresh(entry)

    def has_picture(self, entry: Entry) -> bool:
        """Whether there is a small one."""
        return entry.task.out in self._pictures or photo_key(entry) in self._pictures

    # -- Qt's

    def rowCount(self, parent: _Index = _TOP) -> int:
        """Entries."""
        return 0 if parent.isValid() else len(self.entries)

    def columnCount(self, parent: _Index = _TOP) -> int:
        """Always the same."""
        return 0 if parent.isValid() else len(COLUMNS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """The columns' names."""
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return (tr("Photo"), tr("Edit"), tr("File"), tr("State"))[section]
        return None

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Words, icons and what a screen reader says."""
        entry = self.entries[index.row()]
        column = index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return (photo_name(entry), entry.task.rig.name, entry.task.out.name, state_words(entry))[column]
        if role == Qt.ItemDataRole.DecorationRole:
            return self._picture(entry) if column == PHOTO else self._state_icon(entry) if column == STATE else None
        if role == Qt.ItemDataRole.ToolTipRole:
            return (entry.task.shown, entry.task.rig.name, str(entry.task.out), told(entry.reason) or state_words(entry))[column]
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return tr("{photo}, {edit}: {state}", photo=photo_name(entry), edit=entry.task.rig.name, state=state_words(entry)) \
                if column == PHOTO else self.data(index)
        return None

    def _picture(self, entry: Entry) -> QIcon:
        for key in (entry.task.out, photo_key(entry)):
            if key in self._pictures:
                self._pictures.move_to_end(key)
                return self._pictures[key]
        self._wanted(entry)
        return self._theme.icon("photo", self._theme.colors.faint)

    def _state_icon(self, entry: Entry) -> QIcon:
        colors = self._theme.colors
        color = {DONE: colors.good, FAILED: colors.bad, WORKING: colors.accent}.get(entry.state, colors.faint)
        return self._theme.icon(_ICONS[entry.state], color)


def photo_key(entry: Entry) -> tuple[str, str]:
    """What names an entry's photo."""
    return entry.task.photo.container, entry.task.photo.member


def photo_name(entry: Entry) -> str:
    """The photo's name with its ending."""
    return Path(entry.task.photo.member or entry.task.photo.container).name


def state_words(entry: Entry) -> str:
    """The state in words, with the reason where something is wrong."""
    if entry.state == WORKING:
        return tr("Step {step} of {steps}", step=entry.step, steps=entry.steps) if entry.steps else tr("Opening the photo")
    if entry.state == DONE:
        row = entry.row
        if row is not None and row.status == KEPT:
            return tr("Was there already")
        if entry.reason:
            return tr("Done. {note}", note=told(entry.reason))
        return tr("Done in {seconds} s", seconds=f"{row.seconds:.1f}") if row is not None and row.seconds else tr("Done")
    if entry.state == FAILED:
        return tr("Failed: {reason}", reason=told(entry.reason))
    return tr("Skipped") if entry.state == SKIPPED else tr("Waiting")
