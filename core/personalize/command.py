"""`main.py personalize`: an album of photos becomes a model of the person in them."""
from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import UserError
from core.people.names import clean_name
from core.people.shelf import person_file
from core.personalize.events import Commands, Events
from core.personalize.presets import CONSENT, DEFAULT, Preset, find_preset, spoken
from core.personalize.runs import Run, find, runs
from core.personalize.text import Text

if TYPE_CHECKING:
    from core.album import Album, AlbumPhoto
    from core.prior import Prior


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `main.py personalize`."""
    parser.add_argument("album", nargs="*", metavar="ALBUM", type=Path, help="photos of one person: a folder, or files")
    parser.add_argument("--name", metavar="NAME", help="what to call the person")
    parser.add_argument("--preset", metavar="NAME|FILE",
                        help=f"how to train: quick, adapters, paper, or a JSON file of your own (default {DEFAULT})")
    parser.add_argument("--steps", type=int, metavar="N", help="this many steps in all, however long they take")
    parser.add_argument("--minutes", type=float, metavar="M", help="at most this long, measurements included")
    parser.add_argument("--hold-out", type=int, metavar="K",
                        help="photos to keep out of the training and measure with (default: 1 to 4 by the album's size)")
    parser.add_argument("--check", action="store_true", help="read the album and report on its photos; don't train")
    parser.add_argument("--include", action="append", default=[], metavar="NAME", help="use a photo that was refused")
    parser.add_argument("--exclude", action="append", default=[], metavar="NAME", help="leave a photo out")
    parser.add_argument("--person-in", metavar="NAME", help="the album is of the person in this photo (default: the one in most)")
    parser.add_argument("--resume", metavar="NAME", help="go on with the training of that person")
    parser.add_argument("--start-over", action="store_true", help="delete an unfinished training of that person first")
    parser.add_argument("--yes-i-have-consent", action="store_true", dest="consent", help=f'you state: "{CONSENT}"')
    parser.add_argument("--prior", metavar="NAME|FILE", help="the generic model to begin with (default: the one that ships)")
    parser.add_argument("--device", help="cpu, cuda or mps (default: the best present)")
    parser.add_argument("--events", action="store_true", help="for programs: a JSON object a line on standard output, and the "
                        "words pause, resume, finish, stop and cancel on standard input")


def run(args: argparse.Namespace) -> int:
    """`main.py personalize`: returns the exit status."""
    tell, commands = Events(args.events, Text()), Commands(args.events)
    try:
        run = _run_of(args)
        with run.locked():
            return _work(args, run, tell, commands)
    except UserError as error:
        if args.events:
            tell("failed", message=str(error))
        raise


def _run_of(args: argparse.Namespace) -> Run:
    """The run that is meant. Raises UserError."""
    if args.resume:
        found = find(args.resume)
        if found is None:
            known = ", ".join(run.name for run in runs())
            others = f" There are: {known}." if known else ""
            raise UserError(f"There is no unfinished training of '{args.resume}'.{others}")
        return found
    if not args.album or not args.name:
        raise UserError("Say where the photos are and what the person is called: personalize ALBUM --name NAME.")
    name = clean_name(args.name)
    if not args.check:
        person_file(name)  # raises when the name is taken: before the training, not after it
    found = find(name)
    if found is not None and args.start_over:
        found.discard()
    elif found is not None and found.state not in ("reading", "checked"):
        raise UserError(f"There is an unfinished training of '{name}' (step {found.step}). Go on with --resume '{name}', or "
                        "begin anew with --start-over.")
    return Run.begin(name)


def _work(args: argparse.Namespace, run: Run, tell: Events, commands: Commands) -> int:
    tell("opened", run=run.folder, name=run.name, album=run.album)
    fresh = run.state in ("reading", "checked")
    prior = _prior(args, run)
    album = _album(args, run, prior, tell, commands) if fresh else _loaded(run)
    if album is None:
        return 0
    if fresh:
        album = _overruled(args, album)
        album.save()
        run.save(state="checked", photos=album.counts["used"])
        tell("album", **album.counts, folder=run.album, complete=album.complete, advice=album.advice,
             odd=[[p.name, p.used, [r.to_json() for r in p.reasons]] for p in album.photos if p.reasons])
    if args.check:
        return 0
    preset = _preset(args, run, fresh)
    if fresh:
        person_file(run.name)
        _begin(args, run, album, preset)
    from core.personalize.course import Course

    tell.file = run.events
    file = Course(run, prior, album, _device(args.device), tell, commands).train()
    if file is None and not args.events:
        print(f"Go on with: main.py personalize --resume '{run.name}'")
    return 0


def _prior(args: argparse.Namespace, run: Run) -> Prior:
    """The prior asked for; of a run that has one already, that one. Raises UserError when it has changed since."""
    from core.prior import load_prior

    known: dict[str, Any] | None = run.facts.get("prior")
    prior = load_prior(args.prior or (known["file"] if known else None))
    if known and run.state != "reading" and not args.album and prior.digest != known["digest"]:
        raise UserError(f"The training of '{run.name}' was begun with the model '{known['name']}' ({known['digest'][:12]}), not "
                        f"with '{prior.name}' ({prior.digest[:12]}). Name its own with --prior, or begin anew with --start-over.")
    file = args.prior or (known["file"] if known else None)
    run.save(prior={"file": file, "digest": prior.digest, "name": prior.name})
    return prior


def _album(args: argparse.Namespace, run: Run, prior: Prior, tell: Events, commands: Commands) -> Album | None:
    """The album, read; None when told to stop. A checked run without sources has it already."""
    from core.album import Album, read_album

    if not args.album and run.state == "checked":
        return Album.load(run.album)
    sources = args.album or [Path(source) for source in run.facts.get("sources", [])]
    run.save(state="reading", sources=[str(source.resolve()) for source in sources])
    leaving = False

    def cancelled() -> bool:
        nonlocal leaving
        leaving = leaving or commands.newest() in ("stop", "cancel")
        return leaving

    def on_photo(done: int, total: int, photo: AlbumPhoto | None, text: str) -> None:
        thumb = run.album / "thumbs" / f"{photo.name}.jpg" if photo is not None else None
        tell("reading", done=done, total=total, name=photo.name if photo else "", text=text, path=photo.path if photo else None,
             verdict=photo.verdict if photo else "", reasons=[r.to_json() for r in photo.reasons] if photo else [],
             thumb=thumb if thumb is not None and thumb.is_file() else None)

    album = read_album(sources, run.album, prior, on_photo, cancelled)
    return None if leaving else album


def _loaded(run: Run) -> Album:
    from core.album import Album

    return Album.load(run.album)


def _overruled(args: argparse.Namespace, album: Album) -> Album:
    if args.person_in:
        album = album.with_person(args.person_in)
    for names, choice in ((args.include, True), (args.exclude, False)):
        for name in names:
            album = album.overruled(name, choice)
    return album


def _preset(args: argparse.Namespace, run: Run, fresh: bool) -> Preset:
    """The settings asked for. Raises UserError for a run that goes on when others are asked for than it has."""
    if not fresh:
        if args.preset or args.steps or args.minutes or args.hold_out is not None:
            raise UserError("A training that goes on keeps its settings: leave --preset, --steps, --minutes and --hold-out out, "
                            "or begin anew with --start-over.")
        from core.personalize.presets import preset_of

        return preset_of(run.preset, run.facts["settings"])
    return find_preset(args.preset or DEFAULT).limited(args.steps, args.minutes)


def _begin(args: argparse.Namespace, run: Run, album: Album, preset: Preset) -> None:
    """Settle all that training needs, consent first. Raises UserError."""
    from core.prior import load_prior

    if not album.used:
        raise UserError("None of the photos can be learned from. Add photos that show the person's face, upright, sharp and well "
                        "lit; --check says what is wrong with each.")
    consent = {"statement": CONSENT, "given": datetime.now(UTC).date().isoformat()}
    if not args.consent:
        _ask()
    if args.hold_out is not None and args.hold_out < 0:
        raise UserError("--hold-out is 0 or more.")
    prior = load_prior(run.facts["prior"]["file"])
    phases = preset.phases
    if prior.student is None:  # such a model has one network, which its denoiser phases train; they get all the time
        phases = tuple(phase for phase in phases if phase.kind == "denoiser")
        if not phases:
            raise UserError(f"The preset '{preset.name}' trains a few-step student, and the model '{prior.name}' has none. Take "
                            "another preset, such as 'paper'.")
    preset = replace(preset, phases=phases)
    run.save(preset=preset.name, settings=preset.to_json(), held_out=list(album.held_out(args.hold_out)), consent=consent)
    if not args.events:
        print(f"about {spoken(60 * preset.minutes)} of training" if preset.minutes else
              f"{sum(phase.steps for phase in preset.phases)} steps of training")


def _ask() -> None:
    """Ask for the consent statement on a terminal. Raises UserError where there is none, or it is not given."""
    if not sys.stdin.isatty():
        raise UserError(f'A model of a person needs that person\'s consent. State it with --yes-i-have-consent: "{CONSENT}"')
    print(CONSENT)
    if input("Is that so? Type yes to go on: ").strip().lower() not in ("yes", "y"):
        raise UserError("Without consent no model of a person is made.")


def _device(name: str | None) -> Any:
    from core.device import pick_device

    try:
        return pick_device(name)
    except ValueError as error:
        raise UserError(str(error)) from error
