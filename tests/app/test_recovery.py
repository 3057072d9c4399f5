"""A window that is killed loses nothing; the next one offers it."""
from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtWidgets import QPushButton

from app.saving import autosave
from core.errors import UserError
from core.project import read_project, recovery
from core.project.recovery import Left, left_behind
from tests.app.fakes import FakeEngine
from tests.app.studio import Studio, flush, until
from tests.app.test_projects import answer, asked

REPOSITORY = Path(__file__).resolve().parents[2]
# A real window in a process of its own, which edits for ever and says what it has set.
CHILD = """
import os, signal, sys
sys.path[:0] = [{repository!r}]
from pathlib import Path
from PySide6.QtCore import QTimer
from app.saving import autosave
autosave.DEBOUNCE_MS, autosave.MOST_MS = {debounce}, {most}
from tests.app.fakes import FakeEngine, save
from app.run import open_window
from core.cli import Opening
import core.files

when, count = {when!r}, 0
def deadly(call):
    def counted(*given, **named):
        global count
        count += armed
        if armed and count == {number}:
            os.kill(os.getpid(), signal.SIGKILL)
        return call(*given, **named)
    return counted
armed = False
if when in ("fsync", "replace"):
    setattr(os, when, deadly(getattr(os, when)))

def started(window):
    yaw = 0
    def edit():
        global armed
        nonlocal yaw
        if window.document.session is None:
            return
        if when == "drag" and not window.document.in_gesture:
            window.document.begin("Drag")
        yaw += 1
        window.document.set("pose.yaw", yaw / 100)
        if yaw == 1 and window.projects.path is None and {saved!r}:
            window.projects.writing.write(Path({saved!r}), None)
        if yaw >= {most_edits}:
            clock.stop()
        left = recovered()
        print(yaw, left, flush=True)
        armed = armed or left > 0
    def recovered():
        folder = window.projects.autosave.keeper.folder
        return sum(1 for _ in folder.glob("project.json")) if folder else 0
    clock = QTimer(window)
    clock.timeout.connect(edit)
    clock.start(10)
engine = FakeEngine(gated=False)
sys.exit(open_window(Opening(Path({photo!r})), make_engine=lambda setup: engine, save=save, on_start=started))
"""


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "me.png"
    Image.fromarray(np.random.default_rng(1).integers(0, 255, (300, 400, 3), np.uint8)).save(path)
    return path


def killed(photo: Path, home: Path, when: str = "", number: int = 1, *, debounce: int = 50, most: int = 200, saved: str = "",
           most_edits: int = 10**6, until_kept: bool = True) -> float:
    """Run a window until it is killed (by itself within a write, or by us); the last value it had set."""
    script = CHILD.format(repository=str(REPOSITORY), when=when, number=number, photo=str(photo), debounce=debounce, most=most,
                          saved=saved, most_edits=most_edits)
    env = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "DIFFUSIONRIG_HOME": str(home)}
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", script], stdout=pipe, stderr=pipe, text=True, env=env) as run:
        last, kept = 0.0, False
        assert run.stdout is not None and run.stderr is not None
        for line in run.stdout:
            last, kept = int(line.split()[0]) / 100, kept or line.split()[1] == "1"
            if when not in ("fsync", "replace") and kept and last > 0.5:
                run.send_signal(signal.SIGKILL)
                break
        for line in run.stdout:
            last = int(line.split()[0]) / 100
        error = run.stderr.read()
    assert run.returncode == -signal.SIGKILL, error
    return last


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs kill -9")
@pytest.mark.parametrize(("when", "number"), [("edits", 1), ("drag", 1), ("fsync", 2), ("replace", 3)])
def test_kill_9_loses_no_more_than_the_debounce(photo: Path, tmp_path: Path, when: str, number: int) -> None:
    last = killed(photo, tmp_path / "other", when, number)
    (left,) = left_behind(tmp_path / "other" / "data" / "recovery")
    back = left.read()
    yaw = float(back.request.rig.get("pose.yaw") or 0)  # type: ignore[arg-type]
    assert back.notes == () and 0 < yaw <= last and last - yaw < 1.5  # edits come each 10 ms, and are kept at least each 200
    assert back.photo is not None and back.photo.data == photo.read_bytes()
    assert left.name == "me.png" and left.path is None


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs kill -9")
def test_killed_after_a_save_both_are_there(photo: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.drig"
    killed(photo, tmp_path / "other", "edits", saved=str(path))
    assert read_project(path).request.rig.get("pose.yaw") == 0.01
    (left,) = left_behind(tmp_path / "other" / "data" / "recovery")
    assert left.path == path and float(left.read().request.rig.get("pose.yaw") or 0) > 0.01  # type: ignore[arg-type]


# -- in the window


@pytest.fixture
def studio(photo: Path) -> Iterator[Studio]:
    made = started(photo)
    yield made
    made.close()


def started(photo: Path) -> Studio:
    made = Studio(FakeEngine(gated=False))
    made.window.projects.open(photo)
    until(lambda: made.document.session is not None)
    made.settle()
    return made


def keep(studio: Studio) -> None:
    studio.window.projects.autosave.keep()
    until(lambda: studio.window.projects.autosave.kept and not studio.window.projects.line.busy)


def crash(studio: Studio, root: Path) -> Left:
    """Keep, copy what is kept as another process's that is dead, and go on."""
    keep(studio)
    folder = studio.window.projects.autosave.keeper.folder
    assert folder is not None
    import shutil
    import uuid
    dead = root / uuid.uuid4().hex
    shutil.copytree(folder, dead)
    owner = recovery._owner_file(dead)
    assert owner is not None
    owner.rename(dead / f"owner-1-0-{recovery._host()}")
    return next(left for left in left_behind() if left.folder == dead)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "home" / "data" / "recovery"


def test_nothing_is_kept_of_an_untouched_photo(studio: Studio, root: Path) -> None:
    keep(studio)
    assert not root.exists()


def test_kept_after_a_change_and_gone_when_saved(studio: Studio, root: Path, tmp_path: Path) -> None:
    studio.document.set("pose.yaw", 10)
    assert studio.window.projects.autosave.soon.isActive() and studio.window.projects.autosave.soon.interval() <= 5000
    assert studio.window.projects.autosave.late.interval() <= 30_000
    keep(studio)
    assert len(list(root.iterdir())) == 1
    studio.window.projects.writing.write(tmp_path / "a.drig", None)
    until(lambda: not list(root.iterdir()), "the copy is gone")
    studio.document.set("pose.yaw", 12)
    keep(studio)
    studio.window.undo()
    keep(studio)
    assert not list(root.iterdir())


def test_a_clean_exit_leaves_nothing(photo: Path, root: Path) -> None:
    studio = started(photo)
    studio.document.set("pose.yaw", 10)
    keep(studio)
    studio.window.close()
    answer("Don't save")
    assert not studio.window.isVisible() and not list(root.iterdir())


def test_work_goes_on_while_drags_go_on(studio: Studio) -> None:
    keeper = studio.window.projects.autosave
    keep(studio)
    studio.document.begin("Drag")
    studio.document.set("pose.yaw", 1)
    assert (keeper.soon.interval(), keeper.late.interval()) == (autosave.DEBOUNCE_MS, autosave.MOST_MS)
    studio.document.set("pose.yaw", 2)
    assert keeper.late.isActive() and keeper.soon.isActive()
    keep(studio)
    folder = keeper.keeper.folder
    assert folder is not None and Left(folder, "", None, 0).read().request.rig.get("pose.yaw") == 2


def test_offered_and_restored(photo: Path, root: Path, tmp_path: Path) -> None:
    first = started(photo)
    first.document.update({"pose.yaw": 10}, "Turn")
    first.document.set_appearance(seed=5)
    first.settle()
    left = crash(first, root)
    before = first.document.edit
    first.close()

    second = started(photo)
    recovering = second.window.projects.recovering
    assert recovering.offer()
    dialog = recovering.dialog
    assert dialog is not None and list(dialog.rows) == [left]
    texts = " ".join(label.text() for label in dialog.findChildren(type(second.window.zoom_label)))
    assert "me.png" in texts and "2 steps" in texts and "Never saved" in texts and "just now" in texts
    next(b for b in dialog.findChildren(QPushButton) if b.text() == "Restore").click()
    session = second.document.session
    until(lambda: second.document.session is not session)
    second.settle()
    assert second.document.edit == before and second.window.projects.modified and second.window.projects.path is None
    assert [one.request.seed for one in second.window.history.snapshots()] == [0, 5]
    assert left_behind() == () and second.window.projects.autosave.keeper.folder == left.folder
    second.window.close()
    assert asked()
    answer("Don't save")
    assert not list(root.iterdir())


def test_several_wait_for_each_other(studio: Studio, root: Path) -> None:
    for yaw in (1, 2):
        studio.document.set("pose.yaw", yaw)
        crash(studio, root)
    recovering = studio.window.projects.recovering
    recovering.offer()
    dialog = recovering.dialog
    assert dialog is not None and len(dialog.rows) == 2
    discard = next(b for b in dialog.findChildren(QPushButton) if b.text() == "Discard")
    discard.click()
    assert len(dialog.rows) == 2 and "Delete for good" in discard.text()
    discard.click()
    flush()
    assert len(dialog.rows) == 1 and len(left_behind()) == 1
    dialog.later.click()
    flush()
    assert recovering.dialog is None and len(left_behind()) == 1


def test_one_that_cannot_be_read_stays_until_it_is_discarded(studio: Studio, root: Path) -> None:
    studio.document.set("pose.yaw", 1)
    left = crash(studio, root)
    (left.folder / "project.json").write_bytes(b"ruined")
    with pytest.raises(UserError):
        left.read()
    studio.window.projects.restore(left)
    until(lambda: "can't be opened" in studio.window.banner.text)
    assert left.folder.exists() and studio.document.edit.rig.get("pose.yaw") == 1
    studio.window.projects.close_anyway()
    assert left.folder.exists()


def test_nothing_left_is_said(studio: Studio) -> None:
    studio.window.actions_by_name["recover"].trigger()
    assert "nothing was lost" in studio.window.banner.text


def test_a_copy_that_cannot_be_kept_is_told_once(studio: Studio, root: Path) -> None:
    root.parent.mkdir(parents=True, exist_ok=True)
    root.write_text("a file in the way")
    studio.document.set("pose.yaw", 1)
    studio.window.projects.autosave.keep()
    until(lambda: "can't be kept" in studio.window.banner.text)
    studio.window.banner.hide()
    studio.window.projects.autosave.keep()
    until(lambda: not studio.window.projects.line.busy)
    assert not studio.window.banner.text
    root.unlink()
    studio.window.projects.autosave.late.stop()
    keep(studio)
    assert len(list(root.iterdir())) == 1
