"""`main.py film`: a photo, an edit and a timeline in, a film out. Its frames are the pictures that `edit` makes."""
from __future__ import annotations

import argparse
import contextlib
import math
import sys
import time
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core import edit_command as edits
from core.cli import progress
from core.edit_arguments import add_edit_arguments, assignment, parse_value, parse_values
from core.errors import AssetError, ParameterError, UserError
from core.export import DEFAULT_QUALITY
from core.film import clip, drive, talk, templates
from core.film.encode import QUALITIES, film_kind, write_film
from core.film.files import read_timeline, write_timeline
from core.film.film import DEFAULT_SIDE, Film, Frames, cache_folder, check_side, make_frames, tidy
from core.film.timeline import MAX_DURATION, MAX_FPS, MIN_FPS, Timeline
from core.light_command import with_environment
from core.presets import with_presets
from core.rig import parameters, photo_ranges, photo_values

if TYPE_CHECKING:
    from core.engine import Engine
    from core.project import Project
    from core.request import RenderRequest
    from core.session import Session

TEMPLATES = ("turntable", "sweep", "around", "idle", "unfold", "talk")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `film`."""
    parser.add_argument("photo", metavar="PHOTO", type=Path, nargs="?",
                        help="the photo to move; with --project it may be left out")
    parser.add_argument("--out", metavar="FILE|FOLDER", type=Path,
                        help="the film to write: .mp4, .webm, .gif, or a folder for single pictures")
    parser.add_argument("--project", metavar="FILE.drig", type=Path, help="take photo, edit and timeline of a saved project")
    parser.add_argument("--timeline", metavar="FILE", type=Path,
                        help="take the timeline of a JSON file, of a film made here, or of a project")
    parser.add_argument("--template", metavar="NAME", choices=TEMPLATES, nargs="+", default=[],
                        help="turntable turns the head, sweep leads the light over the face and back, around leads it all the "
                             "way around, idle breathes and blinks, unfold brings the edit about, talk moves the mouth to "
                             "--clip; several go together")
    parser.add_argument("--clip", metavar="FILE", type=Path,
                        help="sound or video whose voice moves the mouth (with --template talk)")
    parser.add_argument("--drive", metavar="VIDEO", type=Path, help="move the face as the face in this video moves")
    parser.add_argument("--start", metavar="SECONDS", type=float, default=0.0, help="where in --clip or --drive to begin")
    parser.add_argument("--neutral", metavar="SECONDS", type=float,
                        help="when the driver's face is at rest, counted from --start (default: at the beginning)")
    parser.add_argument("--take", metavar="NAME=0..2", nargs="+", default=[], type=assignment,
                        help="how much of the driver is taken: mouth, brows, eyes, pose (default: 1 each), smoothing (0..1)")
    parser.add_argument("--amount", metavar="0..2", type=float, default=1.0, help="how strongly a template moves (default: 1)")
    parser.add_argument("--duration", metavar="SECONDS", type=float,
                        help="of templates (default: their own, or that of the clip)")
    parser.add_argument("--fps", metavar="N", type=float, help="frames a second (default: the timeline's, or 24)")
    parser.add_argument("--preview", action="store_true", help="quick frames, of previews' quality")
    parser.add_argument("--video-quality", choices=tuple(QUALITIES), default="good", help="of MP4 and WebM (default: good)")
    parser.add_argument("--no-sound", action="store_true", help="leave the clip's sound out")
    parser.add_argument("--save-timeline", metavar="FILE.json", type=Path,
                        help="also write the timeline, to be changed; without --out nothing is rendered")
    add_edit_arguments(parser, films=True)


@dataclass(frozen=True)
class _Asked:
    """What the arguments come down to before the engine is there."""

    photo: Path | bytes
    face: int | None
    request: RenderRequest
    project: Project | None
    amounts: drive.Amounts
    timeline: Timeline | None


def run(arguments: argparse.Namespace) -> int:
    """Make the film. Raises UserError with a message for the user; what was made of it until then is kept."""
    asked = _asked(arguments)
    from core.engine import Engine  # loads torch, so only once the arguments make sense

    prior = edits.prior_given(arguments) or (asked.project.model.prior if asked.project else None)
    engine = Engine(prior=prior, head=arguments.head, estimator=arguments.estimator, rasterizer=arguments.rasterizer)
    try:
        if arguments.out and engine.render_problem:
            raise AssetError(engine.render_problem)
        if arguments.person:
            engine.take_person(arguments.person)
        session = engine.open(asked.photo, asked.face, aligned=arguments.aligned)
        _open_copies(engine, asked)
        rig = with_environment(with_presets(engine.head, asked.request.rig, arguments.presets), arguments.environment)
        rig = rig.update(parse_values(engine.head, arguments.values))
        rig = edits.copied(engine, rig, arguments.copies, arguments.aligned)
        request = replace(asked.request, photo=session.digest, rig=rig, prior=engine.prior.digest)
        timeline = _timeline(engine, session, request, arguments, asked)
        timeline.check(parameters(engine.head))
        if arguments.save_timeline:
            write_timeline(arguments.save_timeline, timeline)
        if arguments.out:
            _make(engine, session, request, timeline, arguments)
    finally:
        engine.close()
    return 0


def _make(engine: Engine, session: Session, request: RenderRequest, timeline: Timeline, arguments: argparse.Namespace) -> None:
    side = arguments.long_side or DEFAULT_SIDE[request.size]
    film = Film(request, timeline, side, {"photo": session.photo.image.name, "face": session.face, "model": engine.prior.name})
    if timeline.sound:
        clip.look(timeline.sound)
    kept = Frames(cache_folder(film))
    left = len(kept.missing(film))
    show = progress("frame")
    if left < film.frames and show is not None:
        print(f"{film.frames - left} of {film.frames} frames are there already", file=sys.stderr)
    began = time.perf_counter()
    try:
        make_frames(engine, film, kept, show)
    except BaseException:
        made = left - len(kept.missing(film))
        print(f"\nnote: {made} frames were made and are kept; the same command goes on with them", file=sys.stderr)
        raise
    seconds = time.perf_counter() - began
    said = write_film(arguments.out, film, kept, arguments.video_quality, report=progress("writing"),
                      signed=not arguments.no_credentials, source=session.photo.image)
    if said:
        print(f"note: {said}", file=sys.stderr)
    with contextlib.suppress(OSError):
        tidy()
    pace = f", {seconds / left:.2f} s each of the {left} that were made" if left else ""
    print(f"wrote {arguments.out}: {film.frames} frames, {timeline.duration:.2f} s{pace}")


def _asked(arguments: argparse.Namespace) -> _Asked:
    """Find out before the work what contradicts itself or is not there. Raises UserError."""
    project = None
    if arguments.project is not None:
        from core.project import read_project
        project = read_project(arguments.project)
    request = edits.draft(arguments, project.request if project else None)
    if arguments.preview:
        request = replace(request, quality="preview")
    if arguments.out is None and arguments.save_timeline is None:
        raise ParameterError("Nothing to write: give --out FILE for the film, or --save-timeline FILE.json for the timeline.")
    sources = [arguments.timeline, arguments.drive, *arguments.template]
    if not any(sources) and (project is None or project.timeline is None):
        raise ParameterError("What shall move? Give --timeline FILE, --template NAME or --drive VIDEO, or a project that has a "
                             "timeline.")
    if ("talk" in arguments.template) != (arguments.clip is not None):
        raise ParameterError("--template talk and --clip FILE go together: the mouth moves to the voice in the clip.")
    if arguments.fps is not None and not MIN_FPS <= arguments.fps <= MAX_FPS:
        raise ParameterError(f"--fps goes from {MIN_FPS:g} to {MAX_FPS:g}, not {arguments.fps:g}.")
    if not 0 <= arguments.amount <= 2:
        raise ParameterError(f"--amount goes from 0 to 2, not {arguments.amount:g}.")
    amounts = _amounts(arguments.take)
    if arguments.out is not None:
        film_kind(arguments.out)
    if arguments.long_side is not None:
        check_side(arguments.long_side)
    if arguments.bits != 8 or arguments.quality != DEFAULT_QUALITY or arguments.srgb or arguments.keep_place:
        raise ParameterError("--bits, --quality, --srgb and --keep-place are for pictures. Films have 8 bits, sRGB and no place; "
                             "use --video-quality for the rest.")
    if not 0 <= arguments.start < math.inf or arguments.duration is not None and not 0 < arguments.duration <= MAX_DURATION:
        raise ParameterError(f"--start is 0 or later, and --duration up to {MAX_DURATION:g} seconds.")
    for path in (arguments.clip, arguments.drive):
        if path is not None:
            _check_start(clip.look(path), arguments)
    for written in (arguments.out, arguments.save_timeline):
        if written is not None and not written.absolute().parent.is_dir():
            raise UserError(f"Could not write {written}: its folder does not exist. Make it first, or choose another folder.")
    photo, face = _photo(arguments, project)
    timeline = read_timeline(arguments.timeline) if arguments.timeline else project.timeline if project else None
    return _Asked(photo, face, request, project, amounts, timeline)


def _check_start(facts: clip.Facts, arguments: argparse.Namespace) -> None:
    """Raises ParameterError for moments that are not in a clip; one that doesn't say how long it is is taken as it is."""
    if facts.seconds and arguments.start >= facts.seconds:
        raise ParameterError(f"{facts.path.name} is {facts.seconds:.1f} seconds long; --start {arguments.start:g} is behind its "
                             "end.")
    left = facts.seconds - arguments.start
    if arguments.neutral is not None and not (0 <= arguments.neutral and (arguments.neutral < left or not facts.seconds)):
        raise ParameterError(f"--neutral {arguments.neutral:g} is no moment of {facts.path.name}: count from --start"
                             + (f", up to {left:.1f} seconds." if facts.seconds else "."))


def _photo(arguments: argparse.Namespace, project: Project | None) -> tuple[Path | bytes, int | None]:
    if arguments.photo is not None:
        edits.check_paths((arguments.photo, *(copy.photo for copy in arguments.copies)), None)
        return arguments.photo, arguments.face
    if project is None or project.photo is None:
        raise ParameterError("Which photo? Name it: film PHOTO --out FILE, or give a project that holds one.")
    named = project.photo
    if named.path is not None and named.path.is_file():
        return named.path, named.face
    if named.data is not None:
        return named.data, named.face
    raise UserError(f"The project's photo {named.name} is not where it was ({named.path}). Name it: film PHOTO --project FILE.")


def _open_copies(engine: Engine, asked: _Asked) -> None:
    """The photos whose appearance the edit of a project takes: their code is worked out from the pixels."""
    wanted = {copy.photo for copy in asked.request.rig.copies if copy.block == "appearance"}
    for named in asked.project.copies if asked.project else ():
        source = named.path if named.path is not None and named.path.is_file() else named.data
        if named.digest in wanted and source is not None:
            engine.open(source, named.face)


def _amounts(given: list[tuple[str, str]]) -> drive.Amounts:
    most = {"mouth": 2.0, "brows": 2.0, "eyes": 2.0, "pose": 2.0, "smoothing": 1.0}
    values: dict[str, float] = {}
    for name, text in given:
        if name not in most:
            raise ParameterError(f"--take knows no '{name}'. It takes {', '.join(most)}.")
        value = parse_value(name, text)
        if isinstance(value, tuple) or not 0 <= value <= most[name]:
            raise ParameterError(f"--take {name} goes from 0 to {most[name]:g}.")
        values[name] = value
    return drive.Amounts(**values)


def _timeline(engine: Engine, session: Session, request: RenderRequest, arguments: argparse.Namespace, asked: _Asked) -> Timeline:
    """All that was asked for, one over the other: the project's or file's timeline, the driver, the templates."""
    base = asked.timeline
    made = [base] if base is not None else []
    fps = arguments.fps or (base.fps if base is not None else templates.FPS)
    if arguments.drive is not None:
        made.append(_driven(engine, session, arguments, asked.amounts, fps))
    for name in arguments.template:
        made.append(_template(name, session, request, arguments, fps))
    timeline = made[0]
    for more in made[1:]:
        timeline = timeline.joined(more)
    if arguments.no_sound:
        timeline = replace(timeline, sound="", sound_start=0.0)
    return timeline if timeline.fps == fps else replace(timeline, fps=fps)


def _driven(engine: Engine, session: Session, arguments: argparse.Namespace, amounts: drive.Amounts, fps: float) -> Timeline:
    facts = clip.look(arguments.drive)
    pace = min(facts.fps, 30.0)
    pictures = clip.pictures(arguments.drive, pace, arguments.start, arguments.duration or clip.MAX_SECONDS)
    total = round(min(max(facts.seconds - arguments.start, 0), arguments.duration or clip.MAX_SECONDS) * pace)
    assert session.finder is not None  # the engine's own
    faces = drive.read_faces(session.finder, pictures, pace, arguments.drive.name, progress("reading picture"), total)
    neutral = None if arguments.neutral is None else round(arguments.neutral * pace)
    performance = drive.perform(engine.head, faces, neutral, progress("fitting face"))
    timeline = drive.retarget(performance, session, amounts, fps)
    return replace(timeline, sound=str(arguments.drive.absolute()), sound_start=arguments.start) if facts.sound else timeline


def _template(name: str, session: Session, request: RenderRequest, arguments: argparse.Namespace, fps: float) -> Timeline:
    head, code, amount = session.head, session.code, arguments.amount
    if name == "talk":
        voice = clip.sound(arguments.clip, arguments.start, arguments.duration or clip.MAX_SECONDS)
        timeline = talk.talking(voice, parameters(head), fps, amount)
        return replace(timeline, sound=str(arguments.clip.absolute()), sound_start=arguments.start)
    makes = {"turntable": partial(templates.turntable, photo_ranges(head, code), amount=amount),
             "sweep": partial(templates.sweep, photo_values(head, code), amount=amount),
             "around": partial(templates.sweep, photo_values(head, code), amount=amount, around=True),
             "idle": partial(templates.idle, amount=amount, seed=request.seed),
             "unfold": partial(templates.unfold, request.rig, photo_values(head, code))}
    given: dict[str, Any] = {"duration": arguments.duration} if arguments.duration is not None else {}
    return makes[name](fps=fps, **given).fitting(parameters(head))
