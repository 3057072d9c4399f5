"""The main window: the frame, the document and the worker, and the messages between them."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from PySide6.QtCore import QRectF, Qt, QTimer, QUrl
from PySide6.QtGui import QCloseEvent, QDesktopServices
from PySide6.QtWidgets import QFileDialog

from app.dialogs.export import ExportDialog
from app.dialogs.export_choices import Subject
from app.dialogs.kinds import photos
from app.edit import Edit
from app.exports import Exports
from app.expressions import Expressions
from app.help.part import Help
from app.history.part import History
from app.jobs import CopyJob, EngineJob, ExportJob, LiveJob, OpenJob, SwitchJob
from app.language import tr, within
from app.leaving import Leaving
from app.library import Library
from app.lighting import Lighting
from app.live import QUIET_MS, Live, State
from app.models import Models
from app.names import block_name
from app.parts import Part
from app.people import Personal
from app.personal.process import EventProcess
from app.personal.shelf import People
from app.picture import PhotoView
from app.projects import Projects
from app.queue.part import Queue
from app.settings import Settings
from app.setup import Setup
from app.theme import Theme
from app.timeline.part import Motion
from app.viewer import Viewer
from app.worker import WorkerThread
from core.request import RenderRequest
from core.rig import Copy

NEEDS_PHOTO = ("export", "reset", "whole", "fit", "zoom-in", "zoom-out", "overlay", "split", "ball", "inset",
               "view-0", "view-1", "view-2", "view-3", "compare", "variations")


class Window(Viewer):
    """DiffusionRig Studio's window.

    make_engine: builds the Engine of a Setup; called in the worker's thread. save(engine, result, path, quality=): writes an
    export. setup: what to work with (None: what the settings remember). library, people: the user's imported files and people.
    make_process: what a training runs in.
    """

    def __init__(self, make_engine: Callable[[Setup], Any], save: Callable[..., Any], settings: Settings | None = None,
                 theme: Theme | None = None, quiet_ms: int = QUIET_MS, setup: Setup | None = None,
                 library: Library | None = None, people: People | None = None,
                 make_process: Callable[[], EventProcess] = EventProcess) -> None:
        settings = settings or Settings()
        super().__init__(settings, theme or Theme(settings.theme))
        setup = setup or Setup.remembered(settings)
        self.engine: Any = None
        self.thread_of_engine = WorkerThread(make_engine, save, setup, self)
        self.live = Live(self.thread_of_engine, self, quiet_ms)
        self.exports = Exports(self.thread_of_engine, self)
        self._opening: OpenJob | None = None
        self._buffers_due = QTimer(self)
        self._buffers_due.setSingleShot(True)
        self._buffers_due.setInterval(0)
        self._document_actions()
        self.models = Models(self, library or Library(), setup)
        self.people = Personal(self, people or People(), make_process)
        self.lighting = Lighting(self)
        self.expressions = Expressions(self)
        self.history = History(self)
        self.motion = Motion(self)
        self.queue = Queue(self)
        self.help = Help(self)
        self.projects = Projects(self)
        self.parts: tuple[Part, ...] = (self.lighting, self.expressions, self.history, self.motion, self.queue, self.help,
                                        self.projects)
        self.leaving = Leaving(self)
        self._lay_out()
        self._connect()
        for part in self.parts:
            part.connect_all()
        self._recolor()
        self._restore()
        self._photo_usable(False)
        self.status.set_loading("")

    # -- building

    def _document_actions(self) -> None:
        a = self.actions_by_name
        a.add("open", tr("&Open …"), self.ask_open, "Ctrl+O", "open", tip=tr("Open a photo or a project"))
        a.add("export", tr("&Export …"), self.ask_export, "Ctrl+E", "export", tip=tr("Export picture"))
        a.add("cancel-exports", tr("Cancel exports"), self.exports.cancel_all)
        a.add("models", tr("&Models and heads …"), lambda: self.models.open_dialog(), "Ctrl+M", tip=tr("Models and heads"))
        a.add("quit", tr("&Quit"), self.close, "Ctrl+Q")
        a.add("undo", tr("&Undo"), self.undo, "Ctrl+Z", "undo")
        a.add("redo", tr("&Redo"), self.redo, "Ctrl+Shift+Z|Ctrl+Y", "redo")
        a.add("reset", tr("Reset all"), self.reset_all, "Ctrl+R", "reset", tip=tr("Back to the photo as it is"))
        a.add("faces", tr("Faces"), self.pick_face, "F", "faces", tip=tr("Choose another face of this photo"))

    def _connect(self) -> None:
        document, canvas, live, worker = self.document, self.canvas, self.live, self.thread_of_engine.worker
        document.changed.connect(self._edited)
        document.undo_stack.indexChanged.connect(self._history_changed)
        canvas.face_picked.connect(self._face_picked)
        canvas.dropped.connect(self.projects.take)
        canvas.cancel_clicked.connect(live.cancel)
        canvas.open_clicked.connect(self.ask_open)
        self._buffers_due.timeout.connect(self._show_buffers)
        live.shown.connect(self._show_result)
        live.judged.connect(self.status.set_result)
        live.estimate.connect(self._show_estimate)
        live.state_changed.connect(self.show_state)
        live.progressed.connect(self._show_progress)
        self.models.engine_changed.connect(self._engine_changed)
        self.status.models_asked.connect(self.models.open_dialog)
        self.people.connect_all()
        worker.opened.connect(self._opened)
        worker.copied.connect(self._copied)
        worker.failed.connect(self._failed)
        self.exports.changed.connect(self._exports_changed)
        self.exports.written.connect(self._export_written)
        self.side.appearance.copy_asked.connect(self.ask_copy)

    def start(self) -> None:
        """Start the worker: the engine is built behind the window."""
        self.thread_of_engine.start()

    # -- photos

    def open_photo(self, path: Path, face: int | None = None, data: bytes | None = None) -> OpenJob:
        """Open a photo (and one of its faces), whatever becomes of the present one, which stays until it is there. data: see
        `OpenJob`. For users' wishes there is `projects.take`, which asks before work is lost."""
        self._opening = OpenJob(Path(path), face, data)
        self.banner.hide()
        self.canvas.set_busy(tr("Opening {name} …", name=Path(path).name))
        self.thread_of_engine.put(self._opening)
        return self._opening

    def close_photo(self, edit: Edit) -> None:
        """Go on without a photo; an edit that waits for its own is kept."""
        self._opening = None
        self.canvas.set_busy("")
        self.live.clear()
        self.status.clear_result()
        self.canvas.set_photo(None)
        self.status.clear_photo()
        self.document.close(edit)
        self._photo_usable(False)

    def ask_open(self) -> None:
        """Let the user choose a photo or a project."""
        self.projects.ask_open()

    def _opened(self, job: OpenJob, session: Any) -> None:
        if job is not self._opening:
            return
        self._opening = None
        if job.data is None:
            self.settings.folder = str(job.path.parent)
        self.canvas.set_busy("")
        self.live.clear()
        self.status.clear_result()
        self.canvas.set_photo(PhotoView(session))
        height, width = session.photo.pixels.shape[:2]
        self.status.set_photo(job.path.name, width, height)
        self._photo_usable(True)
        self.actions_by_name["faces"].setVisible(len(session.faces) > 1)
        edit, saved = self.projects.edit_for(job)
        self.document.open(session, edit, saved=saved)
        self.show_session()
        if len(session.faces) > 1 and job.face is None:
            self.pick_face()

    def pick_face(self) -> None:
        """Let the user click a face."""
        session = self.document.session
        if session is not None and len(session.faces) > 1:
            boxes = [QRectF(x0, y0, x1 - x0, y1 - y0) for x0, y0, x1, y1 in (face.box for face in session.faces)]
            self.banner.say(tr("There are {count} faces in this photo. Click the one to edit.", count=len(boxes)), "info")
            self.canvas.pick_faces(boxes, session.face)
            self.canvas.setFocus()

    def _face_picked(self, index: int) -> None:
        self.banner.hide()
        self.canvas.pick_faces(None)
        session = self.document.session
        if index != session.face:
            self.projects.other_face(index)

    def ask_copy(self, block: str) -> None:
        """Let the user choose a photo to copy a block from."""
        title = tr("Copy {block} from", block=within(block_name(block)))
        path, _ = QFileDialog.getOpenFileName(self, title, self.settings.folder, photos())
        if path:
            self.copy_from(Path(path), block)

    def copy_from(self, path: Path, block: str) -> None:
        """Copy light, expression, pose or appearance from another photo."""
        self.canvas.set_busy(tr("Reading {name} …", name=path.name))
        self.thread_of_engine.put(CopyJob(path, block))

    def _copied(self, job: CopyJob, session: Any) -> None:
        self.canvas.set_busy("")
        if self.document.session is not None:
            self.document.copy(Copy(job.block, session.code, session.digest, job.path.name))

    # -- editing

    def _edited(self) -> None:
        if self.document.session is None:
            return
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

    def _history_changed(self) -> None:
        stack, a = self.document.undo_stack, self.actions_by_name
        a["undo"].setEnabled(stack.canUndo() or self.document.in_gesture)
        a["redo"].setEnabled(stack.canRedo())
        for name, plain, words, step in (("undo", tr("&Undo"), tr("Undo {step}"), stack.undoText()),
                                         ("redo", tr("&Redo"), tr("Redo {step}"), stack.redoText())):
            a[name].setText(words.format(step=within(step)) if step else plain)

    def _photo_usable(self, on: bool) -> None:
        self.actions_by_name.enable(NEEDS_PHOTO, on)
        self.actions_by_name["export"].setEnabled(on and not self.models.problem)
        self.side.set_usable(on)
        for part in self.parts:
            part.photo_usable(on)
        self.alpha.setEnabled(on and self.canvas.overlay)
        if not on:
            self.actions_by_name["faces"].setVisible(False)
            self.actions_by_name["cancel-exports"].setEnabled(False)
            self._history_changed()

    # -- export

    def ask_export(self, request: RenderRequest | None = None) -> None:
        """Let the user choose file, format and area, and queue the export. request: of another picture than the edit as it is."""
        if self.document.session is None or self.models.problem:
            return
        photo = self.document.session.photo
        dialog = ExportDialog(self.settings, photo.path, self, subject=Subject.of(photo))
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.accepted.connect(lambda: self.export(dialog.path, dialog.area_size, request=request, **dialog.all_options))
        dialog.open()

    def export(self, path: Path, size: str = "full", quality: int = 92, *, request: RenderRequest | None = None,
               **options: Any) -> None:
        """Queue an export of the edit as it is now, or of another request. options: see `app.run.save_export`."""
        self.document.end()
        wanted = self.document.request("settled", size) if request is None else replace(request, size=size)
        self.exports.add(wanted, path, {"quality": quality, **options}, (self.document.session, *self.projects.slots.held))

    def _exports_changed(self) -> None:
        self.status.set_exports(self.exports.text)
        self.actions_by_name["cancel-exports"].setEnabled(self.exports.count > 0)

    def _export_written(self, path: Path) -> None:
        if self.exports.note:
            self.banner.say(self.exports.note)
        elif not self.leaving.waiting:
            self.banner.say(tr("Exported to {path}", path=path), "info", tr("Open folder"),
                            lambda: QDesktopServices.openUrl(QUrl.fromLocalFile(str(Path(path).parent))))

    # -- engine and failures

    def _engine_changed(self, engine: Any) -> None:
        self.engine = engine
        self.document.prior_digest = getattr(getattr(engine, "prior", None), "digest", "")
        self.exports.engine = engine
        self.canvas.set_result(None)
        self.status.clear_result()
        self.status.set_engine(engine)
        for part in self.parts:
            part.engine_changed(engine)
        self._photo_usable(self.document.session is not None)
        if note := getattr(engine, "note", ""):
            self._tell_note(note)

    def _failed(self, job: Any, message: str) -> None:
        if isinstance(job, SwitchJob | EngineJob):  # said by `models`, and in the dialog of grids
            return
        if job is None:
            self.status.set_no_engine()
            self.canvas.set_busy("")
        if isinstance(job, (OpenJob, CopyJob)):
            self._open_failed(job)
        self.leaving.stay()
        if isinstance(job, LiveJob):
            self.banner.say(message, button=tr("Try again"), run=self.ask_again)
        elif isinstance(job, ExportJob):
            self.banner.say(message, button=tr("Export again"),
                            run=lambda: self.exports.add(job.request, job.path, job.options, job.photos) and None)
        else:
            self.banner.say(message)

    def _open_failed(self, job: OpenJob | CopyJob) -> None:
        if isinstance(job, OpenJob) and job is not self._opening:
            return
        self._opening = None if isinstance(job, OpenJob) else self._opening
        self.canvas.set_busy("")
        self.ask_again()

    def ask_again(self) -> None:
        """Ask for the picture of the edit once more, if it isn't there."""
        if self.document.session is not None and self.live.state is not State.SETTLED:
            self.live.ask(self.document.request("settled"), anyway=True)

    # -- closing

    def closeEvent(self, event: QCloseEvent) -> None:
        """Exports and a training are not dropped silently; everything else is stopped at its next step."""
        if self.leaving.may_go():
            self.shut_down()
            event.accept()
        else:
            event.ignore()

    def shut_down(self) -> bool:
        """Remember the settings and join the worker; False when it didn't stop in time."""
        self._buffers_due.stop()
        self.live.quiet.stop()
        self.settings.geometry = bytes(self.saveGeometry().toBase64().data()).decode("ascii")
        self.settings.panel_width = min(640, max(320, self.splitter.sizes()[1]))
        self.settings.save()
        stopped = [part.stop() for part in reversed(self.parts)]  # projects save what the others hold
        stopped += [self.people.stop(), self.models.importing.stop(), self.thread_of_engine.stop()]
        return all(stopped)
