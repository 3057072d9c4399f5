"""`main.py people`: list, show, rename, export, import and delete the models of people."""
from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from core import paths
from core.assets.command import table
from core.cli import OK, WRONG_USE
from core.errors import UserError
from core.files import WriteError
from core.people import shelf
from core.people.header import About, read_about

REMINDER = ("Such a file can make pictures of a real person. Give it only to those that this person agrees to; the consent and "
            "the licence in it go with it.")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`people`, `people list`, `show`, `rename`, `export`, `import` and `delete`."""
    parser.epilog = ("'main.py personalize' makes a person from an album. Without an action they are listed. "
                     "Exit status 2: what was asked for could not be done.")
    actions = parser.add_subparsers(dest="action", metavar="list | show | rename | export | import | delete")

    def action(name: str, help: str) -> argparse.ArgumentParser:
        return actions.add_parser(name, help=help, allow_abbrev=False, description=f"{help[0].upper()}{help[1:]}.")

    action("list", "show everybody who is here")
    one = action("show", "show what a person's file says of itself: model, album, training, consent and licence")
    one.add_argument("name", metavar="NAME|FILE", help="a person by name, or a file from elsewhere")
    new = action("rename", "give a person another name")
    new.add_argument("name", metavar="NAME")
    new.add_argument("new", metavar="NEW")
    out = action("export", "write a person's file to pass on")
    out.add_argument("name", metavar="NAME")
    out.add_argument("file", metavar="FILE|DIR", type=Path, help="where to; nothing is overwritten")
    bring = action("import", "check a person's file from elsewhere and keep a copy")
    bring.add_argument("file", metavar="FILE", type=Path)
    bring.add_argument("--name", metavar="NAME", help="what to call it here (default: its own name)")
    drop = action("delete", "delete a person for good")
    drop.add_argument("name", metavar="NAME")
    drop.add_argument("--yes", action="store_true", help="without asking")


def run(arguments: argparse.Namespace) -> int:
    """Do it. Returns 0, or 2 where the user said no. Raises UserError."""
    actions: dict[str, Callable[[argparse.Namespace], int]] = {
        "list": _list, "show": _show, "rename": _rename, "export": _export, "import": _import, "delete": _delete}
    return actions[arguments.action or "list"](arguments)


def _list(arguments: argparse.Namespace) -> int:
    people = shelf.listed()
    if not people:
        print("There are no people yet. 'main.py personalize ALBUM --name NAME' makes one of an album of photos, "
              "'main.py people import FILE' brings one in.")
        return OK
    rows = [(one.name, one.created[:10] or "-", str(one.photos or "-"), one.prior or "-", f"{one.mib:,.1f} MiB",
             "yes" if one.consent else "no") for one in people]
    print(table([("NAME", "MADE", "PHOTOS", "MODEL", "SIZE", "CONSENT"), *rows]))
    print(f"stored in {paths.people_dir()}")
    for one in people:
        if one.problem:
            print(f"note: '{one.name}' can't be used: {one.problem}", file=sys.stderr)
    return OK


def _show(arguments: argparse.Namespace) -> int:
    file = shelf.find_person(arguments.name)
    _print(read_about(file), file)
    return OK


def _rename(arguments: argparse.Namespace) -> int:
    file = shelf.rename(arguments.name, arguments.new)
    print(f"renamed to '{read_about(file).name}'")
    return OK


def _export(arguments: argparse.Namespace) -> int:
    target = shelf.export_target(arguments.name, arguments.file)
    if target.exists():
        raise WriteError(f"Could not write {target}: there is a file of that name. Choose another name.")
    about = read_about(shelf.export(arguments.name, target))
    print(f"wrote {target} ({target.stat().st_size / (1 << 20):,.1f} MiB)")
    _print_terms(about)
    print(REMINDER)
    return OK


def _import(arguments: argparse.Namespace) -> int:
    name = shelf.import_file(arguments.file, arguments.name)
    print(f"imported '{name}'")
    _print_terms(read_about(shelf.find_person(name)))
    return OK


def _delete(arguments: argparse.Namespace) -> int:
    file = shelf.find_person(arguments.name)
    if not arguments.yes:
        if not sys.stdin.isatty():
            raise UserError(f"Deleting {file} can't be taken back. Give --yes to do it without being asked.")
        if input(f"Delete {file} for good? [y/N] ").strip().lower() not in ("y", "yes"):
            print("kept")
            return WRONG_USE
    print(f"deleted {shelf.delete(arguments.name)}")
    return OK


def _print(about: About, file: Path) -> None:
    shape = f"mean identity of {len(about.identity)} numbers" if about.identity else "no mean identity"
    print(table([(f"{name}:", text) for name, text in (
        ("name", about.name), ("file", f"{file} ({file.stat().st_size / (1 << 20):,.1f} MiB)"), ("digest", about.digest),
        ("model", f"{about.prior_name} ({about.prior_digest[:12]})"), ("head", f"{about.head}, {shape}"),
        ("pictures", f"{about.size} pixels"), *_of_card(about.card))]))
    _print_terms(about)


def _print_terms(about: About) -> None:
    print(f"consent: {about.consent or 'no statement in the file'}")
    print(f"licence of the model '{about.prior_name}': {about.licence or 'not said'}")


def _of_card(card: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What a card says, as names and texts for people."""
    if "created" in card:
        yield "made", str(card["created"])
    if "preset" in card:
        yield "preset", str(card["preset"])
    if "photos" in card:
        yield "photos", _told(card["photos"])
    last = next((point for point in reversed(card.get("curve", [])) if "step" in point or "seconds" in point), None)
    if last:
        yield "training", _told({key: last[key] for key in ("step", "seconds") if key in last})
    measured = card.get("measured", {})
    for key, after in sorted(_numbers(measured.get("after")).items()):
        before = _numbers(measured.get("before")).get(key)
        yield key, f"{after:.4g} on held-out photos" + (f", {before:.4g} with the model itself" if before is not None else "")


def _told(values: Mapping[str, Any]) -> str:
    """{'accepted': 18, 'held_out': ['a', 'b']} -> '18 accepted, 2 held out'; what is neither number nor list is left out."""
    counts = {key: len(value) if isinstance(value, list) else value for key, value in values.items()}
    return ", ".join(f"{value:,.6g} {key.replace('_', ' ')}" for key, value in _numbers(counts).items()) or "-"


def _numbers(values: Any) -> dict[str, float]:
    if not isinstance(values, Mapping):
        return {}
    return {key: value for key, value in values.items() if isinstance(value, int | float) and not isinstance(value, bool)}
