"""Work spread over workers: processes of this machine, or actors on a Ray cluster (Moritz et al. 2018). Items in, results out.

A worker is made once and then does one item after another. One that dies (killed, out of memory, its machine gone) is replaced
and its item given to another; results come back as they are ready, and no more items are read than there are workers.
"""
from __future__ import annotations

import argparse
import importlib.util
import logging
import os
import pickle
import signal
import traceback
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from multiprocessing import connection, get_context
from pathlib import Path
from typing import Any, Protocol

from core.errors import UserError

Make = Callable[..., Callable[[Any], Any]]
ATTEMPTS = 3
READY, DONE, RAISED, DIED = "ready", "done", "raised", "died"
_POLL = 0.5  # seconds between looks at `stop`
_MOST_PROCESSES = 8  # unless more are asked for: each holds its models
_LEAVE = 10.0  # seconds that a worker has to close its models


@dataclass(frozen=True)
class Lost:
    """In place of a result: every worker that took the item died over it."""

    reason: str


class Backend(Protocol):
    """Where workers run. count: how many may run at a time."""

    count: int

    def hire(self) -> None:
        """Start a worker; it says READY when it can take an item."""

    def give(self, worker: Any, item: Any) -> None:
        """Hand an item to a worker that is free."""

    def wait(self, seconds: float) -> list[tuple[Any, str, Any]]:
        """(worker, READY | DONE | RAISED | DIED, result or error) of what happened, waiting at most so long for the first."""

    def close(self, at_once: bool) -> None:
        """End all workers; at_once: also those in the middle of something."""


def spread(make: Make, arguments: tuple[Any, ...], items: Iterable[Any], workers: int | None, cluster: str | None = None,
           stop: Callable[[], bool] = lambda: False) -> Generator[tuple[Any, Any], None, None]:
    """Yield (item, result) of every item, in the order in which they are ready.

    make(*arguments) is called once in each worker and returns the function that turns an item into its result; all but that
    function can be pickled. workers: how many (None: one a processor, of this machine at most 8). cluster: None for processes of
    this machine, 'local' for a Ray cluster of its own, else the address of one. An item whose worker dies is tried `ATTEMPTS`
    times, then its result is `Lost`.
    stop(): True gives out no more items; what workers have begun is still finished and yielded.
    What make or the function raises is raised here. Raises UserError when the cluster can't be had or workers die as they start.
    """
    feed = iter(items)
    waiting = deque((0, item) for item in islice(feed, 1))
    if not waiting:
        return
    backend: Backend = _Processes(make, arguments, workers) if cluster is None else _ray(make, arguments, workers, cluster)
    finished = False
    try:
        waiting.extend((0, item) for item in islice(feed, backend.count - 1))
        for _ in range(min(backend.count, len(waiting))):
            backend.hire()
        yield from _work(backend, waiting, feed, stop)
        finished = True
    finally:
        backend.close(at_once=not finished)


def _work(backend: Backend, waiting: deque[tuple[int, Any]], feed: Iterator[Any],
          stop: Callable[[], bool]) -> Iterator[tuple[Any, Any]]:
    idle: list[Any] = []
    busy: dict[Any, tuple[int, Any]] = {}
    early_deaths = 0
    while True:
        while idle and not stop():
            waiting.extend((0, item) for item in islice(feed, 0 if waiting else 1))
            if not waiting:
                break
            worker, job = idle.pop(), waiting.popleft()
            busy[worker] = job
            backend.give(worker, job[1])
        if not busy and (stop() or idle and not waiting):
            return
        for worker, event, value in backend.wait(_POLL):
            if event == RAISED:
                raise value
            tries, item = busy.pop(worker, (0, None))
            if event == DIED:
                began = worker in idle or item is not None
                early_deaths = 0 if began else early_deaths + 1
                if early_deaths >= ATTEMPTS:
                    raise UserError("The workers die as they start: there may be too little memory for so many. "
                                    "Take fewer with --workers.")
                if worker in idle:
                    idle.remove(worker)
                backend.hire()
                if item is None:
                    continue
                if tries + 1 < ATTEMPTS:
                    waiting.append((tries + 1, item))
                    continue
                value = Lost(f"its worker died {ATTEMPTS} times over it")
            else:
                idle.append(worker)
                early_deaths = 0
            if event != READY:
                yield item, value


# -- processes of this machine ----------------------------------------------------------------------------------------------


class _Processes:
    def __init__(self, make: Make, arguments: tuple[Any, ...], workers: int | None) -> None:
        self.count = max(1, workers or min(os.cpu_count() or 1, _MOST_PROCESSES))
        self._job = make, arguments
        self._context = get_context("spawn")
        self._processes: dict[Any, Any] = {}

    def hire(self) -> None:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=_serve, args=(theirs, *self._job), daemon=True)
        process.start()
        theirs.close()  # so that the worker's death is the end of the pipe
        self._processes[ours] = process

    def give(self, worker: Any, item: Any) -> None:
        try:
            worker.send(item)
        except OSError:
            pass  # it has just died: `wait` will say so

    def wait(self, seconds: float) -> list[tuple[Any, str, Any]]:
        happened: list[tuple[Any, str, Any]] = []
        pipes: list[Any] = connection.wait(list(self._processes), seconds)
        for pipe in pipes:
            try:
                happened.append((pipe, *pipe.recv()))
            except (EOFError, OSError):
                self._processes.pop(pipe).join(_LEAVE)
                happened.append((pipe, DIED, None))
        return happened

    def close(self, at_once: bool) -> None:
        for pipe, process in self._processes.items():
            pipe.close()
            if at_once:
                process.terminate()
        for process in self._processes.values():
            process.join(_LEAVE)
            if process.is_alive():
                process.kill()
                process.join()


def _serve(pipe: Any, make: Make, arguments: tuple[Any, ...]) -> None:
    """A worker process: takes items until the other end of the pipe closes, also when the parent was killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group: what it means is the parent's to say
    try:
        try:
            do = make(*arguments)
            pipe.send((READY, None))
            while True:
                pipe.send((DONE, do(pipe.recv())))
        except (EOFError, BrokenPipeError, ConnectionResetError):
            return
        except Exception as error:
            error.add_note(traceback.format_exc())
            pipe.send((RAISED, _sendable(error)))
    except OSError:
        return


def _sendable(error: Exception) -> Exception:
    """The error, or what can be told of it where it can't be pickled."""
    try:
        pickle.loads(pickle.dumps(error))
        return error
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")


# -- a Ray cluster ----------------------------------------------------------------------------------------------------------


class _Ray:
    """Workers as Ray actors, one processor each. Every machine has the program and the files at the same paths."""

    def __init__(self, ray: Any, make: Make, arguments: tuple[Any, ...], workers: int | None, ours: bool) -> None:
        self.count = workers or max(1, int(ray.cluster_resources().get("CPU", 1)))
        self._ray, self._ours = ray, ours
        self._job = str(Path(__file__).resolve().parent.parent), pickle.dumps((make, arguments))
        self._actor = ray.remote(num_cpus=1, max_restarts=0)(_actor_class())
        self._actors: dict[int, Any] = {}
        self._promises: dict[Any, tuple[int, str]] = {}
        self._hired = 0

    def hire(self) -> None:
        self._hired += 1
        self._actors[self._hired] = actor = self._actor.remote(*self._job)
        self._promises[actor.ready.remote()] = self._hired, READY

    def give(self, worker: int, item: Any) -> None:
        self._promises[self._actors[worker].do.remote(pickle.dumps(item))] = worker, DONE

    def wait(self, seconds: float) -> list[tuple[Any, str, Any]]:
        happened: list[tuple[Any, str, Any]] = []
        known = list(self._promises)
        ready, _ = self._ray.wait(known, num_returns=1, timeout=seconds) if known else ([], [])
        for promise in ready:
            worker, event = self._promises.pop(promise)
            try:
                status, value = pickle.loads(self._ray.get(promise))
                happened.append((worker, event if status == DONE else status, value))
            except (self._ray.exceptions.RayError, pickle.UnpicklingError, EOFError):
                self._ray.kill(self._actors.pop(worker))
                happened.append((worker, DIED, None))
        return happened

    def close(self, at_once: bool) -> None:
        for actor in self._actors.values():
            self._ray.kill(actor)
        if self._ours:
            self._ray.shutdown()


def _actor_class() -> type:
    """The actor, a class that Ray ships by value: a worker's interpreter finds this project only once it is told where."""

    class Worker:
        def __init__(self, root: str, job: bytes) -> None:
            import sys

            sys.path.insert(0, root)
            self._job, self._do = job, None

        def ready(self) -> bytes:
            from core.cluster import _answer, _start

            status, value = _answer(_start, self._job)
            self._do = value
            return _packed(status, None if status == "done" else value)

        def do(self, item: bytes) -> bytes:
            from core.cluster import _answer

            return _packed(*_answer(lambda packed: self._do(_unpacked(packed)), item))  # type: ignore[misc]

    def _packed(status: str, value: Any) -> bytes:
        import pickle

        return pickle.dumps((status, value))

    def _unpacked(data: bytes) -> Any:
        import pickle

        return pickle.loads(data)

    Worker.__module__ = "__main__"
    return Worker


def _start(job: bytes) -> Callable[[Any], Any]:
    make, arguments = pickle.loads(job)
    return make(*arguments)


def _answer(work: Callable[[Any], Any], given: Any) -> tuple[str, Any]:
    """(DONE, result) or (RAISED, error): errors come back as values, because Ray would wrap them."""
    try:
        return DONE, work(given)
    except Exception as error:
        error.add_note(traceback.format_exc())
        return RAISED, _sendable(error)


def _ray(make: Make, arguments: tuple[Any, ...], workers: int | None, address: str) -> _Ray:
    """Connect to a cluster, or start one on this machine for 'local'. Raises UserError."""
    check(address)
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing about the user's work leaves the machine
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    import ray

    ours = not ray.is_initialized()
    try:
        if ours and address == "local":
            ray.init(address="local", num_cpus=workers, include_dashboard=False, log_to_driver=False,
                     logging_level=logging.ERROR, _node_ip_address="127.0.0.1")
        elif ours:
            ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
        return _Ray(ray, make, arguments, workers, ours)
    except (ConnectionError, RuntimeError, ValueError, OSError) as error:
        raise UserError(f"The Ray cluster at '{address}' can't be used ({' '.join(str(error).split())[:200]}). "
                        "Start one with 'ray start --head' and give its address, or take '--cluster local'.") from error


def check(cluster: str | None) -> None:
    """Raises UserError when a cluster is asked for and Ray is not installed."""
    if cluster is not None and importlib.util.find_spec("ray") is None:
        raise UserError("--cluster needs the package 'ray', which is not installed. Leave --cluster out, or install it with "
                        "'.venv/bin/python -m pip install -c constraints.txt -r requirements-cluster.txt'.")


def span(seconds: float) -> str:
    """A time that is left, in the unit that suits it."""
    return f"{seconds / 3600:.1f} h" if seconds > 5400 else f"{seconds / 60:.0f} min" if seconds > 90 else f"{seconds:.0f} s"


def how_many(text: str) -> int:
    """A number of workers, for argparse."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"a whole number from 1 on, not '{text}'")
    return int(text)


def add_workers(parser: argparse.ArgumentParser) -> None:
    """The options of commands that spread their work."""
    parser.add_argument("--workers", type=how_many, metavar="N",
                        help="how many (default: one a processor, at most 8 on this machine; with --cluster all it has)")
    parser.add_argument("--cluster", metavar="ADDRESS|local",
                        help="work on a Ray cluster: its address (or auto), or local to start one on this machine. Every machine "
                             "needs the program and the files at the same paths (needs the package ray)")
