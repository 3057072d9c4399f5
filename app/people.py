"""People in the window: whose pictures are made, the dialogs about them, and the training that goes on beside the edits."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject

from app.dialogs.quitting import ask_stop
from app.dialogs.swap import SwapDialog
from app.jobs import PersonJob
from app.language import tr
from app.personal.people_dialog import PeopleDialog
from app.personal.process import EventProcess
from app.personal.shelf import People, PeopleShelf
from app.personal.train_words import share_of, short_words
from app.personal.training import Training, unfinished
from core.people.header import About

if TYPE_CHECKING:
    from PySide6.QtWidgets import QDialog

    from app.window import Window
    from core.personalize.runs import Run


class Personal(QObject):
    """Belongs to a window. people: the folder of people. make_process: what a training and the reading of an album run in."""

    def __init__(self, window: Window, people: People, make_process: Callable[[], EventProcess]) -> None:
        super().__init__(window)
        self._window = window
        self._make_process = make_process
        self.shelf = PeopleShelf(people, self)
        self.training = Training(make_process, self)
        self._dialogs: dict[str, QDialog] = {}
        self._asked: PersonJob | None = None
        self._left: Run | None = None  # a training that could be gone on with
        self._offered = False
        self._offer_words = ""
        self._may_close = False
        a = window.actions_by_name
        a.add("personalize", tr("&Personalize …"), self.personalize, "Ctrl+P", "person", tip=tr("Personalize from an album"))
        a.add("people", tr("P&eople …"), self.open_people)
        a.add("swap", tr("People and photos in a &grid …"), self.open_swap, "Ctrl+G")

    def connect_all(self) -> None:
        """Once the window has all its parts."""
        window, panel, worker = self._window, self._window.side.person, self._window.thread_of_engine.worker
        panel.watch(self.shelf)
        panel.chosen.connect(self._chosen)
        panel.personalize_asked.connect(self.personalize)
        panel.people_asked.connect(self.open_people)
        window.status.people_asked.connect(self.open_people)
        window.status.training_asked.connect(self._show_training)
        window.document.followed.connect(self._show_person)
        window.models.engine_changed.connect(self._engine_changed)
        worker.person_taken.connect(self._taken)
        worker.failed.connect(self._failed)
        self.shelf.changed.connect(self._show_person)
        self.shelf.failed.connect(self._tell)
        self.training.changed.connect(self._show_training_words)
        self.training.finished.connect(self._learned)
        self.training.failed.connect(self._not_learned)

    # -- whose pictures

    def use(self, source: Path | str) -> None:
        """Make the pictures with somebody's personal model, as soon as it is ready."""
        self._asked = PersonJob(source)
        known = next((entry.name for entry in self.shelf.entries if entry.file == source), Path(source).stem)
        self._window.side.person.set_loading(known)
        self._window.thread_of_engine.put(self._asked)

    def _chosen(self, file: str) -> None:
        if file:
            self.use(Path(file))
        else:
            self._asked = None
            self._window.side.person.set_loading("")
            self._window.document.set_person(None)

    def _taken(self, job: PersonJob, person: Any) -> None:
        if job is self._asked:
            self._asked = None
            self._window.side.person.set_loading("")
            # what it says of itself, without the weights: undo steps keep it
            self._window.document.set_person(About(**{field.name: getattr(person, field.name) for field in fields(About)}))

    def _failed(self, job: Any, _message: str) -> None:
        if job is self._asked:  # said by the window
            self._asked = None
            self._window.side.person.set_loading("")

    def _engine_changed(self, _engine: Any) -> None:
        self.shelf.refresh()
        self._window.side.person.refresh()
        self._show_person()
        if not self._offered:
            self._offered = True
            self._offer()

    def _show_person(self) -> None:
        person = self._window.document.person
        entry = self.shelf.entry_of(person.digest) if person is not None else None
        self._window.status.set_person(entry.name if entry is not None else person.name if person is not None else "")

    def _tell(self, message: str) -> None:
        if "people" not in self._dialogs:  # which shows it itself
            self._window.banner.say(message)

    # -- dialogs

    def personalize(self) -> None:
        """The Personalize dialog, once: at its beginning, or at the training that runs."""
        window = self._window

        def make() -> QDialog:
            from app.personal.dialog import PersonalizeDialog  # its plots take a second to load

            made = PersonalizeDialog(window.theme, window.settings, self.training, self._make_process, window,
                                     device=str(getattr(window.engine, "device", "cpu")),
                                     prior=window.models.switching.setup.prior)
            made.use_person.connect(lambda file: self.use(Path(file)))
            made.train.try_asked.connect(lambda file: self.use(Path(file)))
            return made

        self._open("personalize", make)

    def open_people(self) -> None:
        """The People dialog, once."""
        window = self._window

        def make() -> PeopleDialog:
            made = PeopleDialog(window.theme, window.settings, self.shelf, window.document, window)
            made.use_asked.connect(self._chosen)
            made.personalize_asked.connect(self.personalize)
            return made

        self.shelf.refresh()
        self._open("people", make)

    def import_file(self, file: Path) -> None:
        """Take in a person's file that was dropped on the window: the People dialog tells what comes of it."""
        self.open_people()
        dialog = self.dialog("people")
        if isinstance(dialog, PeopleDialog):
            dialog.import_file(file)

    def open_swap(self) -> None:
        """The dialog of grids, once."""
        window = self._window
        self._open("swap", lambda: SwapDialog(window.theme, window.settings, window.thread_of_engine, window.document, window))

    def dialog(self, name: str) -> QDialog | None:
        """'personalize', 'people' or 'swap', while it is open."""
        return self._dialogs.get(name)

    def _open(self, name: str, make: Callable[[], QDialog]) -> None:
        if name not in self._dialogs:
            self._dialogs[name] = make()
            self._dialogs[name].destroyed.connect(lambda: self._dialog_gone(name))
        dialog = self._dialogs[name]
        dialog.show()
        dialog.raise_()
        dialog.activateWindow()

    def _dialog_gone(self, name: str) -> None:
        self._dialogs.pop(name, None)
        if name == "personalize" and not self._may_close:
            self._show_training_words()  # a run may have been given up in it

    # -- training

    def _offer(self) -> None:
        """At the start: what was interrupted or left for later."""
        self._show_training_words()
        if self._left is not None:
            self._offer_words = tr("Training of {name} was interrupted at {share}.", name=self._left.name,
                                   share=share_of(self._left))
            self._window.banner.say(self._offer_words, "info", tr("Resume"), self._show_training)

    def _show_training(self) -> None:
        """The one that is under way; else the one that was left goes on."""
        if not self.training.active and self._left is not None:
            self.training.resume(self._left.name)
        self.personalize()

    def _show_training_words(self) -> None:
        self._left = None if self.training.active else unfinished()
        if self.training.active and self._window.banner.text == self._offer_words:
            self._window.banner.hide()  # it was gone on with in the dialog
        left = "" if self._left is None else tr("{name} is learned to {share}: go on", name=self._left.name,
                                                   share=share_of(self._left))
        self._window.status.set_training(short_words(self.training) or left)

    def _learned(self, file: str) -> None:
        """Someone whose unfinished weights are in use goes on with the finished ones; else it is offered."""
        name, person = self.training.name, self._window.document.person
        self.shelf.refresh()
        if person is not None and person.name == name:
            self.use(Path(file))
        elif "personalize" not in self._dialogs:
            self._window.banner.say(tr("{name} is learned.", name=name), "info", tr("Use {name}", name=name),
                                    lambda: self.use(Path(file)))

    def _not_learned(self, message: str) -> None:
        if "personalize" not in self._dialogs:
            self._window.banner.say(tr("Learning {name} stopped: {message}", name=self.training.name, message=message),
                                    button=tr("Show"), run=self.personalize)

    # -- closing

    def may_close(self) -> bool:
        """False while the user is asked what becomes of a training; the window is closed again with the answer."""
        training = self.training
        if self._may_close or training.state not in ("starting", "training"):
            return True
        ask_stop(self._window, training.name, self._close_window, None, self._discard_and_close, quitting=True)
        return False

    def _close_window(self) -> None:
        self._may_close = True
        self._window.close()

    def _discard_and_close(self) -> None:
        self.training.discard()
        self._close_window()

    def stop(self) -> bool:
        """End everything of it, because the window goes; False when something didn't end in time."""
        self._may_close = True
        for dialog in tuple(self._dialogs.values()):
            dialog.close()
        if self.training.active:
            self._window.hide()  # it takes a moment to save
        ended = self.training.close()
        return self.shelf.stop() and ended
