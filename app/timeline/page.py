"""The page "timeline" under the picture: play and keys above, the tracks, and below a film that is being made."""
from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import (
    QComboBox,
    QDoubleSpinBox,
    QHBoxLayout,
    QLabel,
    QMenu,
    QProgressBar,
    QPushButton,
    QStackedLayout,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.actions import Bar, rule
from app.language import tr
from app.spans import short_span
from app.theme import Theme
from app.timeline.desk import Desk
from app.timeline.filming import Filming, Shooting, Stage
from app.timeline.view import TracksView
from core.film.timeline import MAX_DURATION, MAX_FPS, MIN_FPS

EASINGS = (("linear", "Linear", "At one speed"), ("smooth", "Smooth", "Slowly at first and at last"),
           ("in", "Ease in", "Slowly at first"), ("out", "Ease out", "Slowly at last"),
           ("flow", "Flow", "A curve through all keys, without a stop at each"), ("hold", "Hold", "Stays until the next key"))


class TimelinePage(QWidget):
    """Widgets only; what they do is the part's. actions: by name. easing_chosen(name)."""

    easing_chosen = Signal(str)

    def __init__(self, theme: Theme, desk: Desk, filming: Filming, actions: Callable[[str], QAction],
                 templates: QMenu) -> None:
        super().__init__()
        self._theme, self._desk, self._filming = theme, desk, filming
        self.setObjectName("timelinePage")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.view = TracksView(theme, desk)
        self.length, self.rate = QDoubleSpinBox(), QDoubleSpinBox()
        self.easing = QComboBox()
        self.templates, self.loop = QToolButton(), QToolButton()
        self._icons: list[tuple[QToolButton, str]] = [(self.loop, "loop")]
        self._actions = actions
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self._tools(templates))
        column.addWidget(self._body(), 1)
        column.addWidget(self._film_bar())
        self._loop_set_up()
        desk.changed.connect(self._show)
        filming.changed.connect(self._show_film)
        theme.changed.connect(self._recolor)
        self._recolor()
        self._show()
        self._show_film()

    # -- building

    def _tools(self, templates: QMenu) -> QWidget:
        box = Bar("timelineTools", height=40, spacing=4)
        row = box.row
        row.addWidget(self._button("play"))
        row.addWidget(self.loop)
        row.addWidget(rule())
        for name in ("add-key", "auto-key"):
            box.add_button(self._button(name, words=True))
        self._fill_easing()
        row.addWidget(self.easing)
        row.addWidget(self._button("delete-keys"))
        row.addWidget(rule())
        self._number(self.length, tr("Length of the film"), 0.1, MAX_DURATION, " s", 72)
        self._number(self.rate, tr("Frames a second"), MIN_FPS, MAX_FPS, " fps", 84)
        row.addWidget(self.length)
        row.addWidget(self.rate)
        row.addStretch(1)
        self.templates.setText(tr("Templates"))
        self.templates.setObjectName("tool")
        self.templates.setToolTip(tr("Ready-made motions, to be changed afterwards"))
        self.templates.setAccessibleName(tr("Templates"))
        self.templates.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.templates.setMenu(templates)
        row.addWidget(self.templates)
        box.add_button(self._button("film-from-video", words=True, tool=True))
        box.add_button(self._button("film", words=True, tool=True), keep=True)
        zooming = (rule(), *(self._button(name) for name in ("timeline-zoom-out", "timeline-zoom-in", "timeline-fit")))
        for part in zooming:
            row.addWidget(part)
        box.spare = zooming  # the wheel does the same
        return box

    def _body(self) -> QWidget:
        box = QWidget()
        self.empty = QLabel()
        self.empty.setObjectName("note")
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.empty.setWordWrap(True)
        self.empty.setMargin(24)
        self.empty.setText(tr("Nothing moves yet. Choose a template or a video, or set the first key yourself: move a slider, "
                              "press K, then choose another moment and move the slider again."))
        self._layers = QStackedLayout(box)
        self._layers.setStackingMode(QStackedLayout.StackingMode.StackOne)
        self._layers.addWidget(self.view)
        self._layers.addWidget(self.empty)
        box.setMinimumHeight(90)
        return box

    def _film_bar(self) -> QWidget:
        self.film_bar = QWidget()
        row = QHBoxLayout(self.film_bar)
        row.setContentsMargins(12, 4, 8, 6)
        row.setSpacing(8)
        self.film_text, self.film_progress = QLabel(), QProgressBar()
        self.film_text.setObjectName("rowLabel")
        self.film_progress.setTextVisible(False)
        self.film_progress.setAccessibleName(tr("Progress of the film"))
        self.film_pause, self.film_cancel = QPushButton(), QPushButton(tr("Cancel"))
        self.film_cancel.setToolTip(tr("Give up the film. Frames that were made are kept for a while: the same film goes on "
                                       "from there."))
        for button in (self.film_pause, self.film_cancel):
            button.setFixedHeight(26)
        self.film_pause.clicked.connect(self._pause_or_resume)
        self.film_cancel.clicked.connect(self._filming.give_up)
        row.addWidget(self.film_text, 1)
        row.addWidget(self.film_progress, 1)
        row.addWidget(self.film_pause)
        row.addWidget(self.film_cancel)
        return self.film_bar

    def _button(self, name: str, words: bool = False, tool: bool = False) -> QToolButton:
        action, made = self._actions(name), QToolButton()
        made.setDefaultAction(action)
        made.setObjectName("tool" if tool else "" if words else "icon")
        made.setIconSize(QSize(18, 18))
        style = Qt.ToolButtonStyle.ToolButtonTextBesideIcon if words else Qt.ToolButtonStyle.ToolButtonIconOnly
        made.setToolButtonStyle(style)
        made.setAccessibleName(action.text().replace("&", "").replace("…", "").strip())
        made.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        return made

    def _fill_easing(self) -> None:
        for name, label, tip in EASINGS:
            self.easing.addItem(tr(label), name)
            self.easing.setItemData(self.easing.count() - 1, tr(tip), Qt.ItemDataRole.ToolTipRole)
        self.easing.setAccessibleName(tr("Easing of the chosen keys"))
        self.easing.setToolTip(tr("How the value goes on from the chosen keys"))
        self.easing.setPlaceholderText(tr("Easing"))
        self.easing.setMinimumWidth(96)
        self.easing.activated.connect(lambda row: self.easing_chosen.emit(self.easing.itemData(row)))

    def _number(self, box: QDoubleSpinBox, name: str, low: float, high: float, unit: str, width: int) -> None:
        box.setRange(low, high)
        box.setDecimals(2)
        box.setSuffix(unit)
        box.setKeyboardTracking(False)
        box.lineEdit().setTextMargins(5, 0, 5, 0)
        box.setAccessibleName(name)
        box.setToolTip(name)
        box.setFixedWidth(width)

    def _loop_set_up(self) -> None:
        self.loop.setObjectName("icon")
        self.loop.setCheckable(True)
        self.loop.setChecked(True)
        self.loop.setIconSize(QSize(18, 18))
        self.loop.setToolTip(tr("Begin anew at the end"))
        self.loop.setAccessibleName(tr("Loop"))

    # -- showing

    def _recolor(self) -> None:
        for button, icon in self._icons:
            button.setIcon(self._theme.icon(icon))

    def _show(self) -> None:
        timeline, chosen = self._desk.timeline, self._desk.chosen_keys()
        self._layers.setCurrentWidget(self.view if timeline.tracks else self.empty)
        for box, value in ((self.length, timeline.duration), (self.rate, timeline.fps)):
            blocked = box.blockSignals(True)
            box.setValue(value)
            box.blockSignals(blocked)
        easings = {key.easing for _, key in chosen}
        self.easing.setEnabled(bool(chosen))
        self.easing.setCurrentIndex(self.easing.findData(easings.pop()) if len(easings) == 1 else -1)

    def _show_film(self) -> None:
        film = self._filming.current
        self.film_bar.setVisible(film is not None)
        if film is None:
            return
        self.film_progress.setRange(0, film.film.frames)
        self.film_progress.setValue(film.done)
        paused = film.stage in (Stage.PAUSED, Stage.FAILED)
        self.film_pause.setText(tr("Go on") if paused else tr("Pause"))
        self.film_pause.setEnabled(film.stage is not Stage.WAITING)
        waiting = len(self._filming.films) - 1
        more = tr("  ·  {count} more wait", count=waiting) if waiting else ""
        self.film_text.setText(self._words(film) + more)
        self.film_text.setToolTip(film.problem or str(film.path))

    def _words(self, film: Shooting) -> str:
        name = film.path.name
        if film.stage is Stage.FAILED:
            return tr("{name} stopped: {problem}", name=name, problem=film.problem)
        if film.stage is Stage.PAUSED:
            return tr("{name} is paused: {done} of {all} frames are there", name=name, done=film.done, all=film.film.frames)
        if film.stage is Stage.WRITING:
            return tr("Writing {name}", name=name)
        words = tr("{name}: frame {frame} of {all}", name=name, frame=min(film.done + 1, film.film.frames), all=film.film.frames)
        return f"{words}  ·  {tr('{time} left', time=short_span(film.left))}" if film.left is not None else words

    def _pause_or_resume(self) -> None:
        film = self._filming.current
        if film is not None and film.stage in (Stage.PAUSED, Stage.FAILED):
            self._filming.resume()
        else:
            self._filming.pause()
