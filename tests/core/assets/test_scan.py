"""Finding licensed files by name and by content, and knowing what is only called like one."""
from __future__ import annotations

import os
import zipfile
from pathlib import Path

import pytest
import torch

from core.assets import scan
from core.assets.problems import Unfit
from core.assets.scan import Candidate
from core.errors import Cancelled
from tests.core.assets import licensed


def found(folder: Path) -> dict[str, list[str]]:
    findings = scan.scan(folder)
    kinds = {candidate.kind for candidate in findings.candidates}
    return {kind: [str(one.path.relative_to(folder)) for one in findings.of(kind)] for kind in kinds}


def put(path: Path, data: bytes = b"x" * 2000) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def test_usual_names_in_usual_places(tmp_path: Path) -> None:
    for name in ("DECA/data/deca_model.tar", "DECA/data/landmark_embedding.npy", "DECA/data/head_template.obj",
                 "DECA/data/generic_model.pkl", "DECA/data/FLAME_texture.npz", "DECA/data/uv_face_mask.png",
                 "checkpoints/ffhq512/model300000.pt", "checkpoints/ffhq256/model050000.pt", "checkpoints/opt050000.pt"):
        put(tmp_path / name)
    assert found(tmp_path) == {
        "model": ["DECA/data/generic_model.pkl"], "embedding": ["DECA/data/landmark_embedding.npy"],
        "template": ["DECA/data/head_template.obj"], "texture": ["DECA/data/FLAME_texture.npz"],
        "encoder": ["DECA/data/deca_model.tar"],
        "checkpoint": ["checkpoints/ffhq256/model050000.pt", "checkpoints/ffhq512/model300000.pt"]}
    assert any("opt050000.pt is the state of an optimiser" in note for note in scan.scan(tmp_path).notes)


def test_other_names_are_known_by_content(tmp_path: Path) -> None:
    licensed.write_model(tmp_path / "my flame.pkl")
    licensed.write_embedding(tmp_path / "lmk.npy")
    licensed.write_texture(tmp_path / "tex.npz")
    wrapped = {"denoisingUNet.a": torch.zeros(2), "E": torch.zeros(600)}
    torch.save(wrapped, tmp_path / "best.pth")
    torch.save(wrapped, tmp_path / "old.ckpt", _use_new_zipfile_serialization=False)
    torch.save({"E_flame": wrapped["E"]}, tmp_path / "deca.tar")
    torch.save({"other": wrapped["E"]}, tmp_path / "other.pt")
    put(tmp_path / "other.pkl", b"shapedirs" * 200)
    assert found(tmp_path) == {"model": ["my flame.pkl"], "embedding": ["lmk.npy"], "texture": ["tex.npz"],
                               "checkpoint": ["best.pth", "old.ckpt"], "encoder": ["deca.tar"]}


def test_the_usual_name_comes_first(tmp_path: Path) -> None:
    for name in ("a/male_model.pkl", "b/female_model.pkl", "z/z/generic_model.pkl", "flame2023.pkl"):
        put(tmp_path / name)
    licensed.write_model(tmp_path / "copy.pkl")
    assert found(tmp_path)["model"][0] == "z/z/generic_model.pkl" and found(tmp_path)["model"][-1] == "copy.pkl"


def test_one_file_can_be_named(tmp_path: Path) -> None:
    path = put(tmp_path / "model000001.pt")
    assert scan.scan(path).candidates == [Candidate("checkpoint", path, True)]


def test_an_ict_folder_is_known(tmp_path: Path) -> None:
    for name in ("generic_neutral_mesh.obj", "identity000.obj"):
        put(tmp_path / "ICT-FaceKit/FaceXModel" / name)
    assert found(tmp_path) == {"ict": ["ICT-FaceKit/FaceXModel"]}


def test_archives_are_to_be_unpacked(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "FLAME2020.zip", "w") as archive:
        archive.writestr("FLAME2020/generic_model.pkl", "x")
    put(tmp_path / "broken.zip")
    assert scan.scan(tmp_path).notes == [
        f"{tmp_path / 'FLAME2020.zip'} is an archive with generic_model.pkl in it: unpack it, then import the folder."]


def test_hidden_folders_and_loops_are_left_out(tmp_path: Path) -> None:
    put(tmp_path / ".trash/generic_model.pkl")
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "gone.pkl").symlink_to(tmp_path / "nowhere")
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "generic_model.pkl")  # reading it would wait for ever
    assert found(tmp_path) == {}


def test_cancelling_stops_the_search(tmp_path: Path) -> None:
    with pytest.raises(Cancelled):
        scan.scan(tmp_path, lambda: True)


def test_a_huge_folder_is_not_searched_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scan, "MAX_ENTRIES", 3)
    for index in range(9):
        put(tmp_path / f"model00000{index}.pt")
    findings = scan.scan(tmp_path)
    assert len(findings.candidates) == 2 and "Only the first 3 files" in findings.notes[0]


@pytest.mark.parametrize(("data", "words"), [
    (b"", "it is empty"), (b"  <!DOCTYPE html><html>Sign in", "a web page of 30 bytes.*sign in"),
    (b"\xef\xbb\xbf<HTML>", "web page"),
    (b"version https://git-lfs.github.com/spec/v1\noid sha256:0", "Git LFS pointer.*git lfs pull"),
    (b'{"error": "forbidden"}', "short JSON text"), (b"\x1f\x8b\x08xx", "a gzip archive: unpack it"),
    (b"7z\xbc\xaf\x27", "a 7z archive"),
    (b"%PDF-1.4", "a PDF document, not the file"), (b"\x89PNG\r\n", "a picture"),
    (bytes(257) + b"ustar", "a tar archive: unpack"),
    (b"PK\3\4xxxx", "a zip archive: unpack it")])
def test_what_downloads_leave_behind_is_named(tmp_path: Path, data: bytes, words: str) -> None:
    with pytest.raises(Unfit, match=words):
        scan.check_beginning(put(tmp_path / "generic_model.pkl", data))


@pytest.mark.parametrize("data", [b"\x80\x02}", b"PK\3\4", b"v 1 2 3"])
def test_good_beginnings_pass(tmp_path: Path, data: bytes) -> None:
    scan.check_beginning(put(tmp_path / "model000001.pt", data))


@pytest.mark.parametrize(("name", "words"), [
    ("male_model.pkl", "FLAME's male model by its name, expected the generic one"),
    ("FLAME2020/female_model.pkl", "FLAME's female"),
    ("flame2023.pkl", "FLAME 2023's model"), ("flame2023_no_jaw.pkl", "FLAME 2023's"),
    ("FLAME_2017/generic_model.pkl", "FLAME 2017's"),
    ("Flame-2019/generic_model.pkl", "FLAME 2019's")])
def test_another_sex_or_year_is_named(tmp_path: Path, name: str, words: str) -> None:
    for top in (tmp_path, tmp_path / name):
        with pytest.raises(Unfit, match=words):
            scan.check_name(Candidate("model", tmp_path / name, True), top)


@pytest.mark.parametrize("name", ["generic_model.pkl", "FLAME2020/generic_model.pkl", "FLAME2023/FLAME2020/generic_model.pkl"])
def test_the_generic_model_of_2020_passes(tmp_path: Path, name: str) -> None:
    scan.check_name(Candidate("model", tmp_path / name, True), tmp_path)
