"""kill -9 in the middle of real commands: the old file is whole, nothing half stays under its name, and the work goes on."""
from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from core.batch_queue import WAITING, PictureQueue
from core.film.encode import read_about
from core.photo import load_image
from core.project import read_project
from tests.core.project.kit import project, written
from tests.tiny import save_tiny_prior

REPOSITORY = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs kill -9")

# Runs some lines of Python, and dies at the so-many-th call of os.replace or os.fsync.
DEADLY = """
import os, signal, sys
from pathlib import Path
call, number, job = sys.argv[1], int(sys.argv[2]), sys.argv[3]
was, calls = getattr(os, call), 0
def deadly(*given, **named):
    global calls
    calls += 1
    if calls == number:
        os.kill(os.getpid(), signal.SIGKILL)
    return was(*given, **named)
def arm():
    setattr(os, call, deadly)
exec(job)
"""
COMMAND = "import main; arm(); sys.exit(main.main(sys.argv[4:]))"


def run(call: str, number: int, job: str, *words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", DEADLY, call, str(number), job, *map(str, words)], cwd=REPOSITORY, text=True,
                          capture_output=True, check=False, timeout=120, env={**os.environ, "PYTHONPATH": str(REPOSITORY)})


def dies(call: str, number: int, job: str, *words: object) -> None:
    done = run(call, number, job, *words)
    assert done.returncode == -signal.SIGKILL, done.stderr[-2000:]


def lives(*words: object) -> str:
    done = subprocess.run([sys.executable, "main.py", *map(str, words)], cwd=REPOSITORY, text=True, capture_output=True,
                          check=False, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


@pytest.fixture(autouse=True)
def home(own_home: Path) -> Path:
    return own_home


def test_an_export(tmp_path: Path, sample_photo: Path) -> None:
    prior, out = save_tiny_prior(tmp_path / "tiny.safetensors"), tmp_path / "made.png"
    words = ("edit", sample_photo, "--out", out, "--prior", prior, "--steps", "1", "--size", "crop", "--no-credentials")
    lives(*words)
    before = out.read_bytes()
    for call in ("fsync", "replace"):
        dies(call, 1, COMMAND, *words, "--seed", "5")
        assert out.read_bytes() == before
    lives(*words, "--seed", "5")
    assert load_image(out).pixels.shape[2] == 3


def test_a_film_goes_on_with_the_same_frames(tmp_path: Path, sample_photo: Path) -> None:
    prior, out = save_tiny_prior(tmp_path / "tiny.safetensors"), tmp_path / "made.mp4"
    words = ("film", sample_photo, "--out", out, "--prior", prior, "--template", "idle", "--duration", "0.5", "--fps", "10",
             "--preview", "--size", "crop", "--long-side", "96", "--no-credentials")
    frames = tmp_path / "home" / "cache" / "films"
    dies("replace", 3, COMMAND, *words)  # at one of the first frames
    first = {path.name: path.read_bytes() for path in frames.rglob("[!.]*.png")}
    assert 1 <= len(first) < 5 and not out.exists()
    dies("replace", 6 - len(first), COMMAND, *words)  # the frames that are left; then the film itself takes its name
    assert not out.exists() and len(list(frames.rglob("[!.]*.png"))) == 5
    assert " s each" not in lives(*words), "every frame was there"
    assert read_about(out) is not None
    after = {path.name: path.read_bytes() for path in frames.rglob("[!.]*.png")}
    assert first.items() <= after.items(), "those made before the kill are used as they are"
    for path in frames.rglob("*.png"):
        path.unlink()
    lives(*words)
    anew = {path.name: path.read_bytes() for path in frames.rglob("[!.]*.png")}
    assert anew == after, "frames made in three runs are those of one run"


def test_a_project(tmp_path: Path) -> None:
    path = written(tmp_path)
    before = path.read_bytes()
    job = ("from core.project import write_project; from tests.core.project.kit import project; arm(); "
           "write_project(Path(sys.argv[4]), project(view={}))")
    for call, number in (("fsync", 1), ("replace", 1), ("replace", 2)):  # the second: after the backup was made
        dies(call, number, job, path)
        assert path.read_bytes() == before
        assert np.array_equal(read_project(path).snapshots[0].picture, project().snapshots[0].picture)


def test_a_queue_is_offered_again(tmp_path: Path) -> None:
    """Whatever write it dies in: each picture waits or is done, and none is lost."""
    job = """
from core.batch_plan import NamedRig, Task
from core.batch_queue import Lot, PictureQueue
from core.batch_record import MADE, row_of
from core.prepare_items import Item
from core.request import RenderRequest
from dataclasses import replace
out = Path(sys.argv[4])
out.mkdir(exist_ok=True)
queue = PictureQueue(out / "queue.json")
tasks = [Task(Item(f"/photos/{i}.jpg"), NamedRig("warm", RenderRequest("ab" * 32)), out / f"{i}.png", str(i)) for i in range(3)]
queue.add(tasks, Lot(out), "prior")
arm()
while (entry := queue.next()) is not None:
    entry.task.out.write_bytes(b"picture")
    queue.finished(entry, row_of(entry.task, MADE))
"""
    for call in ("fsync", "replace"):
        number = 1
        while True:
            out = tmp_path / f"{call} {number}"
            if run(call, number, job, out).returncode == 0:
                break
            queue = PictureQueue(out / "queue.json")
            waiting = queue.load()
            assert len(queue.entries) == 3 and waiting == queue.count(WAITING)
            assert all(entry.task.out.is_file() for entry in queue.entries if entry.state != WAITING)
            number += 4  # some of them will do
        assert number > 1
