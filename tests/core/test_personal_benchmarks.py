"""The benchmarks of personal models: which photos and moments they compare, and that they go on where they stopped."""
from __future__ import annotations

import argparse
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from benchmarks import _personal, album_size, presets
from core.errors import UserError
from core.people.header import About
from core.people.person import write_person
from core.prior import load_prior
from tests.tiny import save_tiny_prior


def test_album_sizes() -> None:
    used = [SimpleNamespace(name=name, verdict="weak" if name == "w" else "accepted") for name in "abcw"]
    found = album_size.order(SimpleNamespace(used=used), ["b"])  # type: ignore[arg-type]
    assert sorted(found) == ["a", "c", "w"] and found[-1] == "w"
    assert album_size.counts((1, 5, 10, 20), 16) == [1, 5, 10, 16] and album_size.counts((1, 5), 3) == [1, 3]
    assert album_size.title(1) == "1 photo" and album_size.title(16) == "16 photos"


def test_presets_are_compared_at_equal_times() -> None:
    def point(seconds: float, value: float | None) -> dict[str, Any]:
        return {"seconds": seconds, "step": 10 * seconds, "held_perceptual": value, "held_face": value, "held_identity": None}

    about = About("0" * 64, "quick", "1" * 64, "t", "", "open", 256, (), {
        "curve": [point(0, 0.7), point(30, 0.6), {"seconds": 45, "loss": 0.1}, point(50, None), point(70, 0.5)]})
    lines = presets.over_time({"quick": about}, [30, 60, 120])
    assert [line[1:5] for line in lines[1:]] == [["30", "30", "300", "0.600"], ["60", "30", "300", "0.600"],
                                                 ["120", "70", "700", "0.500"]]
    assert lines[1][5:] == ["0.600", "-", "-"]  # no re-identification network, no drift said
    assert presets.last_until([], 10) == {} and presets.over_time({"quick": about}, [-1])[1][2:] == ["-"] * 6


def test_a_benchmark_is_gone_on_with_only_under_equal_settings(tmp_path: Path) -> None:
    _personal.same_plan(tmp_path, {"minutes": 2.0, "order": ("a", "b")})
    _personal.same_plan(tmp_path, {"minutes": 2.0, "order": ("a", "b")})
    with pytest.raises(UserError, match="other settings"):
        _personal.same_plan(tmp_path, {"minutes": 3.0, "order": ("a", "b")})
    with pytest.raises(UserError, match="--yes-i-have-consent"):
        _personal.checked(argparse.Namespace(out=tmp_path, yes_i_have_consent=False))
    with pytest.raises(UserError, match="--out"):
        _personal.checked(argparse.Namespace(out=None, yes_i_have_consent=True))


def test_a_trained_person_is_not_trained_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prior = load_prior(save_tiny_prior(tmp_path / "tiny.safetensors"))
    calls: list[list[str]] = []

    def run(words: list[str], env: dict[str, str], **_: Any) -> argparse.Namespace:
        calls.append(words[2:])
        file = Path(env["DIFFUSIONRIG_HOME"]) / "data" / "people" / "5-photos.safetensors"
        write_person(file, name="5 photos", prior=prior, identity=(), changes={}, card={
            "photos": {"used": 5, "held_out": []}, "settings": {"seconds": 61.4, "steps": 12}})
        return argparse.Namespace(returncode=0)

    monkeypatch.setattr(_personal.subprocess, "run", run)
    for _ in range(2):
        file = _personal.train(tmp_path / "out", "5 photos", Path("album"), ["--minutes", "2"])
    assert calls == [["personalize", "album", "--name", "5 photos", "--yes-i-have-consent", "--minutes", "2"]]
    rows = _personal.with_training([["row", "x", "seconds"], ["default", "1", "-"], ["5 photos", "2", "-"]], [file])
    assert rows[0] == ["photos", "seconds", "steps", "MiB", "row", "x"] and rows[2][:3] == ["5", "61", "12"]
