"""The dialog that has a film made: file and format, area and size, how well, and how long it will take."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

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
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from app.dialogs.kinds import kinds
from app.language import tr
from app.spans import short_span
from app.timeline.filming import Shooting
from core import credentials
from core.film.film import LEAST_SIDE, MAX_SIDE, Film

FORMATS = ((".mp4", "MP4 (plays everywhere)"), (".webm", "WebM (for the web)"), (".gif", "GIF (loops, no sound)"),
           ("", "Frames (a folder of PNG files)"))
AREAS = (("full", "Whole photo"), ("crop", "Face crop only"))
FRAMES = (("settled", "Finished pictures"), ("preview", "Quick pictures (a draft)"))
QUALITIES = (("small", "Small file"), ("good", "Good"), ("best", "Best"))
USUAL_SIDE = {"full": 1920, "crop": 1024}


class FilmDialog(QDialog):
    """Asks how. `shooting` holds the answer. make(size, quality, side) gives the film of these choices; pace(quality): seconds a
    frame, None where nobody knows."""

    def __init__(self, folder: Path, name: str, sound: bool, make: Callable[[str, str, int], Film],
                 pace: Callable[[str], float | None], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Make a film"))
        self.setMinimumWidth(520)
        self._make, self._pace, self._folder = make, pace, folder
        self._agreed: Path | None = None
        self.file, self.browse = QLineEdit(str(folder / f"{name}.mp4")), QPushButton(tr("Choose …"))
        self.format, self.area, self.frames, self.quality = QComboBox(), QComboBox(), QComboBox(), QComboBox()
        for box, rows in ((self.format, FORMATS), (self.area, AREAS), (self.frames, FRAMES), (self.quality, QUALITIES)):
            for value, text in rows:
                box.addItem(tr(text), value)
        self.quality.setCurrentIndex(1)
        self.side = QSpinBox()
        self.side.setRange(LEAST_SIDE, MAX_SIDE)
        self.side.setValue(USUAL_SIDE["full"])
        self.side.setSuffix(tr(" pixels"))
        self.side.lineEdit().setTextMargins(5, 0, 5, 0)
        self.sound_box = QCheckBox(tr("With the clip's sound"))
        self.sound_box.setChecked(sound)
        self.sound_box.setVisible(sound)
        self.marks_box = QCheckBox(tr("Sign with Content Credentials (edited with AI)"))
        self.marks_box.setChecked(not credentials.problem())
        self.marks_box.setEnabled(not credentials.problem())
        self.marks_box.setToolTip(credentials.problem() or tr(credentials.UNKNOWN_SIGNER))
        self.note, self.problem = QLabel(), QLabel()
        self.ok = QPushButton(tr("Make the film"))
        self.ok.setDefault(True)
        self._lay_out()
        self._connect()
        self._check()

    def _lay_out(self) -> None:
        grid = QGridLayout()
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(8)
        box = QWidget()
        line = QHBoxLayout(box)
        line.setContentsMargins(0, 0, 0, 0)
        line.addWidget(self.file, 1)
        line.addWidget(self.browse)
        rows: tuple[tuple[str, QWidget, QWidget], ...] = (
            (tr("File"), box, self.file), (tr("Format"), self.format, self.format), (tr("Area"), self.area, self.area),
            (tr("Longer side, at most"), self.side, self.side), (tr("Frames"), self.frames, self.frames),
            (tr("Compression"), self.quality, self.quality))
        for row, (text, part, field) in enumerate(rows):
            label = QLabel(text)
            label.setBuddy(field)
            field.setAccessibleName(text)
            grid.addWidget(label, row, 0)
            grid.addWidget(part, row, 1)
        self.frames.setToolTip(tr("Quick pictures take a fraction of the time, to see how the film goes"))
        for label in (self.note, self.problem):
            label.setWordWrap(True)
            label.setObjectName("note")
        self.problem.setObjectName("warnNote")
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        leave = QPushButton(tr("Cancel"))
        leave.clicked.connect(self.reject)
        buttons.addWidget(leave)
        buttons.addWidget(self.ok)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 18, 20, 16)
        column.setSpacing(10)
        column.addLayout(grid)
        for widget in (self.sound_box, self.marks_box, self.note, self.problem):
            column.addWidget(widget)
        column.addLayout(buttons)

    def _connect(self) -> None:
        self.format.activated.connect(self._format_chosen)
        self.area.activated.connect(lambda _: self.side.setValue(USUAL_SIDE[self.area.currentData()]))
        for box in (self.area, self.frames):
            box.currentIndexChanged.connect(self._check)
        self.side.valueChanged.connect(self._check)
        self.file.textChanged.connect(self._check)
        self.browse.clicked.connect(self._browse)
        self.ok.clicked.connect(self.accept)

    @property
    def path(self) -> Path:
        """The file, or the folder of frames."""
        return Path(self.file.text().strip()).expanduser()

    @property
    def shooting(self) -> Shooting:
        """What was asked for."""
        film = self._film()
        if not self.sound_box.isChecked():
            film = replace(film, timeline=replace(film.timeline, sound=""))
        return Shooting(film, self.path, self.quality.currentData(), credentials=self.marks_box.isChecked())

    def _film(self) -> Film:
        return self._make(self.area.currentData(), self.frames.currentData(), self.side.value())

    def _format_chosen(self) -> None:
        ending = self.format.currentData()
        self.file.setText(str(self.path.with_suffix(ending)))
        if ending == ".gif":
            self.side.setValue(min(self.side.value(), 640))

    def _browse(self) -> None:
        name, _ = QFileDialog.getSaveFileName(self, tr("Film"), str(self.path),
                                              kinds((tr("Films"), (".mp4", ".webm", ".gif")), everything=True),
                                              options=QFileDialog.Option.DontConfirmOverwrite)
        if name:
            self.file.setText(name)

    def _check(self) -> None:
        ending = self.path.suffix.lower()
        row = self.format.findData(ending)
        if row >= 0 and row != self.format.currentIndex():
            self.format.setCurrentIndex(row)
        self.quality.setEnabled(ending in (".mp4", ".webm"))
        self.sound_box.setEnabled(ending in (".mp4", ".webm"))
        self.problem.setText(self._fault(row))
        self.problem.setVisible(bool(self.problem.text()))
        self.ok.setEnabled(not self.problem.text())
        self.note.setText(self._estimate())

    def _fault(self, row: int) -> str:
        if not self.file.text().strip() or not self.path.name:
            return tr("Choose a file for the film.")
        if row < 0:
            return tr("End the name in .mp4, .webm or .gif, or leave the ending out for a folder of frames.")
        if not self.path.absolute().parent.is_dir():
            return tr("The folder {folder} does not exist.", folder=str(self.path.parent))
        return ""

    def _estimate(self) -> str:
        shooting = Shooting(self._film(), self.path)
        frames, missing = shooting.film.frames, len(shooting.kept.missing(shooting.film))
        timeline = shooting.film.timeline
        words = [tr("{count} frames, {seconds} s.", count=frames, seconds=f"{timeline.duration:.2f}")]
        if missing < frames:
            words.append(tr("{count} of them are there already.", count=frames - missing))
        pace = self._pace(self.frames.currentData())
        if pace is not None and missing:
            words.append(tr("About {time} on this machine; you can go on editing meanwhile.", time=short_span(pace * missing)))
        return " ".join(words)

    def accept(self) -> None:
        """Asks before a file is replaced."""
        if self.path.is_file() and self._agreed != self.path:
            self._agreed = self.path
            self.problem.setText(tr("{name} is there already. Press again to replace it.", name=self.path.name))
            self.problem.setVisible(True)
            return
        super().accept()
