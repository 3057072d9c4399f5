"""Presets: what ships, the user's own, and files from elsewhere that may hold anything."""
from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import pytest

from core import presets
from core.batch_plan import rigs_of
from core.edit_arguments import add_edit_arguments, preset_named
from core.errors import ParameterError, UserError
from core.files import WriteError
from core.head import load_head
from core.presets import MAX_BYTES, Preset, PresetError, PresetExists
from core.request import RenderRequest
from core.rig import Rig


@pytest.fixture(autouse=True)
def home(own_home: Path) -> Path:
    return own_home


@pytest.fixture(scope="module")
def head() -> Any:
    return load_head("open")


def written(path: Path, plain: Any) -> Path:
    path.write_text(json.dumps(plain) if not isinstance(plain, str) else plain)
    return path


# -- what ships


@pytest.mark.parametrize("kind", presets.KINDS)
def test_what_ships_can_be_used(kind: str, head: Any) -> None:
    found = presets.builtin(kind)
    assert len({preset.name.casefold() for preset in found}) == len(found)
    assert [f"{preset.name}: {preset.problem(head)}" for preset in found if preset.problem(head)] == []
    assert all(preset.builtin and preset.kind == kind for preset in found)


def test_what_ships_stays_as_it_is(head: Any) -> None:
    first = presets.builtin("expression")[0]
    for change in (lambda: presets.delete(first), lambda: presets.rename(first, "Mine"),
                   lambda: presets.save("expression", first.name.upper(), {"jaw.open": 0.1}, over=True)):
        with pytest.raises(UserError, match="comes with the program"):
            change()


# -- the user's own


def test_a_preset_is_kept_found_renamed_and_deleted() -> None:
    kept = presets.save("expression", "My grin", {"expression.smile": 0.75, "jaw.open": 0.1})
    assert presets.find("expression", "my GRIN") == kept and not kept.builtin
    new = presets.rename(kept, "Grin 2")
    assert [p.name for p in presets.presets("expression") if not p.builtin] == ["Grin 2"]
    assert dict(new.values) == dict(kept.values)
    presets.delete(new)
    assert not [p for p in presets.presets("expression") if not p.builtin]
    with pytest.raises(PresetError, match="There is no expression preset 'Grin 2'. Near it"):
        presets.find("expression", "Grin 2")


def test_a_name_is_taken_once_unless_told_otherwise() -> None:
    presets.save("light", "Evening", {"light.azimuth": 40.0})
    with pytest.raises(PresetExists):
        presets.save("light", "evening ", {"light.azimuth": 50.0})
    again = presets.save("light", "evening", {"light.azimuth": 50.0}, over=True)
    assert [p for p in presets.presets("light") if not p.builtin] == [again]


def test_names_that_differ_only_in_signs_have_files_of_their_own() -> None:
    kept = [presets.save("rig", name, {"pose.yaw": 5.0}) for name in ("a b", "a-b", "a.b", "...", "con", "日本", "🙂")]
    assert len({preset.path for preset in kept}) == 7
    assert sorted(p.name for p in presets.presets("rig")) == sorted(p.name for p in kept)
    folder = {preset.path.parent for preset in kept if preset.path}
    assert len(folder) == 1 and all(preset.path.is_file() for preset in kept if preset.path)


@pytest.mark.parametrize("name", ["", "  ", "a/b", "..\\b", "x" * 61, "two\nlines", "turn\u202eed"])
def test_names_that_cannot_be_used(name: str) -> None:
    with pytest.raises(UserError):
        presets.save("light", name, {"light.azimuth": 1.0})


def test_a_preset_holds_only_what_its_kind_decides() -> None:
    with pytest.raises(PresetError, match=r"pose\.yaw, which is no part of a light preset"):
        presets.save("light", "Turned", {"pose.yaw": 5.0})


def test_a_damaged_file_is_passed_over() -> None:
    kept = presets.save("light", "Good", {"light.azimuth": 1.0})
    assert kept.path is not None
    (kept.path.parent / "bad.json").write_bytes(b"\xff\xfe{")
    (kept.path.parent / "other.json").write_text(kept.path.read_text().replace('"light"', '"rig"'))
    assert [p.name for p in presets.presets("light") if not p.builtin] == ["Good"]


# -- applying


def test_a_preset_takes_its_kind_back_first() -> None:
    rig = Rig().update({"expression.frown": 0.5, "eyes.yaw": 5, "light.azimuth": 30, "pose.yaw": 10})
    preset = Preset("expression", "p", {"expression.smile": 0.8, "neutral.mouth": 1.0})
    after = rig.update(preset.changes(rig))
    assert dict(after.values) == {"expression.smile": 0.8, "neutral.mouth": 1.0, "light.azimuth": 30, "pose.yaw": 10}
    half = rig.update(preset.changes(rig, 0.5))
    assert half.get("expression.smile") == 0.4
    assert dict(rig.update(Preset("rig", "r", {"pose.roll": 3.0}).changes(rig)).values) == {"pose.roll": 3.0}


def test_a_part_of_a_preset_leaves_the_light_alone() -> None:
    preset = Preset("rig", "r", {"light.azimuth": 40.0, "pose.yaw": 20.0, "light.color": (1.0, 0.5, 0.0)})
    assert preset.changes(Rig(), 0.5) == {"light.azimuth": 40.0, "pose.yaw": 10.0, "light.color": (1.0, 0.5, 0.0)}


def test_presets_by_name_come_in_their_order(head: Any, tmp_path: Path) -> None:
    presets.save("expression", "Mine", {"expression.smile": 0.6})
    presets.save("light", "Side", {"light.azimuth": 60.0, "light.color": (1.0, 0.5, 0.25)})
    wanted = [preset_named("expression:Mine@0.5"), preset_named("light:side")]
    assert dict(presets.with_presets(head, Rig(), wanted).values) == {
        "expression.smile": 0.3, "light.azimuth": 60.0, "light.color": (1.0, 0.5, 0.25)}
    file = presets.export(presets.find("expression", "Mine"), tmp_path / "mine.json")
    assert presets.with_presets(head, Rig(), [("expression", str(file), 1.0)]).get("expression.smile") == 0.6
    with pytest.raises(PresetError, match="Near it: Mine"):
        presets.with_presets(head, Rig(), [("expression", "Mien", 1.0)])


@pytest.mark.parametrize("text", ["Mine", "looks:Mine", "light:", "light:Side@2"])
def test_preset_arguments_that_mean_nothing(text: str) -> None:
    with pytest.raises(Exception, match="KIND:NAME|from 0 to 1"):
        preset_named(text)


# -- files from elsewhere


def test_a_file_that_was_exported_comes_back_elsewhere(tmp_path: Path, head: Any) -> None:
    kept = presets.save("light", "Fjäll 🙂", {"light.azimuth": 40.5, "light.color": (1.0, 0.5, 0.25)})
    file = presets.export(kept, tmp_path / "x.json")
    with pytest.raises(PresetExists, match="here already"):
        presets.import_file(file, head)
    presets.delete(kept)
    again = presets.import_file(file, head)
    assert (again.name, dict(again.values)) == (kept.name, dict(kept.values))


def test_an_imported_preset_never_replaces_another(tmp_path: Path, head: Any) -> None:
    presets.save("light", "Side", {"light.azimuth": 40.0})
    file = written(tmp_path / "f.json", {"kind": "light", "name": "Side", "values": {"light.azimuth": -40}})
    assert presets.import_file(file, head).name == "Side 2"
    assert presets.find("light", "Side").values == {"light.azimuth": 40.0}


GOOD = {"format": 1, "kind": "expression", "name": "x", "values": {"expression.smile": 0.5}}
BAD: dict[str, Any] = {
    "empty": "", "text": "smile", "list": [], "number": 5, "no values": {"kind": "light", "name": "x"},
    "null": "null", "deep": "[" * 100_000, "values a list": {**GOOD, "values": [1]}, "no value at all": {**GOOD, "values": {}},
    "newer": {**GOOD, "format": 2}, "kind": {**GOOD, "kind": "../../etc"}, "kind a list": {**GOOD, "kind": ["light"]},
    "name a number": {**GOOD, "name": 5}, "name a path": {**GOOD, "name": "../../.bashrc"},
    "long name": {**GOOD, "name": "n" * 5000},
    "unknown": {**GOOD, "values": {"expression.smille": 0.5}}, "beyond": {**GOOD, "values": {"expression.smile": 5}},
    "not finite": '{"kind": "expression", "name": "x", "values": {"expression.smile": NaN}}',
    "huge number": '{"kind": "expression", "name": "x", "values": {"expression.smile": 1' + "0" * 400 + "}}",
    "text value": {**GOOD, "values": {"expression.smile": "0.5"}}, "true": {**GOOD, "values": {"expression.smile": True}},
    "four": {**GOOD, "values": {"light.color": [1, 1, 1, 1]}}, "colour": {**GOOD, "kind": "light", "values": {"light.color": 1}},
    "three": {**GOOD, "values": {"expression.smile": [0, 0, 0]}}, "dunder": {**GOOD, "values": {"__class__": 1}},
    "markup": {**GOOD, "values": {"<b>": 1}}, "many": {**GOOD, "values": {f"expression.x{i}": 0 for i in range(1001)}},
    "other kind's": {**GOOD, "values": {"light.azimuth": 5}},
}


@pytest.mark.parametrize("name", BAD)
def test_files_that_are_no_preset(tmp_path: Path, head: Any, name: str) -> None:
    file = written(tmp_path / "f.json", BAD[name])
    with pytest.raises(UserError) as error:
        presets.import_file(file, head)
    assert str(error.value).endswith(".") and len(str(error.value)) < 400
    assert not [p for kind in presets.KINDS for p in presets.presets(kind) if not p.builtin]


def test_files_that_cannot_be_read(tmp_path: Path, head: Any) -> None:
    (tmp_path / "large.json").write_bytes(b" " * (MAX_BYTES + 1))
    (tmp_path / "bytes.json").write_bytes(bytes(range(256)))
    for name, words in (("large.json", "more than"), ("bytes.json", "JSON"), ("none.json", "no file"), ("", "a folder")):
        with pytest.raises(PresetError, match=words):
            presets.import_file(tmp_path / name, head)


def test_a_folder_that_cannot_be_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("DIFFUSIONRIG_HOME", str(tmp_path / "file"))
    with pytest.raises(WriteError, match="Could not write"):
        presets.save("light", "x", {"light.azimuth": 1.0})


def test_the_head_decides_what_it_can_show(head: Any, shared: Path) -> None:
    from tests.flame import synthetic_flame

    flame = synthetic_flame(shared)
    presets.save("expression", "Modes", {"expression.03": 1.5})
    names = [preset.name for preset in presets.presets("expression", flame)]
    assert "Modes" in names and "Modes" not in [preset.name for preset in presets.presets("expression", head)]
    with pytest.raises(ParameterError, match="can't be used on the 'open' head"):
        presets.with_presets(head, Rig(), [("expression", "Modes", 1.0)])


def test_commands_take_presets(head: Any) -> None:
    presets.save("expression", "Mine", {"expression.smile": 0.6})
    parser = argparse.ArgumentParser()
    add_edit_arguments(parser)
    arguments = parser.parse_args(["--preset", "expression:Mine", "light:Side@0.5", "--set", "pose.yaw=5"])
    assert arguments.presets == [("expression", "Mine", 1.0), ("light", "Side", 0.5)]
    rigs = rigs_of([], {"pose.yaw": 5.0}, RenderRequest("", Rig().set("jaw.open", 0.5)), head, arguments.presets[:1])
    assert dict(rigs[0].request.rig.values) == {"expression.smile": 0.6, "pose.yaw": 5.0}
