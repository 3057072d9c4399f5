"""Run by torchrun in two processes for test_train_group.py: two runs beside those of one process, then one that fails."""
from __future__ import annotations

import os
import sys
from typing import Any

import torch.distributed as dist

from core import cli
from core.errors import UserError
from core.trainer import Trainer


def main(folder: str, data: str) -> int:
    def run(name: str, processes: int = 2) -> int:
        os.environ["WORLD_SIZE"] = str(processes)
        return cli.run(["train", "--config", f"{folder}/{name}.json", "--data", data, "--out", f"{folder}/{name}-{processes}",
                        "--device", "cpu", "--log-every", "1", "--steps", "2"], lambda _: 0, lambda: None)

    dist.init_process_group("gloo")  # once for all runs
    for name in ("slices", "passes"):
        if (os.environ["RANK"] == "0" and run(name, 1)) or run(name):
            return 1
    step = Trainer.train_step

    def failing(trainer: Trainer, incoming: Any) -> dict[str, float]:
        if trainer.group.rank == 1 and trainer.step == 1:
            raise UserError("this one fails")
        return step(trainer, incoming)

    Trainer.train_step = failing  # type: ignore[assignment,method-assign]
    return run("failing")


if __name__ == "__main__":
    status = main(*sys.argv[1:])
    print(f"process {os.environ['RANK']} ends with {status}", flush=True)
    sys.exit(status)
