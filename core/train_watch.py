"""Watching a training run: CSV log and TensorBoard, loss on pictures held back, and stopping at a signal."""
from __future__ import annotations

import csv
import io
import math
import signal
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from core.errors import UserError
from core.files import atomic_write
from core.train_data import Example, Maker, Pictures
from core.train_step import Batch, draw_timesteps, loss_of
from core.trainer import Trainer

LOG_FIELDS = ("step", "samples", "seconds", "loss", "loss_noisy", "loss_middle", "loss_clean", "gradient", "rate",
              "images_per_second", "held_back_loss")


class StopSignal:
    """Turns SIGTERM and the first Ctrl-C into a request to stop after the present step."""

    def __init__(self) -> None:
        self.asked = False
        self._before: dict[int, Any] = {}
        for number in (signal.SIGTERM, signal.SIGINT):
            try:
                self._before[number] = signal.signal(number, self._ask)
            except ValueError:  # not in the main thread
                return

    def _ask(self, number: int, frame: object) -> None:
        self.asked = True
        signal.signal(number, self._before[number])

    def restore(self) -> None:
        """Put the signals back as they were."""
        for number, handler in self._before.items():
            signal.signal(number, handler)


class Log:
    """Running means since the last line, appended to a CSV, and to TensorBoard where a writer is given.

    Lines of steps that the trainer has still before it (written after the state that it goes on from) are taken out.
    """

    def __init__(self, path: Path, trainer: Trainer, board: Any = None) -> None:
        self.path, self.trainer, self.board, self.held_back = path, trainer, board, math.nan
        self._values: list[dict[str, float]] = []
        self._begun = self._since = time.monotonic()
        if path.exists():
            rows = [row for row in read_log(path) if int(row["step"]) <= trainer.step]
            out = io.StringIO(newline="")
            writer = csv.DictWriter(out, LOG_FIELDS, extrasaction="ignore")
            writer.writeheader()
            writer.writerows(rows)
            atomic_write(path, out.getvalue().encode())

    def add(self, values: dict[str, float]) -> None:
        """Count a step's values."""
        self._values.append(values)

    def write(self) -> str:
        """Append a line; returns it for people."""
        now, config = time.monotonic(), self.trainer.config
        speed = len(self._values) * config.batch * config.accumulate / max(now - self._since, 1e-9)
        row: dict[str, Any] = {key: _nanmean([v[key] for v in self._values]) for key in self._values[0]}
        row.update(step=self.trainer.step, samples=self.trainer.samples, seconds=round(now - self._begun, 1),
                   images_per_second=speed, held_back_loss=self.held_back)
        self._values, self._since = [], now
        self.path.parent.mkdir(parents=True, exist_ok=True)
        fresh = not self.path.exists()
        with self.path.open("a", newline="") as file:
            writer = csv.DictWriter(file, LOG_FIELDS)
            if fresh:
                writer.writeheader()
            writer.writerow({key: f"{row[key]:.6g}" if isinstance(row[key], float) else row[key] for key in LOG_FIELDS})
        if self.board is not None:
            for key in LOG_FIELDS[3:]:
                if not math.isnan(row[key]):
                    self.board.add_scalar(key, row[key], row["samples"])
            self.board.flush()
        return (f"step {row['step']} samples {row['samples']} loss {row['loss']:.4f} (noisy {row['loss_noisy']:.4f} middle "
                f"{row['loss_middle']:.4f} clean {row['loss_clean']:.4f}) held back {self.held_back:.4f} {speed:.1f} images/s")


def read_log(path: Path) -> list[dict[str, str]]:
    """The whole lines of a run's log.csv, as texts by column. Raises UserError when it is missing or another file."""
    try:
        with path.open(newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, ValueError, csv.Error) as error:
        raise UserError(f"{path} can't be read as a training log ({error}). Check the path.") from error
    whole = [row for row in rows if None not in row and None not in row.values() and (row.get("step") or "").isdigit()]
    if rows and not whole:
        raise UserError(f"{path} is not a training log.")
    return whole


def tensorboard(folder: Path) -> Any:
    """A writer of TensorBoard's files. Raises UserError when its package is not installed."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise UserError("--tensorboard needs a package that is not installed. Run '.venv/bin/python -m pip install tensorboard', "
                        "or leave it out: log.csv holds the same numbers.") from error
    return SummaryWriter(str(folder))


def _nanmean(values: list[float]) -> float:
    kept = [v for v in values if not math.isnan(v)]
    return sum(kept) / len(kept) if kept else math.nan


class Check:
    """Loss of the running mean on pictures that are held back, always with the same noise and timesteps."""

    COUNT = 24

    def __init__(self, shards: Pictures, head: Any, trainer: Trainer) -> None:
        self.shards, self.trainer = shards, trainer
        self.maker = Maker(shards, head, trainer.config.side, replace(trainer.config.augment, flip=0, relight=0))

    def examples(self, count: int = 4) -> list[tuple[Example, Any]]:
        """Pictures with their codes, for a sample sheet, spread over the set."""
        chosen = np.linspace(0, len(self.shards) - 1, min(count, len(self.shards))).astype(int)
        return [(self.maker.plain(int(i)), self.shards.code(int(i))) for i in chosen]

    @torch.inference_mode()
    def loss(self) -> float:
        """Mean unweighted loss."""
        model, config = self.trainer.mean_model(), self.trainer.config
        generator, total = torch.Generator().manual_seed(0), 0.0
        examples = [example for example, _ in self.examples(self.COUNT)]
        for at in range(0, len(examples), 8):
            batch = Batch.of(examples[at:at + 8], self.trainer.device, config.network)
            t = draw_timesteps(len(batch.photo), 0.0, generator).to(self.trainer.device)
            noise = torch.randn(batch.photo.shape, generator=generator).to(batch.photo)
            with self.trainer.autocast():
                code = model.encode(batch.view, batch.condition, batch.vector).float()
                each = loss_of(model, self.trainer.bar, batch.photo, batch.condition, code, t, noise, config.network.prediction)
            total += float(each.sum())
        return total / len(examples)
