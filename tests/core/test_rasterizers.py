"""Rasterizers: the reference's pixels, and all of them the same ones, down to the last bit on a CPU."""
from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from core.errors import AssetError
from core.head import load_head
from core.head.base import Albedo, HeadModel
from core.head.open_head import OpenHead
from core.render.buffers import paint_of, render_batch, render_buffers
from core.render.camera import pixel_centres
from core.render.numba_raster import NumbaRasterizer
from core.render.rasterize import get_rasterizer, rasterizer_names
from core.render.surface import Mesh, Paint, Surface

HAS_PYTORCH3D = importlib.util.find_spec("pytorch3d") is not None
needs_pytorch3d = pytest.mark.skipif(not HAS_PYTORCH3D, reason="needs pytorch3d (make pytorch3d SOURCE=folder)")
NAMES = ["numba", "torch", pytest.param("pytorch3d", marks=needs_pytorch3d)]
OTHERS = NAMES[1:]


@pytest.fixture(scope="module")
def head():
    return load_head("open")


def awkward_faces(seed: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """A mesh that asks every awkward question at once: NDC vertices, faces (both windings)."""
    rng = np.random.default_rng(seed)
    centres = pixel_centres(size)
    points = np.empty((90, 3), np.float32)
    points[:, :2] = rng.uniform(-1.4, 1.4, (90, 2))  # many faces reach out of the picture
    points[:60, 0] = centres[rng.integers(0, size, 60)]  # corners and edges exactly through pixel centres
    points[30:80, 1] = centres[rng.integers(0, size, 50)]
    points[:, 2] = rng.uniform(9, 11, 90)
    points[:12, 2] = 10  # coincident surfaces
    points[85:, 2] = rng.uniform(-3, 0.5, 5)  # behind the image plane
    faces = [rng.integers(0, 12, (20, 3)), rng.integers(0, 90, (60, 3)), rng.integers(12, 85, (20, 3))]
    faces += [faces[0][::-1], faces[1][:10, ::-1]]  # the same ones again, of equal depth, the other way round
    line = np.stack([np.arange(10), np.arange(10), np.arange(10, 20)], 1)  # no area at all
    return points, np.concatenate([*faces, line]).astype(np.int32)


def small_faces(seed: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """A wrinkled sheet of faces about a pixel large or edge-on, some of them so thin that rounding decides."""
    rng = np.random.default_rng(seed)
    side = 2 * size // 3
    y, x = np.mgrid[0:side, 0:side]
    points = np.stack([x, y, 10 + 0 * x], -1).reshape(-1, 3).astype(np.float32)
    points[:, :2] = (points[:, :2] / (side - 1) * 2 - 1) * 0.9
    points += rng.normal(0, 1, points.shape).astype(np.float32) * np.array([1 / size, 1 / size, 0.3], np.float32)
    points[:len(points) // 5 * 5:5, 0] = points[1:len(points) // 5 * 5:5, 0]
    corner = (y * side + x)[:-1, :-1].reshape(-1)
    faces = [np.stack([corner, corner + 1, corner + side], 1), np.stack([corner + side + 1, corner + side, corner + 1], 1)]
    return points, np.concatenate(faces).astype(np.int32)


def test_pixel_centres_are_the_specs() -> None:
    for size in (1, 7, 96, 256):
        assert np.allclose(pixel_centres(size), (2 * np.arange(size) + 1) / size - 1, atol=1e-7)
    assert np.array_equal(pixel_centres(64), (2 * np.arange(64, dtype=np.float32) + 1) / 64 - 1)  # exact in binary


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("size", [16, 32])
def test_edge_cases_are_the_references(shared: Path, name: str, size: int) -> None:
    data = np.load(shared / "parity" / "vi_buffers" / "buffers.npz")
    ndc = data["raster/verts"] * np.array([-1, -1, 1], np.float32)  # the reference counts left and up
    found = get_rasterizer(name).surface(ndc, data["raster/faces"], size)
    hit = data[f"raster{size}/pix_to_face"] >= 0
    assert np.array_equal(found.face_ids, data[f"raster{size}/pix_to_face"])
    assert np.array_equal(found.bary[hit], data[f"raster{size}/bary"][hit])
    assert np.array_equal(found.depth[hit], data[f"raster{size}/zbuf"][hit])


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize("size", [24, 32, 45])
@pytest.mark.parametrize("make", [awkward_faces, small_faces])
def test_every_rasterizer_draws_the_same_bits(name: str, size: int, make) -> None:
    for seed in range(4):
        ndc, faces = make(seed, size)
        ours, theirs = (get_rasterizer(n).surface(ndc, faces, size) for n in ("numba", name))
        assert 0.2 < (ours.face_ids >= 0).mean()
        assert_same(ours, theirs)


def assert_same(ours: Surface, theirs: Surface) -> None:
    assert ours.face_ids.dtype == theirs.face_ids.dtype == np.int32
    assert np.array_equal(ours.face_ids, theirs.face_ids)
    assert np.array_equal(ours.depth, theirs.depth)
    assert np.array_equal(ours.bary, theirs.bary)


@pytest.mark.parametrize("name", NAMES)
def test_the_nearest_face_wins_both_windings_are_drawn_and_edges_are_left_out(name: str) -> None:
    """One corner of the picture each: also fails for a picture that is upside down or mirrored."""
    corners = np.array([[-1, -1, 5], [1, -1, 5], [-1, 1, 5], [-1, -1, 4], [0, -1, 4], [-1, 0, 4]], np.float32)
    draw = get_rasterizer(name).surface
    found = draw(corners, np.array([[0, 1, 2], [5, 4, 3]]), 4)
    assert found.face_ids[0, 0] == 1 and found.depth[0, 0] == pytest.approx(4)
    assert found.face_ids[0, 2] == 0 and found.face_ids[3, 3] == -1
    assert found.face_ids[0, 3] == found.face_ids[3, 0] == -1  # their centres lie exactly on the long edge
    assert (draw(corners * np.array([1, 1e-9, 1], np.float32), np.array([[0, 1, 2]]), 4).face_ids == -1).all()
    assert (draw(corners - np.array([0, 0, 4.5], np.float32), np.array([[5, 4, 3]]), 4).face_ids == -1).all()


@pytest.mark.parametrize("name", NAMES)
def test_axes_point_where_the_spec_says(name: str) -> None:
    """A small face right of and above the middle; its second corner is the rightmost, its third the topmost."""
    ndc = np.array([[0.4, -0.4, 9], [0.9, -0.4, 9], [0.4, -0.9, 9]], np.float32)
    found = get_rasterizer(name).surface(ndc, np.array([[0, 1, 2]]), 32)
    rows, columns = np.nonzero(found.face_ids == 0)
    assert rows.max() < 16 <= columns.min()
    assert found.bary[rows.max(), columns.max(), 1] > 0.8 and found.bary[rows.min(), columns.min(), 2] > 0.8


def some_light(seed: int = 0) -> np.ndarray:
    light = np.random.default_rng(seed).normal(0, 0.3, (9, 3)).astype(np.float32)
    light[0] += 2.8
    return light


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize("textured", [False, True])
def test_images_are_the_same(head, name: str, textured: bool) -> None:
    rng = np.random.default_rng(1)
    code = head.zero_code()
    mesh = Mesh(head.vertices_of(code), head.faces, np.array([7.5, 0.01, 0.0]), np.array([0.83, 0.48, 0.53]))
    paint = Paint(rng.random(mesh.vertices.shape).astype(np.float32))
    if textured:
        uv = (rng.random((len(head.faces), 3, 2)) * 1.1 - 0.05).astype(np.float32)
        paint = Paint(texture=rng.random((32, 24, 3)).astype(np.float32), corner_uv=uv)
    size = 96 if name == "torch" else 24
    ours, theirs = (get_rasterizer(n).draw(mesh, paint, some_light(), size) for n in ("numba", name))
    assert (ours[4] >= 0).mean() > 0.1
    for a, b in zip(ours[4:], theirs[4:], strict=True):  # ids, weights, depth
        assert a.dtype == b.dtype and np.array_equal(a, b)
    for a, b in zip(ours[:4], theirs[:4], strict=True):
        assert np.allclose(a, b, atol=2e-5)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("at_once", [2, 8])
def test_a_batch_is_its_single_pictures(head, name: str, at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    size = 64 if name != "pytorch3d" else 16
    monkeypatch.setattr("core.render.torch_raster._CPU_PIXELS", at_once * size**2)
    codes = [head.zero_code().replace(light=some_light(i), camera=[7 + i, 0, 0], pose=[0, 0.3 * i, 0],
                                      albedo=head.zero_code().albedo * (1 - 0.2 * i)) for i in range(3)]
    for code, found in zip(codes, render_batch(head, codes, size, name), strict=True):
        single = render_buffers(head, code, size)
        assert found.face_ids is not None and single.face_ids is not None
        assert np.array_equal(found.face_ids, single.face_ids) and np.array_equal(found.coverage, single.coverage)
        assert np.allclose(found.condition(), single.condition(), atol=2e-5)


def test_colours_are_kept_for_as_long_as_they_are_the_same(head, monkeypatch: pytest.MonkeyPatch) -> None:
    from core.render.numba_raster import Workspace
    asked: list[np.ndarray] = []

    def albedo(coefficients: np.ndarray) -> Albedo:
        asked.append(coefficients)
        return Albedo(vertex=np.full(head.mean.shape, coefficients[0], np.float32))

    monkeypatch.setattr(head, "albedo", albedo)
    work, code = Workspace(), head.zero_code()
    brighter = code.replace(albedo=code.albedo * 1.1)

    def first(model: HeadModel, coefficients: np.ndarray) -> float:
        colours = paint_of(model, coefficients, work).colours
        assert colours is not None
        return float(colours[0, 0])

    assert first(head, code.albedo) == first(head, code.albedo) == code.albedo[0] and len(asked) == 1
    assert first(head, brighter.albedo) == brighter.albedo[0] and len(asked) == 2
    assert first(OpenHead.load(), brighter.albedo) != brighter.albedo[0] and len(asked) == 2  # another head's colours


def test_unknown_rasterizers_are_refused_and_a_paint_needs_colours() -> None:
    assert rasterizer_names() == ("numba", "torch", "pytorch3d")
    with pytest.raises(ValueError, match="numba, pytorch3d, torch"):
        get_rasterizer("opengl")
    with pytest.raises(ValueError, match="vertex colours"):
        Paint(texture=np.zeros((2, 2, 3), np.float32))


def test_a_missing_pytorch3d_is_told_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    from core.render.pytorch3d_raster import Pytorch3dRasterizer
    monkeypatch.setitem(sys.modules, "pytorch3d", None)
    for name in [n for n in sys.modules if n.startswith("pytorch3d.")]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(AssetError, match="make pytorch3d SOURCE=.*'numba' or 'torch'"):
        Pytorch3dRasterizer()


def test_a_mesh_far_out_of_the_picture_is_no_picture() -> None:
    ndc = np.array([[3e38, 0, 9], [-3e38, 1, 9], [0, 3e38, 9], [5, 5, 9], [6, 5, 9], [5, 6, 9]], np.float32)
    found = NumbaRasterizer().surface(ndc, np.array([[3, 4, 5], [0, 1, 2]]), 16)
    assert (found.face_ids != 0).all() and np.isfinite(found.bary).all()
