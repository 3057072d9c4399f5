"""Camera, rasterizers and buffers: the reference's pixels, and numba against torch."""
from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from core.codes import FaceCode
from core.head import load_head
from core.head.rotation import rotation_matrix
from core.render import pool
from core.render.buffers import posed_vertices, render_buffers
from core.render.camera import metres_to_pixels, project
from core.render.numba_raster import Workspace, vertex_normals
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


@pytest.mark.parametrize(("block", "limit"), [("light", 32_000), ("expression", 50_000), ("jaw", 50_000), ("pose", 125_000),
                                              ("identity", 125_000)])
def test_a_drag_allocates_nothing_but_small_change(head, block: str, limit: int) -> None:
    """Python's and numpy's peak over many frames while the last two are held; one image of a frame is 262,144 bytes or more."""
    code, work, held = head.zero_code(), Workspace(), []
    codes = [code.replace(**{block: getattr(code, block) + np.float32(0.002 * i)}) for i in range(40)]

    def drag(part: list[FaceCode]) -> None:
        for edited in part:
            held.append(render_buffers(head, edited, 256, recentre_from=code, workspace=work))
            del held[:-2]

    drag(codes[:15])
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        drag(codes[15:])
        peak = tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()
    assert peak < limit
    first, second = held
    assert not np.shares_memory(first.rendered, second.rendered) and np.array_equal(second.rendered, render_buffers(
        head, codes[-1], 256, recentre_from=code).rendered)


def test_vertices_written_into_given_memory_are_the_same(head) -> None:
    code = head.zero_code().replace(pose=[0.1, 0.3, 0], jaw=[0.2, 0, 0], neck=[0, 0.1, 0], eyes=[0.2, 0.1])
    out = np.full(head.mean.shape, np.nan, np.float32)
    assert head.vertices_into(code, out) is out
    assert np.array_equal(out, head.vertices_of(code))
    turned = head.vertices_of(code.replace(pose=np.zeros(3))) @ rotation_matrix(code.pose).T
    assert np.allclose(out, turned, atol=1e-6)
