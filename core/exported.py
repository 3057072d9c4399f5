"""The denoiser outside torch, as an ONNX file that onnxruntime or OpenVINO runs: for CPUs on which one of them is faster.

Both are extras (requirements-fast.txt), looked for when they are needed. A try runs in a process of its own
(`python -m core.exported`), for a compiler of somebody else's that crashes there must not take the window with it.
"""
from __future__ import annotations

import hashlib
import json
import logging
import os
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from models.denoiser import Denoiser
from models.rig_model import EpsilonNetwork, RigModel

log = logging.getLogger(__name__)

RUNTIMES = {"onnxruntime": (torch.float32,), "openvino": (torch.float32, torch.bfloat16)}  # and the formats they are tried in
INPUTS = ("x", "t", "condition", "code")
_PATIENCE = 180  # seconds that a try may take
_ROUNDS = 8
Run = Callable[[list[np.ndarray]], np.ndarray]


def runtimes() -> list[str]:
    """The runtimes that can be used here: those installed, if the package that writes their file is there too."""
    return [name for name in RUNTIMES if find_spec(name)] if find_spec("onnx") else []


def export(model: RigModel, folder: Path) -> Path:
    """Write the denoiser (one picture of config.size, float32) as an ONNX file of that folder, named after its weights.

    A file that is there already is kept. Raises RuntimeError when torch can't export it, OSError when it can't be written.
    """
    denoiser = model.denoisingUNet
    file = folder / f"{_digest(denoiser)}.onnx"
    if file.is_file():
        return file
    config = model.config
    folder.mkdir(parents=True, exist_ok=True)
    inputs = _seeded(config.size, config.code_width)
    with tempfile.TemporaryDirectory(dir=folder) as part, warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # the exporter calls itself old; the newer one needs three more packages
        made = Path(part) / "network.onnx"
        copy = Denoiser(config).eval()
        copy.load_state_dict(denoiser.state_dict())
        torch.onnx.export(copy, tuple(map(torch.from_numpy, inputs)), str(made), dynamo=False, opset_version=18,
                          input_names=list(INPUTS), output_names=["y"])
        os.replace(made, file)
    return file


def _digest(denoiser: Denoiser) -> str:
    """Equal for equal weights and layouts."""
    found = hashlib.sha256(denoiser.config.to_key().encode())
    for values in denoiser.state_dict().values():
        found.update(values.detach().float().cpu().contiguous().numpy())
    return found.hexdigest()[:24]


def _seeded(side: int, code: int) -> list[np.ndarray]:
    """x, t, condition and code of one evaluation."""
    rng = np.random.default_rng(0)
    drawn = [rng.normal(size=shape).astype(np.float32) for shape in ((1, 3, side, side), (1, 9, side, side), (1, code))]
    return [drawn[0], np.array([500]), drawn[1].clip(-1, 1), drawn[2]]


def load(runtime: str, file: Path, dtype: torch.dtype, threads: int) -> Run:
    """A function from x, t, condition, code (one picture) to the denoiser's output (1, 3, S, S) float32.

    Raises RuntimeError or ImportError when the runtime can't.
    """
    if runtime == "onnxruntime":
        import onnxruntime
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # see core/__init__.py
        session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
        return lambda values: session.run(None, dict(zip(INPUTS, values, strict=True)))[0]
    import openvino
    hints = {"INFERENCE_PRECISION_HINT": "bf16" if dtype == torch.bfloat16 else "f32", "INFERENCE_NUM_THREADS": threads,
             "PERFORMANCE_HINT": "LATENCY"}
    request = openvino.Core().compile_model(str(file), "CPU", hints).create_infer_request()
    return lambda values: np.array(next(iter(request.infer(values, share_inputs=True).values())))


class ExportedNetwork(EpsilonNetwork):
    """An `EpsilonNetwork` whose denoiser is run by onnxruntime or OpenVINO, one picture at a time; the encoder stays in torch.

    model: float32, on the CPU. Pictures of another size than config.size go through torch too.
    """

    def __init__(self, model: RigModel, run: Run) -> None:
        super().__init__(model)
        self._run = run

    def raw(self, noisy: Tensor, t: Tensor, condition: Tensor, code: Tensor) -> Tensor:
        if tuple(noisy.shape[2:]) != (self.config.size,) * 2:
            return super().raw(noisy, t, condition, code)
        condition = condition.float().expand(len(noisy), -1, -1, -1)
        rows = [self._run([np.ascontiguousarray(value[k:k + 1].numpy()) for value in (noisy, t, condition, code)])
                for k in range(len(noisy))]
        return torch.from_numpy(np.concatenate(rows))


# -- a try ------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Trial:
    """What a try found: seconds of processor time an evaluation takes (its best), and the output (1, 3, S, S)."""

    seconds: float
    output: np.ndarray


def inputs_of(model: RigModel) -> list[np.ndarray]:
    """What every try evaluates: x, t, condition, code."""
    return _seeded(model.config.size, model.config.code_width)


def try_out(runtime: str, file: Path, dtype: torch.dtype, inputs: list[np.ndarray], threads: int) -> Trial | None:
    """The network in that runtime and format in another process; None where it fails there, however badly."""
    with tempfile.TemporaryDirectory() as folder:
        given, found = Path(folder) / "in.npz", Path(folder) / "out.npz"
        np.savez(given, *inputs)
        job = json.dumps([runtime, str(file), str(dtype), str(given), str(found), threads])
        try:
            done = subprocess.run([sys.executable, "-m", "core.exported", job], cwd=Path(__file__).resolve().parents[1],
                                  capture_output=True, text=True, timeout=_PATIENCE, check=False,
                                  env={**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)})
        except (OSError, subprocess.TimeoutExpired) as problem:
            log.warning("%s was tried for the network, but %s", runtime, problem)
            return None
        if done.returncode or not found.is_file():
            said = (done.stderr.strip().splitlines() or [f"it ended with status {done.returncode}"])[-1]
            log.warning("%s was tried for the network and failed: %s", runtime, said)
            return None
        with np.load(found) as result:
            return Trial(float(result["seconds"]), result["output"])


def best_time(run: Callable[[], object]) -> float:
    """Seconds of processor time of the best of a few runs, after one that doesn't count."""
    run()
    times = []
    for _ in range(_ROUNDS):
        begun = time.process_time()
        run()
        times.append(time.process_time() - begun)
    return min(times)


def main(job: str) -> None:
    """The other process: load, run, write what was found."""
    runtime, file, dtype, given, found, threads = json.loads(job)
    with np.load(given) as stored:
        inputs = [stored[name] for name in stored.files]
    run = load(runtime, Path(file), torch.bfloat16 if "bfloat16" in dtype else torch.float32, threads)
    output = run(inputs)
    np.savez(found, seconds=best_time(lambda: run(inputs)), output=output)


if __name__ == "__main__":
    main(sys.argv[1])
