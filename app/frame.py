"""The window's frame: widgets, bars, view toggles, colours and keys. It knows nothing of the engine."""
from __future__ import annotations

from typing import Any

from PySide6.QtCore import QByteArray, QSize, Qt
from PySide6.QtGui import QActionGroup, QKeyEvent
from PySide6.QtWidgets import QLabel, QMainWindow, QSlider, QSplitter, QStackedWidget, QToolButton, QVBoxLayout, QWidget

from app import actions as bars
from app.banner import Banner
from app.bottom import Bottom
from app.canvas.canvas import Canvas
from app.canvas.stage import CROP_WORLD, Mode
from app.dialogs.about import AboutDialog
from app.document import Document
from app.language import tr
from app.room import resize_within
from app.settings import Settings
from app.side import Side
from app.status import StatusLine
from app.theme import Theme

SIZE = (1280, 800)


class Frame(QMainWindow):
    """Canvas on the left, panels on the right, bars around; `_show_buffers` and `show_state` are for who fills it."""

    def __init__(self, settings: Settings, theme: Theme) -> None:
        super().__init__()
        self.settings = settings
        self.theme = theme
        self.document = Document(self)
        self.canvas = Canvas(theme)
        self.banner = Banner(theme)
        self.side = Side(theme, self.document, settings)
        self.status = StatusLine()
        self.bottom = Bottom()
        self.alpha = QSlider(Qt.Orientation.Horizontal)
        self.zoom_label = QLabel("100 %")
        self.theme_button = QToolButton()
        self.actions_by_name = bars.Actions(self, theme)
        self._view_actions()

    def _show_buffers(self) -> None:
        """The view is another one: put its buffer onto the canvas."""

    def show_state(self) -> None:
        """The colours are others: show the state of the picture again."""

    def _view_actions(self) -> None:
        a, canvas, settings = self.actions_by_name, self.canvas, self.settings
        bars.mode_actions(a, self.set_mode).triggered.connect(self.show_canvas)
        a.add("split", tr("Split"), self._set_split, "S", "split", check=settings.show_split, tip=tr("Compare with the original"))
        a.add("ball", tr("Light ball"), self._set_ball, "L", "ball", check=settings.show_ball,
              tip=tr("Light ball: drag to move the key light"))
        a.add("inset", tr("Live head"), self._set_inset, "I", "inset", check=settings.show_inset,
              tip=tr("Live head in the corner"))
        a.add("overlay", tr("Overlay"), self._set_overlay, "H", "head", check=False, tip=tr("Lay the head over the photo"))
        a.add("whole", tr("Whole photo"), self._set_whole, "W", "crop", check=settings.whole_photo,
              tip=tr("Whole photo or face crop"))
        a.add("fit", tr("Fit"), canvas.fit, "Ctrl+0", "fit", tip=tr("Fit the picture"))
        a.add("zoom-in", tr("Zoom in"), lambda: canvas.zoom(1.25), "Ctrl++|Ctrl+=", "plus")
        a.add("zoom-out", tr("Zoom out"), lambda: canvas.zoom(0.8), "Ctrl+-", "minus")
        colours = QActionGroup(self)
        for choice, text in (("system", tr("Colours of the system")), ("light", tr("Light colours")),
                             ("dark", tr("Dark colours"))):
            action = a.add(f"theme-{choice}", text, lambda on, choice=choice: self._set_theme(choice) if on else None,
                           check=settings.theme == choice)
            colours.addAction(action)
        a.add("about", tr("About"), self._about)

    def set_mode(self, mode: Mode) -> None:
        """Photo, normals, albedo or rendered."""
        self.canvas.mode = mode
        self.canvas.set_live(None)
        self._show_buffers()

    def show_canvas(self) -> None:
        """Leave what stands in the canvas's place, if anything does."""
        if self.middle.currentWidget() is not self.canvas:
            self.middle.setCurrentWidget(self.canvas)
            self.foot.show()
            self.canvas.setFocus()

    def _about(self) -> None:
        AboutDialog(f"{self.status.prior.text()}   {self.status.device.text()}".strip(), self).open()

    def _lay_out(self) -> None:
        a = self.actions_by_name
        self.theme_button.setObjectName("icon")
        self.theme_button.setIconSize(QSize(18, 18))
        self.theme_button.setToolTip(tr("Light or dark"))
        self.theme_button.setAccessibleName(tr("Light or dark colours"))
        self.alpha.setRange(0, 100)
        self.alpha.setToolTip(tr("How much of the head shows"))
        self.alpha.setAccessibleName(tr("Overlay strength"))
        self.alpha.hide()
        bars.fill_menus(a)
        stage = QWidget()
        column = QVBoxLayout(stage)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        self.middle = QStackedWidget()  # the canvas, or what takes its place for a while
        self.middle.addWidget(self.canvas)
        self.rows = QSplitter(Qt.Orientation.Vertical)
        self.rows.addWidget(self.middle)
        self.rows.addWidget(self.bottom)
        self.rows.setStretchFactor(0, 1)
        self.rows.setStretchFactor(1, 0)
        self.rows.setChildrenCollapsible(False)
        self.rows.setHandleWidth(1)
        self.foot = bars.foot_bar(a, self.alpha, self.zoom_label)
        self.stage_column = column
        for part in (self.banner, self.rows, self.foot):
            column.addWidget(part, 1 if part is self.rows else 0)
        self.splitter = QSplitter(Qt.Orientation.Horizontal)
        self.splitter.addWidget(stage)
        self.splitter.addWidget(self.side)
        self.splitter.setStretchFactor(0, 1)
        self.splitter.setStretchFactor(1, 0)
        self.splitter.setChildrenCollapsible(False)
        self.splitter.setHandleWidth(1)
        middle = QWidget()
        rows = QVBoxLayout(middle)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setSpacing(0)
        rows.addWidget(bars.top_bar(a, self.theme_button))
        rows.addWidget(self.splitter, 1)
        self.setCentralWidget(middle)
        self.setStatusBar(self.status)
        self.alpha.valueChanged.connect(self._set_alpha)
        self.canvas.zoom_changed.connect(self._show_zoom)
        self.theme_button.clicked.connect(self._toggle_theme)
        self.theme.changed.connect(self._recolor)
        self.setWindowTitle(tr("DiffusionRig Studio"))
        self.setWindowIcon(self.theme.icon("app"))

    def add_bar(self, bar: QWidget) -> None:
        """A bar between messages and picture."""
        self.stage_column.insertWidget(self.stage_column.indexOf(self.rows), bar)

    def _restore(self) -> None:
        settings = self.settings
        resize_within(self, *SIZE)
        if settings.geometry:
            self.restoreGeometry(QByteArray.fromBase64(settings.geometry.encode("ascii", "ignore")))
        width = settings.panel_width
        self.splitter.setSizes([max(400, self.width() - width), width])
        self.canvas.show_split, self.canvas.show_ball = settings.show_split, settings.show_ball
        self.canvas.show_inset = settings.show_inset
        self.canvas.set_whole(settings.whole_photo)
        self.alpha.setValue(round(100 * settings.overlay))

    def _show_zoom(self, zoom: float) -> None:
        photo = self.canvas.photo
        if photo is not None:
            scale = 1.0 if self.canvas.whole or self.canvas.picking else CROP_WORLD / photo.crop.width()
            self.zoom_label.setText(f"{100 * zoom * scale:.0f} %")

    def _set_split(self, on: bool) -> None:
        self.canvas.show_split = self.settings.show_split = on
        self.canvas.update()

    def _set_ball(self, on: bool) -> None:
        self.canvas.show_ball = self.settings.show_ball = on
        self.canvas.update()

    def _set_inset(self, on: bool) -> None:
        self.canvas.show_inset = self.settings.show_inset = on
        self._show_buffers()
        self.canvas.update()

    def _set_overlay(self, on: bool) -> None:
        self.canvas.overlay = on
        self.alpha.setEnabled(on)
        self.alpha.setVisible(on)
        self._show_buffers()
        self.canvas.update()

    def _set_alpha(self, percent: int) -> None:
        self.canvas.overlay_alpha = self.settings.overlay = percent / 100
        self.canvas.update()

    def _set_whole(self, on: bool) -> None:
        self.settings.whole_photo = on
        self.canvas.set_whole(on)

    def _set_theme(self, choice: str) -> None:
        self.settings.theme = choice
        self.theme.set(choice)

    def _toggle_theme(self) -> None:
        self.actions_by_name["theme-light" if self.theme.dark else "theme-dark"].setChecked(True)

    def _recolor(self) -> None:
        self.actions_by_name.recolor()
        self.theme_button.setIcon(self.theme.icon("sun" if self.theme.dark else "moon"))
        self.show_state()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Space shows the original as long as it is held; Escape leaves a comparison or a grid."""
        if event.key() == Qt.Key.Key_Space and not event.isAutoRepeat() and self.document.session is not None:
            self.canvas.hold_original(True)
        elif event.key() == Qt.Key.Key_Escape and self.middle.currentWidget() is not self.canvas:
            self.show_canvas()
        else:
            super().keyPressEvent(event)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        """Back to the result."""
        if event.key() == Qt.Key.Key_Space and not event.isAutoRepeat():
            self.canvas.hold_original(False)
        else:
            super().keyReleaseEvent(event)

    def changeEvent(self, event: Any) -> None:
        """A window that loses the focus never hears that Space was let go."""
        super().changeEvent(event)
        if event.type() == event.Type.ActivationChange and not self.isActiveWindow():
            self.canvas.hold_original(False)
