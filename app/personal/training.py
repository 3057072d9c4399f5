"""The one training of the window: started, paused, left for later, gone on with. It outlives the dialog that began it."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from PySide6.QtCore import QObject, Signal

from app.language import told
from app.personal.process import KILLED, EventProcess
from app.personal.progress import Progress
from core.personalize import runs

LEAVING_MS = 30_000  # a step of the largest model on the slowest device, and writing the state
CANNOT_WAIT = "The training was ended before it could save; it goes on from what it last saved, at most a minute before."


class Training(QObject):
    """Runs `main.py personalize --resume NAME --events` and knows how far it is.

    state: '' before the first, 'starting', 'training', 'pausing', 'paused', 'stopping', and at its end 'stopped' (kept for
    later), 'done', 'failed' or 'discarded'. name: the person's. progress: of the present or the last run.
    changed: state or progress is another. finished(file): the person's file is there. failed(message).
    """

    changed = Signal()
    finished = Signal(str)
    failed = Signal(str)

    def __init__(self, make_process: Callable[[], EventProcess] = EventProcess, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._make_process = make_process
        self._process: EventProcess | None = None
        self._asked = ""  # how it is to end
        self.name = ""
        self.state = ""
        self.progress = Progress()

    @property
    def active(self) -> bool:
        """Whether a run is under way, paused ones too."""
        return self._process is not None

    def start(self, name: str, preset: str, hold_out: int | None = None) -> bool:
        """Begin to train on the album that was read for `name`; consent has been given. False while another run is under way."""
        options = ["--preset", preset, *(["--hold-out", str(hold_out)] if hold_out is not None else [])]
        return self._start(name, Progress(preset=preset), [*options, "--yes-i-have-consent"])

    def resume(self, name: str) -> bool:
        """Go on with a run that was left or interrupted, its curves restored. False while another run is under way."""
        if self.active:
            return False
        run = runs.find(name)
        progress = Progress()
        if run is not None:
            name = run.name
            progress.folder = run.folder
            progress.take_all(runs.read_events(run.events))
            progress.step, progress.steps = run.step or progress.step, run.steps or progress.steps
        return self._start(name, progress, ["--yes-i-have-consent"])

    def _start(self, name: str, progress: Progress, options: Sequence[str]) -> bool:
        if self.active:
            return False
        self.name, self.progress, self._asked = name, progress, ""
        progress.message, progress.file, progress.left = "", "", None
        process = self._process = self._make_process()
        process.setParent(self)
        process.told.connect(self._heard)
        process.ended.connect(self._ended)
        self._set("starting")
        process.start(["personalize", f"--resume={name}", *options, "--events"])  # '=': a person may be called '--minutes'
        return True

    # -- while it runs

    def pause(self) -> None:
        """Stop after this step and wait; the memory stays taken."""
        if self.state == "training":
            self._say("pause", "pausing")

    def go_on(self) -> None:
        """After a pause."""
        if self.state in ("pausing", "paused"):
            self._say("resume", "training")

    def keep(self) -> None:
        """Save and end, to go on another time."""
        self._end("stop")

    def finish(self) -> None:
        """End now: the newest weights become the person."""
        self._end("finish")

    def discard(self) -> None:
        """End, and delete the run."""
        self._end("discard")

    def close(self, timeout_ms: int = LEAVING_MS) -> bool:
        """Save, end and wait for it, because the window goes; False when it had to be killed."""
        if self._process is None:
            return True
        self._asked = self._asked or "stop"
        return self._process.stop(timeout_ms)

    def _end(self, how: str) -> None:
        if self.active and not self._asked:
            self._asked = how
            self._say("cancel" if how == "discard" else how, "stopping")

    def _say(self, word: str, state: str) -> None:
        assert self._process is not None
        self._process.send(word)
        self._set(state)

    # -- what comes of it

    def _heard(self, event: dict[str, Any]) -> None:
        self.progress.take(event)
        following = {"started": "training", "step": "training", "resumed": "training", "paused": "paused"}.get(event["event"])
        if self.state == "pausing" and event["event"] == "step" or self.state == "stopping":
            following = None  # it has not heard the word yet
        if following is not None:
            self.state = following
        self.changed.emit()

    def _ended(self, code: int, message: str) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.deleteLater()
        if self.progress.file:
            self._set("done")
            self.finished.emit(self.progress.file)
        elif self._asked == "discard":
            self._set("discarded" if self._thrown_away() else "failed")
        elif self._asked and code in (0, KILLED):
            self.progress.message = CANNOT_WAIT if code == KILLED else ""
            self._set("stopped")
        elif code == 0 and not self.progress.message:
            self._set("stopped")
        else:
            self._fail(self.progress.message or message)

    def _thrown_away(self) -> bool:
        """Delete the run's folder; False when that failed, which has been told."""
        run = runs.find(self.name)
        try:
            if run is not None:
                run.discard()
        except runs.RunError as error:
            self.progress.message = told(error)
            self.failed.emit(self.progress.message)
            return False
        return True

    def _fail(self, message: str) -> None:
        self.progress.message = message
        self._set("failed")
        self.failed.emit(message)

    def _set(self, state: str) -> None:
        self.state = state
        self.changed.emit()


def unfinished() -> runs.Run | None:
    """The run that was interrupted or left last, if any has begun to train. Those that another process trains are not."""
    begun = (run for run in runs.runs() if run.step > 0 or run.state in ("training", "paused", "stopped"))
    return next((run for run in begun if not run.held), None)
