"""The motion field: identity is exact, the mesh's motion is followed, nothing tears, hidden parts are found."""
from __future__ import annotations

import math

import numpy as np
import pytest

from core.cv import cv2
from core.head import load_head
from core.motion import identity_field, mesh_motion, motion_field, surface_classes, warp_picture
from core.motion_masks import EYE, INTERIOR, LIPS, NECK, SCALP
from core.render.buffers import posed_vertices, render_buffers
from core.render.camera import project

SIZE = 128


@pytest.fixture(scope="module")
def head():
    return load_head("open")


@pytest.fixture(scope="module")
def source(head):
    return head.zero_code()


def with_units(head, code, **units: float):
    """A code with expression units set by name."""
    expression = np.array(code.expression)
    for name, value in units.items():
        expression[head.expression_names.index(name)] = value
    return code.replace(expression=expression)


def moved(head, source, edited, size: int = SIZE):
    """(field, source buffers, edited buffers)."""
    before = render_buffers(head, source, size)
    after = render_buffers(head, edited, size, recentre_from=source)
    return motion_field(head, source, edited, before, after), before, after


def stripes(size: int = SIZE) -> np.ndarray:
    y, x = np.indices((size, size))
    return np.stack([(x * 2) % 256, (y * 2) % 256, (x + y) % 256], -1).astype(np.uint8)


def test_no_edit_is_exactly_the_identity(head, source) -> None:
    field, before, _ = moved(head, source, source)
    y, x = np.indices((SIZE, SIZE))
    assert np.array_equal(field.fetch, np.stack([x, y], -1).astype(np.float32))
    assert not field.uncovered.any() and not field.moved.any() and not field.fill.any() and field.is_identity
    for picture in (stripes(), stripes(300).astype(np.float32)):
        assert np.array_equal(warp_picture(picture, field, before.rendered), picture)


def test_a_relit_head_does_not_move(head, source) -> None:
    assert moved(head, source, source.replace(light=source.light * 0.5))[0].is_identity


def test_landmarks_are_fetched_from_where_they_were(head, source) -> None:
    """Each visible landmark's own place in the edited picture fetches its place in the source picture."""
    edited = with_units(head, source.replace(pose=[0.05, 0.2, 0.08]), mouthSmileLeft=0.7, mouthSmileRight=0.7)
    field, _, _ = moved(head, source, edited, 256)
    places = [project(head.landmarks(posed_vertices(head, code, source)).astype(np.float32), source.camera, source.box, 256)
              for code in (source, edited)]
    rows = [list(head.landmark_ids).index(i) for i in (1, 6, 61, 291, 17, 50, 280, 9)]
    for row in rows:
        before, after = places[0][row, :2] - 0.5, places[1][row, :2] - 0.5
        fetched = field.fetch[round(float(after[1])), round(float(after[0]))]
        assert np.hypot(*(fetched - before)) < 2.5


@pytest.mark.parametrize("pose", [[0, 0.35, 0], [0, -0.35, 0], [-0.26, 0, 0], [0, 0, -0.17]])
def test_the_border_stays(head, source, pose) -> None:
    field, _, _ = moved(head, source, source.replace(pose=pose))
    for edge in (field.shift[0], field.shift[-1], field.shift[:, 0], field.shift[:, -1]):
        assert np.abs(edge).max() < 0.05


def test_the_background_shows_no_head_twice(head, source) -> None:
    """Beyond the outline of a turned head nothing is fetched from inside the source's head."""
    field, before, after = moved(head, source, source.replace(pose=[0, 0.35, 0]), 256)
    fetched = np.rint(field.fetch).astype(int).clip(0, 255)
    classes = surface_classes(head)[head.faces].max(1)
    inside = (before.face_ids >= 0) & (classes[np.maximum(before.face_ids, 0)] < NECK)
    deep = np.zeros_like(inside)
    deep[4:-4, 4:-4] = np.all([inside[4 + dy:252 + dy, 4 + dx:252 + dx] for dy in (-4, 0, 4) for dx in (-4, 0, 4)], 0)
    rows = slice(60, 160)  # the neck, which may follow the head, lies lower
    outside = after.coverage[rows] == 0
    assert (deep[fetched[..., 1], fetched[..., 0]][rows] & outside).sum() < 0.02 * outside.sum()


def test_an_opened_mouth_is_uncovered_and_filled_dark(head, source) -> None:
    field, _, after = moved(head, source, with_units(head, source, jawOpen=0.6), 256)
    kind = surface_classes(head)[head.faces].max(1)[np.maximum(after.face_ids, 0)]
    cavity = (kind == INTERIOR) & (after.face_ids >= 0)
    assert cavity.sum() > 100
    assert field.fill[cavity].mean() > 0.7 and field.fill[~cavity].mean() < 0.01
    picture = np.full((256, 256, 3), 180, np.uint8)
    out = warp_picture(picture, field, after.rendered)
    beside = cv2.dilate(cavity.astype(np.uint8), np.ones((17, 17))) == 0  # the seam itself is softened
    assert out[cavity].mean() < 100 and (out[beside] >= 178).all()


def test_closing_lids_are_filled_with_skin(head, source) -> None:
    field, before, after = moved(head, source, with_units(head, source, eyeBlinkLeft=1.0, eyeBlinkRight=1.0), 256)
    kinds = surface_classes(head)[head.faces].max(1)
    eyes = (kinds[np.maximum(before.face_ids, 0)] == EYE) & (before.face_ids >= 0)
    assert eyes.sum() > 60
    assert field.fill[eyes].mean() > 0.6
    skin = np.full((256, 256, 3), 200, np.uint8)
    skin[eyes] = 20
    out = warp_picture(skin, field, after.rendered)
    assert out[eyes].mean() > 90
    assert field.fill[kinds[np.maximum(after.face_ids, 0)] == LIPS].max() < 0.01


def test_a_turn_back_undoes_the_turn_inside_the_face(head, source) -> None:
    turned = source.replace(pose=[0, 0.2, 0])
    there, _, _ = moved(head, source, turned, 256)
    picture = stripes(256).astype(np.float32) / 2
    smooth = np.add.reduce([np.roll(picture, (i, j), (0, 1)) for i in range(-4, 5) for j in range(-4, 5)]) / 81
    first = warp_picture(smooth, there)
    before, after = posed_vertices(head, turned, source), posed_vertices(head, source)
    back = mesh_motion(before, after, head.faces, source.camera, source.box, 256, surface_classes(head))
    again = warp_picture(first, back)
    face = (slice(110, 190), slice(100, 156))
    assert np.median(np.abs(again[face] - smooth[face])) < 2.5


def test_scaled_fields_move_the_same_part_of_a_larger_picture(head, source) -> None:
    field, _, after = moved(head, source, source.replace(pose=[0, 0.15, 0]))
    large = field.scaled(3 * SIZE)
    assert large.size == 3 * SIZE and large.uncovered.shape == (3 * SIZE, 3 * SIZE)
    assert np.abs(large.shift[1::3, 1::3] - 3 * field.shift).max() < 0.01
    assert identity_field(8).scaled(20).is_identity
    out = warp_picture(stripes(3 * SIZE), field, after.rendered)
    assert out.shape == (3 * SIZE, 3 * SIZE, 3) and out.dtype == np.uint8


def test_values_are_finite_and_in_range(head, source) -> None:
    for pose in ([0, math.radians(45), 0], [math.radians(-30), 0, 0], [0, 0, math.radians(-45)]):
        edited = with_units(head, source.replace(pose=pose), jawOpen=1.0, mouthPucker=1.0)
        field, _, after = moved(head, source, edited)
        for mask in (field.uncovered, field.moved, field.fill, field.light):
            assert np.isfinite(mask).all() and mask.min() >= 0 and mask.max() <= 1.0001
        assert np.isfinite(field.fetch).all()
        assert (field.fill <= field.uncovered + 1e-6).all()
        assert np.isfinite(warp_picture(stripes().astype(np.float32), field, after.rendered)).all()


def test_a_face_that_leaves_the_picture_does_not_break(head, source) -> None:
    far = source.replace(camera=[9.0, 0.2, 0.0])
    field, _, _ = moved(head, far, far.replace(pose=[0, 0.3, 0]))
    assert np.isfinite(field.fetch).all()


def test_classes_tell_the_parts_of_the_head(head) -> None:
    classes = surface_classes(head)
    assert {SCALP, EYE, LIPS, INTERIOR, NECK} <= set(classes.tolist())


def test_small_edits_move_little_and_expressions_leave_the_hair(head, source) -> None:
    """Films need a motion that grows from nothing; a jaw moves nothing above the ears."""
    for name, edited in (("yaw", source.replace(pose=[0, 0.004, 0])), ("jaw", with_units(head, source, jawOpen=0.01))):
        assert np.abs(moved(head, source, edited)[0].shift).max() < 2.0, name
    field, _, _ = moved(head, source, with_units(head, source, jawOpen=0.6))
    assert np.abs(field.shift[:SIZE // 4]).max() < 0.2


def test_the_motion_grows_without_jumps(head, source) -> None:
    shifts = [moved(head, source, source.replace(pose=[0, angle, 0]))[0].shift for angle in np.linspace(0.05, 0.15, 11)]
    second = np.abs(np.diff(shifts, 2, axis=0)).max(-1)
    assert second.mean() < 0.08


@pytest.mark.parametrize("turn", [0.35, -0.35])
def test_nothing_beside_a_turned_head_shows_twice(head, source, turn: float) -> None:
    field = moved(head, source, source.replace(pose=[0, turn, 0]), 256)[0]
    steps = np.diff(field.fetch[100:150, :, 0], axis=1)  # between eyes and mouth; places only ever come one after the other
    beside = np.r_[0:70, 186:255]
    assert np.minimum(steps[:, beside], 0).sum(1).min() > -3
