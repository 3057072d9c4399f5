"""Importing a folder end to end: what is stored, what is said of what is not, and that nothing is half stored."""
from __future__ import annotations

import json
import os
import pickle
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from core import assets, paths
from core.assets import child, process, store
from core.assets.importer import ImportReport, import_folder
from core.assets.problems import Unfit
from core.errors import AssetError, Cancelled
from core.head.flame import load_flame
from core.prior import load_prior
from models.face_encoder import shapes as encoder_shapes
from tests.core.assets import licensed
from tests.core.assets.hostile import Hostile, as_entry, cases
from tests.tiny import save_tiny_prior

real_run = process.run


@pytest.fixture
def own_process() -> None:
    """Asked for by the tests in which the separate process is a real one."""


@pytest.fixture(autouse=True)
def quick(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Elsewhere its work is done here: the same jobs and answers, without starting a Python each time."""
    if "own_process" not in request.fixturenames:
        monkeypatch.setattr(process, "run", answer_here)


def answer_here(job: dict[str, Any], folder: Path, cancelled: Callable[[], bool], progress: object = None) -> tuple[Any, Path]:
    if cancelled():
        raise Cancelled
    result = json.loads(json.dumps(child.answer(job, folder / "out")))
    if "error" in result:
        raise Unfit(result["error"])
    return result["facts"], folder / "out"


def run(folder: Path, **options: Any) -> ImportReport:
    return import_folder(folder, lambda text: None, sizes=licensed.SMALL, **options)


def stored() -> list[str]:
    """Files under the data folder, hidden ones too."""
    return sorted(str(path.relative_to(paths.data_dir())) for path in paths.data_dir().rglob("*") if path.is_file())


def encoder(path: Path, **parts: Any) -> Path:
    """deca_model.tar with an encoder of zeros."""
    state = {key: torch.zeros(shape, dtype=torch.int64 if key.endswith("tracked") else torch.float32)
             for key, shape in encoder_shapes().items()}
    torch.save({"E_flame": state, "E_detail": {}, "D_detail": {}} | parts, path)
    return path


def test_everything_in_one_folder(own_home: Path, own_process: None, tmp_path: Path) -> None:
    licensed.write_flame(tmp_path / "mine" / "data")
    torch.save(licensed.checkpoint(), tmp_path / "mine" / "model000100.pt")
    said: list[str] = []
    report = import_folder(tmp_path / "mine", said.append, sizes=licensed.SMALL)
    assert (report.problems, report.notes) == ([], [])
    assert [(asset.kind, asset.file.name) for asset in report.found] == [
        ("flame", "generic_model.pkl"), ("prior", "model000100.pt")]
    assert assets.status() == report.found
    assert stored() == ["assets/assets.json", "assets/flame.npz", "priors/model000100.safetensors"]
    assert said[0].startswith("Looking through") and "Reading model000100.pt" in said

    assert load_flame().template.shape == (12, 3)
    prior = load_prior("model000100")
    assert (prior.name, prior.size, prior.head) == ("model000100", 64, "flame")
    torch.testing.assert_close(dict(prior.build().state_dict()), dict(licensed.checkpoint()), rtol=0, atol=0)


def test_the_encoder_keeps_its_own_keys(own_home: Path, tmp_path: Path) -> None:
    encoder(tmp_path / "deca_model.tar")
    report = run(tmp_path)
    assert report.problems == [] and assets.encoder_file() == paths.assets_dir() / "deca_encoder.safetensors"
    assert {key: tuple(value.shape) for key, value in load_file(assets.encoder_file()).items()} == encoder_shapes()  # type: ignore[arg-type]


def test_good_files_are_stored_beside_bad_ones(own_home: Path, tmp_path: Path) -> None:
    licensed.write_flame(tmp_path)
    (tmp_path / "FLAME_texture.npz").write_text("<html>please sign in</html>")
    (tmp_path / "deca_model.tar").write_bytes(b"")
    torch.save({"state": {0: torch.zeros(600)}, "param_groups": []}, tmp_path / "model000200.pt")
    report = run(tmp_path)
    assert [asset.kind for asset in report.found] == ["flame"]
    assert len(report.problems) == 3
    for name, words in (("FLAME_texture.npz", "a web page of 27 bytes"), ("deca_model.tar", "it is empty"),
                        ("model000200.pt", "can't be used as a DiffusionRig checkpoint (modelNNNNNN.pt): it holds the state")):
        assert any(str(tmp_path / name) in problem and words in problem for problem in report.problems)
    assert stored() == ["assets/assets.json", "assets/flame.npz"]


@pytest.mark.parametrize("gone", ["generic_model.pkl", "landmark_embedding.npy", "head_template.obj"])
def test_a_head_needs_all_its_parts(own_home: Path, tmp_path: Path, gone: str) -> None:
    (licensed.write_flame(tmp_path) / gone).unlink()
    report = run(tmp_path)
    assert report.found == [] and stored() == []
    assert len(report.problems) == 1 and "The FLAME head needs" in report.problems[0] and gone in report.problems[0]


def test_a_bad_part_keeps_the_head_that_was_there(own_home: Path, tmp_path: Path) -> None:
    run(licensed.write_flame(tmp_path / "good"))
    before = (paths.assets_dir() / "flame.npz").read_bytes()
    licensed.write_model(licensed.write_flame(tmp_path / "bad") / "generic_model.pkl", weights=np.full((12, 10), 0.1))
    report = run(tmp_path / "bad")
    assert report.found == [] and "it has 10 joints, expected FLAME's 5" in report.problems[0]
    assert (paths.assets_dir() / "flame.npz").read_bytes() == before


def test_a_texture_may_come_later_and_stays(own_home: Path, tmp_path: Path) -> None:
    (tmp_path / "texture").mkdir()
    licensed.write_texture(tmp_path / "texture" / "FLAME_texture.npz")
    assert "only used with a FLAME head, which is not imported" in run(tmp_path / "texture").problems[0]
    flame = licensed.write_flame(tmp_path / "flame")
    run(flame)
    assert [asset.kind for asset in run(tmp_path / "texture").found] == ["texture"]
    directions = load_flame()._texture[1]  # type: ignore[index]
    np.testing.assert_array_equal(directions, licensed.texture()["tex_dir"][::2, ::2, :, :50])
    assert run(flame).notes == ["The FLAME texture that was imported before is kept."]
    assert run(tmp_path).notes == []
    assert [asset.kind for asset in assets.status()] == ["flame", "texture"] and load_flame().textured
    assets.remove("texture")
    assert [asset.kind for asset in assets.status()] == ["flame"] and not load_flame().textured
    assets.remove("flame")
    assert assets.status() == [] and stored() == ["assets/assets.json"]


def test_a_head_for_another_mean_face_is_doubted(own_home: Path, tmp_path: Path) -> None:
    """A male model under the generic one's name: only the template can tell."""
    folder = licensed.write_flame(tmp_path)
    licensed.write_model(folder / "generic_model.pkl", v_template=licensed.model()["v_template"] + 0.003)
    report = run(folder)
    assert [asset.kind for asset in report.found] == ["flame"]
    assert "5.2 mm off head_template.obj: make sure" in report.notes[0]


def test_male_and_female_beside_generic_do_not_matter(own_home: Path, tmp_path: Path) -> None:
    folder = licensed.write_flame(tmp_path)
    for name in ("male_model.pkl", "female_model.pkl"):
        licensed.write_model(folder / name)
    assert [asset.file.name for asset in run(folder).found] == ["generic_model.pkl"]
    (folder / "generic_model.pkl").unlink()
    report = run(folder)
    assert report.found == [] and sum("by its name, expected the generic one" in text for text in report.problems) == 2


def test_the_same_checkpoint_is_converted_once(own_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.save(licensed.checkpoint(), tmp_path / "model000100.pt")
    first = run(tmp_path)
    (tmp_path / "sub").mkdir()
    (tmp_path / "model000100.pt").rename(tmp_path / "sub" / "model000777.pt")
    monkeypatch.setattr(process, "run", None)
    assert run(tmp_path).found == first.found
    assert load_prior(tmp_path / "sub" / "model000777.pt").path == first.found[0].stored


def test_another_checkpoint_of_the_name_gets_a_number(own_home: Path, tmp_path: Path) -> None:
    state = licensed.checkpoint()
    for index, folder in enumerate(("a", "b")):
        (tmp_path / folder).mkdir()
        state["encoder.fc.bias"] = torch.full((64,), float(index))
        torch.save(state, tmp_path / folder / "model000100.pt")
    assert [asset.name for asset in run(tmp_path).found] == ["model000100", "model000100-2"]
    assert load_prior("model000100-2").checkpoint.state["encoder.fc.bias"][0] == 1


def test_numbers_that_are_none_are_not_stored(own_home: Path, tmp_path: Path) -> None:
    state = licensed.checkpoint()
    state["encoder.fc.bias"][3] = float("nan")
    torch.save(state, tmp_path / "model000100.pt")
    report = run(tmp_path)
    assert report.found == [] and "its 'encoder.fc.bias' holds values that are not finite" in report.problems[0]
    assert stored() == []


@pytest.mark.parametrize("case", ["posix.system", "hash bomb"])
def test_hostile_files_run_nothing(own_home: Path, own_process: None, tmp_path: Path, case: str) -> None:
    mark, folder = tmp_path / "mark", licensed.write_flame(tmp_path / "mine")
    (folder / "generic_model.pkl").write_bytes(as_entry(cases(mark)[case]))
    torch.save({"denoisingUNet.a": Hostile(os.system, f"touch {mark}")}, folder / "model000001.pt")
    report = run(folder)
    assert report.found == [] and len(report.problems) == 2 and stored() == []
    assert all("can't be used as" in problem for problem in report.problems) and not mark.exists()


def test_nothing_to_import_is_said(own_home: Path, tmp_path: Path) -> None:
    assert "holds none of the files that can be imported" in run(tmp_path).problems[0]
    with pytest.raises(AssetError, match="There is no folder .*nowhere"):
        run(tmp_path / "nowhere")


def test_cancelling_leaves_nothing_behind(own_home: Path, own_process: None, tmp_path: Path) -> None:
    folder, asked = licensed.write_flame(tmp_path), []

    def cancelled() -> bool:
        asked.append(1)
        return len(asked) > 2

    with pytest.raises(Cancelled):
        run(folder, cancelled=cancelled)
    assert stored() == [] and list(paths.assets_dir().iterdir()) == []


def test_a_store_that_can_not_be_written_is_said(own_home: Path, tmp_path: Path) -> None:
    paths.data_dir().mkdir(parents=True)
    (paths.data_dir() / "assets").write_text("a file in the way")
    report = run(licensed.write_flame(tmp_path))
    assert report.found == [] and "can't be written to" in report.problems[0]


def test_an_ict_folder_is_remembered(own_home: Path, tmp_path: Path) -> None:
    folder = tmp_path / "ICT-FaceKit" / "FaceXModel"
    folder.mkdir(parents=True)
    for name in ("generic_neutral_mesh.obj", "identity000.obj"):
        (folder / name).write_text("v 0 0 0\n")
    assert [asset.kind for asset in run(tmp_path).found] == ["ict"] and assets.ict_folder() == folder
    assets.remove("ict")
    assert assets.ict_folder() is None and folder.is_dir()


def test_models_that_were_put_there_describe_themselves(own_home: Path) -> None:
    paths.priors_dir().mkdir(parents=True)
    save_tiny_prior(paths.priors_dir() / "mine.safetensors")
    assert [asset.what for asset in assets.status()] == ["model for the 'open' head, 256 pixels, 'tiny'"]


def test_a_full_disk_is_said_before(own_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.pt").write_bytes(b"x")
    monkeypatch.setattr(process.shutil, "disk_usage", lambda _: SimpleNamespace(free=9))
    with pytest.raises(AssetError, match="not enough space in .* for a.pt: 64 MB"):
        real_run({"task": "convert", "bytes": 5, "file": str(tmp_path / "a.pt")}, tmp_path)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"version": 99, "assets": {}}', '{"version": 1, "assets": {"flame": 3}}'])
def test_a_damaged_record_does_not_hide_what_is_stored(own_home: Path, content: str) -> None:
    for path in (store.flame_path(), store.prior_path("mine"), paths.assets_dir() / "assets.json"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    assert [(asset.kind, asset.name) for asset in assets.status()] == [("flame", "flame"), ("prior", "mine")]
    with pytest.raises(AssetError, match="'yours' is imported. There is: flame, mine"):
        assets.remove("yours")


JOB = {"task": "template", "sizes": {"vertices": 1, "faces": 1, "uv": 1}}


def test_the_reader_is_stopped_in_time(own_process: None, tmp_path: Path) -> None:
    licensed.write_template(tmp_path / "a.obj")
    with pytest.raises(Unfit, match="took more than 0 seconds"):
        process.run({**JOB, "file": str(tmp_path / "a.obj")}, tmp_path, seconds=0)


@pytest.mark.parametrize(("status", "words"), [
    (-9, "more memory or time .*status -9"), (-24, "status -24"), (0, "more memory or time")])
def test_a_reader_that_died_is_told(tmp_path: Path, status: int, words: str) -> None:
    with pytest.raises(Unfit, match=words):
        process._answer(tmp_path, status)


def test_what_a_killed_import_left_goes_a_day_later(tmp_path: Path) -> None:
    old, new = tmp_path / ".import-old", tmp_path / ".import-new"
    for folder in (old, new):
        folder.mkdir()
    os.utime(old, (1, 1))
    with process.workplace(tmp_path) as folder:
        assert folder.is_dir() and new.is_dir() and not old.exists()
    assert not folder.exists()


LIMITED = "from core.assets import child; child.limit(4096); {}"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits of other systems differ")
@pytest.mark.parametrize(("work", "error"), [
    ("bytearray(3 << 30)", "MemoryError"), ("open('a', 'wb').write(bytes(9999))", "OSError")])
def test_the_reader_can_not_take_all(tmp_path: Path, work: str, error: str, repository: Path) -> None:
    import subprocess

    done = subprocess.run([sys.executable, "-c", LIMITED.format(work)], cwd=tmp_path, capture_output=True, text=True,
                          env={**os.environ, "PYTHONPATH": str(repository)})
    assert done.returncode == 1 and error in done.stderr


def test_no_pickle_is_read_after_the_import(own_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(licensed.write_flame(tmp_path / "a"))
    torch.save(licensed.checkpoint(), tmp_path / "model000100.pt")
    run(tmp_path / "model000100.pt")

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a pickle is read")

    for module, name in ((pickle, "load"), (pickle, "loads"), (pickle, "Unpickler"), (torch, "load"), (process, "run")):
        monkeypatch.setattr(module, name, refuse)
    assert load_flame().template.shape == (12, 3) and load_prior("model000100").size == 64


def test_importing_the_package_needs_no_pytorch(repository: Path) -> None:
    import subprocess

    program = ("import sys, core.assets, core.assets.child, core.assets.command; core.assets.status()\n"
               "sys.exit('torch' in sys.modules)")
    assert subprocess.run([sys.executable, "-c", program], cwd=repository).returncode == 0


def test_the_record_says_where_files_came_from(own_home: Path, tmp_path: Path) -> None:
    run(licensed.write_flame(tmp_path))
    entry = json.loads((paths.assets_dir() / "assets.json").read_text())["assets"]["flame"]
    assert entry["file"] == str(tmp_path / "generic_model.pkl") and len(entry["sha256"]) == 64 and entry["date"].startswith("20")


