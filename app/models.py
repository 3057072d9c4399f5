"""Models and heads in the window: the dialog, loading another engine, and what the window says about either."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal

from app.canvas.notice import Notice
from app.canvas.stage import Mode
from app.dialogs.models import ModelsDialog
from app.importing import Importing, Outcome
from app.jobs import Switched
from app.language import told, tr
from app.library import Library
from app.names import listing
from app.restarting import Restarting
from app.setup import Setup, head_title
from app.switching import Switching

if TYPE_CHECKING:
    from app.window import Window

BUTTON = "Models and heads …"


class Models(QObject):
    """Belongs to a window. engine_changed(engine): another engine is there, the first one too; the photo is to be shown again."""

    engine_changed = Signal(object)

    def __init__(self, window: Window, library: Library, setup: Setup) -> None:
        super().__init__(window)
        self._window = window
        self.switching = Switching(window.thread_of_engine, setup, self)
        self.importing = Importing(library, self)
        self.notice = Notice(window.canvas)
        self.problem = ""  # why no picture can be made
        self._asked = setup
        self._dialog: ModelsDialog | None = None
        worker = window.thread_of_engine.worker
        worker.fell_back.connect(self._fell_back)
        worker.ready.connect(self._ready)
        self.switching.changed.connect(self._show_loading)
        self.switching.done.connect(self._switched)
        self.switching.failed.connect(self._failed)
        self.restarting = Restarting(window, self.switching)
        self.importing.changed.connect(self._show_import)
        self.importing.finished.connect(self._imported)
        self.importing.failed.connect(window.banner.say)
        self.notice.models_asked.connect(self.open_dialog)
        self.notice.head_asked.connect(window.actions_by_name["view-3"].trigger)

    def open_dialog(self) -> None:
        """The Models and heads dialog, once."""
        if self._dialog is None:
            window = self._window
            self._dialog = ModelsDialog(window.theme, self.importing, self.switching, window.settings, window)
            self._dialog.destroyed.connect(self._dialog_gone)
        self._dialog.show()
        self._dialog.raise_()
        self._dialog.activateWindow()

    @property
    def dialog(self) -> ModelsDialog | None:
        """The dialog, while it is open."""
        return self._dialog

    def _dialog_gone(self) -> None:
        self._dialog = None

    # -- engines

    def _ready(self, engine: Any) -> None:
        self._take(engine)

    def _fell_back(self, message: str) -> None:
        self._window.banner.say(f"{message} {tr('The default model is used for now.')}", button=tr(BUTTON), run=self.open_dialog)
        if Setup.remembered(self._window.settings) == self._asked:  # else it came from the command line, for this run only
            Setup().remember(self._window.settings)

    def _show_loading(self) -> None:
        """While another engine is loaded, edits go on and pictures wait."""
        loading = self.switching.loading
        if loading is not None:
            self._window.live.hold(True)
            self._window.status.set_loading(loading.words)
        self._window.show_state()

    def _switched(self, result: Switched) -> None:
        window = self._window
        self.switching.setup.remember(window.settings)
        window.settings.save()
        window.live.clear()
        window.live.hold(False)
        self._take(result.engine)
        if result.session is not None:
            window.document.switch(result.session, result.codes)
            window.show_session()
        self._tell_set_aside()

    def _tell_set_aside(self) -> None:
        document, said = self._window.document, []
        if document.set_aside:
            said.append(tr("{head} can't do {names}. This part of the edit is set aside and comes back with a head that can.",
                           head=head_title(document.session.head.name), names=listing(document.set_aside)))
        person = document.person_set_aside
        if person is not None:
            said.append(tr("{name} was learned with the model '{model}' on {head}, and is set aside until these are in use "
                           "again.",
                           name=person.name, model=person.prior_name, head=head_title(person.head)))
        if said:
            self._window.banner.say(" ".join(said), "info")

    def _failed(self, message: str) -> None:
        window = self._window
        window.live.hold(False)
        if window.engine is not None:
            window.status.set_engine(window.engine)
            message = f"{message} {tr('What was in use before stays.')}"
        else:
            window.status.set_no_engine()
        window.banner.say(message, button=tr(BUTTON), run=self.open_dialog)
        window.ask_again()

    def _take(self, engine: Any) -> None:
        self.problem = told(getattr(engine, "render_problem", None) or "")
        self._window.live.set_impossible(bool(self.problem))
        self.engine_changed.emit(engine)
        self.show_problem()

    def show_problem(self) -> None:
        """The card over the picture: only where a picture would be."""
        window = self._window
        wanted = self.problem and window.document.session is not None and window.canvas.mode is Mode.PHOTO
        self.notice.clear = round(window.canvas.inset_box().right()) + 12 if window.canvas.show_inset else 0
        self.notice.say(self.problem if wanted else "")

    # -- imports

    def _show_import(self) -> None:
        folder = self.importing.folder
        self._window.status.set_import(tr("Importing {name} …", name=folder.name) if folder is not None else "")

    def _imported(self, outcome: Outcome) -> None:
        """Said in the window only when the dialog, which shows it all, is closed."""
        if self._dialog is None:
            self._window.banner.say(tr("Import: {summary}", summary=outcome.summary), "info" if outcome.good else "warning",
                                    tr(BUTTON), self.open_dialog)
