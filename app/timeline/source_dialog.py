"""The dialog that moves the face like a video, or the mouth to a voice. What it makes shows at once; Use keeps it."""
from __future__ import annotations

from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import (
    QDialog,
    QDoubleSpinBox,
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QSlider,
    QVBoxLayout,
    QWidget,
)

from app.dialogs.kinds import kinds
from app.language import tr
from app.timeline.desk import Desk
from app.timeline.reading import VIDEO, Found, Reading, Wish
from core.errors import UserError
from core.film import clip
from core.film.drive import Amounts

_PAUSE_MS = 120
# Sliders: name, label, what it means, its end and where it stands at first, per cent.
_AMOUNTS = (("mouth", "Mouth", "Lips, cheeks and jaw", 200, 100), ("brows", "Brows", "Brows", 200, 100),
            ("eyes", "Eyes", "Lids and where the eyes look", 200, 100), ("pose", "Head", "How the head turns and nods", 200, 100),
            ("smoothing", "Smoothing", "Takes out jitter; too much makes blinks slow", 100, 40))
_VOICE = (("strength", "Strength", "How far the mouth opens", 200, 100),)


class SourceDialog(QDialog):
    """kind: VIDEO or VOICE. session: the opened photo's."""

    def __init__(self, kind: str, desk: Desk, reading: Reading, session: Any, folder: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._kind, self._desk, self._reading, self._session, self._folder = kind, desk, reading, session, folder
        self._found: Found | None = None
        self._before = desk.document.timeline
        self._applied = False
        self.setWindowTitle(tr("Move like a video") if kind == VIDEO else tr("Talk to a clip"))
        self.setMinimumWidth(460)
        self.setAcceptDrops(True)
        self.file, self.browse = QLineEdit(), QPushButton(tr("Choose …"))
        self.start, self.seconds, self.neutral = QDoubleSpinBox(), QDoubleSpinBox(), QDoubleSpinBox()
        self.sliders: dict[str, QSlider] = {}
        self.progress, self.note = QProgressBar(), QLabel()
        self.use = QPushButton(tr("Use"))
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.setInterval(_PAUSE_MS)
        self._later.timeout.connect(self._apply)
        self._lay_out()
        self._connect()
        self._show_state()

    # -- building

    def _lay_out(self) -> None:
        grid = QGridLayout()
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(6)
        line = QWidget()
        row = QHBoxLayout(line)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.file, 1)
        row.addWidget(self.browse)
        self.file.setReadOnly(True)
        video = self._kind == VIDEO
        self.file.setPlaceholderText(tr("Choose or drop a video") if video else tr("Choose or drop a sound or video"))
        self._add(grid, tr("Clip"), line, self.file)
        for box, name, tip, most, value in (
                (self.start, tr("From second"), tr("Where in the clip to begin"), 36_000.0, 0.0),
                (self.seconds, tr("At most"), tr("How much of it to take"), 600.0, 60.0),
                (self.neutral, tr("At rest at"), tr("When the face in the video is at rest, counted from there: what it does is "
                                                    "measured against that moment"), 600.0, 0.0)):
            box.setRange(0.0 if box is not self.seconds else 0.2, most)
            box.setValue(value)
            box.setDecimals(2)
            box.setSuffix(" s")
            box.setKeyboardTracking(False)
            box.lineEdit().setTextMargins(5, 0, 5, 0)
            box.setToolTip(tip)
            if box is not self.neutral or self._kind == VIDEO:
                self._add(grid, name, box, box)
        for name, label, tip, most, value in _AMOUNTS if self._kind == VIDEO else _VOICE:
            self._add(grid, tr(label), self._slider(name, tr(tip), most, value), self.sliders[name])
        self.progress.setTextVisible(False)
        self.progress.setAccessibleName(tr("Reading the clip"))
        self.note.setWordWrap(True)
        self.note.setObjectName("note")
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        leave = QPushButton(tr("Cancel"))
        leave.clicked.connect(self.reject)
        self.use.setDefault(True)
        buttons.addWidget(leave)
        buttons.addWidget(self.use)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 18, 20, 16)
        column.setSpacing(10)
        column.addLayout(grid)
        column.addWidget(self.progress)
        column.addWidget(self.note)
        column.addLayout(buttons)

    def _add(self, grid: QGridLayout, text: str, part: QWidget, field: QWidget) -> None:
        label = QLabel(text)
        label.setBuddy(field)
        field.setAccessibleName(text)
        grid.addWidget(label, grid.rowCount(), 0)
        grid.addWidget(part, grid.rowCount() - 1, 1)

    def _slider(self, name: str, tip: str, most: int, value: int) -> QWidget:
        box = QWidget()
        row = QHBoxLayout(box)
        row.setContentsMargins(0, 0, 0, 0)
        slider, number = QSlider(Qt.Orientation.Horizontal), QLabel(f"{value} %")
        slider.setObjectName("alpha")
        slider.setRange(0, most)
        slider.setValue(value)
        slider.setPageStep(10)
        slider.setToolTip(tip)
        number.setFixedWidth(48)
        number.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        slider.valueChanged.connect(lambda now: number.setText(f"{now} %"))
        slider.valueChanged.connect(self._later.start)
        row.addWidget(slider, 1)
        row.addWidget(number)
        self.sliders[name] = slider
        return box

    def _connect(self) -> None:
        self.browse.clicked.connect(self._browse)
        for box in (self.start, self.seconds, self.neutral):
            box.valueChanged.connect(self._read)
        self.use.clicked.connect(self.accept)
        self._reading.progressed.connect(self._progressed)
        self._reading.read.connect(self._was_read)
        self._reading.failed.connect(self._failed)

    # -- reading

    def take(self, path: Path) -> None:
        """Read this clip."""
        self.file.setText(str(path))
        self._found = None
        self._read()

    def _browse(self) -> None:
        endings = clip.VIDEO_SUFFIXES if self._kind == VIDEO else clip.SUFFIXES
        title = kinds((tr("Videos") if self._kind == VIDEO else tr("Sounds and videos"), endings), everything=True)
        name, _ = QFileDialog.getOpenFileName(self, tr("Choose a clip"), self._folder, title)
        if name:
            self.take(Path(name))

    def _read(self, *_: Any) -> None:
        if not self.file.text():
            return
        path = Path(self.file.text())
        try:
            facts = clip.look(path)
        except UserError as error:
            self._failed(str(error))
            return
        kind = tr("{width} x {height}, {fps} pictures a second", width=facts.width, height=facts.height, fps=f"{facts.fps:.4g}") \
            if facts.width else tr("sound only")
        self.note.setText(tr("{seconds} s, {kind}", seconds=f"{facts.seconds:.1f}", kind=kind))
        wish = Wish(self._kind, path, self.start.value(), self.seconds.value(), self.neutral.value())
        self._reading.start(wish, self._session, self._found)
        self.progress.setRange(0, 0)
        self._show_state()

    def _progressed(self, done: int, count: int) -> None:
        self.progress.setRange(0, count)
        self.progress.setValue(done)

    def _was_read(self, found: Found) -> None:
        self._found = found
        self._apply()
        self._show_state()

    def _failed(self, message: str) -> None:
        self.note.setText(message)
        self._show_state()

    def _show_state(self) -> None:
        self.progress.setVisible(self._reading.busy)
        self.use.setEnabled(self._found is not None and not self._reading.busy)
        for slider in self.sliders.values():
            slider.setEnabled(self._found is not None)

    # -- what it becomes

    def _apply(self) -> None:
        """Show it on the timeline, as a gesture that Use or Cancel ends."""
        if self._found is None or self._desk.document.session is not self._session:
            return
        values = {name: slider.value() / 100 for name, slider in self.sliders.items()}
        strength = values.pop("strength", 1.0)
        fps = self._before.fps if self._before is not None else 24.0
        made = self._found.timeline(self._session, Amounts(**values), strength, fps)
        document = self._desk.document
        if not document.in_gesture:
            document.begin(self.windowTitle())
        whole = self._before.joined(made) if self._before is not None and self._before.tracks else made
        document.set_timeline(whole.fitting(document.parameters()), self.windowTitle())
        self._applied = True
        moved = len(made.tracks)
        keys = sum(len(track.keys) for track in made.tracks)
        lost = int((~self._found.faces.seen).sum()) if self._found.faces is not None else 0
        words = tr("{moved} parameters move, with {keys} keys.", moved=moved, keys=keys)
        if lost:
            words += " " + tr("In {lost} pictures no face was found; the motion goes straight on there.", lost=lost)
        self.note.setText(words)

    def accept(self) -> None:
        """Keep it: one undo step."""
        self._later.stop()
        self._apply()
        self._desk.document.end()
        self._desk.go(0.0)
        super().accept()

    def reject(self) -> None:
        """As it was before."""
        self._later.stop()
        self._reading.cancel()
        if self._applied and self._desk.document.session is self._session:
            self._desk.document.set_timeline(self._before, self.windowTitle())
            self._desk.document.end()
        super().reject()

    def closeEvent(self, event: QCloseEvent) -> None:
        """The window's own button is Cancel."""
        self.reject()
        super().closeEvent(event)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """A file may be dropped."""
        if event.mimeData().hasUrls() and event.mimeData().urls()[0].isLocalFile():
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Read it."""
        self.take(Path(event.mimeData().urls()[0].toLocalFile()))

