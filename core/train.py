"""Training of both stages (spec section 6): resumable at any step, on any device, with CSV log and sample sheets.

Stage 1 makes a generic prior; Stage 2 goes on with it on one person's album, the global encoder kept.
"""
from __future__ import annotations

import argparse
import hashlib
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from core.conditioning import vector_problem
from core.device import pick_device
from core.errors import UserError
from core.head import load_head
from core.render.rasterize import get_rasterizer, rasterizer_names
from core.train_config import TrainConfig, ablation, assignments
from core.train_curves import write_curves
from core.train_data import Shards, is_held_back, people_of
from core.train_feed import feed
from core.train_group import Group
from core.train_watch import Check, Log, StopSignal, tensorboard
from core.trainer import Trainer, read_state

DEFAULT = "compact-256"


@dataclass(frozen=True)
class Plan:
    """How long and how often. minutes, steps: whichever comes first; 0 minutes: no limit. The others count steps or minutes.

    finish: the learning rate falls within those minutes, as it would over all steps. rasterizer: what draws the buffers. loaders:
    processes that make batches (0: a thread). curves: a PNG of the log. tensorboard: whether the log is written for it too.
    """

    minutes: float = 0.0
    steps: int = 0
    save_minutes: float = 3.0
    log_every: int = 20
    sheet_every: int = 0
    check_every: int = 200
    export: Path | None = None
    finish: bool = False
    rasterizer: str = "numba"
    loaders: int = 0
    curves: Path | None = None
    tensorboard: bool = False


def train(trainer: Trainer, data: Shards, held_back: Shards | None, out: Path, plan: Plan,
          say: Callable[[str], None] = print) -> None:
    """Train until the plan says stop, or SIGTERM or Ctrl-C comes; leaves out/state.pt, out/log.csv and out/sheets/.

    In a group of processes all stop at the same step, and the first one alone writes and says anything. Raises UserError when a
    file can't be written, the head is not the network's, the loss diverges, or another process has ended; the last saved state
    stays usable.
    """
    config, group, first = trainer.config, trainer.group, trainer.group.rank == 0
    head = load_head(config.head)
    problem = vector_problem(config.network, head)
    if problem:
        raise UserError(f"Training can't start: {problem}.")
    names = hashlib.sha256("\n".join(data.names).encode()).hexdigest()
    group.same_start(trainer.model, {"configuration": config.to_json(), "step": trainer.step, "prepared data": names,
                                     "--steps": plan.steps, "--minutes": plan.minutes})
    source = feed(data, config, plan.rasterizer, plan.loaders, trainer.step, trainer.share, trainer.device.type == "cuda")
    log = Log(out / "log.csv", trainer, tensorboard(out / "tensorboard") if plan.tensorboard else None) if first else None
    check = Check(held_back, head, trainer) if held_back is not None and len(held_back) and first else None
    stop = StopSignal()
    begun = saved = time.monotonic()
    last = plan.steps or config.steps

    def keep() -> None:
        trainer.save(out / "state.pt")
        if plan.export is not None:
            trainer.export(plan.export, data.facts())
        if plan.curves is not None:
            write_curves(plan.curves, out / "log.csv")

    try:
        while trainer.step < last:
            over = (time.monotonic() - begun) / (60 * plan.minutes) if plan.minutes else 0.0
            asked, over = group.largest(stop.asked, over)
            if asked or over > 1:
                break
            if plan.finish:
                trainer.progress = over
            values = trainer.train_step(source)
            if log is None:
                continue
            log.add(values)
            if plan.check_every and trainer.step % plan.check_every == 0 and check is not None:
                log.held_back = check.loss()
            if trainer.step % plan.log_every == 0:
                say(log.write())
            if plan.sheet_every and trainer.step % plan.sheet_every == 0 and check is not None:
                from core.train_sheet import write_sheet

                model = trainer.mean_model(torch.bfloat16)
                write_sheet(out / "sheets" / f"{trainer.samples:09d}.png", model, check.examples(), head)
            if time.monotonic() - saved > 60 * plan.save_minutes:
                keep()
                saved = time.monotonic()
    finally:
        source.close()  # type: ignore[attr-defined]
        stop.restore()
    if first:
        keep()
        say(f"stopped at step {trainer.step}, {trainer.samples} samples seen; state in {out / 'state.pt'}")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `main.py train`."""
    parser.add_argument("--config", metavar="FILE", help="training configuration: a file, or a name in resources/configs "
                        f"(default {DEFAULT}; with --resume the run's own)")
    parser.add_argument("--ablation", metavar="NAME", help="an ablation of the paper (resources/configs/ablations.json)")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", dest="changes",
                        help="another value, such as rate=1e-4 or network.buffers=normal,albedo; may be given again")
    parser.add_argument("--data", action="append", default=[], metavar="DIR", help="folder of 'prepare'; may be given again")
    parser.add_argument("--out", required=True, metavar="DIR", help="folder of the run")
    parser.add_argument("--init", metavar="FILE", help="start from an exported model, or from the state.pt of another run")
    parser.add_argument("--resume", action="store_true", help="go on with the run in --out")
    parser.add_argument("--minutes", type=float, default=0.0, help="time limit")
    parser.add_argument("--finish", action="store_true", help="let the learning rate fall within --minutes, to end there")
    parser.add_argument("--steps", type=int, default=0, help="stop at this step (default: the configuration's)")
    parser.add_argument("--export", metavar="FILE", help="write the model there each time the state is saved; alone: only that")
    parser.add_argument("--exclude", metavar="DIR", help="hold back the people whose pictures (by name) are in this folder")
    parser.add_argument("--sheet-every", type=int, default=0, metavar="N", help="sample sheet every N steps")
    parser.add_argument("--log-every", type=int, default=20, metavar="N", help="line in log.csv every N steps (default 20)")
    parser.add_argument("--save-minutes", type=float, default=3.0, help="minutes between saved states (default 3)")
    parser.add_argument("--device", help="cpu, cuda or mps (default: the best present)")
    parser.add_argument("--rasterizer", default="numba", choices=rasterizer_names(),
                        help="what draws the buffers: numba (default, on the CPU), torch or pytorch3d (a batch at once)")
    parser.add_argument("--threads", type=int, default=0, help="CPU threads of each worker (default: all)")
    parser.add_argument("--loaders", type=int, default=0, metavar="N",
                        help="processes that make the batches (default: a thread); one makes about 50 pictures a second")
    parser.add_argument("--tensorboard", action="store_true", help="write the log for TensorBoard too (if it is installed)")
    parser.add_argument("--curves", metavar="FILE",
                        help="draw the log as a PNG each time the state is saved; alone: only that")
    parser.add_argument("--workers", type=int, default=1,
                        help="batches of a step that run beside each other; with --threads 1 best on a busy CPU")


def run(args: argparse.Namespace) -> int:
    """`main.py train`: returns the exit status."""
    out, curves = Path(args.out), Path(args.curves) if args.curves else None
    if curves is not None and not args.data and not args.export:
        write_curves(curves, out / "log.csv")
        return 0
    if args.threads:
        torch.set_num_threads(args.threads)
    if args.finish and not args.minutes:
        raise UserError("--finish needs --minutes.")
    if args.loaders and args.rasterizer != "numba":
        raise UserError(f"--loaders makes batches in processes of their own; the {args.rasterizer} rasterizer works in this one. "
                        "Leave one of the two out.")
    get_rasterizer(args.rasterizer)  # says at once when it is not installed
    group = Group.joined(_device(args.device))
    try:
        trainer = _trainer(args, out / "state.pt", group)
        if args.export and not args.data:
            trainer.export(Path(args.export))
            return 0
        data, held_back = _load_data(args, trainer.config)
        if group.rank == 0:
            beside = f", {group.count} processes" if group.count > 1 else ""
            print(f"{len(data)} pictures, {len(held_back) if held_back else 0} held back; on {group.device}{beside}", flush=True)
        plan = Plan(args.minutes, args.steps, args.save_minutes, args.log_every, sheet_every=args.sheet_every,
                    export=Path(args.export) if args.export else None, finish=args.finish, rasterizer=args.rasterizer,
                    loaders=args.loaders, curves=curves, tensorboard=args.tensorboard)
        train(trainer, data, held_back, out, plan, say=lambda line: print(line, flush=True))
    finally:
        group.leave()
    return 0


def _device(name: str | None) -> torch.device:
    """The device asked for; in a process of torchrun, the GPU of its number. Raises UserError when it is not there."""
    try:
        device = pick_device(name)
    except ValueError as error:
        raise UserError(str(error)) from error
    local = int(os.environ.get("LOCAL_RANK", "-1"))
    if device.type != "cuda" or device.index is not None or local < 0:
        return device
    if local >= torch.cuda.device_count():
        raise UserError(f"This machine has {torch.cuda.device_count()} GPUs. Start that many processes: --nproc-per-node.")
    device = torch.device("cuda", local)
    torch.cuda.set_device(device)
    return device


def _trainer(args: argparse.Namespace, state: Path, group: Group) -> Trainer:
    """A new run, or the one that goes on."""
    if args.resume:
        if group.rank == 0:
            for left in state.parent.glob(".*.part"):  # of a save that was killed
                left.unlink(missing_ok=True)
        return Trainer.resume(state, group.device, _config(args, args.config or state), args.workers, group)
    if state.exists():
        raise UserError(f"{state.parent} already holds a run. Go on with --resume, or choose another --out.")
    trainer = Trainer(_config(args, args.config or DEFAULT), group.device, args.workers, group)
    if args.init:
        trainer.start_from(Path(args.init))
    return trainer


def _config(args: argparse.Namespace, source: str | Path) -> TrainConfig:
    """The configuration of a file, or of a run's state, with the changes asked for."""
    changes = {**(ablation(args.ablation) if args.ablation else {}), **assignments(args.changes)}
    if isinstance(source, Path):
        return TrainConfig.from_json(read_state(source)["config"]).changed(changes)
    return TrainConfig.load(source, changes)


def _load_data(args: argparse.Namespace, config: TrainConfig) -> tuple[Shards, Shards | None]:
    people = people_of(args.exclude)

    def held(name: str) -> bool:
        return is_held_back(name, config.hold_back, people)

    pictures = Shards(args.data, config.head)
    data = pictures.part(lambda name: not held(name), mean_identity=config.mean_identity)
    try:
        return data, pictures.part(held, identity=data.identity)
    except UserError:
        return data, None
