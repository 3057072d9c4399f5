"""The grid of variations: it takes the canvas's place until it is left."""
from __future__ import annotations

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from app.dialogs.swap_grid import GridView
from app.language import tr
from app.theme import Theme
from app.variations.axis_row import AxisRow
from app.variations.work import Place, VariationWork
from core.variations import problem


class VariationsView(QWidget):
    """Form, grid and progress.

    left: Escape or its button. picked(Place): its edit is wanted. pin_asked(Place): in the history. export_asked: a file of the
    grid. seeded_asked: drawn noise is wanted, so that seeds matter. again_asked: the edit as it is now is to be varied.
    """

    left = Signal()
    picked = Signal(object)
    pin_asked = Signal(object)
    export_asked = Signal()
    seeded_asked = Signal()
    again_asked = Signal()

    def __init__(self, theme: Theme, work: VariationWork) -> None:
        super().__init__()
        self._theme, self.work = theme, work
        self._message = ""
        self.across, self.down = AxisRow(theme, tr("Vary")), AxisRow(theme, tr("and"), optional=True)
        self.grid = GridView(theme, work, whole=True)
        self.note, self.progress = QLabel(), QProgressBar()
        self.seeded = QPushButton(tr("Use drawn noise"))
        self.again = QPushButton(tr("Vary the present edit"))
        self.stop, self.export, self.leave = QPushButton(tr("Stop")), QPushButton(tr("Export …")), QPushButton(tr("Done"))
        self._lay_out()
        self._connect()
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(tr("Variations"))
        self._show_progress()

    def _lay_out(self) -> None:
        bar = QWidget()
        bar.setObjectName("compareBar")
        bar.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        form = QVBoxLayout()
        form.setSpacing(4)
        form.addWidget(self.across)
        form.addWidget(self.down)
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        self.export.setToolTip(tr("Write the grid as one picture  (Ctrl+S)"))
        self.leave.setToolTip(tr("Back to the picture  (Esc)"))
        for button in (self.export, self.leave):
            buttons.addWidget(button)
        line = QHBoxLayout(bar)
        line.setContentsMargins(10, 6, 10, 6)
        line.setSpacing(10)
        line.addLayout(form, 1)
        line.addLayout(buttons)
        line.setAlignment(buttons, Qt.AlignmentFlag.AlignTop)
        self.note.setObjectName("note")
        self.note.setWordWrap(True)
        self.note.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.progress.setFixedWidth(150)
        self.progress.setTextVisible(False)
        self.progress.setAccessibleName(tr("Pictures made"))
        foot = QWidget()
        foot.setObjectName("compareCaption")
        below = QHBoxLayout(foot)
        below.setContentsMargins(12, 5, 10, 5)
        below.setSpacing(10)
        self.seeded.setToolTip(tr("Make the pictures from drawn noise (From seed): each seed invents anew"))
        self.again.setToolTip(tr("The edit has changed since these were made"))
        for part in (self.progress, self.stop, self.note, self.again, self.seeded):
            below.addWidget(part, 1 if part is self.note else 0)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(bar)
        column.addWidget(self.grid, 1)
        column.addWidget(foot)

    def _connect(self) -> None:
        work = self.work
        work.progressed.connect(self._show_progress)
        work.changed.connect(self._forget_message)
        work.failed.connect(self.say)
        self.across.changed.connect(self.take_axes)
        self.down.changed.connect(self.take_axes)
        self.grid.picked.connect(self.picked)
        self.stop.clicked.connect(self._stop_or_go_on)
        self.export.clicked.connect(self.export_asked)
        self.leave.clicked.connect(self.left)
        self.seeded.clicked.connect(self.seeded_asked)
        self.again.clicked.connect(self.again_asked)

    # -- what is shown

    def take_axes(self) -> None:
        """Make what the form says."""
        axes = [axis for axis in (self.across.axis, self.down.axis) if axis is not None]
        if len(axes) == 2 and axes[0].name == axes[1].name:
            axes = axes[:1]
        base = self.work.base
        useless = base is not None and any(problem(base, axis.name) for axis in axes)
        self.work.set_axes([] if useless else axes)
        self._show_progress()

    @property
    def trouble(self) -> str:
        """Why what the form says makes no sense; '' where it does."""
        base = self.work.base
        if base is None:
            return ""
        reasons = (problem(base, row.name) for row in (self.across, self.down) if row.name)
        return next((tr(text) for text in reasons if text), "")

    def set_changed(self, on: bool) -> None:
        """Whether the edit is another one than what is varied."""
        self.again.setVisible(on)

    def say(self, text: str) -> None:
        """A message in place of the state."""
        self._message = text
        self._show_progress()

    def _forget_message(self) -> None:
        self._message = ""

    def _show_progress(self) -> None:
        work = self.work
        done, total = work.counts
        self.progress.setVisible(0 < total and done < total)
        self.progress.setRange(0, max(1, total))
        self.progress.setValue(done)
        self.stop.setVisible(done < total or work.stopped and done < total)
        self.stop.setText(tr("Go on") if work.stopped else tr("Stop"))
        self.export.setEnabled(any(work.picture(place) is not None for place in work.grid.cells))
        trouble = self.trouble
        self.seeded.setVisible(bool(trouble) and "seed" in (self.across.name, self.down.name))
        self.note.setText(trouble or self._message or self._state(done, total))

    def _state(self, done: int, total: int) -> str:
        if not total:
            return tr("Choose what is varied, and two different ends.")
        if done >= total:
            return tr("Click a picture to take its edit over. P puts it into the history, pinned.")
        if self.work.stopped:
            return tr("Stopped: {done} of {total} pictures are there", done=done, total=total)
        left = self.work.seconds_left()
        text = tr("{done} of {total} pictures", done=done, total=total)
        return text + (", " + tr("about {seconds} s left", seconds=max(1, round(left))) if left is not None else "")

    def _stop_or_go_on(self) -> None:
        self._message = ""
        (self.work.go_on if self.work.stopped else self.work.stop)()

    @property
    def focused(self) -> Place | None:
        """The place that has the focus."""
        focus = self.focusWidget()
        return next((place for place, button in self.grid.buttons.items() if button is focus), None)

    # -- keys

    def event(self, event: QEvent) -> bool:
        """Its own keys come before the window's while it has the focus."""
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and self._does(event):
            event.accept()
            return True
        return super().event(event)

    @staticmethod
    def _does(event: QKeyEvent) -> bool:
        if event.modifiers() == Qt.KeyboardModifier.ControlModifier:
            return event.key() == Qt.Key.Key_S
        return event.modifiers() == Qt.KeyboardModifier.NoModifier and event.key() in (Qt.Key.Key_Escape, Qt.Key.Key_P)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """P pins, Ctrl+S exports, Escape leaves."""
        if not self._does(event):
            super().keyPressEvent(event)
        elif event.key() == Qt.Key.Key_Escape:
            self.left.emit()
        elif event.key() == Qt.Key.Key_S:
            self.export_asked.emit()
        elif self.focused is not None:
            self.pin_asked.emit(self.focused)
