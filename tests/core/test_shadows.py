"""Cast shadows: by rays and by the shadow map, on shapes whose shadow is known and on the head."""
from __future__ import annotations

import logging
import math

import numpy as np
import pytest

from core import shadows
from core.codes import FaceCode
from core.head import load_head
from core.light import LightParams, compose
from core.light_lamps import Lamp
from core.render import shadow_map, shadow_rays
from core.render.buffers import Buffers, lamp_shading, render_buffers
from core.render.numba_raster import NumbaRasterizer, vertex_normals
from core.render.surface import Mesh, Paint

HEAD = load_head("open")
SIZE = 128
WALL, PLATE = 0.12, 0.03  # half width of the wall, half width and height of the plate before it, metres


def head_code(lamps: tuple[Lamp, ...] = (), ambient: float = 0.3) -> FaceCode:
    return HEAD.zero_code().replace(box=np.array([0.9, 0.5, 0.5]), light=compose(LightParams(ambient=ambient)), lamps=lamps)


def lamp(azimuth: float, elevation: float, softness: float = 0.0, shadow: float = 1.0) -> Lamp:
    return Lamp(tuple(LightParams(azimuth, elevation).direction), (0.7, 0.7, 0.7), softness, shadow)  # type: ignore[arg-type]


def scene(height: float = 0.03) -> tuple[Mesh, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """A wall that faces the viewer and a small plate above its middle: mesh, ids, bary, depth, normal."""
    square = np.array([[-1, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]], np.float32)
    vertices = np.concatenate([square * WALL, square * PLATE + [0, 0, height]]).astype(np.float32)
    faces = np.array([[0, 1, 2], [0, 2, 3], [4, 5, 6], [4, 6, 7]], np.int32)
    mesh = Mesh(vertices, faces, np.array([8.0, 0, 0], np.float32), np.array([0.9, 0.5, 0.5], np.float32))
    paint = Paint(np.ones_like(vertices))
    _, normal, _, _, ids, bary, depth = NumbaRasterizer().draw(mesh, paint, np.zeros((9, 3)), SIZE)
    return mesh, ids, bary, depth, normal


def seen_by(method: str, light: Lamp, height: float = 0.03) -> tuple[np.ndarray, np.ndarray, float]:
    """Visibility, which pixels are the wall's, and pixels a metre."""
    mesh, ids, bary, depth, normal = scene(height)
    if method == shadows.RAYS:
        pytest.importorskip("embreex")
        seen = shadow_rays.visibility(mesh, ids, bary, normal, vertex_normals(mesh.vertices, mesh.faces), light)
    else:
        seen = shadow_map.visibility(mesh, depth, normal, light)
    wide = np.nonzero((ids == 0) | (ids == 1))[1]
    return seen, (ids == 0) | (ids == 1), (wide.max() - wide.min() + 1) / (2 * WALL)


@pytest.mark.parametrize("method", shadows.METHODS)
def test_the_shadow_falls_where_geometry_says(method: str) -> None:
    seen, wall, pixels = seen_by(method, lamp(45, 0))  # from the right: the shadow is moved to the left by the plate's height
    dark = (seen < 0.5) & wall
    columns, rows = np.nonzero(dark.any(0))[0], np.nonzero(dark.any(1))[0]
    middle = (SIZE - 1) / 2
    left = middle - (PLATE + 0.03) * pixels
    assert columns.min() == pytest.approx(left, abs=2)
    assert (rows.min() + rows.max()) / 2 == pytest.approx(middle, abs=1.5)
    assert len(rows) == pytest.approx(2 * PLATE * pixels, abs=3)
    assert seen[wall & ~dark].mean() > 0.97


@pytest.mark.parametrize("method", shadows.METHODS)
def test_a_larger_lamp_has_a_softer_edge_the_farther_its_shadow_falls(method: str) -> None:
    def edge(softness: float, height: float) -> float:
        """Width of the half shadow's left edge on the middle row, metres."""
        seen, wall, pixels = seen_by(method, lamp(30, 0, softness), height)
        row = seen[SIZE // 2, :SIZE // 2][wall[SIZE // 2, :SIZE // 2]]
        return float(((row > 0.05) & (row < 0.95)).sum() / pixels)
    assert edge(0.0, 0.03) < 0.004
    assert edge(0.3, 0.03) > 2 * edge(0.1, 0.03) > 0.004
    assert edge(0.2, 0.05) > 1.4 * edge(0.2, 0.02)
    angle, half = math.radians(30), lamp(0, 0, 0.2).half_angle
    wide = 0.04 * (math.tan(angle + half) - math.tan(angle - half))
    assert edge(0.2, 0.04) == pytest.approx(wide, rel=0.35)


@pytest.mark.parametrize("method", shadows.METHODS)
def test_a_shape_without_folds_does_not_shade_itself(method: str) -> None:
    """No acne, and no steps along the terminator: a coarse ball, smooth only by its normals."""
    steps, rings = 24, 12
    around, down = np.meshgrid(np.arange(steps) / steps * 2 * np.pi, (np.arange(rings + 1)) / rings * np.pi)
    points = np.stack([np.sin(down) * np.cos(around), np.cos(down), np.sin(down) * np.sin(around)], -1).reshape(-1, 3) * 0.08
    faces = [face for i in range(rings) for j in range(steps) for face in (
        (i * steps + j, i * steps + (j + 1) % steps, (i + 1) * steps + j),
        ((i + 1) * steps + j, i * steps + (j + 1) % steps, (i + 1) * steps + (j + 1) % steps))]
    mesh = Mesh(points.astype(np.float32), np.array(faces, np.int32), np.array([8.0, 0, 0], np.float32),
                np.array([0.9, 0.5, 0.5]))
    _, normal, _, _, ids, bary, depth = NumbaRasterizer().draw(mesh, Paint(np.ones_like(mesh.vertices)), np.zeros((9, 3)), SIZE)
    for light in (lamp(0, 0), lamp(70, 20), lamp(-50, 40, 0.5)):
        if method == shadows.RAYS:
            pytest.importorskip("embreex")
            seen = shadow_rays.visibility(mesh, ids, bary, normal, points.astype(np.float32) / 0.08, light)
        else:
            seen = shadow_map.visibility(mesh, depth, normal, light)
        facing = (normal @ np.array(light.direction, np.float32) > 0.1) & (ids >= 0)
        lost = (1 - seen)[facing] * (normal @ np.array(light.direction, np.float32))[facing]
        assert lost.max() < 0.25 and lost.mean() < 0.01


# -- the head ---------------------------------------------------------------------------------------------------------------


def drawn(light: Lamp, method: str = shadows.RAYS, size: int = SIZE) -> Buffers:
    if method == shadows.RAYS:
        pytest.importorskip("embreex")
    return render_buffers(HEAD, head_code((light,)), size, shadows=method)


def at(buffers: Buffers, x: float, y: float, z: float) -> np.ndarray:
    """Mean shading where a point of head space is seen."""
    from core.render.camera import project
    code = head_code()
    px, py, _ = project(np.array([[x, y, z]], np.float32), code.camera, code.box, buffers.size)[0]
    around = np.s_[int(py) - 2:int(py) + 3, int(px) - 2:int(px) + 3]
    return (buffers.rendered[around] / np.maximum(buffers.albedo[around], 0.05)).mean((0, 1))


@pytest.mark.parametrize("method", shadows.METHODS)
def test_the_nose_throws_a_shadow_on_the_cheek_away_from_the_lamp(method: str) -> None:
    vertices = HEAD.vertices_of(HEAD.zero_code())
    tip = vertices[vertices[:, 2].argmax()]
    right, left = drawn(lamp(55, 25), method), drawn(lamp(-55, 25), method)
    beside = (0.022, tip[1] - 0.004, tip[2] - 0.02)
    lit_left = at(left, -beside[0], *beside[1:]).mean()
    assert at(right, -beside[0], *beside[1:]).mean() < 0.6 * lit_left
    assert at(left, beside[0], *beside[1:]).mean() < 0.6 * at(right, *beside).mean()


def test_map_and_rays_agree() -> None:
    for light in (lamp(40, 30, 0.05), lamp(-60, 20, 0.25), lamp(0, 60, 0.15)):
        exact, fast = drawn(light), drawn(light, shadows.MAP)
        seen = exact.coverage > 0
        assert np.abs(exact.rendered - fast.rendered)[seen].mean() < 0.01
        assert (np.abs(exact.rendered - fast.rendered).max(-1)[seen] > 0.2).mean() < 0.015


@pytest.mark.parametrize("method", shadows.METHODS)
def test_the_same_twice_and_nothing_off_the_head(method: str) -> None:
    first, second = drawn(lamp(50, 30, 0.3), method), drawn(lamp(50, 30, 0.3), method)
    assert np.array_equal(first.rendered, second.rendered)
    assert not first.rendered[first.coverage == 0].any() and np.isfinite(first.rendered).all()
    dark = render_buffers(HEAD, head_code(), SIZE)
    assert (first.rendered - dark.rendered).min() > -1e-5  # a lamp only adds
    for name in ("normal", "albedo", "coverage", "face_ids", "depth", "bary"):
        assert np.array_equal(getattr(first, name), getattr(dark, name))


@pytest.mark.parametrize("method", shadows.METHODS)
def test_shadow_goes_from_none_to_all_without_a_jump(method: str) -> None:
    shown = [drawn(lamp(50, 30, 0.2, shadow), method, 64).rendered for shadow in (0.0, 1e-4, 0.5, 1.0)]
    assert np.abs(shown[1] - shown[0]).max() < 2e-4
    assert np.allclose(shown[2], (shown[0] + shown[3]) / 2, atol=1e-5)
    assert (shown[0] - shown[3]).max() > 0.2


@pytest.mark.parametrize("rasterizer", ["numba", "torch"])
def test_every_rasterizer_gets_the_same_lamps(rasterizer: str) -> None:
    code = head_code((lamp(50, 30, 0.1),))
    want = render_buffers(HEAD, code, 64, shadows=shadows.MAP).rendered
    got = render_buffers(HEAD, code, 64, rasterizer, shadows=shadows.MAP).rendered
    assert np.allclose(got, want, atol=1e-4)


def test_shading_alone_is_what_the_rendering_has_more() -> None:
    light = lamp(40, 30, 0.2)
    with_it, without = drawn(light), render_buffers(HEAD, head_code(), SIZE)
    alone = lamp_shading(HEAD, head_code((light,)), without)
    assert np.allclose(without.rendered + without.albedo * alone, with_it.rendered, atol=1e-5)


def test_moving_the_head_moves_its_shadows() -> None:
    """The mesh that rays are shot at is the one that is drawn, not the last one."""
    light, turned = lamp(50, 30, 0.05), np.array([0, 0.4, 0], np.float32)
    first = drawn(light)
    moved = render_buffers(HEAD, head_code((light,)).replace(pose=turned), SIZE)
    assert np.array_equal(drawn(light).rendered, first.rendered)
    assert np.abs(moved.rendered - first.rendered).max() > 0.1


def test_without_embree_the_map_takes_its_place_and_it_is_said_once(
        monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(shadow_rays, "available", lambda: False)
    shadows.rays_available.cache_clear()
    try:
        with caplog.at_level(logging.WARNING):
            one, two = (render_buffers(HEAD, head_code((lamp(50, 30),)), 64) for _ in range(2))
        assert len(caplog.records) == 1 and "embreex" in caplog.text
        assert np.array_equal(one.rendered, two.rendered)
        assert np.array_equal(one.rendered, drawn(lamp(50, 30), shadows.MAP, 64).rendered)
    finally:
        shadows.rays_available.cache_clear()


def test_another_method_is_refused() -> None:
    with pytest.raises(ValueError, match="rays or map"):
        render_buffers(HEAD, head_code((lamp(0, 0),)), 32, shadows="magic")
