"""Atomic writes: the old file or the new one, and a message that names the path."""
from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from core.errors import UserError
from core.files import atomic_adopt, atomic_save, atomic_write


def test_writes_and_replaces(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    assert atomic_write(path, b"one") == path
    atomic_write(path, b"two")
    assert path.read_bytes() == b"two"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_a_new_file_has_the_usual_permissions(tmp_path: Path) -> None:
    plain, atomic = tmp_path / "plain", tmp_path / "atomic"
    plain.write_bytes(b"")
    atomic_write(atomic, b"")
    assert stat.S_IMODE(atomic.stat().st_mode) == stat.S_IMODE(plain.stat().st_mode)


def test_a_replaced_file_keeps_its_permissions(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")
    path.chmod(0o640)
    atomic_write(path, b"new")
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_link_is_written_through(tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_bytes(b"old")
    link.symlink_to(target)
    atomic_write(link, b"new")
    assert link.is_symlink() and target.read_bytes() == b"new"


def test_makes_folders_only_when_asked(tmp_path: Path) -> None:
    path = tmp_path / "x" / "y" / "a"
    with pytest.raises(UserError, match="its folder does not exist"):
        atomic_write(path, b"")
    atomic_write(path, b"1", make_folder=True)
    assert path.read_bytes() == b"1"


@pytest.mark.parametrize(("number", "words"), [(errno.ENOSPC, "disk is full"), (errno.EROFS, "only be read"),
                                              (errno.EACCES, "no permission"), (errno.EIO, "may be unplugged")])
@pytest.mark.parametrize("step", ["write", "fsync", "replace"])
def test_a_failure_keeps_the_old_file_and_says_why(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, number: int, words: str) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")

    def fail(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    if step != "write":
        monkeypatch.setattr(os, step, fail)
    with pytest.raises(UserError, match=words) as caught:
        atomic_save(path, fail if step == "write" else lambda file: file.write(b"new"))
    assert str(path) in str(caught.value)
    assert path.read_bytes() == b"old" and os.listdir(tmp_path) == ["a"]


def test_can_be_caught_as_an_oserror(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="folder of that name"):
        atomic_write(tmp_path, b"")


def test_other_errors_pass_and_leave_nothing(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        atomic_save(tmp_path / "a", lambda _: 1 / 0)
    assert os.listdir(tmp_path) == []


def test_a_finished_file_takes_a_name(tmp_path: Path) -> None:
    target = tmp_path / "new" / "name"
    for content in (b"one", b"two"):
        finished = tmp_path / "finished"
        finished.write_bytes(content)
        atomic_adopt(finished, target)
        assert target.read_bytes() == content and not finished.exists()
    finished.write_bytes(b"three")
    with pytest.raises(UserError, match="Could not write"):
        atomic_adopt(finished, tmp_path / "new")
    assert finished.exists() and target.read_bytes() == b"two"
