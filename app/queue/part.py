"""The queue: many photos, many rigs, and edits opened from exported pictures."""
from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from app.language import tr
from app.parts import Part
from app.queue.adding import AddDialog
from app.queue.edits import offered
from app.queue.model import QueueModel, photo_key
from app.queue.page import QueuePage
from app.queue.reopening import Reopening
from app.queue.runner import QueueRunner, small
from app.tasks import Chores
from core.batch_queue import DONE, FAILED, WAITING, WORKING, Entry, queue_file
from core.errors import UserError
from core.photo import load_image

if TYPE_CHECKING:
    from app.window import Window

PAGE = "queue"


class Queue(Part):
    """Belongs to a window. The list outlives it: what waits is offered again at the next start."""

    def __init__(self, window: Window) -> None:
        super().__init__(window)
        self.runner = QueueRunner(window.thread_of_engine, queue_file(), self)
        self.model = QueueModel(window.theme, self._want_picture)
        self.reopening = Reopening(window)
        self.thumbs = Chores(self)
        self._wanted: dict[tuple[str, str], Entry] = {}
        self._unseen: set[tuple[str, str]] = set()  # photos of which there is no small picture
        self.dialog: AddDialog | None = None
        self.page: QueuePage
        a = window.actions_by_name
        a.add("batch", tr("&Queue: many photos, many edits"), self._set_shown, "Ctrl+B", "queue", check=False,
              tip=tr("Many photos, many edits, one after another"))
        a.add("reopen", tr("Open the &edit of a picture …"), self.reopening.ask, "Ctrl+Shift+O",
              tip=tr("Open the edit of a picture that was exported"))

    @property
    def making(self) -> str:
        """A picture, while there is one."""
        return tr("the queue's picture") if self.runner.busy else ""

    def connect_all(self) -> None:
        """Put the page into the window, and see what was left."""
        window, runner = self.window, self.runner
        self.page = QueuePage(window.theme, runner, self.model)
        window.bottom.add(PAGE, self.page)
        window.bottom.shown.connect(self._page_shown)
        self.page.add_asked.connect(self.ask_add)
        self.page.open_asked.connect(self.reopening.open)
        runner.drawn.connect(self._drawn)
        runner.told.connect(self._told)
        runner.ended.connect(self._ended)
        window.status.queue_asked.connect(self.show)
        self.reopening.connect_all()
        if runner.queue.load():
            runner.queue.paused = True  # the user says when it goes on
            runner.told.emit(None)
            left = runner.queue.count(WAITING)
            window.banner.say(tr("{n} pictures of the queue were not made yet.", n=left), "info", tr("Go on"), self._go_on)

    def offers(self, path: Path) -> bool:
        """Whether a file that is opened or dropped holds an edit; the user is asked then what to do with it."""
        return self.reopening.offers(Path(path))

    # -- showing

    def _set_shown(self, on: bool) -> None:
        bottom = self.window.bottom
        if on or bottom.current == PAGE:
            bottom.show_page(PAGE if on else "")

    def _page_shown(self, name: str) -> None:
        self.window.actions_by_name["batch"].setChecked(name == PAGE)

    def show(self) -> None:
        """The page."""
        self.window.bottom.show_page(PAGE)

    def _go_on(self) -> None:
        self.show()
        self.runner.pause(False)

    def _told(self, _entry: Any) -> None:
        queue = self.runner.queue
        left = queue.count(WAITING, WORKING)
        done = len(queue.entries) - left
        self.window.status.set_queue(tr("Queue {done} of {total}", done=done, total=len(queue.entries)) if left else "")

    def _ended(self) -> None:
        queue = self.runner.queue
        failed = queue.count(FAILED)
        text = tr("The queue is through: {n} pictures made.", n=queue.count(DONE))
        if failed:
            text += " " + tr("{n} failed.", n=failed)
        if self.window.bottom.current != PAGE:
            self.window.banner.say(text, "warning" if failed else "info", tr("Show"), self.show)

    # -- adding

    def ask_add(self, paths: Iterable[str] = ()) -> AddDialog | None:
        """The dialog for photos and edits; with these photos in it."""
        window = self.window
        if window.engine is None:
            window.banner.say(tr("The model is still loading. Wait a moment, then add to the queue."), "info")
            return None
        if self.dialog is None:
            head = getattr(window.engine, "head", None)
            offers = offered(window.document, window.history.snapshots(), head)
            people = window.people.shelf.entries
            self.dialog = AddDialog(window.theme, window.settings, window.document, offers, people,
                                    str(window.engine.prior.digest), window)
            self.dialog.asked.connect(self.add)
            self.dialog.destroyed.connect(self._dialog_gone)
            self.dialog.open()
            session = window.document.session
            if not paths and session is not None and session.photo.path is not None:
                paths = [str(session.photo.path)]
        self.dialog.add_photos(paths)
        return self.dialog

    def _dialog_gone(self) -> None:
        self.dialog = None

    def add(self, tasks: list[Any], lot: Any) -> None:
        """Put pictures into the queue and begin."""
        try:
            self.runner.queue.add(tasks, lot, str(self.window.engine.prior.digest))
        except UserError as error:
            self.window.banner.say(str(error))
            return
        self.show()
        self.runner.go()

    # -- small pictures

    def _drawn(self, entry: Entry, picture: np.ndarray) -> None:
        self.model.set_picture(entry.task.out, picture)

    def _want_picture(self, entry: Entry) -> None:
        key = photo_key(entry)
        if key not in self._unseen:
            self._wanted.setdefault(key, entry)
            self._next_picture()

    def _next_picture(self) -> None:
        if self._wanted and not self.thumbs.busy:
            key = next(reversed(self._wanted))  # what came into sight last
            entry = self._wanted.pop(key)
            source = entry.task.photo.read if entry.task.photo.member else None
            path = Path(entry.task.photo.container)
            self.thumbs.start(partial(_thumb, source, path), tr("reading a photo"), partial(self._seen, key),
                              partial(self._not_seen, key))

    def _seen(self, key: tuple[str, str], picture: np.ndarray) -> None:
        self.model.set_picture(key, picture)
        self._next_picture()

    def _not_seen(self, key: tuple[str, str], _message: str) -> None:
        self._unseen.add(key)
        self._next_picture()

    # -- the window's

    def engine_changed(self, engine: Any) -> None:
        """Pictures that wait are made with it."""
        if engine is not None:
            self.runner.engine_there()

    def stop(self) -> bool:
        """What is not made waits for the next time."""
        self.runner.stop()
        return self.thumbs.stop()


def _thumb(read: Callable[[], bytes] | None, path: Path, _say: Any, _cancelled: Any) -> np.ndarray:
    """In a thread of its own: a photo's small picture. Raises PhotoError."""
    return small(load_image(read() if read is not None else path).pixels)
