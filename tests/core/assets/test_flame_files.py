"""FLAME's and DECA's files: good ones come out as arrays, each wrong one is named with what was found and expected."""
from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.assets import flame_files, flame_store, numpy_file
from core.assets.flame_files import Sizes
from core.assets.problems import Unfit
from tests.core.assets import licensed
from tests.core.assets.licensed import SMALL


def test_a_model_comes_out_as_plain_arrays(tmp_path: Path) -> None:
    found = flame_files.model_arrays(licensed.write_model(tmp_path / "m.pkl"), SMALL)
    given = licensed.model()
    assert {name: values.dtype.name for name, values in found.items()} == {
        "f": "int32", "kintree_table": "int64", **dict.fromkeys(("J_regressor", "posedirs", "v_template", "shapedirs", "weights"),
                                                                 "float32")}
    np.testing.assert_allclose(found["J_regressor"], given["J_regressor"].toarray())
    np.testing.assert_allclose(found["shapedirs"], given["shapedirs"].astype(np.float32))
    assert found["kintree_table"][0].tolist() == [-1, 0, 1, 1, 1]


def test_true_sizes_are_the_default(tmp_path: Path) -> None:
    assert Sizes() == Sizes(5023, 9976, 5118)
    with pytest.raises(Unfit, match="it has 12 vertices, expected FLAME's 5,023"):
        flame_files.model_arrays(licensed.write_model(tmp_path / "m.pkl"), Sizes())


ROWS = np.arange(12)


@pytest.mark.parametrize(("changes", "words"), [
    ({"posedirs": None, "weights": None}, "it lacks posedirs, weights .it holds f, J_regressor, kintree_table"),
    ({"weights": np.full((12, 10), 0.1)}, "it has 10 joints, expected FLAME's 5"),
    ({"kintree_table": np.zeros((2, 10), int)}, "joints, expected FLAME's 5"),
    ({"kintree_table": np.array([[-1, 0, 1, 2, 3], ROWS[:5]])}, r"its joints hang on \[-1, 0, 1, 2, 3\], expected \[-1, 0"),
    ({"shapedirs": np.zeros((12, 3, 150))}, r"shapedirs has shape \(12, 3, 150\), expected \(12, 3, 400\).*another year's"),
    ({"posedirs": np.zeros((12, 3, 81))}, r"posedirs has shape \(12, 3, 81\), expected \(12, 3, 36\)"),
    ({"v_template": np.zeros((6890, 3))}, "it has 6,890 vertices .a SMPL body., expected FLAME's 12"),
    ({"f": np.full((20, 3), 12)}, "its f refers to something that is not there"),
    ({"f": np.zeros((20, 3))}, "its f refers"),
    ({"shapedirs": np.full((12, 3, 400), np.nan)}, "its shapedirs holds values that are not finite"),
    ({"v_template": licensed.model()["v_template"] * 1000}, "its head is 92.5 high, expected about 0.3 .metres."),
    ({"weights": np.full((12, 5), 0.3)}, "rows of its weights must add up to 1"),
    ({"v_template": "text"}, "it holds a text where an array should be"),
    ({"f": np.array(["a"])}, "something other than numbers")])
def test_a_wrong_model_is_named(tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    with pytest.raises(Unfit, match=words):
        flame_files.model_arrays(licensed.write_model(tmp_path / "m.pkl", **changes), SMALL)


@pytest.mark.parametrize(("changes", "words"), [
    ({"static_lmk_faces_idx": None}, "it lacks static_lmk_faces_idx .it holds static_lmk_bary_coords"),
    ({"static_lmk_faces_idx": np.arange(68)}, r"static landmarks \(68,\) .*expected DECA's \(51,\)"),
    ({"static_lmk_faces_idx": np.full(51, 9999)}, r"static_lmk_faces_idx refers .*0 to 19"),
    ({"static_lmk_bary_coords": np.ones((51, 3))}, "no barycentric coordinates"),
    ({"dynamic_lmk_faces_idx": np.zeros((79, 17))}, "dynamic_lmk_faces_idx refers")])
def test_a_wrong_embedding_is_named(tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    with pytest.raises(Unfit, match=words):
        flame_files.embedding_arrays(licensed.write_embedding(tmp_path / "e.npy", **changes), SMALL)


def test_an_embedding_comes_out(tmp_path: Path) -> None:
    found = flame_files.embedding_arrays(licensed.write_embedding(tmp_path / "e.npy"), SMALL)
    for name, values in licensed.embedding().items():
        np.testing.assert_allclose(found[name], np.asarray(values), rtol=1e-6)
    np.save(tmp_path / "plain.npy", np.zeros((68, 3)))
    with pytest.raises(Unfit, match=r"an array of shape \(68, 3\) of float64, expected DECA's dictionary"):
        flame_files.embedding_arrays(tmp_path / "plain.npy", SMALL)
    (tmp_path / "no.npy").write_bytes(b"no array")
    with pytest.raises(Unfit, match="no numpy array"):
        flame_files.embedding_arrays(tmp_path / "no.npy", SMALL)


@pytest.mark.parametrize(("old", "new", "words"), [
    ("v ", "# ", "line 28: a face names vertex 1, there are 0"), ("vt ", "# ", "line 28: a face names vertex 1"),
    ("f 1/", "# ", "it has 12 vertices, 15 triangles and 14 uv points, expected 12, 20 and 14"), ("/", "//", "no uv points"),
    ("f 1/", "f 99/", "a face names vertex 99, there are 12"), ("vt 0", "vt x", "line 14 .*2 finite numbers were expected"),
    ("v 0.", "v nan 0.", "3 finite numbers were expected")])
def test_a_wrong_template_is_named(tmp_path: Path, old: str, new: str, words: str) -> None:
    (tmp_path / "h.obj").write_text(licensed.template().replace(old, new))
    with pytest.raises(Unfit, match=words):
        flame_files.template_arrays(tmp_path / "h.obj", SMALL)


def test_uv_faces_follow_the_models_triangles() -> None:
    random = np.random.default_rng(0)
    faces = random.permuted(np.tile(np.arange(30), (40, 1)), axis=1)[:, :3]
    uv_faces = random.integers(0, 50, (40, 3))
    shuffled = random.permutation(40)
    turned = (np.arange(3) + random.integers(0, 3, (40, 1))) % 3
    corners, rows = (np.take_along_axis(values[shuffled], turned, 1) for values in (faces, uv_faces))
    np.testing.assert_array_equal(flame_store.in_order_of(faces, corners, rows), uv_faces)
    corners[0, 0] = 29 - corners[0, 0]
    with pytest.raises(Unfit, match="not those of the FLAME model"):
        flame_store.in_order_of(faces, corners, rows)


@pytest.mark.parametrize("form", ["plain", "packed", "fortran"])
def test_the_used_part_of_a_texture_comes_out(tmp_path: Path, form: str) -> None:
    given = licensed.texture()
    order = np.asfortranarray if form == "fortran" else np.asarray
    (np.savez_compressed if form == "packed" else np.savez)(
        tmp_path / "t.npz", mean=order(given["mean"]), tex_dir=order(given["tex_dir"]), notes=np.array([{}], object))
    found = flame_files.texture_arrays(tmp_path / "t.npz")
    np.testing.assert_array_equal(found["mean"], given["mean"][::2, ::2])
    np.testing.assert_array_equal(found["tex_dir"], given["tex_dir"][::2, ::2, :, :50])


FLAT = np.full((512, 512, 3), 120, np.float32)
THIN = np.zeros((512, 512, 3, 50), np.uint8)


@pytest.mark.parametrize(("arrays", "words"), [
    ({"MU": FLAT, "PC": THIN}, "made from the Basel Face Model .MU, PC., expected FLAME's own"),
    ({"mean": FLAT}, "it lacks mean or tex_dir .it holds mean."),
    ({"mean": FLAT[::2, ::2], "tex_dir": THIN[::2, ::2]}, r"mean has shape \(256, 256, 3\) and tex_dir \(256, 256, 3, 50\)"),
    ({"mean": FLAT, "tex_dir": THIN[..., :40]}, r"tex_dir \(512, 512, 3, 40\)"),
    ({"mean": FLAT / 255, "tex_dir": THIN}, "mean colour is 0.471, expected skin between 0 and 255"),
    ({"mean": FLAT * np.nan, "tex_dir": THIN}, "not finite"),
    ({"mean": np.array([{}], object), "tex_dir": THIN}, r"mean has shape \(1,\)")])
def test_a_wrong_texture_is_named(tmp_path: Path, arrays: dict[str, np.ndarray], words: str) -> None:
    np.savez(tmp_path / "t.npz", **arrays)  # type: ignore[arg-type]
    with pytest.raises(Unfit, match=words):
        flame_files.texture_arrays(tmp_path / "t.npz")


def npz(path: Path, name: str, head: dict[str, Any], data: bytes) -> Path:
    """An archive with one entry whose header says what it likes."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open(name, "w") as entry:
        np.lib.format.write_array_header_1_0(entry, head)  # type: ignore[arg-type]
        entry.write(data)
    return path


@pytest.mark.parametrize(("name", "head", "words"), [
    ("mean.npy", {"descr": "<f4", "shape": (1 << 20, 1 << 20)}, "but has"),
    ("mean.npy", {"descr": "<f4", "shape": (2,)}, "but has"),
    ("mean.npy", {"descr": "<f4", "shape": (1 << 62, 4)}, "but has"), ("mean.npy", {"descr": "<f4", "shape": (-1,)}, "but has"),
    ("../../../tmp/mean.npy", {"descr": "<f4", "shape": (1,)}, r"an archive with \.\./\.\./"),
    ("/mean.npy", {"descr": "<f4", "shape": (1,)}, "an archive with /mean"),
    ("evil.sh", {"descr": "<f4", "shape": (1,)}, "with evil.sh")])
def test_archives_that_lie(tmp_path: Path, name: str, head: dict[str, Any], words: str) -> None:
    """Names that lead out of the folder, and little data that says, or unpacks to, a lot."""
    path = npz(tmp_path / "t.npz", name, {"fortran_order": False, **head}, bytes(30 << 20))
    assert path.stat().st_size < 1 << 20
    with pytest.raises(Unfit, match=words):
        numpy_file.Npz(path)
    assert list(tmp_path.iterdir()) == [path]


def test_damage_in_an_archive_is_found(tmp_path: Path) -> None:
    path = tmp_path / "t.npz"
    np.savez(path, mean=np.arange(1000.0))
    data = bytearray(path.read_bytes())
    data[3000] ^= 1
    path.write_bytes(data)
    with pytest.raises(Unfit, match="checksum"):
        numpy_file.Npz(path).array("mean")
    path.write_bytes(data[:5000])
    with pytest.raises(Unfit, match="cut short"):
        numpy_file.Npz(path)


def test_the_references_files_come_out(shared: Path) -> None:
    """FLAME's own way of writing: chumpy's and scipy's classes, Python 2's protocol, PyTorch tensors inside numpy's file."""
    folder, sizes = shared / "parity" / "iv_flame", Sizes(458, 912, 525)
    found = flame_files.model_arrays(folder / "flame_synth.pkl", sizes)
    template = flame_files.template_arrays(folder / "head_synth.obj", sizes)
    np.testing.assert_array_equal(found["f"], template["corners"])
    np.testing.assert_allclose(found["v_template"], template["places"], atol=1e-6)
    given = np.load(folder / "landmark_embedding_synth.npy", allow_pickle=True).item()  # made for this test: it may be unpickled
    for name, values in flame_files.embedding_arrays(folder / "landmark_embedding_synth.npy", sizes).items():
        np.testing.assert_allclose(values, np.asarray(given[name]), rtol=1e-6)
