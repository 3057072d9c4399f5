"""What the benchmarks of personal models share: training as a user does, in a home of their own, going on after a stop."""
from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.engine import Engine
from core.errors import UserError
from core.evaluate import report
from core.evaluate.albums import open_kept
from core.evaluate.person_measures import Back
from core.evaluate.persons import come_back, rows_of, write_sheet
from core.evaluate.report import Rows
from core.evaluate.rows import people_of
from core.evaluate.subjects import Judge
from core.files import atomic_write
from core.landmarks import FaceFinder
from core.people.header import read_about
from core.people.names import slug
from core.personalize.runs import Run, RunError
from core.request import DEFAULT_STEPS

if TYPE_CHECKING:
    from core.album import Album

REPOSITORY = Path(__file__).resolve().parent.parent
SEEDS = 3
NEEDS_ALBUM = "skipped: name a folder with photos of one person (and --out), as in 'python benchmarks/{} ALBUM --out DIR'"


def add_arguments(parser: argparse.ArgumentParser, minutes: float) -> None:
    """ALBUM, --out, --minutes, --hold-out, --seeds and --yes-i-have-consent."""
    parser.add_argument("album", nargs="?", type=Path, metavar="ALBUM", help="folder with photos of one person")
    parser.add_argument("--out", type=Path, metavar="DIR",
                        help="folder for models and tables; the same command again goes on where it stopped")
    parser.add_argument("--minutes", type=float, default=minutes, help=f"of training for each model (default {minutes:g})")
    parser.add_argument("--hold-out", type=int, default=4, metavar="K", help="photos kept out of all training (default 4)")
    parser.add_argument("--seeds", type=int, default=SEEDS, metavar="N", help=f"draws of noise for each photo (default {SEEDS})")
    parser.add_argument("--yes-i-have-consent", action="store_true",
                        help="the person in these photos is you, or has agreed that models of their face are made for this")


def main(parser: argparse.ArgumentParser, run: Callable[[argparse.Namespace], None]) -> int:
    """Read the arguments and run; returns the exit status. Without an album there is nothing to do, and that is said."""
    options = parser.parse_args()
    if options.album is None:
        print(NEEDS_ALBUM.format(Path(sys.argv[0]).name))
        return 0
    try:
        checked(options)
        run(options)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def checked(options: argparse.Namespace) -> None:
    """Raises UserError when what every program here needs was not given."""
    if options.out is None:
        raise UserError("Name a folder for models and tables with --out.")
    if not options.yes_i_have_consent:
        raise UserError("This trains models of a person's face. Add --yes-i-have-consent when that person is you, or has agreed.")


def same_plan(out: Path, plan: dict[str, Any]) -> None:
    """Write down what rows are made with, or check that those there were made with the same. Raises UserError, WriteError."""
    file = out / "plan.json"
    plan = json.loads(json.dumps(plan))
    if not file.is_file():
        atomic_write(file, json.dumps(plan, indent=1).encode(), make_folder=True)
    elif json.loads(file.read_text(encoding="utf-8")) != plan:
        raise UserError(f"{out} was begun with other settings, see {file}. Use them again, or choose another --out.")


def train(out: Path, name: str, album: Path, options: Sequence[str]) -> Path:
    """The file of a person trained with `main.py personalize` in the home `out`/home; a finished one is taken as it is, one that
    was broken off goes on. Raises UserError when training fails."""
    home = out / "home"
    file = home / "data" / "people" / f"{slug(name)}.safetensors"
    if not file.is_file():
        words = ["--resume", name] if _begun(home, name) else [str(album), "--name", name, "--yes-i-have-consent", *options]
        print(f"== personalize {' '.join(words)}", flush=True)
        done = subprocess.run([sys.executable, str(REPOSITORY / "main.py"), "personalize", *words],
                              env={**os.environ, "DIFFUSIONRIG_HOME": str(home.resolve())}, stdin=subprocess.DEVNULL, check=False)
        if done.returncode or not file.is_file():
            raise UserError(f"Training '{name}' failed (status {done.returncode}). The same command goes on with what is there.")
    return file


def _begun(home: Path, name: str) -> bool:
    for folder in (home / "data" / "training").glob("*/"):
        try:
            run = Run.open(folder)
        except RunError:
            continue
        if run.name == name and run.state not in ("reading", "checked", "done"):
            return True
    return False


def measured(engine: Engine, album: Album, held_out: Sequence[str], people: Sequence[Path], seeds: int,
             sheet: Path) -> list[Back]:
    """The held-out photos from seeded noise, by the default prior and by each person; writes a sheet of the first seed."""
    with FaceFinder() as finder:
        judge = Judge(finder)
        kept = open_kept(album, [photo for photo in album.photos if photo.name in held_out], judge)
        rows = rows_of(engine, people_of(engine, people), ["seeded"], seeds, DEFAULT_STEPS)
        pictures, found = come_back(rows, kept, judge)
        write_sheet(sheet, judge, pictures, found, 1)
    return found


def with_training(rows: Rows, files: Sequence[Path]) -> Rows:
    """The measured rows with what each model took to make."""
    facts = [["photos", "seconds", "steps", "MiB"], ["0", "-", "-", "-"]]
    for file in files:
        about = read_about(file)
        took = [about.card.get("settings", {}).get(key) for key in ("seconds", "steps")]
        facts.append([str(about.photos), *("-" if value is None else f"{value:.0f}" for value in took),
                      f"{file.stat().st_size / 2**20:.1f}"])
    return [[*fact, *row[:-1]] for fact, row in zip(facts, rows, strict=True)]


def write(out: Path, name: str, title: str, lines: Sequence[str], rows: Rows) -> None:
    """A table as NAME.md and NAME.csv in `out`, and on the terminal."""
    report.write_csv(out / f"{name}.csv", rows)
    text = "\n".join([f"# {title}", "", *lines, "", report.markdown(rows), ""])
    atomic_write(out / f"{name}.md", text.encode())
    print(text, flush=True)
