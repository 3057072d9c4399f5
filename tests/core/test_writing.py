"""Bad moments of every writer: the old file stays whole, no half file is left, and what happened is said plainly."""
from __future__ import annotations

import builtins
import errno
import io
import logging
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from core.errors import UserError
from core.files import WriteError
from tests.core.writers import WRITERS, Writer

REPOSITORY = Path(__file__).resolve().parents[2]
FAULTS = (("write", errno.ENOSPC, "disk is full"), ("write", errno.EIO, "unplugged"), ("fsync", errno.EDQUOT, "quota"),
          ("fsync", errno.EIO, "unplugged"), ("mkstemp", errno.EACCES, "no permission"), ("mkstemp", errno.ENXIO, "unplugged"),
          ("mkstemp", errno.ENOENT, "folder does not exist"), ("replace", errno.EBUSY, "in use"),
          ("replace", errno.EPERM, "no permission"), ("replace", errno.EROFS, "only be read"))


class HalfFull:
    """A file that takes half of what is written, and then has an error."""

    def __init__(self, file: Any, number: int) -> None:
        self._file, self._number = file, number

    def write(self, data: Any) -> int:
        self._file.write(bytes(data)[:len(data) // 2])
        self._file.flush()
        raise OSError(self._number, os.strerror(self._number))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def __enter__(self) -> HalfFull:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


def break_it(monkeypatch: pytest.MonkeyPatch, call: str, number: int, after: int = 0) -> list[int]:
    """From its call after that many on, `call` has that error. Returns what counts the calls."""
    module: Any = tempfile if call == "mkstemp" else os
    calls = [0]

    def broken(*given: Any, **named: Any) -> Any:
        calls[0] += 1
        if calls[0] <= after:
            return was(*given, **named)
        raise OSError(number, os.strerror(number))

    def half(file: Any, mode: str = "r", *given: Any, **named: Any) -> Any:
        opened = really(file, mode, *given, **named)
        return HalfFull(opened, number) if set(mode) & set("wax") and "b" in mode else opened

    if call == "write":
        really = builtins.open
        monkeypatch.setattr(builtins, "open", half)
        monkeypatch.setattr(io, "open", half)  # what pathlib calls
    else:
        was = getattr(module, call)
        monkeypatch.setattr(module, call, broken)
    return calls


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def written(writer: Writer, folder: Path, version: int) -> dict[str, bytes]:
    folder.mkdir(exist_ok=True)
    writer.write(folder, version)
    return files(folder)


@pytest.fixture(autouse=True)
def home(own_home: Path) -> Path:
    return own_home


@pytest.mark.parametrize("writer", WRITERS, ids=lambda writer: writer.name)
def test_whatever_fails_the_old_file_stays(tmp_path: Path, writer: Writer, caplog: pytest.LogCaptureFixture) -> None:
    folder = tmp_path / "kept"
    old = written(writer, folder, 1)
    assert old
    for call, number, words in FAULTS:
        if writer.library and call == "write":
            continue  # those go past Python: the test with a limit on files is theirs
        with pytest.MonkeyPatch.context() as broken, caplog.at_level(logging.WARNING):
            caplog.clear()
            break_it(broken, call, number)
            if writer.quiet:
                writer.write(folder, 2)
                said = caplog.text
            else:
                with pytest.raises(WriteError) as caught:
                    writer.write(folder, 2)
                said = str(caught.value)
                assert said.startswith("Could not write ") and str(folder) in said and said.endswith("."), said
                assert "\n" not in said and "Errno" not in said
        assert words in said, f"{call}: {said}"
        assert files(folder) == old, f"{call} {number}"
    assert written(writer, folder, 2) != old, "afterwards it goes on"


@pytest.mark.parametrize("writer", [one for one in WRITERS if not one.quiet and not one.varies], ids=lambda writer: writer.name)
def test_files_that_go_together_are_each_whole(tmp_path: Path, writer: Writer) -> None:
    """The disk is full from the second, the third ... file on."""
    old, new = written(writer, tmp_path / "old", 1), written(writer, tmp_path / "new", 2)
    for after in range(1, len(new)):
        folder = tmp_path / f"after {after}"
        shutil.copytree(tmp_path / "old", folder)
        with pytest.MonkeyPatch.context() as broken:
            break_it(broken, "fsync", errno.ENOSPC, 2 * after)  # of the file and of its folder
            with pytest.raises(UserError, match="disk is full"):
                writer.write(folder, 2)
        there = files(folder)
        assert set(there) <= set(old) | set(new)
        assert all(data in (old.get(name), new.get(name)) for name, data in there.items())


@pytest.mark.parametrize("writer", [one for one in WRITERS if not one.quiet], ids=lambda writer: writer.name)
def test_a_folder_that_goes_in_the_middle(tmp_path: Path, writer: Writer) -> None:
    """A drive is pulled out, or somebody moves the folder, between the bytes and the name."""
    folder = tmp_path / "stick"
    written(writer, folder, 1)
    sync = os.fsync

    def pulled(handle: int) -> None:
        sync(handle)
        shutil.rmtree(folder, ignore_errors=True)

    with pytest.MonkeyPatch.context() as broken:
        broken.setattr(os, "fsync", pulled)
        with pytest.raises(WriteError, match=r"^Could not write .*(folder does not exist|no such file)"):
            writer.write(folder, 2)
    assert not folder.exists() or not files(folder)


LIMITED = """
import os, resource, sys
from pathlib import Path
from core.errors import UserError
from tests.core.test_writing import files, written
from tests.core.writers import WRITERS

place = Path(sys.argv[1])
hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
for writer in WRITERS:
    if not writer.library and writer.name not in ("PNG", "mesh.obj", "buffers", "project", "settings", "report"):
        continue  # the same calls again
    folder = place / writer.name
    old, new = written(writer, folder, 1), written(writer, place / f"{writer.name} new", 2)
    largest = max(map(len, new.values()))
    for limit in (1, largest // 2):
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
        try:
            writer.write(folder, 2)
            said = ""
        except UserError as error:
            said = str(error)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
        there = files(folder)
        whole = all(data in (old.get(name), new.get(name)) for name, data in there.items())
        if writer.varies:
            whole = there == old
        if not whole or not (writer.quiet or "too large for this disk" in said):
            print(f"{writer.name} at {limit} of {largest}: {said!r}, whole: {whole}, {sorted(set(there) ^ set(old))}")
"""


def test_a_disk_that_really_takes_no_more(tmp_path: Path) -> None:
    """The system itself refuses: also what libraries write past Python."""
    run = subprocess.run([sys.executable, "-c", LIMITED, str(tmp_path)], cwd=REPOSITORY, capture_output=True, text=True,
                         check=False, timeout=300, env={**os.environ, "PYTHONPATH": str(REPOSITORY)})
    assert run.returncode == 0, run.stderr[-3000:]
    assert run.stdout == ""

