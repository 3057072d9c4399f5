"""Heads written as meshes, and read back by trimesh."""
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh

from core.codes import FaceCode
from core.errors import UserError
from core.head import load_head
from core.mesh_files import save_mesh
from core.rig import Rig, apply

HEAD = load_head("open")


def edited(**values: float) -> FaceCode:
    return apply(Rig().update({name.replace("_", "."): value for name, value in values.items()}), HEAD, HEAD.zero_code())


def tree_of(path: Path) -> dict[str, Any]:
    """The JSON of a GLB file."""
    data = path.read_bytes()
    assert data[:4] == b"glTF"
    return dict(json.loads(data[20:20 + int.from_bytes(data[12:16], "little")]))


def loaded(path: Path) -> Any:
    return trimesh.load(path, process=False, force="mesh")


@pytest.mark.parametrize("suffix", [".glb", ".OBJ"])
def test_the_edited_head_comes_back(tmp_path: Path, suffix: str) -> None:
    code = edited(jaw_open=0.6, expression_smile=0.5, pose_yaw=20.0)
    path = save_mesh(tmp_path / f"my head{suffix}", HEAD, code)
    mesh = loaded(path)
    assert np.allclose(mesh.vertices, HEAD.vertices_of(code), atol=1e-6) and np.array_equal(mesh.faces, HEAD.faces)
    assert 0.2 < mesh.extents[1] < 0.35  # metres
    front = mesh.vertices[:, 2].argmax()
    assert mesh.vertex_normals[front] @ (0, 0, 1) > 0.3 and np.allclose(np.linalg.norm(mesh.vertex_normals, axis=1), 1, atol=1e-3)
    other = loaded(save_mesh(tmp_path / f"still{suffix}", HEAD, edited()))
    assert np.abs(other.vertices - mesh.vertices).max() > 0.01  # pose and jaw are in it
    assert not [file for file in tmp_path.iterdir() if file.name.startswith(".")]


def test_glb_has_normals_linear_colours_and_a_matt_material(tmp_path: Path) -> None:
    tree = tree_of(save_mesh(tmp_path / "head.glb", HEAD, edited()))
    primitive = tree["meshes"][0]["primitives"][0]
    assert {"POSITION", "NORMAL", "COLOR_0"} <= set(primitive["attributes"])
    material = tree["materials"][primitive["material"]]
    assert material["pbrMetallicRoughness"]["metallicFactor"] == 0 and material["doubleSided"]
    brightest = max(tree["accessors"][primitive["attributes"]["COLOR_0"]]["max"][:3])
    shown = HEAD.albedo(HEAD.zero_code().albedo).vertex
    assert shown is not None and brightest == pytest.approx(255 * ((shown.max() + 0.055) / 1.055) ** 2.4, abs=1.5)


def test_obj_has_colours_normals_and_its_material(tmp_path: Path) -> None:
    path = save_mesh(tmp_path / "my head.obj", HEAD, edited())
    lines = path.read_text().splitlines()
    assert "mtllib my head.mtl" in lines and "metres" in lines[0]
    vertex = next(line for line in lines if line.startswith("v ")).split()
    assert len(vertex) == 7 and sum(line.startswith("vn ") for line in lines) == HEAD.faces.max() + 1
    shown = HEAD.albedo(HEAD.zero_code().albedo).vertex
    assert shown is not None and np.allclose([float(v) for v in vertex[4:]], shown[0], atol=0.003)
    material = (tmp_path / "my head.mtl").read_text()
    assert material.startswith("newmtl head") and "usemtl head" in lines


def test_equal_heads_give_equal_files(tmp_path: Path) -> None:
    for suffix in (".glb", ".obj"):
        one, two = (save_mesh(tmp_path / name / f"head{suffix}", HEAD, edited()) for name in _folders(tmp_path))
        assert one.read_bytes() == two.read_bytes()


def _folders(base: Path) -> tuple[str, str]:
    for name in "ab":
        (base / name).mkdir(exist_ok=True)
    return "a", "b"


def test_heads_with_a_texture_keep_it(tmp_path: Path, shared: Path) -> None:
    from tests.flame import synthetic_flame

    head = synthetic_flame(shared)
    code = head.zero_code()
    glb = loaded(save_mesh(tmp_path / "flame.glb", head, code))
    assert glb.visual.kind == "texture" and glb.visual.material.baseColorTexture.size[0] > 16
    obj = loaded(save_mesh(tmp_path / "flame.obj", head, code))
    assert (tmp_path / "flame.png").exists() and obj.visual.material.image is not None
    assert len(obj.faces) == len(head.faces) and np.allclose(obj.extents, glb.extents, atol=1e-5)


@pytest.mark.parametrize("name", ["head.stl", "head", "head.glb.png"])
def test_other_formats_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError, match=r"\.glb or \.obj"):
        save_mesh(tmp_path / name, HEAD, HEAD.zero_code())
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="folder does not exist"):
        save_mesh(tmp_path / "none" / "head.glb", HEAD, HEAD.zero_code())
