"""The room around the head: what stands behind the person, what moves, and what stays to the last bit."""
from __future__ import annotations

import numpy as np
import pytest

from core.align import margin
from core.background import Layers, background_plate, inner, moved_frame, widened
from core.background_fill import fill
from core.cv import cv2
from core.edit import prepare_start
from core.engine import Engine
from core.errors import ParameterError
from core.motion import MotionField, grid, identity_field
from core.pyramid import pull_push
from core.request import RenderRequest
from core.rig import Rig, apply
from core.session import Session


def _disc(side: int, radius: float) -> np.ndarray:
    y, x = np.mgrid[:side, :side] / side - 0.5
    return (np.hypot(x, y) < radius).astype(np.float32)


def _stripes(side: int) -> np.ndarray:
    """Level stripes: a background whose lines go on behind whatever stands before it."""
    rows = (np.arange(side) // 10 % 2 * 120 + 60).astype(np.uint8)
    return np.repeat(np.repeat(rows[:, None, None], side, 1), 3, 2)


def test_a_fill_keeps_what_is_known_and_carries_lines_on():
    side = 160
    picture, hole = _stripes(side).astype(np.float32), _disc(side, 0.15) > 0
    damaged = np.where(hole[..., None], np.float32(255), picture)
    done = fill(damaged, hole)
    assert np.array_equal(done[~hole], picture[~hole])
    near = hole & (cv2.distanceTransform(hole.astype(np.uint8), cv2.DIST_L2, 5) < 10)
    smooth = pull_push(damaged, (~hole).astype(np.float32))
    assert np.abs(done - picture)[near].mean() < 0.8 * np.abs(smooth - picture)[near].mean()
    assert np.array_equal(done, fill(damaged, hole))
    assert np.array_equal(fill(picture, np.zeros_like(hole)), picture)


def test_a_hole_that_leaves_nothing_to_copy_from_is_left_alone():
    picture = _stripes(64).astype(np.float32)
    assert np.array_equal(fill(picture, np.ones((64, 64), np.bool_)), picture)


def test_the_plate_is_the_photo_away_from_the_person():
    photo, matte = _stripes(160), _disc(160, 0.2)
    photo = np.where(matte[..., None] > 0, np.uint8(255), photo)
    plate = background_plate(photo, matte)
    assert np.array_equal(plate[:20], photo[:20]) and plate.dtype == np.uint8
    assert plate[60:100, 60:100].max() < 230


def test_a_moved_person_leaves_the_background_where_it_is():
    side, size = 160, 98
    back, matte = _stripes(side), _disc(side, 0.2)
    photo = np.where(matte[..., None] > 0, np.uint8(250), back)
    shift = np.zeros((side, side, 2), np.float32)
    shift[..., 0] = -12  # everything comes from 12 pixels to the left
    empty = np.zeros((side, side), np.float32)
    motion = MotionField(grid(side) + shift, empty, empty + 1, empty, empty + 1)
    out = moved_frame(Layers(size, photo, matte, back), motion, np.zeros((side, side, 3), np.float32))
    gone = np.roll(matte, 12, 1) > 0
    assert np.abs(out[gone] - 250).mean() < 12 and np.abs(out[~gone] - back[~gone]).max() < 70
    assert np.abs(out[:30] - back[:30]).max() == 0
    still = moved_frame(Layers(size, photo, matte, back), identity_field(side), np.zeros((side, side, 3), np.float32))
    assert np.array_equal(still, photo.astype(np.float32))


def test_the_frame_holds_the_crop_and_the_head_at_its_place(session: Session):
    native, frame = session.native, session.photo.alignment.frame(session.photo.pixels)
    assert frame.shape[0] == native.shape[0] + 2 * margin(native.shape[0])
    assert np.abs(inner(frame, native.shape[0]).astype(int) - native)[40:-40, 40:-40].mean() < 1
    wide = session.scene.buffers(session.code, session.size)
    assert np.abs(inner(wide.coverage, session.size) - session.buffers.coverage).mean() < 0.01
    assert np.allclose(widened(session.code, 256).camera, session.code.camera)


def test_the_matte_has_the_person_and_not_the_corners(session: Session):
    head = session.buffers.coverage > 0
    assert session.matte[cv2.erode(head.astype(np.uint8), np.ones((25, 25))) > 0].min() > 0.9
    assert session.matte[:12, :12].max() < 0.5 and session.matte.dtype == np.float32


def test_reach_bounds_the_change_and_is_checked(engine: Engine, session: Session):
    rig = Rig().update({"pose.yaw": 12.0, "light.azimuth": 50.0})
    edited = apply(rig, engine.head, session.code, None)
    masks = [prepare_start(session, edited, RenderRequest(session.digest, rig, reach=reach)).mask.mean() for reach in (0, 0.5, 1)]
    assert masks[0] < masks[1] < masks[2] == 1
    free = prepare_start(session, edited, RenderRequest(session.digest, rig, hold_background=False, reach=0.0))
    assert free.mask.min() == 1
    with pytest.raises(ParameterError, match="reach"):
        RenderRequest(session.digest, rig, reach=1.5)


def test_a_turned_head_changes_the_photo_beyond_the_crop_without_a_seam(engine: Engine, session: Session):
    image = engine.render(RenderRequest(session.digest, Rig().update({"pose.yaw": 15.0}), strength=0.0), measure=False).image
    change = np.abs(image.astype(int) - session.photo.pixels).sum(-1)
    far = session.photo.alignment.widened.to_crop(np.argwhere(change > 0)[:, ::-1] + 0.5, 1)
    assert ((far > -0.01) & (far < 1.01)).all()  # nothing outside the frame
