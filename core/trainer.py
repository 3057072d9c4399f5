"""Trainer: the state of a training run and its step, resumable exactly.

Batch, noise and timesteps of a step depend only on the seed and the step's number, so a run that was stopped and resumed takes
the same steps as one that was not, and several processes take the same steps as one (see core.train_group).
"""
from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from core.errors import UserError
from core.files import atomic_save, atomic_write
from core.train_config import TrainConfig
from core.train_data import Example
from core.train_group import Group
from core.train_step import Batch, by_time, draw_timesteps, loss_of
from models import adapters
from models.checkpoint import CheckpointError, Description, load, to_bytes
from models.rig_model import RigModel
from models.schedule import alphas_bar

STATE_VERSION = 1
LICENCE = "CC-BY 4.0; trained on the pictures that the model card names"


class Trainer:
    """Model, optimiser, running mean of the weights, and the count of steps: all that a run's state file holds."""

    def __init__(self, config: TrainConfig, device: torch.device, workers: int = 1, group: Group | None = None) -> None:
        """workers: batches of one step (of its `accumulate`) that run beside each other, each on one core.

        group: the processes that take the steps together. Raises UserError when they can't share a step.
        """
        torch.manual_seed(config.seed)
        self.config, self.device, self.group = config, device, group or Group()
        self.share = self.group.share(config)
        self.workers = workers if self.share.slices == 1 else 1  # statistics are exchanged within a pass: one after the other
        self._threads: ThreadPoolExecutor | None = None
        self.model = placed(RigModel(config.network), device)
        trained: nn.Module = self.model if config.encoder == "trained" else self.model.denoisingUNet
        self.model.requires_grad_(False).train()
        self.parameters: list[Tensor] = (adapters.adapt(self.model.denoisingUNet, config.rank) if config.rank
                                         else list(trained.requires_grad_(True).parameters()))
        if config.encoder == "frozen":
            self.model.encoder.eval()
        if self.share.slices > 1:
            self.group.share_norms(self.model.encoder)
        if config.checkpointing:
            for stage in self._stages():
                stage.forward = partial(checkpoint, stage.forward, use_reentrant=False)  # type: ignore[method-assign]
        if config.compile and device.type == "cuda":
            self.model.denoisingUNet.compile()
        self.mean = {key: value.detach().clone() for key, value in self.model.state_dict().items()}
        self.optimiser = torch.optim.AdamW(self.parameters, config.rate, betas=(0.9, config.beta2),
                                           weight_decay=config.weight_decay, fused=device.type in ("cpu", "cuda"))
        self.bar = alphas_bar(config.network.schedule, config.network.steps).float().to(device)
        self.step = 0
        self.samples = 0
        self.progress = 0.0
        self.history: list[dict[str, Any]] = []

    def rate(self) -> float:
        """Learning rate of the coming step: it falls with the share of the steps that are done, or with `progress` where more."""
        config = self.config
        warm = min(1.0, (self.step + 1) / config.warmup) if config.warmup else 1.0
        left = 1 - (1 - config.decay_to) * min(1.0, max(self.step / max(config.steps, 1), self.progress))
        return config.rate * warm * left

    def autocast(self) -> torch.autocast:
        """The context in which the networks run: the configuration's precision."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.config.precision == "bfloat16")

    def _stages(self) -> list[nn.Module]:
        network = self.model.denoisingUNet
        return [*network.input_blocks, network.middle_block, *network.output_blocks]

    def generator(self, part: int) -> torch.Generator:
        """What draws the randomness of one of the coming step's parts: each has its own, so that any process can draw it."""
        return torch.Generator().manual_seed((self.config.seed * 1_000_003 + self.step) * self.config.accumulate + part)

    def _draw(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """What is random in a part of a step: timesteps, noise, and which pictures keep their global code."""
        return (draw_timesteps(count, self.config.timestep_bias, generator), self._normal(count, generator),
                (torch.rand(count, 1, generator=generator) >= self.config.drop_code).float())

    def _normal(self, count: int, generator: torch.Generator) -> Tensor:
        """Noise (count, 3, side, side), drawn on the training device: for a large batch, a CPU would take as long as the step."""
        shape = (count, 3, self.config.side, self.config.side)
        if self.device.type == "cpu":
            return torch.randn(shape, generator=generator)
        own = torch.Generator(self.device).manual_seed(int(torch.randint(2 ** 62, (), generator=generator)))
        return torch.randn(shape, generator=own, device=self.device)

    def _part(self, examples: list[Example] | Batch, part: int) -> tuple[Tensor, Tensor, tuple[Tensor, ...]]:
        """Loss and timestep of each picture, and the gradients, of this process's rows of one batch."""
        config, device, generator = self.config, self.device, self.generator(part)
        batch = examples.to(device) if isinstance(examples, Batch) else Batch.of(examples, device, config.network)
        t, noise, kept = self._draw(config.batch, generator)
        shaken = noise + config.input_perturbation * self._normal(len(noise), generator) if config.input_perturbation else None
        t, noise, kept = (value[self.share.rows].to(device) for value in (t, noise, kept))
        pixels = 1 + config.face_weight * batch.coverage if config.face_weight else None
        if self.workers == 1:
            torch.manual_seed(generator.initial_seed() * self.share.slices + (self.share.rows.start or 0))  # dropout
        with self.autocast():
            code = self.model.encode(batch.view, batch.condition, batch.vector)
            code = torch.cat([code[:, :config.network.code] * kept, code[:, config.network.code:]], 1)
            each = loss_of(self.model, self.bar, batch.photo, batch.condition, code, t, noise,
                           config.network.prediction, config.weighting, pixels=pixels,
                           shaken=None if shaken is None else shaken[self.share.rows].to(device))
        gradients = torch.autograd.grad(each.mean() / config.accumulate / self.share.slices, self.parameters)
        return each.detach(), t, gradients

    def train_step(self, incoming: Iterator[list[Example] | Batch]) -> dict[str, float]:
        """One optimiser step; returns what the log shows. Raises UserError when the loss is no number any more.

        incoming: this process's rows of the step's batches, those parts that its share says.
        """
        config, rate = self.config, self.rate()
        for settings in self.optimiser.param_groups:
            settings["lr"] = rate
        jobs: list[tuple[list[Example] | Batch, int]] = [(next(incoming), part) for part in self.share.parts]
        before = self.group.norms(self.model.encoder)
        if self.workers > 1:
            parts = list(self._pool().map(lambda job: self._part(*job), jobs))
        else:
            parts = [self._part(*job) for job in jobs]
        if self.share.slices == 1 and self.model.encoder.training:
            self.group.merge_norms(self.model.encoder, before, len(jobs))
        for parameter, *gradients in zip(self.parameters, *(part[2] for part in parts), strict=True):
            # the fused optimiser walks memory in order, so a gradient must lie as its parameter does (channels_last)
            parameter.grad = torch.empty_like(parameter).copy_(sum(gradients[1:], gradients[0]))
        self.group.add([parameter.grad for parameter in self.parameters if parameter.grad is not None])
        norm = nn.utils.clip_grad_norm_(self.parameters, config.clip)
        if not torch.isfinite(norm):
            raise UserError(f"Training went wrong at step {self.step}: the loss is not a number. Resume with a lower rate.")
        self.optimiser.step()
        self.step += 1
        self.samples += config.batch * config.accumulate
        self._follow()
        each, t = (self.group.gather(torch.cat(found)) for found in ([part[0] for part in parts], [part[1] for part in parts]))
        losses = by_time(each, t)
        return {"gradient": float(norm), "rate": rate, **losses}

    def _pool(self) -> ThreadPoolExecutor:
        """Threads that each run one batch of a step on one core.

        On a busy machine this is many times faster than kernels split over cores, which wait for the slowest at every layer.
        The order in which batch statistics move is then not fixed.
        """
        if self._threads is None:
            self._threads = ThreadPoolExecutor(self.workers, "train", torch.set_num_threads, (1,))
        return self._threads

    @torch.no_grad()
    def _follow(self) -> None:
        """Move the running mean of weights and batch statistics; counters are taken as they are."""
        decay = min(self.config.ema, (1 + self.step) / (10 + self.step)) if self.config.ema else 0.0
        state = self.model.state_dict()
        floating = [key for key, value in state.items() if value.is_floating_point()]
        torch._foreach_lerp_([self.mean[key] for key in floating], [state[key] for key in floating], 1 - decay)
        for key in state.keys() - set(floating):
            self.mean[key].copy_(state[key])

    def weights(self) -> dict[str, Tensor]:
        """The running mean as a plain model's state dict, adapters added to their weights."""
        return adapters.merged(self.mean)

    def mean_model(self, dtype: torch.dtype = torch.float32) -> RigModel:
        """A copy of the model with the running mean, in eval mode."""
        model = RigModel(self.config.network)
        model.load_state_dict(self.weights())
        return placed(model.to(dtype), self.device).eval()

    def save(self, path: Path) -> None:
        """Write everything needed to go on, at once."""
        state = {"version": STATE_VERSION, "config": self.config.to_json(), "model": self.model.state_dict(), "mean": self.mean,
                 "optimiser": self.optimiser.state_dict(), "step": self.step, "samples": self.samples, "history": self.history}
        atomic_save(path, lambda file: torch.save(state, file), make_folder=True)  # type: ignore[arg-type]

    @classmethod
    def resume(cls, path: Path, device: torch.device, config: TrainConfig | None = None, workers: int = 1,
               group: Group | None = None) -> Trainer:
        """Go on from a state file, with its own configuration unless one is given, in any number of processes.

        Raises UserError when it can't be used.
        """
        state = read_state(path)
        trainer = cls(config or TrainConfig.from_json(state["config"]), device, workers, group)
        try:
            trainer.model.load_state_dict(state["model"])
            trainer.optimiser.load_state_dict(state["optimiser"])
            for settings in trainer.optimiser.param_groups:  # a configuration that was given wins over the saved one
                settings.update(betas=(0.9, trainer.config.beta2), weight_decay=trainer.config.weight_decay)
        except (RuntimeError, ValueError) as error:
            raise UserError(f"{path} holds another network or stage than the configuration says. "
                            "Name its own with --config.") from error
        trainer.mean = {key: value.to(device) for key, value in state["mean"].items()}
        trainer.step, trainer.samples, trainer.history = state["step"], state["samples"], state["history"]
        return trainer

    def start_from(self, path: Path) -> None:
        """Take weights (the running mean, of a state file, or an exported model) as the start of a new run. Raises UserError."""
        try:
            if path.suffix == ".safetensors":
                checkpoint = load(path)
                weights, before = checkpoint.build().state_dict(), checkpoint.description.card.get("phases", [])
            else:
                state = read_state(path)
                weights = adapters.merged(state["mean"])
                before = [*state["history"], _phase(state["config"], state["step"], state["samples"])]
            self.take(weights)
        except (CheckpointError, RuntimeError, OSError) as error:
            raise UserError(f"Training can't start from {path}: {error}") from error
        self.history = before

    def take(self, weights: Mapping[str, Tensor]) -> None:
        """Begin with these weights, a plain model's state dict; the running mean too. Raises RuntimeError when they don't fit."""
        self.model.load_state_dict(adapters.adapted(weights, self.model.state_dict()) if self.config.rank else weights)
        self.mean = {key: value.detach().clone() for key, value in self.model.state_dict().items()}

    def description(self, facts: dict[str, Any] | None = None) -> Description:
        """What an export says about itself. facts: of the pictures (`Shards.facts`)."""
        phases = [*self.history, _phase(self.config.to_json(), self.step, self.samples)]
        card: dict[str, Any] = {"samples_seen": sum(p["samples"] for p in phases), "phases": phases,
                                "precision": self.config.precision, **(facts or {})}
        return Description(self.config.network, self.config.name, self.config.head, LICENCE, card)

    def export(self, path: Path, facts: dict[str, Any] | None = None) -> None:
        """Write the running mean as a prior (.safetensors). facts: see `description`."""
        atomic_write(path, to_bytes(self.weights(), self.description(facts)), make_folder=True)


def placed(model: RigModel, device: torch.device) -> RigModel:
    """The model on a device, its weights in channels_last."""
    return model.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]


def read_state(path: Path) -> dict[str, Any]:
    """A state file's content. Raises UserError when it is missing, damaged, or of another version."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise UserError(f"{path} can't be read ({error.strerror}). Check the path.") from error
    except Exception as error:  # torch.load has no error class of its own
        raise UserError(f"{path} is damaged or not a training state. Take an older one.") from error
    if not isinstance(state, dict) or state.get("version") != STATE_VERSION:
        raise UserError(f"{path} is not a training state of this version.")
    return state


def _phase(config: dict[str, Any], step: int, samples: int) -> dict[str, Any]:
    return {"name": config["name"], "side": config["size"] or config["network"]["size"], "steps": step, "samples": samples,
            "batch": config["batch"] * config["accumulate"], "rate": config["rate"], "mix": config["mix"],
            "encoder": config.get("encoder", "trained")}
