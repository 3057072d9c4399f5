"""`main.py assets`: import the user's own licensed files, list what is imported, remove it."""
from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from core import paths
from core.assets import store
from core.assets.importer import LICENCE_REMINDER, ImportReport, import_folder
from core.assets.store import Asset
from core.cli import OK, WRONG_USE


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`assets import FOLDER...`, `assets list`, `assets remove NAME...`."""
    parser.epilog = ("Files that are recognised, in the folder and those in it: FLAME 2020's generic_model.pkl with DECA's "
                     "landmark_embedding.npy and head_template.obj, FLAME_texture.npz, deca_model.tar, DiffusionRig's "
                     "modelNNNNNN.pt, and an ICT-FaceKit folder. Exit status 2: at least one could not be used.")
    actions = parser.add_subparsers(dest="action", required=True, metavar="import | list | remove")
    bring = actions.add_parser("import", help="find, check and convert the files in a folder", allow_abbrev=False)
    bring.add_argument("folders", metavar="FOLDER", nargs="+", type=Path, help="the folder (or a single file)")
    actions.add_parser("list", help="show what is imported")
    drop = actions.add_parser("remove", help="delete converted files; your own stay", allow_abbrev=False)
    drop.add_argument("names", metavar="NAME", nargs="+", help="as 'assets list' shows it")


def run(arguments: argparse.Namespace) -> int:
    """Do it. Returns 0, or 2 when a file could not be used. Raises UserError."""
    if arguments.action == "import":
        return _import(arguments.folders)
    if arguments.action == "remove":
        for name in arguments.names:
            asset = store.remove(name)
            print(f"removed {asset.name}: {asset.what}")
        return OK
    _list(store.status())
    return OK


def _import(folders: list[Path]) -> int:
    say, problems = progress_line(), 0
    for folder in folders:
        report = import_folder(folder, say)
        _show(report)
        problems += len(report.problems)
    print(f"\n{LICENCE_REMINDER}")
    return WRONG_USE if problems else OK


def _show(report: ImportReport) -> None:
    if report.found:
        print("Imported:")
        print(table([(asset.name, asset.what, str(asset.file)) for asset in report.found]))
    for note in report.notes:
        print(f"note: {note}")
    for problem in report.problems:
        print(f"error: {problem}", file=sys.stderr)


def _list(assets: list[Asset]) -> None:
    if not assets:
        print("Nothing is imported. 'main.py assets import FOLDER' brings in your own FLAME, DECA and DiffusionRig files.")
        return
    print(table([("NAME", "WHAT", "SIZE", "FROM"),
                 *((asset.name, asset.what, _size(asset), str(asset.file)) for asset in assets)]))
    print(f"stored in {paths.assets_dir()} and {paths.priors_dir()}")


def _size(asset: Asset) -> str:
    own_file = asset.stored.is_file() and asset.kind != store.TEXTURE  # that one is in the head's file
    return f"{asset.stored.stat().st_size / 1e6:,.0f} MB" if own_file else "-"


def table(rows: list[tuple[str, ...]]) -> str:
    """Rows of texts in columns; the last one is as wide as it needs."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(f"  {line.rstrip()}" for line in lines)


def progress_line() -> Callable[[str], None]:
    """Prints what is being done: on a terminal percentages stay on one line, elsewhere they are left out."""
    on_line = [False]

    def say(text: str) -> None:
        percent = text.endswith("%")
        if percent and not sys.stdout.isatty():
            return
        print(f"{chr(13) if percent else chr(10) * on_line[0]}{text}", end="" if percent else "\n", flush=True)
        on_line[0] = percent and not text.endswith(" 100 %")
        if percent and not on_line[0]:
            print()
    return say
