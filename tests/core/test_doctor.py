"""What `doctor` finds, and that one bad part neither ends it nor goes unsaid."""
from __future__ import annotations

import sys
from pathlib import Path

import pytest

import main
from core import doctor
from core.doctor import MISSING, OK, OPTIONAL, Finding
from core.errors import AssetError


def states(findings: list[Finding], part: str) -> list[str]:
    return [finding.state for finding in findings if part in finding.text]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks for Linux libraries")
def test_missing_libraries_and_what_to_do(tmp_path: Path) -> None:
    table = tmp_path / "table.txt"
    table.write_text("# comment\n\nlibone libone.so.1 window\nlibtwo libtwo.so.2 window,landmarks\nthree three tests\n")
    found = list(doctor.libraries(table, lambda probe: False))
    assert [(f.state, f.essential) for f in found] == [(MISSING, False), (MISSING, True), (OPTIONAL, False)]
    assert "sudo apt-get install libtwo" in found[1].text and "window and landmarks" in found[1].text
    assert list(doctor.libraries(table, lambda probe: True)) == [Finding(OK, "system libraries")]


def test_the_shipped_table_can_be_read() -> None:
    rows = doctor.library_table()
    assert ("libegl1", "libEGL.so.1", ["window", "landmarks"]) in rows
    assert len({package for package, _, _ in rows}) == len(rows)


def test_a_library_is_looked_for() -> None:
    assert not doctor.is_there("libnothing-of-that-name.so.9") and not doctor.is_there("no-such-program")
    assert doctor.is_there("sh")


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch, own_home: Path) -> None:
    """Without the parts that load the networks."""
    for part in ("_landmarks", "_prior", "_network"):
        monkeypatch.setattr(doctor, part, lambda: "well")


def test_all_there(quick: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["doctor"]) == 0
    shown = capsys.readouterr().out
    assert "Everything needed" in shown
    assert all(line.split()[0] in (OK, MISSING, OPTIONAL) for line in shown.splitlines()[:-1])


def test_no_display_is_no_essential(quick: None) -> None:
    findings = list(doctor.examine(lambda: "no display; do this"))
    assert Finding(MISSING, "display: no display; do this") in findings
    assert not any(f.essential and f.state == MISSING for f in findings)


@pytest.mark.parametrize("error", [AssetError("the file is damaged."), OSError("unreadable"), RuntimeError("strange")])
def test_a_bad_part_is_told_and_the_rest_goes_on(
        quick: None, error: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def fail() -> str:
        raise error

    monkeypatch.setattr(doctor, "_prior", fail)
    assert main.main(["doctor"]) == 1
    shown = capsys.readouterr().out
    assert f"missing  default prior: {'' if isinstance(error, AssetError) else 'can'}" in shown and str(error) in shown
    assert "your data: " in shown and "1 essential part is missing" in shown


def test_a_missing_package_is_essential(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_PACKAGES", ("numpy", "no-such-package"))
    found = [f for f in doctor.packages() if f.essential]
    assert found == [Finding(MISSING, "no-such-package: run 'make setup'", True)]
    assert states(list(doctor.packages()), "numpy") == [OK]


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX permissions")
def test_folders_that_can_not_be_written(monkeypatch: pytest.MonkeyPatch, own_home: Path) -> None:
    monkeypatch.setattr("os.access", lambda *_: False)
    assert states(list(doctor._folders()), "DIFFUSIONRIG_HOME") == [MISSING] * 3
