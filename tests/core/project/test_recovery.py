"""What is kept against a crash: whole at whatever moment the process dies, and never taken from a window that lives."""
from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from core.errors import UserError
from core.files import WriteError
from core.project import Project, read_project, recovery
from core.project.recovery import Keeper, Left, began, discard, left_behind
from core.rig import Rig
from tests.core.project.kit import project

REPOSITORY = Path(__file__).resolve().parents[3]
DEAD = "owner-1-0123456789-{host}"

# Forks a process for each system call that writing makes, which dies there as by kill -9.
KILLED = """
import os, signal, sys
sys.path[:0] = [{repository!r}]
from dataclasses import replace
from pathlib import Path
from core.project import write_project
from core.project.recovery import Keeper
from tests.core.project.kit import project

def keep(root):
    keeper = Keeper(root)
    return lambda made, steps: keeper.keep(made, "me.jpg", None, steps)

def save(root):
    root.mkdir(parents=True, exist_ok=True)
    return lambda made, steps: write_project(root / "one.drig", made)

def run(number, root):
    write, calls = {write}(root), 0
    write(project(view={{"round": 1}}), 1)
    def deadly(call):
        def counted(*given, **named):
            nonlocal calls
            calls += 1
            if calls == number:
                os.kill(os.getpid(), signal.SIGKILL)
            return call(*given, **named)
        return counted
    for name in ("fsync", "replace", "open", "chmod", "unlink", "link", "rename"):
        setattr(os, name, deadly(getattr(os, name)))
    second = project(view={{"round": 2}}, snapshots=project().snapshots[:1])
    write(second, 2)

survived, number = 0, 0
while not survived:
    number += 1
    root = Path({root!r}) / str(number)
    child = os.fork()
    if child == 0:
        run(number, root)
        os._exit(0)
    survived = os.waitpid(child, 0)[1] == 0
print(number)
"""


def kept(folder: Path, made: Project | None = None, **more: object) -> Keeper:
    keeper = Keeper(folder)
    keeper.keep(made or project(), "me.jpg", None, 3)
    return keeper


def die(keeper: Keeper) -> None:
    """As if the process had ended without a word."""
    assert keeper.folder is not None
    owner = recovery._owner_file(keeper.folder)
    assert owner is not None
    owner.rename(keeper.folder / DEAD.format(host=recovery._host()))


def test_a_living_window_is_left_alone(tmp_path: Path) -> None:
    keeper = kept(tmp_path)
    assert left_behind(tmp_path) == ()
    assert keeper.folder is not None
    other = Left(keeper.folder, "me.jpg", None, 0.0)
    owner = recovery._owner_file(keeper.folder)
    assert owner is not None
    alive = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        owner.rename(keeper.folder / f"owner-{alive.pid}-{began(alive.pid)}-{recovery._host()}")
        assert left_behind(tmp_path) == () and not Keeper(tmp_path).adopt(other)
        discard(other)
        assert (keeper.folder / "project.json").exists()
    finally:
        alive.communicate(b"\n")
    assert [left.folder for left in left_behind(tmp_path)] == [keeper.folder]


def test_what_a_dead_window_left_comes_back_whole(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path)
    keeper.keep(project(), "me.jpg", tmp_path / "a.drig", 3)
    die(keeper)
    (left,) = left_behind(tmp_path)
    assert (left.name, left.path, left.steps) == ("me.jpg", tmp_path / "a.drig", 3) and time.time() - left.changed < 60
    assert left.thumbnail.is_file()
    back, made = left.read(), project()
    assert back.request == made.request and back.timeline == made.timeline and len(back.snapshots) == 2
    assert back.photo is not None and made.photo is not None and back.photo.data == made.photo.data


def test_only_one_of_several_gets_it(tmp_path: Path) -> None:
    die(kept(tmp_path))
    (left,) = left_behind(tmp_path)
    mine = Keeper(tmp_path)
    assert mine.adopt(left) and mine.folder == left.folder and left_behind(tmp_path) == ()
    mine.keep(project(view={"round": 2}), "me.jpg", None, 4)
    assert left.read().view == {"round": 2}


def test_a_number_that_is_used_again_is_another_process(tmp_path: Path) -> None:
    if not began(os.getpid()):
        pytest.skip("no start times here")
    keeper = kept(tmp_path)
    assert keeper.folder is not None
    owner = recovery._owner_file(keeper.folder)
    assert owner is not None
    owner.rename(keeper.folder / f"owner-{os.getpid()}-12345-{recovery._host()}")
    assert len(left_behind(tmp_path)) == 1


def test_another_computers_window_is_alive_while_it_gives_signs(tmp_path: Path) -> None:
    keeper = kept(tmp_path)
    assert keeper.folder is not None
    owner = recovery._owner_file(keeper.folder)
    assert owner is not None
    other = owner.rename(keeper.folder / "owner-77-abc-00000000")
    assert left_behind(tmp_path) == ()
    long_ago = time.time() - recovery.ELSEWHERE_S - 10
    os.utime(other, (long_ago, long_ago))
    assert len(left_behind(tmp_path)) == 1


def test_written_once_and_cleared_away(tmp_path: Path) -> None:
    keeper = kept(tmp_path)
    folder = keeper.folder
    assert folder is not None
    before = {path: path.stat().st_mtime_ns for part in ("photos", "snapshots") for path in (folder / part).iterdir()}
    keeper.keep(project(request=replace(project().request, rig=Rig())), "me.jpg", None, 4)
    assert before == {path: path.stat().st_mtime_ns for part in ("photos", "snapshots") for path in (folder / part).iterdir()}
    keeper.keep(project(snapshots=project().snapshots[:1], copies=()), "me.jpg", None, 5)
    assert len(list((folder / "snapshots").iterdir())) == 2 and len(list((folder / "photos").iterdir())) == 1
    keeper.clear()
    assert list(tmp_path.iterdir()) == []


def test_folders_of_nothing_go(tmp_path: Path) -> None:
    die(kept(tmp_path))
    (left,) = left_behind(tmp_path)
    (left.folder / "project.json").unlink()
    old = tmp_path / (".f" + "0" * 30)
    old.mkdir()
    os.utime(old, (0, 0))
    assert left_behind(tmp_path) == () and list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b'{"session": 3}', b"[" * 100_000])
def test_what_cannot_be_read_is_shown_and_told(tmp_path: Path, content: bytes) -> None:
    keeper = kept(tmp_path)
    assert keeper.folder is not None
    (keeper.folder / "project.json").write_bytes(content)
    die(keeper)
    (left,) = left_behind(tmp_path)
    with pytest.raises(UserError):
        left.read()
    discard(left)
    assert left_behind(tmp_path) == ()


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(WriteError, match="Could not write"):
        kept(tmp_path / "file")


def killed_everywhere(root: Path, write: str) -> int:
    """Runs a writer once for each system call that it dies in; how many there were."""
    script = KILLED.format(repository=str(REPOSITORY), root=str(root), write=write)
    command = [sys.executable, "-W", "ignore", "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_killed_at_every_step_of_a_save(tmp_path: Path) -> None:
    steps = killed_everywhere(tmp_path, "save")
    assert steps > 6
    rounds = [read_project(tmp_path / str(number) / "one.drig").view["round"] for number in range(1, steps + 1)]
    assert rounds == sorted(rounds) and set(rounds) == {1, 2}
    for number in range(1, steps + 1):
        backup = tmp_path / str(number) / "one.drig~"
        assert not backup.exists() or read_project(backup).view["round"] == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_killed_at_every_step_of_a_write(tmp_path: Path) -> None:
    steps = killed_everywhere(tmp_path, "keep")
    assert steps > 8
    rounds = []
    for number in range(1, steps + 1):
        (left,) = left_behind(tmp_path / str(number))
        back = left.read()
        assert back.notes == () and back.photo is not None and back.photo.data
        assert len(back.snapshots) == (2 if back.view["round"] == 1 else 1)
        rounds.append(back.view["round"])
        assert json.loads((left.folder / "project.json").read_text())["session"]["steps"] == back.view["round"]
    assert rounds == sorted(rounds) and set(rounds) == {1, 2}
