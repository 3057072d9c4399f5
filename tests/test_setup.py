"""Set-up: what the scripts do on machines that lack something, and that the shipped text files are whole."""
from __future__ import annotations

import hashlib
import os
import re
import shlex
import shutil
import stat
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from core.doctor import library_table
from tests import notice

REPOSITORY = Path(__file__).resolve().parent.parent
LINUX = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="shell scripts for Linux machines")
_TOOLS = ("sh", "bash", "env", "dirname", "uname", "grep", "tail", "mktemp", "rm", "cat", "touch", "make", "id", "true")


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A PATH folder of a machine with the basic tools only, on which apt-get and sudo are what a test puts there."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in _TOOLS:
        found = shutil.which(name)
        if found:
            (folder / name).symlink_to(found)
    return folder


def put(folder: Path, name: str, script: str) -> None:
    """A program of that name; `script` is shell."""
    path = folder / name
    path.unlink(missing_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def call(machine: Path, script: str, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run one of the set-up scripts on that machine, as a user without rights."""
    if "as_root" not in variables:
        put(machine, "id", "echo 1000")
    variables.pop("as_root", None)
    return subprocess.run([str(REPOSITORY / ".ci" / script), *words], env={"PATH": str(machine), **variables},
                          capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)


def python(version: str, venv: bool = True) -> str:
    """A stand-in for a Python of that version."""
    return (f'case "$2" in *version_info*not*) case {version} in 3.11|3.12) exit 0;; *) exit 1;; esac;; '
            f'*ensurepip*) exit {0 if venv else 1};; *print*) echo python{version}-venv;; esac')


@LINUX
class TestFindPython:
    def test_takes_the_first_that_runs(self, machine: Path) -> None:
        put(machine, "python3.12", "echo stub >&2; exit 127")  # what version managers leave behind
        put(machine, "python3.11", python("3.11"))
        put(machine, "python3", python("3.11"))
        assert call(machine, "find-python").stdout == "python3.11\n"

    def test_takes_python3_of_a_fitting_version(self, machine: Path) -> None:
        put(machine, "python3", python("3.12"))
        assert call(machine, "find-python").stdout == "python3\n"

    def test_the_one_asked_for_wins(self, machine: Path) -> None:
        put(machine, "python3.12", python("3.12"))
        put(machine, "mine", python("3.11"))
        assert call(machine, "find-python", PYTHON="mine").stdout == "mine\n"

    @pytest.mark.parametrize("version", ["3.9", "3.13", None])
    def test_none_that_fits_is_one_line(self, machine: Path, version: str | None) -> None:
        if version:
            put(machine, "python3", python(version))
        done = call(machine, "find-python")
        assert done.returncode == 1 and done.stdout == ""
        assert re.fullmatch(r"error: no working Python 3\.11 or 3\.12 found; .*make PYTHON=.*\n", done.stderr)

    def test_one_asked_for_that_does_not_fit_is_one_line(self, machine: Path) -> None:
        put(machine, "python3.11", python("3.11"))
        done = call(machine, "find-python", PYTHON="python3.13")
        assert done.returncode == 1 and done.stderr.startswith("error: PYTHON=python3.13 ") and done.stderr.count("\n") == 1

    def test_no_venv_module_is_one_line(self, machine: Path) -> None:
        put(machine, "python3", python("3.11", venv=False))
        done = call(machine, "find-python")
        assert done.returncode == 1 and done.stderr.count("\n") == 1
        assert "sudo apt-get install python3.11-venv" in done.stderr

    def test_a_second_python_with_venv_is_taken(self, machine: Path) -> None:
        put(machine, "python3.12", python("3.12", venv=False))
        put(machine, "python3", python("3.11"))
        assert call(machine, "find-python").stdout == "python3\n"


@LINUX
class TestSystemLibraries:
    def test_names_all_that_is_missing_in_one_line(self, machine: Path) -> None:
        put(machine, "apt-get", "exit 1")
        put(machine, "sudo", "exit 1")
        put(machine, "ldconfig", "echo '	libGL.so.1 (libc6,x86-64) => /usr/lib/libGL.so.1'")
        done = call(machine, "system-libraries")
        assert done.returncode == 0 and done.stderr.count("\n") == 1
        assert " libegl1 " in done.stderr and " libgl1 " not in done.stderr and "sudo apt-get install" in done.stderr

    def test_other_distributions_are_told_the_names(self, machine: Path) -> None:
        put(machine, "ldconfig", "exit 0")
        done = call(machine, "system-libraries")
        assert done.returncode == 0 and "apt-get" not in done.stderr and "libxcb-cursor0" in done.stderr

    def test_silent_when_nothing_is_missing(self, machine: Path) -> None:
        names = [probe for _, probe, _ in library_table() if ".so" in probe]
        put(machine, "ldconfig", "\n".join(f"echo '	{name} (libc6) => /x'" for name in names))
        for _, probe, _ in library_table():
            if ".so" not in probe:
                put(machine, probe, "exit 0")
        done = call(machine, "system-libraries")
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")

    @pytest.mark.parametrize("way", ["root", "sudo"])
    def test_installs_them_with_the_rights_to(self, machine: Path, tmp_path: Path, way: str) -> None:
        put(machine, "ldconfig", "exit 0")
        put(machine, "apt-get", f'echo "$@" >> {tmp_path}/asked')
        put(machine, "id", "echo 0" if way == "root" else "echo 1000")
        if way == "sudo":
            put(machine, "sudo", 'shift; exec "$@"')
        done = call(machine, "system-libraries", as_root="decided above")
        assert done.returncode == 0 and done.stderr == ""
        asked = (tmp_path / "asked").read_text()
        assert asked.startswith("install -y") and "libxcb-cursor0" in asked and "xvfb" in asked

    def test_a_failing_apt_get_is_told_and_set_up_goes_on(self, machine: Path) -> None:
        put(machine, "ldconfig", "exit 0")
        put(machine, "apt-get", "echo 'E: Unable to locate package libgl1'; exit 100")
        put(machine, "id", "echo 0")
        done = call(machine, "system-libraries", as_root="decided above")
        assert done.returncode == 0 and "E: Unable to locate package libgl1" in done.stderr


def test_pins() -> None:
    """facts of the packages that a looser pin would lose, and one lock entry for everything asked for."""
    wanted = (REPOSITORY / "requirements.txt").read_text(encoding="utf-8").split("\n")
    assert "torch==2.13.0" in wanted and "PySide6-Essentials>=6.8,<6.12" in wanted
    everything = wanted + (REPOSITORY / "requirements-dev.txt").read_text(encoding="utf-8").split("\n")
    names = {re.split("[=<>]", line)[0].lower().replace("_", "-") for line in everything if line and line[0] != "#"}
    locked = dict(line.lower().replace("_", "-").split("==") for line in
                  (REPOSITORY / "constraints.txt").read_text(encoding="utf-8").splitlines() if "==" in line)
    assert names <= set(locked), names - set(locked)
    assert locked["torch"] == "2.13.0"  # a local part (+cpu) would shut out machines with a GPU
    assert [name for name in locked if name.startswith("opencv")] == ["opencv-contrib-python"]


def test_the_packages_that_run_these_tests_are_the_locked_ones() -> None:
    from importlib import metadata

    for line in (REPOSITORY / "constraints.txt").read_text(encoding="utf-8").splitlines():
        name, _, version = line.partition("==")
        if version and name.lower() in ("numpy", "torch", "mediapipe", "numba", "scipy", "pillow"):
            assert metadata.version(name).split("+")[0] == version, f"{name}: run 'make setup'"


def test_pyproject_reads_the_same_requirements() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    dynamic = project["tool"]["setuptools"]["dynamic"]
    named = [*dynamic["dependencies"]["file"], *dynamic["optional-dependencies"]["dev"]["file"]]
    assert named == ["requirements.txt", "requirements-dev.txt"] and all((REPOSITORY / name).is_file() for name in named)


def test_ci_runs_tests_and_checks() -> None:
    script = REPOSITORY / ".ci" / "run"
    assert os.access(script, os.X_OK)
    text = script.read_text(encoding="utf-8")
    assert "set -euo pipefail" in text and "make test" in text and "make lint" in text


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt", "constraints.txt", "Makefile", "README.md",
                                  "pyproject.toml", ".ci/run", ".ci/find-python", ".ci/apt-install", ".ci/system-libraries"])
def test_no_package_host_is_named(name: str) -> None:
    """Where packages come from is the user's pip and apt configuration, and nobody else's business."""
    text = (REPOSITORY / name).read_text(encoding="utf-8")
    assert not re.search(r"index-url|find-links|https?://\S*(pypi|pythonhosted|pytorch|debian)", text)


def test_readme_links_lead_somewhere() -> None:
    targets = re.findall(r"\]\(([^)#]+)\)", (REPOSITORY / "README.md").read_text(encoding="utf-8"))
    missing = [target for target in targets if "://" not in target and not (REPOSITORY / target).exists()]
    assert len(targets) >= 3 and not missing


def test_readme_commands_are_right() -> None:
    """Every `main.py` line of the README parses, with names that there are."""
    from core import cli, edit_arguments, edit_command
    from core.head import load_head

    lines = re.findall(r"^\.venv/bin/python main\.py (.*)$", (REPOSITORY / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    edits = [shlex.split(line)[1:] for line in lines if line.startswith("edit ")]
    assert edits and all(line.split()[0] in cli.COMMANDS for line in lines)
    for words in edits:
        parser = cli.Parser()
        edit_command.add_arguments(parser)
        edit_arguments.parse_values(load_head("open"), parser.parse_args(words).values)


def test_licence_is_whole() -> None:
    text = (REPOSITORY / "LICENSE").read_text(encoding="utf-8")
    assert "DiffusionRig Studio contributors" in text
    body = text.split("APPENDIX")[0]
    # the words of Apache-2.0 up to the end of its terms, whatever the line breaks
    assert hashlib.sha256(" ".join(body.split()).encode()).hexdigest() == APACHE_TERMS


APACHE_TERMS = "59d8f0ba87ad9a2f1a431123c8d16646e5b89ba53653e818f16d136d77263c99"


def test_notice_names_every_data_file() -> None:
    assert set(notice.data_files()) == set(notice.named()), "describe the file in NOTICE, or take it out"


@pytest.mark.parametrize("name", sorted(notice.named()))
def test_notice_has_the_right_checksum(name: str) -> None:
    assert notice.digest(REPOSITORY / name) == notice.named()[name], "run 'make notice'"


def test_notice_is_renewed(tmp_path: Path) -> None:
    (tmp_path / "resources").mkdir()
    (tmp_path / "resources" / "a.bin").write_bytes(b"\0\1")
    (tmp_path / "resources" / "b.bin").write_bytes(b"\0\2")
    (tmp_path / "resources" / "c.txt").write_text("text")
    (tmp_path / "NOTICE").write_text(f"Data\n  resources/a.bin\n    sha256 {'0' * 64}\n  By somebody.\n")
    assert notice.write(tmp_path) == ["resources/b.bin is not described in NOTICE"]
    assert notice.named(tmp_path) == {"resources/a.bin": hashlib.sha256(b"\0\1").hexdigest()}
    assert (tmp_path / "NOTICE").read_text().endswith("  By somebody.\n")


@LINUX
class TestPytorch3d:
    """`make pytorch3d` says what is missing before it touches anything."""

    def make(self, source: str) -> subprocess.CompletedProcess[str]:
        """Ask for the build; PY and STAMP make sure that nothing is built or installed should the check let it through."""
        return subprocess.run(["make", "pytorch3d", f"SOURCE={source}", "PY=false", f"STAMP={REPOSITORY / 'Makefile'}"],
                              cwd=REPOSITORY, capture_output=True, text=True, timeout=60)

    def test_without_a_source_it_says_how(self) -> None:
        done = self.make("")
        assert done.returncode and "make pytorch3d SOURCE=folder" in done.stderr and "pytorch3d, 0.7.9" in done.stderr

    def test_a_folder_that_is_no_source_is_named(self, tmp_path: Path) -> None:
        done = self.make(str(tmp_path))
        assert done.returncode and f"{tmp_path} is not pytorch3d's source" in done.stderr

    def test_a_source_without_its_headers_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "setup.py").touch()
        done = self.make(str(tmp_path))
        assert done.returncode and f"{tmp_path} has no C++ headers" in done.stderr and "rasterize_meshes.h" in done.stderr
