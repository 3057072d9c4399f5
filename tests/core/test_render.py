"""Camera, rasterizers and buffers: the reference's pixels, and numba against torch."""
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.head import load_head
from core.render import pool
from core.render.buffers import posed_vertices, render_buffers
from core.render.camera import metres_to_pixels, project
from core.render.numba_raster import NumbaRasterizer, vertex_normals
from core.render.rasterize import get_rasterizer
from core.render.view import VIEWS, overlay, view

CAMERA, BOX = np.array([7.5, 0.01, 0.0], np.float32), np.array([0.83, 0.48, 0.53], np.float32)


@pytest.fixture(scope="module")
def head():
    return load_head("open")


@pytest.fixture(scope="module")
def math_data(shared: Path):
    return np.load(shared / "parity" / "v_render_math" / "render_math.npz")


def some_light(seed: int = 0) -> np.ndarray:
    light = np.random.default_rng(seed).normal(0, 0.3, (9, 3)).astype(np.float32)
    light[0] += 2.8
    return light


def test_projection_and_crop_are_the_references(math_data) -> None:
    """The reference's box (as a crop transform) and ours give the same picture points."""
    size = 256
    for b in range(2):
        scale = float(math_data["tform"][b][0, 0])
        shift = np.array([math_data["tform"][b][0, 2], math_data["tform"][b][1, 2]], np.float64)
        side = 223 / scale
        box = np.array([side, *(side / 2 - shift / scale)]) / size
        points = project(math_data["vertices"][b], math_data["cam"][b], box, size)
        expected = math_data["transformed_points"][b]
        assert np.allclose(2 * points[:, :2] / size - 1, expected[:, :2], atol=2e-5)
        assert np.allclose(points[:, 2] - 10, -math_data["cam"][b][0] * math_data["vertices"][b][:, 2], atol=2e-6)


def test_projection_directions() -> None:
    camera, box = np.array([8.0, 0, 0]), np.array([1, 0.5, 0.5])
    points = project(np.array([[0, 0, 0], [0.01, 0, 0], [0, 0.01, 0], [0, 0, 0.01]], np.float32), camera, box, 256)
    middle, right, up, near = points
    assert right[0] > middle[0] and up[1] < middle[1] and near[2] < middle[2]
    assert right[0] - middle[0] == pytest.approx(0.01 * metres_to_pixels(camera, box, 256), rel=1e-4)


def test_vertex_normals_are_the_references(math_data) -> None:
    for vertices, expected in zip(math_data["vertices"], math_data["vertex_normals"], strict=True):
        assert np.allclose(vertex_normals(vertices, math_data["faces"]), expected, atol=2e-6)


@pytest.mark.parametrize("name", ["numba", "torch"])
@pytest.mark.parametrize("size", [16, 32])
def test_raster_edge_cases_are_the_references(shared: Path, name: str, size: int) -> None:
    data = np.load(shared / "parity" / "vi_buffers" / "buffers.npz")
    ndc = data["raster/verts"] * np.array([-1, -1, 1], np.float32)  # the reference counts left and up
    found = get_rasterizer(name).surface(ndc, data["raster/faces"], size)
    expected = data[f"raster{size}/pix_to_face"]
    hit = expected >= 0
    assert np.array_equal(found.face_ids, expected)
    assert np.allclose(found.bary[hit], data[f"raster{size}/bary"][hit], atol=1e-5)
    assert np.allclose(found.depth[hit], data[f"raster{size}/zbuf"][hit], atol=2e-5)


def test_the_nearest_face_wins_both_windings_are_drawn_and_edges_are_left_out() -> None:
    corners = np.array([[-1, -1, 5], [1, -1, 5], [-1, 1, 5], [-1, -1, 4], [0, -1, 4], [-1, 0, 4]], np.float32)
    found = NumbaRasterizer().surface(corners, np.array([[0, 1, 2], [5, 4, 3]]), 4)
    assert found.face_ids[0, 0] == 1 and found.depth[0, 0] == pytest.approx(4)
    assert found.face_ids[0, 2] == 0
    assert found.face_ids[0, 3] == -1  # its centre lies exactly on the long edge
    flat = NumbaRasterizer().surface(corners * [1, 1e-9, 1], np.array([[0, 1, 2]]), 4)
    assert (flat.face_ids == -1).all()


@pytest.mark.parametrize("textured", [False, True])
def test_torch_draws_the_same_pixels(head, textured: bool) -> None:
    rng = np.random.default_rng(1)
    vertices, light = head.vertices_of(head.zero_code()), some_light()
    colours = rng.random(vertices.shape).astype(np.float32)
    uv = (rng.random((len(head.faces), 3, 2)) * 1.1 - 0.05).astype(np.float32) if textured else None
    texture = rng.random((32, 24, 3)).astype(np.float32) if textured else None
    first, second = (get_rasterizer(name).draw(vertices, head.faces, CAMERA, BOX, 128, None if textured else colours, texture,
                                               uv, light) for name in ("numba", "torch"))
    assert np.array_equal(first[4], second[4]) and (first[4] >= 0).mean() > 0.1
    for a, b in zip((*first[:4], first[5]), (*second[:4], second[5]), strict=True):
        assert np.allclose(a, b, atol=2e-5)


def test_training_batches_equal_single_buffers(head) -> None:
    import torch

    from core.render.torch_raster import _draw, render_condition_batch
    codes = [head.zero_code().replace(light=some_light(i), camera=[7 + i, 0, 0]) for i in range(2)]
    vertices = np.stack([head.vertices_of(c) for c in codes])
    colours = np.stack([head.albedo(c.albedo).vertex for c in codes])
    cameras, boxes, lights = (np.stack([getattr(c, n) for c in codes]) for n in ("camera", "box", "light"))
    condition, coverage = render_condition_batch(head.faces, vertices, cameras, boxes, lights, 64, colours=colours)
    for i, code in enumerate(codes):
        single = render_buffers(head, code, 64)
        assert np.array_equal(condition[i].numpy(), single.condition())
        assert np.array_equal(coverage[i].numpy(), single.coverage)
    images = _draw(torch.from_numpy(vertices), torch.from_numpy(head.faces.astype(np.int64)), torch.from_numpy(cameras),
                   torch.from_numpy(boxes), 64, torch.from_numpy(colours), None, None, torch.from_numpy(lights))
    assert np.allclose(images[0].permute(0, 3, 1, 2).numpy(), condition[:, :3].numpy(), atol=2e-5)


def test_buffers_hold_the_parts_in_order_and_nothing_off_the_head(head) -> None:
    buffers = render_buffers(head, head.zero_code().replace(light=some_light()), 96)
    condition = buffers.condition()
    assert condition.shape == (9, 96, 96) and condition.dtype == np.float32
    assert np.array_equal(condition[3:6].transpose(1, 2, 0), buffers.normal)
    empty = buffers.coverage == 0
    assert 0.2 < empty.mean() < 0.8 and not condition[:, empty].any()
    assert set(np.unique(buffers.coverage)) == {0, 1}
    lengths = np.linalg.norm(buffers.normal[~empty], axis=-1)
    assert np.median(lengths) == pytest.approx(1, abs=0.02) and lengths.max() < 1.001


def test_recentring_keeps_the_face_where_it_was(head) -> None:
    code = head.zero_code()
    turned = code.replace(pose=[0.0, 0.3, 0.0])
    vertices = posed_vertices(head, turned, code)
    assert np.allclose(head.centre(vertices, turned.pose), head.centre(posed_vertices(head, code), code.pose), atol=1e-5)
    assert np.array_equal(posed_vertices(head, code, code), posed_vertices(head, code))


def test_pooled_memory_is_never_shared_by_living_arrays(head) -> None:
    buffers = [render_buffers(head, head.zero_code(), 48) for _ in range(4)]
    part = buffers[0].normal[10:20]
    kept = part.copy()
    del buffers[0]
    for _ in range(20):
        pool.empty((48, 48, 3))[:] = 7
    assert np.array_equal(part, kept)
    assert not any(np.shares_memory(a.normal, b.normal) for a in buffers for b in buffers if a is not b)


def test_views_are_pictures_and_the_overlay_leaves_the_background(head) -> None:
    buffers = render_buffers(head, head.zero_code(), 64)
    picture = np.full((64, 64, 3), 90, np.uint8)
    for name in VIEWS:
        assert view(buffers, name).dtype == np.uint8 and view(buffers, name).shape == (64, 64, 3)
    laid = overlay(picture, buffers, 0.5)
    assert (laid[buffers.coverage == 0] == 90).all() and (laid[buffers.coverage == 1] != 90).any()
    with pytest.raises(ValueError, match="no buffer called"):
        view(buffers, "depth")
    with pytest.raises(ValueError, match="the picture is"):
        overlay(picture[:32], buffers)


def test_unknown_rasterizers_are_refused() -> None:
    with pytest.raises(ValueError, match="numba, torch"):
        get_rasterizer("opengl")
