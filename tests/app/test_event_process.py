"""The child process of the window: events out, words in, and no end that leaves anything behind."""
from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from app.personal.process import KILLED, NICENESS, NOT_STARTED, EventProcess, last_line
from app.worker import WORKER_NICENESS
from tests.app.studio import flush, until

REPOSITORY = Path(__file__).resolve().parents[2]
HEAD = """
import json, sys
def tell(**event):
    print(json.dumps(event), flush=True)
"""


class Heard:
    """A child that runs a script, and what was heard of it."""

    def __init__(self, folder: Path, script: str) -> None:
        self.script = folder / "child.py"
        self.script.write_text(HEAD + script)
        self.process = EventProcess([sys.executable, str(self.script)])
        self.events: list[dict[str, Any]] = []
        self.ends: list[tuple[int, str]] = []
        self.process.told.connect(self.events.append)
        self.process.ended.connect(lambda code, message: self.ends.append((code, message)))

    def run(self, *arguments: str) -> Heard:
        assert self.process.start(arguments)
        return self

    def until_over(self) -> tuple[int, str]:
        until(lambda: self.ends, "it ends")
        assert not self.process.running
        return self.ends[0]


@pytest.fixture
def child(tmp_path: Path) -> Iterator[Callable[[str], Heard]]:
    made: list[Heard] = []

    def make(script: str) -> Heard:
        made.append(Heard(tmp_path, script))
        return made[-1]

    yield make
    for heard in made:
        assert not heard.process.running, "a child was left behind"
        heard.process.deleteLater()


def alive(pid: int) -> bool:
    """Whether a process runs (one that is dead and not waited for yet doesn't)."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def test_events_and_arguments(child: Callable[[str], Heard]) -> None:
    heard = child("tell(event='step', step=3, words=sys.argv[1:], name='Zoë')").run("personalize", "a b")
    assert heard.process.running and not heard.process.start([])
    assert heard.until_over() == (0, "")
    assert heard.events == [{"event": "step", "step": 3, "words": ["personalize", "a b"], "name": "Zoë"}]


def test_junk_is_left_out(child: Callable[[str], Heard]) -> None:
    heard = child("""
print("Downloading 100%")
print('{"event": 3}', '[1, 2]', 'null', '{"event": "cut', "[" * 100_000, sep="\\n")
sys.stdout.buffer.write(b"\\xff\\xfe\\n\\n")
print("x" * 5_000_000)
sys.stdout.flush()
tell(event="done")
sys.stdout.write('{"event": "last"}')
""").run()
    assert heard.until_over() == (0, "")
    assert [e["event"] for e in heard.events] == ["done", "last"]


def test_words_reach_it(child: Callable[[str], Heard]) -> None:
    heard = child("""
tell(event="ready")
for line in sys.stdin:
    tell(event=line.strip())
    if line.strip() == "stop":
        break
""").run()
    until(lambda: heard.events, "it is ready")
    for word in ("pause", "resume", "stop"):
        heard.process.send(word)
    heard.until_over()
    assert [e["event"] for e in heard.events] == ["ready", "pause", "resume", "stop"]
    heard.process.send("too late")
    heard.events.clear()
    heard.ends.clear()
    heard.run()
    until(lambda: heard.events, "it can be started again")
    assert heard.process.stop() and heard.ends == [(0, "")]


def test_its_last_line_says_what_went_wrong(child: Callable[[str], Heard]) -> None:
    heard = child("""
print("a warning", file=sys.stderr)
print("x" * 100_000, file=sys.stderr)
sys.exit("error: there are only 2 usable photos. Add more.")
""").run()
    assert heard.until_over() == (1, "There are only 2 usable photos. Add more.")


def test_a_silent_failure_still_says_something(child: Callable[[str], Heard]) -> None:
    assert child("sys.exit(7)").run().until_over() == (7, "The process ended with status 7.")


def test_one_that_is_killed(child: Callable[[str], Heard]) -> None:
    heard = child("tell(event='ready'); import os, signal; os.kill(os.getpid(), signal.SIGKILL)").run()
    code, message = heard.until_over()
    assert code == KILLED and "memory" in message and heard.events


def test_one_that_cannot_be_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)
    process = EventProcess([str(tmp_path / "nothing")])
    ends: list[tuple[int, str]] = []
    process.ended.connect(lambda code, message: ends.append((code, message)))
    process.start([])
    until(lambda: ends, "it says so")
    assert ends[0][0] == NOT_STARTED and ends[0][1].startswith("Could not start it") and not process.running


def test_a_flood_leaves_the_window_its_turn(child: Callable[[str], Heard]) -> None:
    heard = child("for i in range(20_000): print('{\"event\": \"step\", \"step\": %d}' % i)").run()
    most = before = 0

    def over() -> bool:
        nonlocal most, before
        most, before = max(most, len(heard.events) - before), len(heard.events)
        return bool(heard.ends)

    until(over, "it ends")
    assert [e["step"] for e in heard.events] == list(range(20_000))
    assert most < 2000, "events come in small parts, so that others get through between them"


def test_closing_its_input_ends_it(child: Callable[[str], Heard]) -> None:
    heard = child("""
tell(event="ready")
sys.stdin.read()
tell(event="saved", draft="x" * 500_000)
""").run()
    until(lambda: heard.events, "it runs")
    assert heard.process.stop() and heard.ends == [(0, "")]
    assert [e["event"] for e in heard.events] == ["ready", "saved"]


def test_one_that_hangs_is_killed(child: Callable[[str], Heard]) -> None:
    heard = child("""
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
tell(event="ready")
while True: time.sleep(1)
""").run()
    until(lambda: heard.events, "it runs")
    pid = heard.process.pid
    assert not heard.process.stop(50)
    assert heard.ends[0][0] == KILLED and not alive(pid)
    assert heard.process.stop(), "stopping what is over is nothing"


def test_stopping_before_it_has_begun(child: Callable[[str], Heard]) -> None:
    heard = child("sys.stdin.read()").run()
    assert heard.process.stop() and heard.ends == [(0, "")]
    flush()
    assert len(heard.ends) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="priorities of Unix")
def test_it_runs_at_low_priority(child: Callable[[str], Heard]) -> None:
    heard = child("import os; tell(event='at', nice=os.nice(0), session=os.getsid(0))").run()
    heard.until_over()
    assert heard.events[0]["nice"] == min(19, os.nice(0) + NICENESS)
    assert heard.events[0]["session"] == os.getsid(0), "some systems weigh priorities only within a session"
    assert NICENESS > WORKER_NICENESS


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_it_ends_with_the_window_that_started_it(tmp_path: Path) -> None:
    """The parent is killed outright: nothing of its own runs any more."""
    inner = tmp_path / "inner.py"
    inner.write_text("import sys\nprint('{\"event\": \"ready\"}', flush=True)\nsys.stdin.read()\n")
    outer = f"""
import sys
sys.path.insert(0, {str(REPOSITORY)!r})
from PySide6.QtCore import QCoreApplication
from app.personal.process import EventProcess
app = QCoreApplication([])
process = EventProcess([sys.executable, {str(inner)!r}])
process.told.connect(lambda event: print(process.pid, flush=True))
process.start([])
app.exec()
"""
    parent = subprocess.Popen([sys.executable, "-c", outer], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    with parent.stdout:
        pid = int(parent.stdout.readline())
        assert alive(pid)
        parent.send_signal(signal.SIGKILL)
        parent.wait()
    until(lambda: not alive(pid), "the child ends too")


def test_last_line() -> None:
    assert last_line(b"") == "" and last_line(b"error: oh\n\n") == "Oh" and last_line(b"a\nno\xff") == "No\ufffd"
