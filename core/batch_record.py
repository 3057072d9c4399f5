"""What became of the pictures of a batch: rows, the journal that outlives a crash, and the report."""
from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from core.batch_plan import Task
from core.errors import UserError
from core.files import atomic_write, read_file

_MOST_BYTES = 256 << 20
JOURNAL, REPORT_JSON, REPORT_CSV = ".batch.jsonl", "report.json", "report.csv"
MADE, KEPT, FAILED, LEFT = "made", "kept", "failed", "not begun"


@dataclass(frozen=True)
class Row:
    """What became of one picture.

    status: made now, kept from before, failed, or not begun. seconds, identity_distance: of its making; None where there is none.
    person: whose model made it; '' for the prior itself. note: what the user should know of it.
    """

    photo: str
    rig: str
    output: str
    status: str
    reason: str = ""
    seconds: float | None = None
    identity_distance: float | None = None
    tries: int = 0
    person: str = ""
    note: str = ""
    key: str = ""


def row_of(task: Task, status: str, reason: str = "", tries: int = 0) -> Row:
    """A row with nothing known yet of the picture's making."""
    return Row(task.shown, task.rig.name, task.out.name, status, reason, tries=tries, key=task.key)


class Journal:
    """A line for every picture that was finished. A line that was cut short by a kill is as if it were not there."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / JOURNAL
        self._rows: dict[str, Row] = {}
        try:
            lines = read_file(self._file, _MOST_BYTES).decode("utf-8").splitlines()
        except (UserError, OSError, ValueError):
            lines = []
        for line in lines:
            try:
                row = Row(**json.loads(line))
                self._rows[row.output] = row
            except (ValueError, TypeError, RecursionError):
                continue

    def done(self, task: Task) -> Row | None:
        """The row of a picture that is there and was made of the same."""
        row = self._rows.get(task.out.name)
        return row if row and row.status == MADE and row.key == task.key and task.out.is_file() else None

    def note(self, row: Row) -> None:
        """Append a row. Raises OSError."""
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with self._file.open("a", encoding="utf-8") as file:
            file.write("\n" * (file.tell() > 0) + json.dumps(asdict(row)))  # the break first: what was cut short stays apart
            file.flush()
            os.fsync(file.fileno())
        self._rows[row.output] = row


def write_report(rows: Sequence[Row], out: Path) -> None:
    """report.json and report.csv. Raises WriteError."""
    plain = [{name: value for name, value in asdict(row).items() if name != "key"} for row in rows]
    counts = {status: sum(row.status == status for row in rows) for status in (MADE, KEPT, FAILED, LEFT)}
    atomic_write(out / REPORT_JSON, json.dumps({"format": 1, "counts": counts, "pictures": plain}, indent=1).encode(),
                 make_folder=True)
    text = io.StringIO()
    table = csv.DictWriter(text, list(plain[0]))
    table.writeheader()
    table.writerows(plain)
    atomic_write(out / REPORT_CSV, text.getvalue().encode())
