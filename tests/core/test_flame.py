"""FlameHead against numbers of the reference system, and the reader of FLAME's pickles against hostile ones."""
from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from core.errors import AssetError
from core.head import load_head
from core.head.flame import FlameHead, read_template_uv
from core.head.flame_pickle import read_embedding, read_model, restricted_load
from core.head.rotation import rotation_matrices


@pytest.fixture(scope="module")
def parity(shared: Path) -> Path:
    return shared / "parity"


@pytest.fixture(scope="module")
def texture() -> tuple[np.ndarray, np.ndarray]:
    """The formula of the reference numbers' texture space, in the file's layout."""
    y, x, c = np.meshgrid(np.arange(512), np.arange(512), np.arange(3), indexing="ij")
    mean = 120 + 60 * np.cos(0.02 * x + 0.01 * y + c)
    directions = np.zeros((512, 512, 3, 50), np.float32)
    for k in range(50):
        directions[..., k] = 8 * np.sin(0.01 * (k + 1) * x + 0.013 * (k + 3) * y + c)
    return mean.astype(np.float32), directions


@pytest.fixture(scope="module")
def head(parity: Path) -> FlameHead:
    folder = parity / "iv_flame"
    return FlameHead(read_model(folder / "flame_synth.pkl"), read_embedding(folder / "landmark_embedding_synth.npy"),
                     *read_template_uv(folder / "head_synth.obj"))


@pytest.mark.parametrize("case", range(8))
def test_vertices_and_landmarks_are_the_references(head: FlameHead, parity: Path, case: int) -> None:
    with np.load(parity / "iv_flame/flame_io.npz") as known:
        pose = known["pose"][case]
        vertices = head.vertices(known["shape"][case], known["exp"][case], pose[:3], np.zeros(3), pose[3:], np.zeros(2))
        np.testing.assert_allclose(vertices, known["vertices"][case], atol=1e-6)
        np.testing.assert_allclose(head.landmarks68(vertices, pose[:3]), known["landmarks2d"][case], atol=1e-6)


def test_rotations_are_the_references(parity: Path) -> None:
    with np.load(parity / "iv_flame/flame_io.npz") as known:
        np.testing.assert_allclose(rotation_matrices(known["rot_vecs"]), known["rot_mats"], atol=1e-5)


def test_albedo_is_the_references(head: FlameHead, parity: Path, texture: tuple[np.ndarray, np.ndarray]) -> None:
    folder = parity / "iv_flame"
    textured = FlameHead(read_model(folder / "flame_synth.pkl"), read_embedding(folder / "landmark_embedding_synth.npy"),
                         head.uv, head.uv_faces, texture)
    with np.load(parity / "v_render_math/texture_io.npz") as known:
        for coefficients, expected in zip(known["texcode"], known["albedo_stride4"], strict=True):
            albedo = np.asarray(textured.albedo(coefficients).texture)
            np.testing.assert_allclose(albedo[::4, ::4].transpose(2, 0, 1), expected, atol=2e-4)


def test_centre_is_between_eyes_and_mouth(head: FlameHead) -> None:
    code = head.zero_code()
    vertices = head.vertices_of(code)
    points = head.landmarks68(vertices, code.pose)
    eyes = (points[36:42].mean(0) + points[42:48].mean(0)) / 2
    expected = eyes + 0.1 * ((points[48] + points[54]) / 2 - eyes)
    np.testing.assert_allclose(head.centre(vertices, code.pose), expected, atol=1e-7)


def test_a_folder_of_files_loads(parity: Path, tmp_path: Path) -> None:
    source = parity / "iv_flame"
    with pytest.raises(AssetError, match=r"generic_model\.pkl"):
        load_head("flame", tmp_path)
    for given, name in (("flame_synth.pkl", "generic_model.pkl"), ("landmark_embedding_synth.npy", "landmark_embedding.npy"),
                        ("head_synth.obj", "head_template.obj")):
        (tmp_path / name).symlink_to(source / given)
    head = load_head("flame", tmp_path)
    assert np.asarray(head.albedo(np.zeros(50)).vertex).shape == (458, 3)


def test_files_that_do_not_fit_are_refused(parity: Path) -> None:
    model = read_model(parity / "iv_flame/flame_synth.pkl")
    embedding = read_embedding(parity / "iv_flame/landmark_embedding_synth.npy")
    with pytest.raises(AssetError):
        FlameHead(model | {"weights": model["weights"][:, :4]}, embedding)


class _Hostile:
    def __init__(self, function: object, *arguments: object) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> tuple:
        return self.call


def test_hostile_pickles_run_nothing(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    for call in (_Hostile(exec, f"open({str(mark)!r}, 'w')"), _Hostile(open, str(mark), "w"), _Hostile(Path.touch, mark),
                 _Hostile(getattr, mark, "touch")):
        path = tmp_path / "evil.pkl"
        path.write_bytes(pickle.dumps({"f": call}, protocol=2))
        with pytest.raises(AssetError, match="no FLAME file needs"):
            restricted_load(path)
    assert not mark.exists()


def test_a_pickle_inside_an_embedding_runs_nothing(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    path = tmp_path / "landmark_embedding.npy"
    np.save(path, np.array(_Hostile(exec, f"open({str(mark)!r}, 'w')"), dtype=object), allow_pickle=True)
    with pytest.raises(AssetError):
        read_embedding(path)
    assert not mark.exists()


@pytest.mark.parametrize("content", [b"", b"not a pickle", b"\x80\x02}q\x00."])
def test_damaged_models_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "generic_model.pkl"
    path.write_bytes(content)
    with pytest.raises(AssetError):
        read_model(path)
