"""The main window: puts document, worker, canvas and panels together and carries messages between them."""
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from PySide6.QtCore import QByteArray, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QCloseEvent, QKeyEvent
from PySide6.QtWidgets import (
    QFileDialog,
    QLabel,
    QMainWindow,
    QMessageBox,
    QSlider,
    QSplitter,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app import actions as bars
from app.banner import Banner
from app.canvas.canvas import CROP_WORLD, Canvas, Mode
from app.dialogs.about import AboutDialog, ShortcutsDialog
from app.dialogs.export import ExportDialog
from app.document import Document
from app.exports import Exports
from app.live import QUIET_MS, Live, State
from app.panels.light import to_color
from app.picture import PhotoView, buffer_image
from app.settings import Settings
from app.side import Side
from app.status import StatusLine
from app.theme import Theme
from app.worker import CopyJob, ExportJob, LiveJob, OpenJob, WorkerThread
from core.rig import Copy

NEEDS_PHOTO = ("export", "reset", "whole", "fit", "zoom-in", "zoom-out", "overlay", "split", "ball", "inset",
               "view-0", "view-1", "view-2", "view-3")
PICTURES = "Pictures (*.jpg *.jpeg *.png *.webp *.tif *.tiff *.heic *.heif *.bmp);;All files (*)"
VIEW_BUFFER = 512  # side of the buffers that fill the canvas; the inset's are smaller
INSET_BUFFER = 256


class Window(QMainWindow):
    """DiffusionRig Studio's window.

    make_engine: builds the Engine; called in the worker's thread. save(engine, result, path, quality=): writes an export.
    buffers_shown: live buffers of the present edit are on the canvas.
    """

    buffers_shown = Signal()

    def __init__(self, make_engine: Callable[[], Any], save: Callable[..., Any], settings: Settings | None = None,
                 theme: Theme | None = None, quiet_ms: int = QUIET_MS) -> None:
        super().__init__()
        self.settings = settings or Settings()
        self.theme = theme or Theme(self.settings.theme)
        self.engine: Any = None
        self.document = Document(self)
        self.thread_of_engine = WorkerThread(make_engine, save, self)
        self.live = Live(self.thread_of_engine, self, quiet_ms)
        self.exports = Exports(self.thread_of_engine, self)
        self._opening: OpenJob | None = None
        self._quit_after_exports = False
        self.canvas = Canvas(self.theme)
        self.banner = Banner(self.theme)
        self.side = Side(self.theme, self.document, self.settings)
        self.status = StatusLine()
        self.alpha = QSlider(Qt.Orientation.Horizontal)
        self.zoom_label = QLabel("100 %")
        self.theme_button = QToolButton()
        self.actions_by_name = bars.Actions(self, self.theme)
        self._buffers_due = QTimer(self)
        self._buffers_due.setSingleShot(True)
        self._buffers_due.setInterval(0)
        self._make_actions()
        self._lay_out()
        self._connect()
        self._restore()
        self._photo_usable(False)
        self.status.device.setText("Starting …")

    # -- building

    def _make_actions(self) -> None:
        a, canvas = self.actions_by_name, self.canvas
        a.add("open", "&Open photo …", self.ask_open, "Ctrl+O", "open", tip="Open photo")
        a.add("export", "&Export …", self.ask_export, "Ctrl+E", "export", tip="Export picture")
        a.add("cancel-exports", "Cancel exports", self.exports.cancel_all)
        a.add("quit", "&Quit", self.close, "Ctrl+Q")
        a.add("undo", "&Undo", self.undo, "Ctrl+Z", "undo")
        a.add("redo", "&Redo", self.redo, "Ctrl+Shift+Z|Ctrl+Y", "redo")
        a.add("reset", "Reset all", self.reset_all, "Ctrl+R", "reset", tip="Back to the photo as it is")
        a.add("faces", "Faces", self.pick_face, "F", "faces", tip="Choose another face of this photo")
        bars.mode_actions(a, self.set_mode)
        a.add("split", "Split", self._set_split, "S", "split", check=self.settings.show_split, tip="Compare with the original")
        a.add("ball", "Light ball", self._set_ball, "L", "ball", check=self.settings.show_ball, tip="Light ball: drag to move the key light")
        a.add("inset", "Live head", self._set_inset, "I", "inset", check=self.settings.show_inset, tip="Live head in the corner")
        a.add("overlay", "Overlay", self._set_overlay, "H", "head", check=False, tip="Lay the head over the photo")
        a.add("whole", "Whole photo", self._set_whole, "W", "crop", check=self.settings.whole_photo, tip="Whole photo or face crop")
        a.add("fit", "Fit", canvas.fit, "Ctrl+0", "fit", tip="Fit the picture")
        a.add("zoom-in", "Zoom in", lambda: canvas.zoom(1.25), "Ctrl++|Ctrl+=", "plus")
        a.add("zoom-out", "Zoom out", lambda: canvas.zoom(0.8), "Ctrl+-", "minus")
        for choice, text in (("system", "Colours of the system"), ("light", "Light"), ("dark", "Dark")):
            a.add(f"theme-{choice}", text, lambda choice=choice: self._set_theme(choice))
        a.add("shortcuts", "Keyboard and mouse", lambda: ShortcutsDialog(self).open(), "F1")
        a.add("about", "About", self._about)

    def _lay_out(self) -> None:
        a = self.actions_by_name
        self.theme_button.setObjectName("icon")
        self.theme_button.setIconSize(QSize(18, 18))
        self.theme_button.setToolTip("Light or dark")
        self.theme_button.setAccessibleName("Light or dark colours")
        self.alpha.setRange(0, 100)
        self.alpha.setToolTip("How much of the head shows")
        self.alpha.setAccessibleName("Overlay strength")
        bars.fill_menus(a)
        stage = QWidget()
        column = QVBoxLayout(stage)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        for part in (self.banner, self.canvas, bars.foot_bar(a, self.alpha, self.zoom_label)):
            column.addWidget(part, 1 if part is self.canvas else 0)
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
        self.setWindowTitle("DiffusionRig Studio")
        self.setWindowIcon(self.theme.icon("app"))

    def _connect(self) -> None:
        document, canvas, live, worker = self.document, self.canvas, self.live, self.thread_of_engine.worker
        document.changed.connect(self._edited)
        document.undo_stack.indexChanged.connect(self._history_changed)
        canvas.light_pressed.connect(lambda: document.begin("Move light"))
        canvas.light_dragged.connect(lambda az, el: document.update({"light.azimuth": az, "light.elevation": el}))
        canvas.light_released.connect(document.end)
        canvas.light_stepped.connect(self._step_light)
        canvas.face_picked.connect(self._face_picked)
        canvas.dropped.connect(lambda path: self.open_photo(Path(path)))
        canvas.cancel_clicked.connect(live.cancel)
        canvas.zoom_changed.connect(self._show_zoom)
        self._buffers_due.timeout.connect(self._show_buffers)
        live.shown.connect(self._show_result)
        live.estimate.connect(canvas.set_result)
        live.state_changed.connect(self._show_state)
        live.progressed.connect(self._show_progress)
        worker.ready.connect(self._engine_ready)
        worker.opened.connect(self._opened)
        worker.copied.connect(self._copied)
        worker.failed.connect(self._failed)
        self.exports.changed.connect(self._exports_changed)
        self.exports.written.connect(self._export_written)
        self.exports.emptied.connect(self._exports_emptied)
        self.side.appearance.copy_asked.connect(self.ask_copy)
        self.alpha.valueChanged.connect(self._set_alpha)
        self.theme_button.clicked.connect(self._toggle_theme)
        self.theme.changed.connect(self._recolor)
        self._recolor()

    def _restore(self) -> None:
        settings = self.settings
        self.resize(1280, 800)
        if settings.geometry:
            self.restoreGeometry(QByteArray.fromBase64(settings.geometry.encode("ascii", "ignore")))
        width = settings.panel_width
        self.splitter.setSizes([max(400, self.width() - width), width])
        self.canvas.show_split, self.canvas.show_ball = settings.show_split, settings.show_ball
        self.canvas.show_inset = settings.show_inset
        self.canvas.set_whole(settings.whole_photo)
        self.alpha.setValue(round(100 * settings.overlay))

    def start(self) -> None:
        """Start the worker: the engine is built behind the window."""
        self.thread_of_engine.start()

    # -- photos

    def open_photo(self, path: Path, face: int | None = None) -> None:
        """Open a photo (and one of its faces); the present one stays until it is there."""
        self._opening = OpenJob(Path(path), face)
        self.banner.hide()
        self.canvas.set_busy(f"Opening {Path(path).name} …")
        self.thread_of_engine.put(self._opening)

    def ask_open(self) -> None:
        """Let the user choose a photo."""
        path, _ = QFileDialog.getOpenFileName(self, "Open photo", self.settings.folder, PICTURES)
        if path:
            self.open_photo(Path(path))

    def _opened(self, job: OpenJob, session: Any) -> None:
        if job is not self._opening:
            return
        self._opening = None
        self.settings.folder = str(job.path.parent)
        self.canvas.set_busy("")
        self.live.clear()
        self.status.clear_result()
        self.canvas.set_photo(PhotoView(session))
        height, width = session.photo.pixels.shape[:2]
        self.status.set_photo(job.path.name, width, height)
        self.setWindowTitle(f"{job.path.name} — DiffusionRig Studio")
        self._photo_usable(True)
        self.actions_by_name["faces"].setVisible(len(session.faces) > 1)
        self.document.open(session)
        if len(session.faces) > 1 and job.face is None:
            self.pick_face()

    def pick_face(self) -> None:
        """Let the user click a face."""
        session = self.document.session
        if session is not None and len(session.faces) > 1:
            boxes = [QRectF(x0, y0, x1 - x0, y1 - y0) for x0, y0, x1, y1 in (face.box for face in session.faces)]
            self.banner.say(f"There are {len(boxes)} faces in this photo. Click the one to edit.", "info")
            self.canvas.pick_faces(boxes, session.face)
            self.canvas.setFocus()

    def _face_picked(self, index: int) -> None:
        self.banner.hide()
        self.canvas.pick_faces(None)
        session = self.document.session
        if index != session.face and session.photo.path is not None:
            self.open_photo(session.photo.path, index)

    def ask_copy(self, block: str) -> None:
        """Let the user choose a photo to copy a block from."""
        path, _ = QFileDialog.getOpenFileName(self, f"Copy {block} from", self.settings.folder, PICTURES)
        if path:
            self.copy_from(Path(path), block)

    def copy_from(self, path: Path, block: str) -> None:
        """Copy light, expression, pose or appearance from another photo."""
        self.canvas.set_busy(f"Reading {path.name} …")
        self.thread_of_engine.put(CopyJob(path, block))

    def _copied(self, job: CopyJob, session: Any) -> None:
        self.canvas.set_busy("")
        if self.document.session is not None:
            self.document.copy(Copy(job.block, session.code, session.digest, job.path.name))

    # -- editing

    def _edited(self) -> None:
        if self.document.session is None:
            return
        self._show_light()
        self._buffers_due.start()
        self._history_changed()
        self.live.ask(self.document.request("settled"))

    def undo(self) -> None:
        """Take back the last step; an unfinished drag is a step."""
        self.document.end()
        self.document.undo_stack.undo()

    def redo(self) -> None:
        """Make the last step that was taken back again."""
        self.document.end()
        self.document.undo_stack.redo()

    def reset_all(self) -> None:
        """Back to the photo as it is."""
        self.document.end()
        self.document.reset_all()

    def _step_light(self, by: float) -> None:
        self.document.update({"light.intensity": float(self.document.values()["light.intensity"]) + by}, "Light intensity")

    def _history_changed(self) -> None:
        stack, a = self.document.undo_stack, self.actions_by_name
        a["undo"].setEnabled(stack.canUndo() or self.document.in_gesture)
        a["redo"].setEnabled(stack.canRedo())
        a["undo"].setText(f"Undo {stack.undoText().lower()}".strip())
        a["redo"].setText(f"Redo {stack.redoText().lower()}".strip())

    # -- showing

    def _show_buffers(self) -> None:
        session, canvas = self.document.session, self.canvas
        if session is None or self.engine is None:
            return
        large = canvas.mode is not Mode.PHOTO or canvas.overlay
        if large or canvas.show_inset:
            buffers = self.engine.buffers(session, self.document.rig, VIEW_BUFFER if large else INSET_BUFFER)
            canvas.set_live(buffer_image(buffers, canvas.mode.buffer or "rendered"))
        self.buffers_shown.emit()

    def _show_light(self) -> None:
        values = self.document.values()
        self.canvas.ball.set_light(self.document.code().light, float(values["light.azimuth"]),  # type: ignore[arg-type]
                                   float(values["light.elevation"]), to_color(values["light.color"]))  # type: ignore[arg-type]
        self.canvas.update()

    def _show_result(self, result: Any) -> None:
        self.canvas.set_result(result.crop)
        self.status.set_result(result)

    def _show_state(self) -> None:
        colors, state = self.theme.colors, self.live.state
        self.status.set_state(state)
        shown = {State.STALE: ("Updating", colors.warn), State.PREVIEW: ("Preview", colors.warn),
                 State.REFINING: ("Refining", colors.accent), State.SETTLED: ("Settled", colors.good),
                 State.FAILED: ("Not updated", colors.bad), State.EMPTY: ("", "")}
        self.canvas.set_status(*shown[state])

    def _show_progress(self, step: int, steps: int, left: float | None) -> None:
        text = f"Refining {step} of {steps}"
        if left is not None and step < steps:
            text += f", {left:.0f} s left" if left >= 1 else ", almost done"
        self.canvas.set_status(text, self.theme.colors.accent, step / max(1, steps))

    def _show_zoom(self, zoom: float) -> None:
        photo = self.canvas.photo
        if photo is not None:
            scale = 1.0 if self.canvas.whole or self.canvas.picking else CROP_WORLD / photo.crop.width()
            self.zoom_label.setText(f"{100 * zoom * scale:.0f} %")

    def set_mode(self, mode: Mode) -> None:
        """Photo, normals, albedo or rendered."""
        self.canvas.mode = mode
        self.canvas.set_live(None)
        self._show_buffers()

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
        self._show_buffers()
        self.canvas.update()

    def _set_alpha(self, percent: int) -> None:
        self.canvas.overlay_alpha = self.settings.overlay = percent / 100
        self.canvas.update()

    def _set_whole(self, on: bool) -> None:
        self.settings.whole_photo = on
        self.canvas.set_whole(on)

    def _photo_usable(self, on: bool) -> None:
        self.actions_by_name.enable(NEEDS_PHOTO, on)
        self.side.set_usable(on)
        self.alpha.setEnabled(on and self.canvas.overlay)
        if not on:
            self.actions_by_name["faces"].setVisible(False)
            self.actions_by_name["cancel-exports"].setEnabled(False)
            self._history_changed()

    # -- export

    def ask_export(self) -> None:
        """Let the user choose file, format and area, and queue the export."""
        if self.document.session is None:
            return
        dialog = ExportDialog(self.settings, self.document.session.photo.path, self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.accepted.connect(lambda: self.export(dialog.path, dialog.area_size, dialog.quality))
        dialog.open()

    def export(self, path: Path, size: str = "full", quality: int = 92) -> None:
        """Queue an export of the edit as it is now."""
        self.document.end()
        self.exports.add(self.document.request("settled", size), path, {"quality": quality})

    def _exports_changed(self) -> None:
        self.status.set_exports(self.exports.text)
        self.actions_by_name["cancel-exports"].setEnabled(self.exports.count > 0)

    def _export_written(self, path: Path) -> None:
        if not self._quit_after_exports:
            self.banner.say(f"Exported to {path}", "info")

    def _exports_emptied(self) -> None:
        if self._quit_after_exports:
            self.close()

    # -- engine and failures

    def _engine_ready(self, engine: Any) -> None:
        self.engine = engine
        self.status.set_engine(engine)

    def _failed(self, job: Any, message: str) -> None:
        if job is None:
            self.status.device.setText("Engine not running")
            self.canvas.set_busy("")
        if isinstance(job, (OpenJob, CopyJob)):
            self._open_failed(job)
        self._quit_after_exports = False
        if isinstance(job, LiveJob):
            self.banner.say(message, button="Try again", run=self._try_again)
        elif isinstance(job, ExportJob):
            self.banner.say(message, button="Export again",
                            run=lambda: self.exports.add(job.request, job.path, job.options) and None)
        else:
            self.banner.say(message)

    def _open_failed(self, job: OpenJob | CopyJob) -> None:
        if isinstance(job, OpenJob) and job is not self._opening:
            return
        self._opening = None if isinstance(job, OpenJob) else self._opening
        self.canvas.set_busy("")
        self._try_again()

    def _try_again(self) -> None:
        if self.document.session is not None and self.live.state is not State.SETTLED:
            self.live.ask(self.document.request("settled"), anyway=True)

    # -- looks

    def _set_theme(self, choice: str) -> None:
        self.settings.theme = choice
        self.theme.set(choice)

    def _toggle_theme(self) -> None:
        self.theme.toggle()
        self.settings.theme = self.theme.choice

    def _recolor(self) -> None:
        self.actions_by_name.recolor()
        self.theme_button.setIcon(self.theme.icon("sun" if self.theme.dark else "moon"))
        self._show_state()

    def _about(self) -> None:
        AboutDialog(f"{self.status.prior.text()}   {self.status.device.text()}".strip(), self).open()

    # -- keys and closing

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Space shows the original as long as it is held."""
        if event.key() == Qt.Key.Key_Space and not event.isAutoRepeat() and self.document.session is not None:
            self.canvas.hold_original(True)
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

    def closeEvent(self, event: QCloseEvent) -> None:
        """Exports are not dropped silently; everything else is stopped at its next step."""
        if self.exports.count and not self._quit_after_exports:
            event.ignore()
            self._ask_about_exports()
            return
        if self.exports.count and self._quit_after_exports:
            event.ignore()
            return
        self.shut_down()
        event.accept()

    def _ask_about_exports(self) -> None:
        box = QMessageBox(QMessageBox.Icon.NoIcon, "Exports are being written", f"{self.exports.text}.", parent=self)
        box.setInformativeText("Quit when they are written, or now without them?")
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        wait = box.addButton("Quit when written", QMessageBox.ButtonRole.AcceptRole)
        now = box.addButton("Quit now", QMessageBox.ButtonRole.DestructiveRole)
        box.addButton("Stay", QMessageBox.ButtonRole.RejectRole)
        box.setDefaultButton(wait)

        def answered() -> None:
            if box.clickedButton() is wait:
                self.quit_after_exports()
            elif box.clickedButton() is now:
                self.quit_now()

        box.finished.connect(answered)
        box.open()

    def quit_after_exports(self) -> None:
        """Close as soon as the last export is written."""
        self._quit_after_exports = True
        if not self.exports.count:
            self.close()

    def quit_now(self) -> None:
        """Give up exports and close."""
        self.exports.forget()
        self.close()

    def shut_down(self) -> bool:
        """Remember the settings and join the worker; False when it didn't stop in time."""
        self._buffers_due.stop()
        self.live.quiet.stop()
        self.settings.geometry = bytes(self.saveGeometry().toBase64().data()).decode("ascii")
        self.settings.panel_width = min(640, max(320, self.splitter.sizes()[1]))
        self.settings.save()
        return self.thread_of_engine.stop()
