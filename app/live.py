"""Live rendering as the window sees it: what to ask the worker for, what to show of what comes back.

Two tiers: each new edit asks for a preview at once, and after a short quiet for the settled picture. A result of another
photo, or older than what is on screen, is dropped; one that is older than the edit is shown and marked stale.
"""
from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from enum import Enum
from typing import Any

from PySide6.QtCore import QElapsedTimer, QObject, QTimer, Signal

from app.jobs import ExportJob, LiveJob
from app.worker import WorkerThread
from core.request import RenderRequest

QUIET_MS = 250
REMEMBERED = 16  # settled pictures kept here; a 256 crop is 192 KiB, the largest 3 MiB. The history has more (`recall`)


class State(Enum):
    """How the picture on screen stands to the edit."""

    EMPTY = "empty"
    STALE = "stale"  # an older edit is on screen
    PREVIEW = "preview"  # the edit's preview is on screen
    REFINING = "refining"  # a settle pass runs
    SETTLED = "settled"
    FAILED = "failed"
    IMPOSSIBLE = "impossible"  # the head and the model don't belong together: only buffers


class Live(QObject):
    """Asks for previews and settled pictures of the newest edit.

    recall(request): finds a settled result that was made once, where there is a longer memory than this one's.
    shown: a result to put on screen. judged: the settled result on screen, with what it shows of what was asked for. estimate: a
    settle pass's picture so far. state_changed: `state` is another. progressed: (step, steps, seconds left or None) of a settle
    pass.
    """

    shown = Signal(object)
    judged = Signal(object)
    estimate = Signal(object)
    state_changed = Signal()
    progressed = Signal(int, int, object)

    def __init__(self, worker: WorkerThread, parent: QObject | None = None, quiet_ms: int = QUIET_MS) -> None:
        super().__init__(parent)
        self._worker = worker
        self._request: RenderRequest | None = None  # the settled request of the newest edit
        self._remembered: OrderedDict[RenderRequest, Any] = OrderedDict()
        self.recall: Callable[[RenderRequest], Any | None] = lambda request: None
        self._pace = Pace()
        self._held = False
        self._impossible = False
        self.state = State.EMPTY
        self.quiet = QTimer(self)
        self.quiet.setSingleShot(True)
        self.quiet.setInterval(quiet_ms)
        self.quiet.timeout.connect(self._settle)
        worker.worker.rendered.connect(self._rendered)
        worker.worker.judged.connect(self._judged)
        worker.worker.stepped.connect(self._stepped)
        worker.worker.stopped.connect(self._stopped)
        worker.worker.failed.connect(self._failed)

    @property
    def request(self) -> RenderRequest | None:
        """The settled request of the newest edit."""
        return self._request

    def clear(self) -> None:
        """Another photo is here: forget the edit."""
        self.quiet.stop()
        self._request = None
        self._remembered.clear()
        self._set(State.EMPTY)

    def hold(self, on: bool) -> None:
        """While another engine is being loaded, edits only mark the picture stale; ask again afterwards."""
        self._held = on
        if on:
            self.quiet.stop()
            self._worker.inbox.drop_live()

    def set_impossible(self, on: bool) -> None:
        """No pictures can be made of edits at all, until this is taken back; ask again afterwards."""
        self._impossible = on

    def ask(self, request: RenderRequest, *, anyway: bool = False) -> None:
        """Show this (settled) request: at once if it is remembered, else by a preview and a settle pass.

        `anyway` asks even when the request is the one already asked for (after a failure).
        """
        if request == self._request and not anyway:
            return
        self._request = request
        self.quiet.stop()
        if self._impossible or self._held:
            self._set(State.IMPOSSIBLE if self._impossible and not self._held else State.STALE)
            return
        known = self._remembered.get(request) or self.recall(request)
        if known is not None:
            self._worker.inbox.drop_live()
            self.remember(known)
            self.shown.emit(known)
            self._set(State.SETTLED)
            return
        self._set(State.STALE)
        self._worker.preview(replace(request, quality="preview"))
        self.quiet.start()

    def cancel(self) -> None:
        """Stop refining; the preview stays."""
        self.quiet.stop()
        self._worker.inbox.stop_settling()

    def _settle(self) -> None:
        if self._request is not None and self.state is not State.FAILED:
            self._worker.settle(self._request)

    def _judged(self, result: Any) -> None:
        if result.request in self._remembered:
            self.remember(result)
        if result.request == self._request and self.state is State.SETTLED:
            self.judged.emit(result)

    def _rendered(self, result: Any) -> None:
        request = result.request
        if self._request is None or request.photo != self._request.photo:
            return
        settled = replace(request, quality="settled")
        if request.quality == "settled":
            self.remember(result)
        current = settled == self._request
        if request.quality == "settled" and not current or self.state is State.SETTLED:
            return  # a settled picture gives way to no preview: neither its own nor that of an edit that was taken back meanwhile
        self.shown.emit(result)
        if current:
            self._set(State.SETTLED if request.quality == "settled" else State.PREVIEW)

    def remember(self, result: Any) -> None:
        """Keep a settled result: its request is answered at once when it is asked for."""
        if getattr(result, "fine", None) is not None:
            result = replace(result, fine=None)  # what exports in 16 bits are made of: 35 MiB of a large photo, and not shown
        self._remembered[result.request] = lean(result)
        self._remembered.move_to_end(result.request)
        while len(self._remembered) > REMEMBERED:
            self._remembered.popitem(last=False)

    def _stepped(self, job: Any, step: int, steps: int, estimate: Any) -> None:
        if isinstance(job, ExportJob) or job.request.quality != "settled" or job.request != self._request:
            return
        if self.state is State.SETTLED:
            return
        self._set(State.REFINING)
        self.progressed.emit(step, steps, self._pace.left(job, step, steps))
        if estimate is not None:
            self.estimate.emit(estimate)

    def _stopped(self, job: Any) -> None:
        if isinstance(job, LiveJob) and job.request == self._request and self.state is State.REFINING:
            self._set(State.PREVIEW)

    def _failed(self, job: Any, _message: str) -> None:
        if job is None or isinstance(job, LiveJob) and replace(job.request, quality="settled") == self._request:
            self.quiet.stop()
            self._set(State.FAILED)

    def _set(self, state: State) -> None:
        if state is not self.state:
            self.state = state
            self.state_changed.emit()


def lean(result: Any) -> Any:
    """A result without the 16 bits of its crop, which only exports need, and they make their own."""
    return replace(result, fine=None) if getattr(result, "fine", None) is not None else result


class Pace:
    """Seconds left of a pass, from the time its steps took so far."""

    def __init__(self) -> None:
        self._clock = QElapsedTimer()
        self._job: Any = None
        self._first = 0

    def left(self, job: Any, step: int, steps: int) -> float | None:
        """Seconds until `steps`, or None at a pass's first step."""
        if job is not self._job or step <= self._first:
            self._job, self._first = job, step
            self._clock.start()
            return None
        each = self._clock.elapsed() / 1000 / (step - self._first)
        return each * max(0, steps - step)
