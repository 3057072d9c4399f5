"""The command line: what `main.py` does with its arguments. Each command is thin; the work is the engine's."""
from __future__ import annotations

import argparse
import importlib
import io
import logging
import os
import re
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from core.errors import UserError

OK, DEFECT, WRONG_USE, NO_DISPLAY, INTERRUPTED, TERMINATED = 0, 1, 2, 3, 130, 143


_AGAIN = 5.0  # s after which SIGTERM is raised once more, where the program is still there
_AT_HOME = re.compile(r"((?:--[\w-]+=)?(?:[a-z]+:)?)~(?=/|$)")  # --out=~/x.png and eyes:~/x.jpg, which no shell unfolds


@dataclass(frozen=True)
class Command:
    """A command: the module that holds its `add_arguments(parser)` and `run(arguments)`, imported only when it is used. usage:
    what its help begins with, '' for all arguments."""

    module: str
    help: str
    usage: str = ""


COMMANDS: dict[str, Command] = {
    "edit": Command("core.edit_command", "make an edited picture of a photo, without the window",
                    "PHOTO --out FILE [--set NAME=VALUE ...] [options]"),
    "batch": Command("core.batch", "make edited pictures of many photos, or many edits of one, with a report",
                     "PHOTO ... --out DIR [--rig FILE ...] [--set NAME=VALUE ...] [options]"),
    "variations": Command("core.variations", "make an edit over several seeds or values of a parameter: a grid",
                          "PHOTO --over NAME=FROM:TO:COUNT --out GRID.png [options]"),
    "film": Command("core.film.command", "make a film: keyframes, ready-made motions, a voice or a driving video move the face",
                    "PHOTO --out FILE (--template NAME ... | --drive VIDEO | --timeline FILE | --project FILE.drig) [options]"),
    "personalize": Command("core.personalize.command", "make a model of one person from an album of photos"),
    "people": Command("core.people.command", "list, show, rename, export, import and delete the models of people"),
    "swap": Command("core.swap", "carry photos over to other people: a grid of people and photos"),
    "mix": Command("core.swap_mix", "put the appearance of one photo onto another: a grid"),
    "prepare": Command("core.prepare", "turn a folder of portraits into training data"),
    "train": Command("core.train", "train a generic model on prepared data"),
    "distill": Command("core.distill", "make a few-step student of a model, for fast pictures"),
    "pieces": Command("core.pieces", "cut files into pieces of a limited size for another machine, and join them again"),
    "assets": Command("core.assets.command", "import your own licensed files (FLAME, DECA, released checkpoints), and list them"),
    "evaluate": Command("core.evaluate.command", "measure fits and pictures on a folder of photos, with a report"),
    "doctor": Command("core.doctor", "show what is installed and found on this machine, and what is missing"),
}


@dataclass(frozen=True)
class Opening:
    """What the window is opened with. photo, face: what to show. prior, head, estimator: names (or, for the prior, a file); None
    takes what was last used."""

    photo: Path | None = None
    face: int | None = None
    prior: str | None = None
    head: str | None = None
    estimator: str | None = None


OpenWindow = Callable[[Opening], int]
DisplayProblem = Callable[[], str | None]


class Terminated(KeyboardInterrupt):
    """SIGTERM, as when a batch system or a shutdown ends the program: it is left as with Ctrl-C, with nothing half written."""


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one line."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"allow_abbrev": False, **options})

    def error(self, message: str) -> NoReturn:
        odd = message.removeprefix("unrecognized arguments: ").split(" ")[0]
        if odd != message and odd.startswith("-") and Path(odd).exists():
            message = f"the name of the file {odd} begins like an option; write ./{odd}"
        self.exit(WRONG_USE, f"error: {message} ('{self.prog} --help' shows the usage)\n")


def run(arguments: Sequence[str], open_window: OpenWindow, display_problem: DisplayProblem) -> int:
    """Do what the arguments say and return the exit status. The window comes in as functions, because core knows no Qt."""
    debug = "--debug" in arguments
    rest = [_AT_HOME.sub(lambda found: f"{found[1]}{Path.home()}", word, count=1) if _AT_HOME.match(word) else word
            for word in arguments if word != "--debug"]
    _say_in_any_script()
    if debug:
        logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    try:
        if rest and rest[0] in COMMANDS:
            with _orderly_end():
                return _run_command(rest[0], rest[1:], display_problem)
        return _run_window(rest, open_window, display_problem)
    except SystemExit as leaving:  # argparse, after --help or a wrong argument
        return leaving.code if isinstance(leaving.code, int) else OK if leaving.code is None else WRONG_USE
    except KeyboardInterrupt as stop:
        return _fail("stopped", TERMINATED if isinstance(stop, Terminated) else INTERRUPTED)
    except BrokenPipeError:  # `doctor | head`: nobody is left to tell; the interpreter must not try again at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    except UserError as error:
        if debug:
            raise
        return _fail(str(error), WRONG_USE)
    except ModuleNotFoundError as error:
        if debug or _is_ours(error.name):
            raise
        return _fail(f"the package '{error.name}' is not installed; run 'make setup' and start with .venv/bin/python", DEFECT)
    except Exception as error:  # a defect of ours: one line for the user, all of it for a bug report
        if debug:
            raise
        text = " ".join(str(error).split()) or "no details"
        return _fail(f"something went wrong ({type(error).__name__}: {text}); --debug shows where", DEFECT)


@contextmanager
def _orderly_end() -> Iterator[None]:
    """Within it SIGTERM is raised as `Terminated`; where somebody else takes care of it already, it is left to them."""
    if threading.current_thread() is not threading.main_thread() or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return

    waiting: list[threading.Timer] = []

    def end(number: int, frame: Any) -> NoReturn:
        again = threading.Timer(_AGAIN, os.kill, (os.getpid(), number))  # what is raised in a destructor is lost
        again.daemon = True
        again.start()
        waiting.append(again)
        raise Terminated

    signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        for again in waiting:
            again.cancel()
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _run_command(name: str, arguments: list[str], display_problem: DisplayProblem) -> int:
    command = COMMANDS[name]
    module = importlib.import_module(command.module)
    parser = Parser(prog=f"main.py {name}", description=f"{command.help[0].upper()}{command.help[1:]}.",
                    usage=f"main.py {name} {command.usage}" if command.usage else None)
    module.add_arguments(parser)
    parsed = parser.parse_args(arguments)
    parsed.display_problem = display_problem  # only `doctor` asks
    return module.run(parsed) or OK


def _run_window(arguments: list[str], open_window: OpenWindow, display_problem: DisplayProblem) -> int:
    parser = Parser(
        prog="main.py", formatter_class=argparse.RawDescriptionHelpFormatter,
        description="DiffusionRig Studio: change the light, expression and pose of a portrait photo.",
        epilog="commands:\n" + "\n".join(f"  {name:<12}{command.help}" for name, command in COMMANDS.items())
               + "\n\n'main.py COMMAND --help' shows what a command takes.")
    parser.add_argument("photo", nargs="?", metavar="PHOTO", help="a photo to open in the window")
    parser.add_argument("--debug", action="store_true", help="show where an error comes from (for every command)")
    parser.add_argument("--face", metavar="N", type=int, help="which face, counted from 0, the largest first")
    add_model_arguments(parser)
    parsed = parser.parse_args(arguments)
    photo = parsed.photo
    if photo is not None and not Path(photo).exists():
        return _fail(f"there is no photo '{photo}', and no command of that name ({', '.join(COMMANDS)})", WRONG_USE)
    problem = display_problem()
    if problem:
        return _fail(problem, NO_DISPLAY)
    return open_window(Opening(Path(photo) if photo is not None else None, parsed.face, parsed.prior, parsed.head,
                               parsed.estimator))


def add_model_arguments(parser: argparse._ActionsContainer) -> None:
    """What the window and `edit` both take: which model, which head, and how the head is fitted."""
    parser.add_argument("--prior", metavar="NAME|FILE",
                        help="use another generic model than the one that ships: an imported one by name, or a file")
    parser.add_argument("--head", metavar="NAME",
                        help="the head model to fit: open, flame or ict (default: the one the prior was trained on)")
    parser.add_argument("--estimator", metavar="NAME",
                        help="how the head is fitted: fit, or for flame also deca (default: deca for flame, fit for the others)")


def _say_in_any_script() -> None:
    """A terminal or pipe that can't write a sign (of a file's name, or a degree) gets another one, not an error in its place."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="backslashreplace")


def _fail(message: str, status: int) -> int:
    print(f"error: {message}", file=sys.stderr)
    return status


def _is_ours(module: str | None) -> bool:
    return (module or "").split(".")[0] in ("app", "core", "models")


def progress(label: str) -> Callable[[int, int], None] | None:
    """A function (step, steps) that keeps one line on stderr up to date, or None when stderr is no terminal."""
    if not sys.stderr.isatty():
        return None

    def show(step: int, steps: int) -> None:
        print(f"\r{label} {step} of {steps}", end="\n" if step >= steps else "", file=sys.stderr, flush=True)
    return show
