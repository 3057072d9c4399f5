"""The page of a training: how far it is, what it has learned, pictures on the way; pause, stop, try what there is."""
from __future__ import annotations

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QProgressBar, QPushButton, QVBoxLayout, QWidget

from app.dialogs.quitting import ask_stop
from app.language import told, tr
from app.personal.curves import Curve
from app.personal.done_page import SEEN
from app.personal.progress import Progress, Track
from app.personal.samples import Samples
from app.personal.train_words import heading, summary
from app.personal.training import Training
from app.theme import Theme

REFRESH_MS = 80  # several events come at a time
CURVES = (
    ("identity", "Identity distance", "How far the face in pictures of the photos kept out is from the person, as a face "
     "recogniser sees it. Lower is more like the person; under 0.6 it takes them for the same.\nDashed: the model alone.",
     "before"),
    ("perceptual", "Difference", "How different pictures of the photos kept out look from the photos themselves. "
     "Lower is better.\nDashed: the model alone.", "before"),
    ("drift", "Colour drift", "How far the colours of the photos kept out move on average, in CIE Lab units. One is the most "
     "that is let through (dashed): less can't be seen.", "limit"),
)


class TrainPage(QWidget):
    """Shows a Training. try_asked(file): the user wants to see the newest weights in the window."""

    try_asked = Signal(str)

    def __init__(self, theme: Theme, training: Training, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._training = training
        self.heading, self.words, self.note, self.tried = QLabel(), QLabel(), QLabel(), QLabel()
        self.heading.setObjectName("heading")
        self.words.setObjectName("rowLabel")
        self.note.setObjectName("note")
        self.tried.setObjectName("note")
        for label in (self.heading, self.words, self.note, self.tried):
            label.setTextFormat(Qt.TextFormat.PlainText)
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setRange(0, 1000)
        self.curves = {name: Curve(theme, tr(title), tr(tip), level_name=tr("limit") if level == "limit" else tr("before"),
                                    from_zero=name == "drift")
                       for name, title, tip, level in CURVES}
        self.loss = Curve(theme, tr("Training loss"), tr("What the training makes smaller, at each step and as a running mean."),
                          smooth=True, digits=4)
        self.samples = Samples(theme)
        self.pause, self.stop, self.try_it = QPushButton(), QPushButton(tr("Stop …")), QPushButton(tr("Try the newest weights"))
        self._lay_out()
        self.pause.clicked.connect(self._pause)
        self.stop.clicked.connect(self.ask_stop)
        self.try_it.clicked.connect(self._try)
        self._due = QTimer(self)
        self._due.setSingleShot(True)
        self._due.setInterval(REFRESH_MS)
        self._due.timeout.connect(self.refresh)
        training.changed.connect(self._changed)
        self.refresh()

    def _lay_out(self) -> None:
        self.note.setWordWrap(True)
        self.try_it.setToolTip(tr("Make the pictures in the window with what it has learned so far. The training goes on."))
        self.stop.setToolTip(tr("Keep it for later, finish now, or give it up"))
        grid = QGridLayout()
        grid.setSpacing(10)
        for at, curve in zip(((0, 0), (0, 1), (1, 0), (1, 1)), (*self.curves.values(), self.loss), strict=True):
            grid.addWidget(curve, *at)
            grid.setColumnStretch(at[1], 1)
        middle = QHBoxLayout()
        middle.setSpacing(10)
        middle.addLayout(grid, 11)
        middle.addWidget(self.samples, 9)
        buttons = QHBoxLayout()
        buttons.setSpacing(10)
        for button in (self.pause, self.stop):
            buttons.addWidget(button)
        buttons.addStretch(1)
        buttons.addWidget(self.tried)
        buttons.addWidget(self.try_it)
        for button in (self.pause, self.stop, self.try_it):
            button.setAutoDefault(False)
        top = QHBoxLayout()
        top.addWidget(self.heading)
        top.addStretch(1)
        top.addWidget(self.words)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(10)
        column.addLayout(top)
        column.addWidget(self.bar)
        column.addWidget(self.note)
        column.addLayout(middle, 1)
        column.addLayout(buttons)

    # -- showing

    def _changed(self) -> None:
        if not self._due.isActive():
            self._due.start()

    def refresh(self) -> None:
        """Show how far it is."""
        training, progress = self._training, self._training.progress
        self.heading.setText(heading(training))
        self.words.setText(summary(training))
        self.bar.setRange(0, 0 if training.state == "starting" and not progress.step else 1000)
        self.bar.setValue(1000 if training.state == "done" else round(1000 * progress.share))
        self.bar.setAccessibleName(self.words.text())
        problem = told(progress.message)
        self.note.setText(problem or "\n".join(filter(None, (progress.memory, progress.note))))
        self._mark(self.note, "warnNote" if problem else "note")
        self.note.setVisible(bool(self.note.text()))
        for name, curve in self.curves.items():
            level = SEEN if name == "drift" else progress.before.get(name)
            curve.show_values(progress.held[name], progress.steps, level)
        self.loss.show_values(progress.loss.get(progress.phase, Track()), progress.steps)
        self.samples.show_samples(progress.samples)
        self._show_buttons(training, progress)

    def _show_buttons(self, training: Training, progress: Progress) -> None:
        paused = training.state in ("pausing", "paused")
        again = not training.active and training.state in ("stopped", "failed")
        self.pause.setText(tr("Go on") if paused or again else tr("Pause"))
        self.pause.setEnabled(again or training.state in ("training", "pausing", "paused"))
        self.pause.setVisible(training.state not in ("done", "discarded"))
        self.stop.setEnabled(training.active and training.state != "stopping")
        self.stop.setVisible(training.active)
        self.try_it.setEnabled(progress.draft is not None and training.state not in ("discarded", "done"))
        self.try_it.setVisible(training.state != "done")
        if progress.draft is None:
            self.tried.clear()

    def _mark(self, label: QLabel, name: str) -> None:
        if label.objectName() != name:
            label.setObjectName(name)
            label.style().unpolish(label)
            label.style().polish(label)

    # -- what can be done

    def _pause(self) -> None:
        training = self._training
        if not training.active:
            training.resume(training.name)
        elif training.state == "training":
            training.pause()
        else:
            training.go_on()

    def _try(self) -> None:
        progress = self._training.progress
        if progress.draft is not None:
            self.tried.setText(tr("The window uses those of step {step}.", step=progress.draft_step))
            self.try_asked.emit(str(progress.draft))

    def ask_stop(self) -> None:
        """Let the user choose how the training is to end."""
        training = self._training
        if training.active:
            ask_stop(self, training.name, training.keep, training.finish if training.progress.draft else None, training.discard)
