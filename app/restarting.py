"""Starting the engine again after it broke: a defect in it, or a graphics card that is gone. The edit stays as it was."""
from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from app.jobs import Switched
from app.language import tr
from app.switching import Switching

if TYPE_CHECKING:
    from app.window import Window


class Restarting(QObject):
    """Belongs to a window. Starts one again only after a picture was made: an edit that breaks each engine must not go on for
    ever."""

    def __init__(self, window: Window, switching: Switching) -> None:
        super().__init__(window)
        self._window, self._switching = window, switching
        self._tried = self._under_way = False
        worker = window.thread_of_engine.worker
        worker.broke.connect(self._broke)
        worker.rendered.connect(self._works)
        switching.done.connect(self._done)
        switching.failed.connect(self._failed)

    def _broke(self, lost_device: bool) -> None:
        if self._tried or self._switching.loading is not None:
            return
        self._tried = True
        setup = self._switching.setup
        self._under_way = self._switching.ask(replace(setup, device="cpu") if lost_device else setup, anew=True)

    def _works(self, _result: object) -> None:
        self._tried = self._under_way

    def _done(self, _switched: Switched) -> None:
        if self._under_way:
            self._under_way = False
            said = tr("The graphics card failed. The engine was started again on the processor, and your edit is as it was.") \
                if self._switching.setup.device else \
                tr("Something went wrong in the engine. It was started again, and your edit is as it was.")
            self._window.banner.say(said, "info")
            self._window.ask_again()

    def _failed(self, _message: str) -> None:
        self._under_way = False
