"""Requests in any order from several threads: each export, photo and piece of work ends once, and the last edit settles."""
from __future__ import annotations

import random
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QObject

from app.jobs import CopyJob, EngineJob, ExportJob, Inbox, Job, LiveJob, OpenJob, PersonJob, SwitchJob
from app.setup import Setup
from app.worker import WorkerThread
from core.errors import Cancelled, UserError
from core.request import RenderRequest
from core.rig import Rig
from tests.app.fakes import FakeEngine, FakeResult
from tests.app.studio import until

THREADS, ACTIONS = 4, 150


class Engine(FakeEngine):
    """Fails now and then, and must not be used once it is closed."""

    def __init__(self, chance: random.Random) -> None:
        super().__init__(gated=False)
        self.fail = lambda request: chance.choice((UserError("The disk is full."), ValueError("a defect"))) if (
            request.size == "crop" and chance.random() < 0.2) else None

    def render(self, *given: Any, **named: Any) -> FakeResult:
        assert not self.closed, "an engine that was let go of makes a picture"
        return super().render(*given, **named)


class Heard(QObject):
    """What the worker says became of the jobs, in the window's thread."""

    def __init__(self, thread: WorkerThread) -> None:
        super().__init__()
        self.ends: Counter[int] = Counter()
        self.ended: list[object] = []  # keeps them alive, so that an id is one job's
        self.engines: list[Any] = []
        self.rendered: list[RenderRequest] = []
        self.last: RenderRequest | None = None
        self._thread = thread
        worker = thread.worker
        for signal in (worker.opened, worker.copied, worker.person_taken, worker.made, worker.switched):
            signal.connect(self._end_of_two)
        for one in (worker.exported, worker.stopped):
            one.connect(self._end)
        worker.failed.connect(self._failed)
        worker.ready.connect(self._ready)
        worker.rendered.connect(self._rendered)

    def _end(self, job: object) -> None:
        self.ends[id(job)] += 1
        self.ended.append(job)

    def _end_of_two(self, job: object, _: object) -> None:
        self._end(job)
        if isinstance(job, SwitchJob) and self.last is not None:  # as the window does: another engine knows of no edit
            self._thread.settle(self.last)

    def _failed(self, job: object, words: str) -> None:
        assert words.endswith("."), words
        self._end(job)

    def _ready(self, engine: object) -> None:
        self.engines.append(engine)

    def _rendered(self, result: FakeResult) -> None:
        self.rendered.append(result.request)


def request(number: int, quality: str = "settled", **more: Any) -> RenderRequest:
    return RenderRequest("p", Rig().set("jaw.open", round(number % 100 / 200, 3)), seed=number, quality=quality, **more)


class Rain(threading.Thread):
    """Asks for random things, as a seed says."""

    def __init__(self, seed: int, thread: WorkerThread, asked: list[Any], count: int = ACTIONS) -> None:
        super().__init__(name=f"rain {seed}")
        self._rng, self._thread, self._asked, self._count, self._number = random.Random(seed), thread, asked, count, seed * 10_000
        self._own: list[Any] = []

    def run(self) -> None:
        for _ in range(self._count):
            self._number += 1
            self._act(self._rng.random())
            if self._rng.random() < 0.2:
                threading.Event().wait(self._rng.random() * 0.004)

    def _act(self, dice: float) -> None:
        inbox, number = self._thread.inbox, self._number
        if dice < 0.3:
            self._thread.preview(request(number, "preview"))
        elif dice < 0.5:
            self._thread.settle(request(number))
        elif dice < 0.7:
            self._put(ExportJob(request(number, size="crop"), Path(f"{number}.png"), number=number))
        elif dice < 0.8:
            self._put(EngineJob(self._work(number), "making one"))
        elif dice < 0.9:
            self._put(self._rng.choice((OpenJob(Path(f"{number}.png")), OpenJob(Path("crash.png")), OpenJob(Path("none.txt")),
                                        CopyJob(Path(f"{number}.png"), "light"), PersonJob(Path(f"{number}.safetensors")))))
        elif dice < 0.91:
            self._put(SwitchJob(Setup()))
        elif dice < 0.97 and self._own:
            chosen = self._rng.choice(self._own)
            if isinstance(chosen, ExportJob):
                inbox.cancel_export(chosen.number)
            elif isinstance(chosen, EngineJob):
                inbox.cancel_work(chosen)
        elif dice < 0.985:
            inbox.stop_settling()
        else:
            inbox.drop_live()

    def _put(self, job: Any) -> None:
        self._own.append(job)
        self._asked.append(job)
        self._thread.put(job)

    def _work(self, number: int) -> Any:
        ends = self._rng.choice((None, UserError("It can't be had."), KeyError("a defect"), Cancelled()))

        def make(_engine: Any, report: Any) -> int:
            for step in range(3):
                report(step)
            if ends is not None:
                raise ends
            return number
        return make


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_nothing_is_lost_or_done_twice_however_it_rains(seed: int) -> None:
    chance = random.Random(seed)
    written: Counter[str] = Counter()

    def save(engine: Any, result: Any, path: Path, **_: Any) -> None:
        assert not engine.closed
        if chance.random() < 0.15:
            raise UserError(f"Could not write {path}: the disk is full.")
        written[path.name] += 1

    engines: list[Engine] = []

    def make(_: Setup) -> Engine:
        engines.append(Engine(chance))
        return engines[-1]

    thread = WorkerThread(make, save, Setup())
    heard = Heard(thread)
    asked: list[Any] = []
    thread.start()
    rains = [Rain(10 * seed + number, thread, asked) for number in range(THREADS)]
    try:
        for rain in rains:
            rain.start()
        for rain in rains:
            rain.join()
        last = heard.last = request(99_999_999)
        thread.preview(request(99_999_998, "preview"))
        thread.settle(last)
        until(lambda: last in heard.rendered and all(heard.ends[id(job)] for job in asked), "all of it ends")
    finally:
        assert thread.stop()
    assert {heard.ends[id(job)] for job in asked} == {1}, "each once"
    assert all(count == 1 for count in written.values())
    assert set(written) <= {job.path.name for job in asked if isinstance(job, ExportJob)}
    assert set(heard.rendered[heard.rendered.index(last):]) == {last}, "nothing older comes after the last edit"
    assert all(engine.closed for engine in engines)


def test_the_newest_edit_is_what_comes() -> None:
    """Without a thread: after any schedule the box gives the newest live pictures, and all of the others in their order."""
    for seed in range(300):
        rng, inbox = random.Random(seed), Inbox()
        preview = settle = None
        kept: dict[type, list[Job]] = {ExportJob: [], EngineJob: [], CopyJob: []}
        for number in range(rng.randint(1, 40)):
            kind = rng.randrange(6)
            if kind == 0:
                preview, settle = request(number, "preview"), None
                inbox.put_preview(preview)
            elif kind == 1:
                settle = request(number)
                inbox.put_settle(settle)
            elif kind == 2:
                inbox.drop_live()
                preview = settle = None
            else:
                job: Any = (ExportJob(request(number), Path(f"{number}.png"), number=number),
                            EngineJob(lambda _engine, _report: None), CopyJob(Path(f"{number}.png"), "light"))[kind - 3]
                kept[type(job)].append(job)
                (inbox.put_export, inbox.put_work, inbox.put_photo)[kind - 3](job)
        taken: list[Job] = []
        while (found := inbox.take()) is not None:
            taken.append(found)
        live = [LiveJob(one) for one in (preview, settle) if one is not None]
        assert [job for job in taken if isinstance(job, LiveJob)] == live
        for kind_of, jobs in kept.items():
            assert [job for job in taken if isinstance(job, kind_of)] == jobs
        assert taken == [*kept[CopyJob], *live[:preview is not None], *kept[ExportJob], *live[preview is not None:],
                         *kept[EngineJob]]
