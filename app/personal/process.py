"""A command of this program run as a child: JSON events come out of it, words go in.

The work that may take all of a machine (training, reading an album) runs outside the window's process: it can't make the window
stutter, fill its memory or take it down, and it survives nothing: when the window goes, the child's standard input closes and it
saves and ends.
"""
from __future__ import annotations

import json
import logging
import shutil
import sys
from collections import deque
from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QObject, QProcess, QProcessEnvironment, QTimer, Signal

from app.language import tr
from core import paths

log = logging.getLogger(__name__)

NICENESS = 18  # after the window's own worker (app.worker), which makes what the user waits for
LINES_A_TURN = 100  # a flood of events must not keep the event loop from the mouse
LONGEST_LINE = 1 << 20  # bytes; an event is a few hundred
REMEMBERED = 8192  # bytes of standard error: its last line says what went wrong
KILL_MS = 10_000
KILLED = -1
NOT_STARTED = -2


class EventProcess(QObject):
    """A child process that prints one JSON object a line, each with its name under "event".

    told(event): one came. ended(code, message): the child is gone, and everything it said has been handed out; once a start.
    code: its exit status, KILLED when something ended it, NOT_STARTED when it never ran. message: '' after status 0, else the
    last line of its standard error, or what can be said instead.
    command: what to run in place of this program's main.py, for tests.
    """

    told = Signal(dict)
    ended = Signal(int, str)

    def __init__(self, command: Sequence[str] | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._command = list(command or (sys.executable, str(paths.REPOSITORY / "main.py")))
        self._process = QProcess(self)
        self._lines: deque[bytes] = deque()
        self._rest, self._err = b"", b""
        self._skipping = False  # within a line that is too long
        self._outcome: tuple[int, str] | None = None
        self._more = QTimer(self)
        self._more.setSingleShot(True)
        self._more.setInterval(0)
        self._more.timeout.connect(self._hand_out)
        environment = QProcessEnvironment.systemEnvironment()
        environment.insert("PYTHONUNBUFFERED", "1")
        environment.insert("PYTHONIOENCODING", "utf-8")
        self._process.setProcessEnvironment(environment)
        self._process.readyReadStandardOutput.connect(self._read)
        self._process.readyReadStandardError.connect(self._read_errors)
        self._process.finished.connect(self._finished)
        self._process.errorOccurred.connect(self._failed)

    @property
    def running(self) -> bool:
        """From `start` until `ended` has been emitted."""
        return self._process.state() != QProcess.ProcessState.NotRunning or self._outcome is not None

    @property
    def pid(self) -> int:
        """The child's process number; 0 when none runs."""
        return int(self._process.processId())

    def start(self, arguments: Sequence[str]) -> bool:
        """Run it with these arguments, at low priority; False while it runs already."""
        if self.running:
            return False
        self._rest, self._err, self._skipping = b"", b"", False
        nice = shutil.which("nice") if sys.platform != "win32" else None
        words = [*([nice, "-n", str(NICENESS)] if nice else []), *self._command, *arguments]
        self._process.start(words[0], words[1:])
        return True

    def send(self, word: str) -> None:
        """Give the child a word, one a line; nothing happens when it is gone."""
        if self._process.state() == QProcess.ProcessState.Running:
            self._process.write(f"{word}\n".encode())

    def stop(self, timeout_ms: int = 8000) -> bool:
        """Close the child's input, which asks it to save and end, and wait for it; after `timeout_ms` it is killed.

        Returns whether it ended by itself. `ended` has been emitted when this returns.
        """
        if self._process.state() == QProcess.ProcessState.Starting:
            self._process.waitForStarted(timeout_ms)
        self._process.closeWriteChannel()
        in_time = self._process.state() == QProcess.ProcessState.NotRunning or self._process.waitForFinished(timeout_ms)
        if not in_time:
            log.warning("a child process (%s) did not end in time; killing it", self.pid)
            self._process.kill()
            self._process.waitForFinished(KILL_MS)
        while self._outcome is not None:
            self._hand_out()
        return in_time

    # -- what comes out

    def _read(self) -> None:
        first, *others = bytes(self._process.readAllStandardOutput().data()).split(b"\n")
        self._rest += b"" if self._skipping else first
        for part in others:
            self._lines.append(self._rest)
            self._rest, self._skipping = part, False
        if len(self._rest) > LONGEST_LINE:
            self._rest, self._skipping = b"", True
        if not self._more.isActive():
            self._more.start()

    def _read_errors(self) -> None:
        self._err = (self._err + bytes(self._process.readAllStandardError().data()))[-REMEMBERED:]

    def _hand_out(self) -> None:
        """The next lines; then, if the child is gone and nothing is left, `ended`."""
        for _ in range(min(LINES_A_TURN, len(self._lines))):
            self._tell(self._lines.popleft())
        if self._lines:
            self._more.start()
        elif self._outcome is not None:
            outcome, self._outcome = self._outcome, None
            self._more.stop()
            self.ended.emit(*outcome)

    def _tell(self, line: bytes) -> None:
        event = _event(line)
        if event is not None:
            self.told.emit(event)
        elif line.strip():
            log.info("a child process said: %s", line[:500].decode("utf-8", "replace"))

    # -- how it ends

    def _finished(self, code: int, status: QProcess.ExitStatus) -> None:
        self._read()
        self._read_errors()
        self._lines.append(self._rest)  # a child that died in the middle of a line
        self._rest = b""
        if status == QProcess.ExitStatus.CrashExit:
            self._outcome = (KILLED, tr("The process was ended from outside, perhaps because memory ran out."))
        else:
            self._outcome = (code, "" if code == 0 else last_line(self._err) or
                             tr("The process ended with status {code}.", code=code))

    def _failed(self, error: QProcess.ProcessError) -> None:
        if error == QProcess.ProcessError.FailedToStart:  # the one failure after which `finished` never comes
            self._outcome = (NOT_STARTED, tr("Could not start it: {reason}.", reason=self._process.errorString()))
            self._more.start()


def _event(line: bytes) -> dict[str, Any] | None:
    """The event in a line; None where it holds none: libraries print what they like."""
    try:
        told = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return told if isinstance(told, dict) and isinstance(told.get("event"), str) else None


def last_line(errors: bytes) -> str:
    """The last line of a process's standard error as a message: without the "error:" that commands begin it with."""
    lines = [line.strip() for line in errors.decode("utf-8", "replace").splitlines() if line.strip()]
    message = lines[-1].removeprefix("error:").strip() if lines else ""
    return message[:1].upper() + message[1:]
