"""FlameHead against numbers of the reference system, and its file."""
from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.errors import AssetError
from core.head.flame import PARENTS, FlameHead, contour_index, contour_yaw, load_flame
from core.head.rotation import rotation_matrices, rotation_matrix
from tests.flame import arrays, synthetic_flame


@pytest.fixture(scope="module")
def head(shared: Path) -> FlameHead:
    return synthetic_flame(shared)


@pytest.fixture(scope="module")
def known(shared: Path) -> dict[str, np.ndarray]:
    with np.load(shared / "parity/iv_flame/flame_io.npz") as stored:
        return {name: stored[name] for name in stored.files}


@pytest.mark.parametrize("case", range(8))
def test_vertices_and_landmarks_are_the_references(head: FlameHead, known: dict[str, np.ndarray], case: int) -> None:
    pose = known["pose"][case]
    vertices = head.vertices(known["shape"][case], known["exp"][case], pose[:3], np.zeros(3), pose[3:], np.zeros(2))
    np.testing.assert_allclose(vertices, known["vertices"][case], atol=1e-6)
    np.testing.assert_allclose(head.landmarks68(vertices, pose[:3]), known["landmarks2d"][case], atol=1e-6)
    np.testing.assert_allclose(head.landmarks3d(vertices), known["landmarks3d"][case], atol=1e-6)


@pytest.mark.parametrize("case", range(8))
def test_the_steps_on_the_way_are_the_references(head: FlameHead, known: dict[str, np.ndarray], case: int) -> None:
    """Shape before posing, joints, and where and how each joint stands in the world."""
    still = head.vertices(known["shape"][case], known["exp"][case], *np.zeros((4, 3)))
    np.testing.assert_allclose(still, known["v_shaped"][case], atol=1e-6)
    joints = head._regressor @ still
    np.testing.assert_allclose(joints, known["joints"][case], atol=1e-6)
    pose, zero = known["pose"][case], np.zeros(3, np.float32)
    turns = rotation_matrices(np.array([pose[:3], zero, pose[3:], zero, zero], np.float32))
    moves = head._transforms(turns, joints)
    np.testing.assert_allclose(moves, known["rel_transforms"][case][:, :3], atol=1e-6)
    assert np.array_equal(known["rel_transforms"][case][:, 3], np.tile([0, 0, 0, 1], (5, 1)))
    posed = np.einsum("jik,jk->ji", moves[..., :3], joints) + moves[..., 3]
    np.testing.assert_allclose(posed, known["posed_joints"][case], atol=1e-6)


def test_the_contour_slides_as_the_references(head: FlameHead, known: dict[str, np.ndarray]) -> None:
    turns = [rotation_matrix(pose[:3]) for pose in known["pose"]]
    np.testing.assert_allclose([contour_yaw(turn) for turn in turns], known["yaw_rad"], atol=1e-5)
    rows = [contour_index(turn) for turn in turns]
    assert len(set(rows)) > 4
    for row, faces in zip(rows, known["dyn_faces_idx"], strict=True):
        assert np.array_equal(head._dynamic[0][row], faces)


@pytest.mark.parametrize(("degrees", "row"), [(0, 0), (17, 17), (38.4, 38), (39, 39), (60, 39), (-0.4, 0), (-1, 40), (-17, 56),
                                              (-39, 78), (-60, 78)])
def test_contour_rows(degrees: float, row: int) -> None:
    """0 to 39 for one side, 40 to 78 for the other."""
    assert contour_index(rotation_matrix(np.array([0, np.radians(degrees), 0]))) == row


def test_skeleton_and_weights_are_the_references(head: FlameHead, known: dict[str, np.ndarray]) -> None:
    assert tuple(known["parents"]) == PARENTS
    np.testing.assert_allclose(head._weights.sum(1), known["lbs_weights_sum"], atol=1e-6)


def test_rotations_are_the_references(known: dict[str, np.ndarray]) -> None:
    np.testing.assert_allclose(rotation_matrices(known["rot_vecs"]), known["rot_mats"], atol=1e-5)


def test_albedo_is_the_references(head: FlameHead, shared: Path) -> None:
    with np.load(shared / "parity/v_render_math/texture_io.npz") as known:
        step = int(known["stride"])
        codes = [*known["texcode"], np.zeros(50)]
        for coefficients, expected in zip(codes, [*known["albedo_stride4"], known["albedo_zero_stride4"][0]], strict=True):
            albedo = np.asarray(head.albedo(coefficients).texture)
            np.testing.assert_allclose(albedo[::step, ::step].transpose(2, 0, 1), expected, atol=2e-4)


def test_the_whole_texture_space_and_its_even_texels_are_one(shared: Path) -> None:
    mean = np.random.default_rng(0).uniform(0, 255, (512, 512, 3)).astype(np.float32)
    directions = np.repeat(mean[..., None], 51, 3)
    values, heads = np.linspace(-1, 2, 50), []
    for texture in ({"mean": mean.reshape(-1), "tex_dir": directions},
                    {"mean": mean[::2, ::2], "tex_dir": directions[::2, ::2, :, :50]}):
        heads.append(FlameHead.from_arrays(arrays(shared) | texture))
    whole, even = (np.asarray(head.albedo(values).texture) for head in heads)
    assert np.array_equal(whole, even) and whole.shape == (256, 256, 3)


def test_centre_is_between_eyes_and_mouth(head: FlameHead) -> None:
    code = head.zero_code()
    vertices = head.vertices_of(code)
    points = head.landmarks68(vertices, code.pose)
    eyes = (points[36:42].mean(0) + points[42:48].mean(0)) / 2
    expected = eyes + 0.1 * ((points[48] + points[54]) / 2 - eyes)
    np.testing.assert_allclose(head.centre(vertices, code.pose), expected, atol=1e-7)


def test_expression_modes_and_jaw_can_be_named(head: FlameHead) -> None:
    """Every control moves the head, and a control's value is added to its block alone."""
    zero = head.zero_code()
    still = head.vertices_of(zero)
    for name, control in head.controls().items():
        block = np.array(getattr(zero, control.block))
        for index, gain in control.weights:
            block[index] += gain * control.high
        assert np.abs(head.vertices_of(zero.replace(**{control.block: block})) - still).max() > 1e-6, name


def test_a_file_of_its_arrays_loads(shared: Path, tmp_path: Path, own_home: Path) -> None:
    file = tmp_path / "flame.npz"
    np.savez(file, **arrays(shared))  # type: ignore[arg-type]
    head = load_flame(file)
    assert not head.textured and np.asarray(head.albedo(np.zeros(50)).vertex).shape == (458, 3)
    file.write_bytes(file.read_bytes()[:4000])
    with pytest.raises(AssetError, match=r"flame\.npz can't be read .* assets import"):
        load_flame(file)
    with pytest.raises(AssetError, match="assets import FOLDER"):
        load_flame()


@pytest.mark.parametrize("change", [
    {"weights": np.zeros((458, 4))}, {"mean": np.zeros((512, 512, 3)), "tex_dir": np.zeros((256, 256, 3, 50))},
    {"static_lmk_bary_coords": np.zeros((68, 3))}, {"v_template": None}])
def test_arrays_that_do_not_fit_are_refused(shared: Path, change: dict[str, Any]) -> None:
    given = {name: value for name, value in (arrays(shared) | change).items() if value is not None}
    with pytest.raises(AssetError):
        FlameHead.from_arrays(given)
