"""The export dialog: where to, how it is written, and what is written beside the picture."""
from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from app.dialogs.asking import ask_leave
from app.dialogs.export_choices import FORMATS, ExportChoices, Subject
from app.dialogs.kinds import pictures
from app.language import tr
from app.names import listing
from app.settings import Settings
from core.export import SUFFIXES

MESHES = ((".glb", "GLB (for Blender, viewers, games)"), (".obj", "OBJ (with its material)"))


class ExportDialog(QDialog):
    """Asks for a file; `path`, `area_size`, `options`, `buffers` and `mesh` hold the answer. The choices are remembered in
    `settings`.

    photo: the source's file. subject: what is known of it.
    """

    def __init__(self, settings: Settings, photo: Path | None, parent: QWidget | None = None, *,
                 subject: Subject = Subject()) -> None:  # noqa: B008
        super().__init__(parent)
        self.setWindowTitle(tr("Export picture"))
        self.setMinimumWidth(560)
        self._settings, self._photo = settings, photo
        self._agreed: Path | None = None  # a file that may be replaced
        self.file = QLineEdit()
        self.choices = ExportChoices(settings, subject)
        self.format, self.area = self.choices.format, self.choices.area
        self.quality_box, self.deep_box = self.choices.quality_box, self.choices.deep_box
        self.buffers_box, self.mesh_box, self.mesh_kind = QCheckBox(), QCheckBox(), QComboBox()
        self.problem = QLabel()
        self.problem.setObjectName("note")
        self.problem.setWordWrap(True)
        self.ok = QPushButton(tr("Export"))
        self.ok.setDefault(True)
        self._lay_out()
        self._fill()
        self.format.currentTextChanged.connect(self._format_chosen)
        self.choices.changed.connect(self._check)
        self.file.textChanged.connect(self._check)
        self.ok.clicked.connect(self.accept)

    def _lay_out(self) -> None:
        browse, cancel = QPushButton(tr("Browse …")), QPushButton(tr("Cancel"))
        browse.setAutoDefault(False)
        cancel.setAutoDefault(False)
        browse.clicked.connect(self._browse)
        cancel.clicked.connect(self.reject)
        label = QLabel(tr("File"))
        label.setObjectName("rowLabel")
        label.setBuddy(self.file)
        label.setMinimumWidth(56)
        self.file.setAccessibleName(tr("File"))
        where = QHBoxLayout()
        where.setSpacing(12)
        for widget in (label, self.file, browse):
            where.addWidget(widget, 1 if widget is self.file else 0)
        beside = QLabel(tr("Also"))
        beside.setObjectName("rowLabel")
        beside.setMinimumWidth(56)
        self.buffers_box.setText(tr("Buffers (normals, albedo, rendered, coverage)"))
        self.buffers_box.setToolTip(tr("Into a folder beside the picture, as PNG and exactly as NumPy arrays"))
        self.mesh_box.setText(tr("3D head"))
        self.mesh_box.setToolTip(tr("The head with its edited expression and pose, in metres, beside the picture"))
        self.mesh_kind.setAccessibleName(tr("Format of the 3D head"))
        for ending, text in MESHES:
            self.mesh_kind.addItem(tr(text), ending)
        more = QGridLayout()
        more.setHorizontalSpacing(12)
        more.addWidget(beside, 0, 0)
        more.addWidget(self.buffers_box, 0, 1, 1, 2)
        more.addWidget(self.mesh_box, 1, 1)
        more.addWidget(self.mesh_kind, 1, 2)
        more.setColumnStretch(2, 1)
        buttons = QHBoxLayout()
        buttons.addWidget(self.problem, 1)
        buttons.addWidget(cancel)
        buttons.addWidget(self.ok)
        column = QVBoxLayout(self)
        column.setContentsMargins(22, 20, 22, 18)
        column.setSpacing(14)
        column.addLayout(where)
        column.addWidget(self.choices)
        column.addLayout(more)
        column.addSpacing(4)
        column.addLayout(buttons)
        self.mesh_box.toggled.connect(self.mesh_kind.setEnabled)

    def _fill(self) -> None:
        settings = self._settings
        folder = Path(settings.export_folder or (self._photo.parent if self._photo else Path.home()))
        stem = self._photo.stem if self._photo else "portrait"
        self.file.setText(str(free_name(folder / f"{stem}-edited{FORMATS[settings.export_format]}")))
        self.buffers_box.setChecked(settings.export_buffers)
        self.mesh_box.setChecked(bool(settings.export_mesh))
        self.mesh_kind.setCurrentIndex(max(0, self.mesh_kind.findData(settings.export_mesh)))
        self.mesh_kind.setEnabled(self.mesh_box.isChecked())
        self._check()

    def _format_chosen(self, name: str) -> None:
        self.file.setText(str(Path(self.file.text()).with_suffix(FORMATS[name])))

    def _browse(self) -> None:
        path, _ = QFileDialog.getSaveFileName(self, tr("Export picture"), self.file.text(),
                                              pictures())
        if path:
            self.set_file(Path(path))
            self._agreed = self.path  # the system's dialog asks itself

    def set_file(self, path: Path) -> None:
        """Write there; the name's ending chooses the format, one is added where it has none."""
        name = SUFFIXES.get(path.suffix.lower())
        if name is None:
            path = path.with_name(path.name + self.choices.ending)
        else:
            self.format.setCurrentText(name)
        self.file.setText(str(path))

    def _check(self) -> None:
        text = ""
        path = Path(self.file.text().strip() or ".")
        if path.suffix.lower() not in SUFFIXES:
            text = tr("The name must end in {endings}.", endings=", ".join(FORMATS.values()))
        elif not path.parent.is_dir():
            text = tr("That folder doesn't exist.")
        elif path.is_dir():
            text = tr("That is a folder.")
        elif self._photo is not None and path.exists() and self._photo.exists() and path.samefile(self._photo):
            text = tr("That is the photo itself. Choose another name.")
        self.ok.setEnabled(not text)
        if not text and path.exists():
            text = tr("The file that is there will be replaced.")
        self.problem.setText(text)

    @property
    def path(self) -> Path:
        """The chosen file."""
        return Path(os.path.expanduser(self.file.text().strip()))

    @property
    def area_size(self) -> str:
        """'crop' or 'full'."""
        return self.choices.area_size

    @property
    def options(self) -> dict[str, Any]:
        """How it is written: keywords of `core.export_picture.ExportOptions`."""
        return self.choices.options

    @property
    def all_options(self) -> dict[str, Any]:
        """`options`, and what is written beside the picture, as `app.run.save_export` takes it."""
        beside = {"buffers": self.buffers, "mesh": self.mesh}
        return {**self.options, **{name: path for name, path in beside.items() if path is not None}}

    @property
    def buffers(self) -> Path | None:
        """The folder for the buffers; None for none."""
        return self.path.with_name(f"{self.path.stem}-buffers") if self.buffers_box.isChecked() else None

    @property
    def mesh(self) -> Path | None:
        """The file for the 3D head; None for none."""
        return self.path.with_suffix(str(self.mesh_kind.currentData())) if self.mesh_box.isChecked() else None

    def accept(self) -> None:
        """Ask before a file is replaced."""
        there = [path for path in (self.path, self.mesh) if path is not None and path.exists() and path != self._agreed]
        if there:
            names = listing([path.name for path in there])
            ask_leave(self, tr("Replace"), (tr("{names} is there already. Replace it?", names=names) if len(there) == 1 else
                                             tr("{names} are there already. Replace them?", names=names)),
                      tr("What it holds now is lost."), self._accepted)
        else:
            self._accepted()

    def _accepted(self) -> None:
        """Remember the choices."""
        settings = self._settings
        settings.export_folder = str(self.path.parent)
        settings.export_buffers = self.buffers_box.isChecked()
        settings.export_mesh = str(self.mesh_kind.currentData()) if self.mesh_box.isChecked() else ""
        self.choices.remember()
        super().accept()


def free_name(path: Path) -> Path:
    """The path, or the first of 'name-2', 'name-3', ... that doesn't exist."""
    number, result = 2, path
    while result.exists() and number < 1000:
        result = path.with_name(f"{path.stem}-{number}{path.suffix}")
        number += 1
    return result
