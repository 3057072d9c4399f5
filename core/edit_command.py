"""`main.py edit`: a photo and named changes in, a picture out. The same request as the window's gives the same pixels."""
from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core import mean_identity
from core.cli import progress
from core.edit_arguments import CopyFrom, add_edit_arguments, parse_values
from core.edit_report import report
from core.errors import AssetError, ParameterError, UserError
from core.export import picture_format
from core.export_buffers import save_buffers
from core.export_picture import check_depth, options_of, write_result
from core.files import atomic_write
from core.light_command import with_environment
from core.mesh_files import check_mesh_path, save_mesh
from core.people.header import read_about
from core.people.shelf import find_person, prior_of
from core.photo import load_image
from core.presets import with_presets
from core.project.command import begin
from core.project.project import is_project
from core.reopen import completed, differences, read_edit
from core.request import DEFAULT_STEPS, PAPER_STEPS, RenderRequest
from core.rig import Rig

if TYPE_CHECKING:
    from core.engine import Engine
    from core.result import Result
    from core.session import Session



def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `edit`."""
    parser.add_argument("photo", metavar="PHOTO", type=Path, nargs="?",
                        help="the photo to edit, or a project of the window (.drig); with --from it may be left out")
    parser.add_argument("--from", metavar="PICTURE|FILE.json", dest="reopen", type=Path,
                        help="begin with the edit in a picture that was exported, or in a report; what is given beside it goes "
                             "over it")
    parser.add_argument("--out", metavar="FILE", type=Path,
                        help="the picture to write: .png, .jpg, .webp or .tif; may be left out when buffers are saved")
    add_edit_arguments(parser)
    parser.add_argument("--mean-identity", metavar="FOLDER|FILE", type=Path,
                        help="render with the mean head shape of an album of one person, or with one saved before")
    parser.add_argument("--save-mean-identity", metavar="FILE.json", type=Path, help="keep the mean head shape for the next time")
    parser.add_argument("--save-buffers", metavar="DIR", type=Path,
                        help="also write normals, albedo, rendered and coverage there")
    parser.add_argument("--mesh", metavar="FILE.glb|FILE.obj", type=Path,
                        help="also write the edited head as a mesh, in metres")
    parser.add_argument("--report", metavar="FILE.json", type=Path,
                        help="also write the request, the fitted codes, the times and the identity distance")


def run(arguments: argparse.Namespace) -> int:
    """Make the picture and write what was asked for. Raises UserError with a message for the user."""
    found = read_edit(arguments.reopen) if arguments.reopen is not None else None
    project = begin(arguments) if found is None and arguments.photo is not None and is_project(arguments.photo) else None
    if project is not None:
        arguments, found = project.arguments, project.found
    elif found is not None:
        arguments = completed(arguments, found)
    request = _draft(arguments, found.request if found is not None else None)
    _check_files(arguments)

    from core.engine import Engine  # loads torch, so only once the arguments make sense

    times: dict[str, float] = {}
    engine = _timed(times, "load", lambda: Engine(prior=prior_given(arguments), head=arguments.head,
                                                  estimator=arguments.estimator, rasterizer=arguments.rasterizer))
    try:
        if arguments.out and engine.render_problem:
            raise AssetError(engine.render_problem + " Without --out, --save-buffers still works.")
        person = _timed(times, "person", lambda: engine.take_person(arguments.person)) if arguments.person else None
        values = parse_values(engine.head, arguments.values)
        source = project.source if project is not None else arguments.photo
        session = _timed(times, "open", lambda: engine.open(source, arguments.face, aligned=arguments.aligned))
        _mention_other_faces(session, arguments.face)
        if found is not None:
            for words in differences(found, session.digest, engine.prior.digest, engine.prior.name):
                print(f"note: {words}", file=sys.stderr)
        rig = with_environment(with_presets(engine.head, request.rig, arguments.presets), arguments.environment).update(values)
        rig = copied(engine, rig, arguments.copies, arguments.aligned)
        rig = project.with_copies(engine, rig) if project is not None else rig
        if arguments.mean_identity:
            request = replace(request, identity=_timed(times, "album", lambda: _identity(engine, arguments)))
        request = replace(request, photo=session.digest, rig=rig, prior=engine.prior.digest)
        result = None
        if arguments.out:
            result = _render(engine, request)
            times.update(result.timings)
            said = _timed(times, "write", lambda: write_result(session.photo, result, arguments.out, options_of(arguments),
                                                               model=engine.prior.name))
            if said:
                print(f"note: {said}", file=sys.stderr)
        if arguments.save_buffers:
            from core.shadows import RAYS

            save_buffers(engine.buffers(session, rig, identity=request.identity, shadows=RAYS), arguments.save_buffers)
        if arguments.mesh:
            save_mesh(arguments.mesh, engine.head, engine.edited_code(session, rig, request.identity, request.method))
        if arguments.report:
            text = json.dumps(report(engine, session, request, result, times, arguments.out, person), indent=1)
            atomic_write(arguments.report, text.encode())
    finally:
        engine.close()
    return 0


def _draft(arguments: argparse.Namespace, base: RenderRequest | None) -> RenderRequest:
    """As `draft`, with the options that only `edit` has checked too."""
    if arguments.photo is None:
        raise ParameterError("Which photo? Name it: edit PHOTO --out FILE, or begin with --from PICTURE. 'main.py edit --help' "
                             "shows the usage.")
    request = draft(arguments, base)
    if arguments.save_mean_identity and not arguments.mean_identity:
        raise ParameterError("--save-mean-identity needs --mean-identity FOLDER: the album to take the mean of.")
    if not arguments.out and not arguments.save_buffers and not arguments.mesh:
        raise ParameterError("Nothing to write: give --out FILE for a picture, --save-buffers DIR for the buffers, --mesh FILE "
                             "for the head, or several.")
    return request


def draft(arguments: argparse.Namespace, base: RenderRequest | None = None) -> RenderRequest:
    """The request but for what only the engine knows: photo, prior and the changes of the rig. base: what to begin with; what the
    arguments say goes over it.

    Raises ParameterError for options that contradict each other, AssetError for a person that is not there.
    """
    base = base or RenderRequest(photo="")
    method = arguments.method or base.method
    paper = method == "paper"
    given = [name for name in ("noise", "strength", "guidance", "reach") if getattr(arguments, name) is not None]
    if paper and given:
        raise ParameterError(f"--method paper has no --{given[0]}: it always starts from seeded noise and goes all the way.")
    changes = {name: value for name in ("noise", "strength", "guidance", "reach", "seed", "steps", "size")
               if (value := getattr(arguments, name)) is not None}
    if method != base.method:
        changes = {"steps": PAPER_STEPS, "noise": "seeded"} | changes if paper else {"steps": DEFAULT_STEPS} | changes
    if arguments.person is not None:
        person = read_about(find_person(arguments.person))
        changes |= {} if person.digest == base.person else {"person": person.digest, "identity": person.identity}
    return replace(base, method=method, quality="settled", **changes)


def prior_given(arguments: argparse.Namespace) -> str | Path | None:
    """The prior to load: the one that was named, else the one that the person belongs to, else None for the one that ships.

    Raises AssetError when the person's is not installed.
    """
    if arguments.prior is not None or arguments.person is None:
        return arguments.prior  # type: ignore[no-any-return]
    return prior_of(read_about(find_person(arguments.person)))


def _identity(engine: Engine, arguments: argparse.Namespace) -> tuple[float, ...]:
    """The mean identity that was asked for, kept in a file where that was asked for too."""
    source: Path = arguments.mean_identity
    if source.is_dir():
        mean = mean_identity.of_folder(engine, source, arguments.aligned, lambda text: print(f"note: {text}", file=sys.stderr))
    else:
        mean = mean_identity.load(source, engine.head.name)
    if arguments.save_mean_identity:
        mean_identity.save(mean, arguments.save_mean_identity)
    return mean.identity


def _check_files(arguments: argparse.Namespace) -> None:
    if arguments.mean_identity is not None and not arguments.mean_identity.exists():
        raise UserError(f"There is no folder or file {arguments.mean_identity} for --mean-identity. Check the name.")
    check_paths((arguments.photo, *(copy.photo for copy in arguments.copies)), arguments.out,
                (arguments.report, arguments.save_mean_identity, arguments.mesh))
    if arguments.save_buffers is not None and arguments.save_buffers.is_file():
        raise UserError(f"Could not write buffers into {arguments.save_buffers}: it is a file. Give the name of a folder.")
    options_of(arguments)
    if arguments.out is not None:
        check_depth(arguments.bits, arguments.out)
    if arguments.mesh is not None:
        check_mesh_path(arguments.mesh)


def check_paths(photos: Iterable[Path], out: Path | None, others: Iterable[Path | None] = ()) -> None:
    """Find out before the work, not after it, that a photo is not there or the results can't be written. Raises UserError."""
    for path in photos:
        if not path.is_file():
            load_image(path)  # raises, with its own words
        if out is not None and out.exists() and out.samefile(path):
            raise UserError(f"--out {out} would overwrite the photo itself. Choose another name.")
    if out is not None:
        picture_format(out)
    taken: set[str] = set()
    for written in (out, *others):
        if written is None:
            continue
        if not written.absolute().parent.is_dir():
            raise UserError(f"Could not write {written}: its folder does not exist. Make it first, or choose another folder.")
        if (full := os.path.realpath(written)) in taken:
            raise UserError(f"{written} would be written twice, once over the other. Choose another name for one of them.")
        taken.add(full)


def _mention_other_faces(session: Session, chosen: int | None) -> None:
    if chosen is None and len(session.faces) > 1:
        print(f"note: {len(session.faces)} faces found, taking the largest; --face 1 takes the next", file=sys.stderr)


def copied(engine: Engine, rig: Rig, copies: Iterable[CopyFrom], aligned: bool) -> Rig:
    """The rig with blocks of other photos put in. Raises PhotoError where one can't be used."""
    for source in copies:
        copy = engine.copy_from(engine.open(source.photo, aligned=aligned), source.block)
        rig = rig.copy(replace(copy, amount=source.amount))
    return rig


def _render(engine: Engine, request: RenderRequest) -> Result:
    show = progress("step")
    if show is None:
        return engine.render(request)
    return engine.render(request, on_step=lambda step, steps, _: show(step, steps))


def _timed(times: dict[str, float], name: str, work: Callable[[], Any]) -> Any:
    start = time.perf_counter()
    result = work()
    times[name] = time.perf_counter() - start
    return result
