"""Eyes that close: skin in the open eye's place, the person's lashes on its edge, and nothing else touched."""
from __future__ import annotations

import numpy as np
import pytest

from core.align import margin
from core.background import inner
from core.cv import cv2
from core.edit import prepare_start
from core.engine import Engine
from core.lids.edit import LidEdit
from core.lids.eye import BROW, FOLD, IRIS, LOWER, UPPER, Eye, find_eye
from core.lids.paint import LidMove, paint
from core.lids.skin import LidSkin, take_apart
from core.request import RenderRequest
from core.rig import Rig, apply
from core.session import Session

SIZE, WIDTH = 300, 90.0  # of the drawn eye
SKIN, WHITE, IRIS_COLOUR, LASH = (190, 150, 130), (235, 235, 235), (60, 80, 110), (30, 22, 20)
LIGHT = np.zeros((9, 3), np.float32)
LIGHT[0] = 2.6


def _points(opening: float = 34.0, far: float = 1.0) -> np.ndarray:
    """Landmarks (478, 2) of a face whose right eye, in the picture's middle, is open so many pixels; far: width of the left."""
    points = np.zeros((478, 2))

    def along(ids: tuple[int, ...], rise: float, away: float, ends: float = 0.0) -> None:
        t = np.linspace(0, 1, len(ids))
        points[list(ids)] = np.stack([105 + ends + (WIDTH - 2 * ends) * t, 150 + away + rise * 4 * t * (1 - t)], 1)

    along(UPPER["Right"], -0.6 * opening, 0)
    along(LOWER["Right"], 0.4 * opening, 0)
    along(FOLD["Right"], -0.6 * opening, -16, 5)
    along(BROW["Right"], -0.6 * opening, -28, 2)
    points[list(IRIS["Right"])] = np.array([150, 148]) + 15 * np.array([(0, 0), (1, 0), (0, -1), (-1, 0), (0, 1)])
    for ids in (UPPER, LOWER):
        points[list(ids["Left"])] = (points[list(ids["Right"])] * (-far, 1) + (600, 0))
    return points


def _drawn(points: np.ndarray) -> np.ndarray:
    """A picture (SIZE, SIZE, 3) uint8 of that eye, with grain and upright lashes."""
    picture = np.full((SIZE, SIZE, 3), SKIN, np.uint8)
    rim = np.concatenate([points[list(UPPER["Right"])], points[list(LOWER["Right"])][::-1]]).astype(np.int32)
    ball = np.full_like(picture, WHITE)
    cv2.circle(ball, (150, 148), 15, IRIS_COLOUR, -1)
    open_eye = cv2.fillPoly(np.zeros((SIZE, SIZE), np.uint8), [rim], 1) > 0
    picture[open_eye] = ball[open_eye]
    upper = points[list(UPPER["Right"])]
    for x in range(110, 190, 5):
        y = int(np.interp(x, upper[:, 0], upper[:, 1]))
        cv2.line(picture, (x, y - 1), (x, y - 9), LASH, 1)
    grain = np.random.default_rng(0).normal(0, 3, picture.shape)
    return np.clip(picture + grain, 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def eye() -> Eye:
    found = find_eye(_points(), "Right", SIZE)
    assert found is not None
    return found


@pytest.fixture(scope="module")
def skin(eye: Eye) -> LidSkin:
    return take_apart(_drawn(_points())[eye.patch], eye, LIGHT)


def _opening(eye: Eye) -> np.ndarray:
    """Pixels of the patch that show the open eye."""
    rows = np.arange(eye.patch[0].stop - eye.patch[0].start)[:, None]
    return (rows > eye.upper + 1) & (rows < eye.lower - 1)


def test_a_shut_eye_shows_skin_with_its_grain_where_the_eye_was(eye: Eye, skin: LidSkin) -> None:
    out, hole = paint(eye, skin, LidMove(1.0, 0.0)), _opening(eye)
    rows = np.arange(len(hole))[:, None]
    lid = hole & (rows < eye.lower - 0.1 * WIDTH)
    assert np.abs(out[lid].mean(0) - SKIN).max() < 16
    assert 1.0 < (out - cv2.GaussianBlur(out, (0, 0), 2.0))[lid].std() < 8.0  # neither smooth as plastic nor streaked
    assert (np.abs(out[lid] - IRIS_COLOUR).max(1) < 30).mean() < 0.01


def test_the_shut_edge_is_a_dark_line_with_the_lashes_under_it(eye: Eye, skin: LidSkin) -> None:
    out = paint(eye, skin, LidMove(1.0, 0.0)).mean(-1)
    column = int((eye.corners[0] + eye.corners[1]) / 2)
    edge = int(eye.lower[column])
    middle = slice(column - 20, column + 20)
    line = out[edge - 8:edge + 8, middle].min(0)
    assert line.mean() < 0.65 * np.mean(SKIN)
    above, below = out[int(eye.fold[column]):edge - 12, middle].min(), out[edge + 2:edge + 10, middle].min()
    assert above > 0.75 * np.mean(SKIN) > below  # the lashes stand no more, they hang


def test_nothing_changes_without_a_move_and_away_from_the_eye(eye: Eye, skin: LidSkin) -> None:
    assert np.array_equal(paint(eye, skin, LidMove(0.0, 0.0)), skin.photo)
    out = paint(eye, skin, LidMove(1.0, 0.0))
    rows = np.arange(len(out))[:, None]
    away = (rows < eye.brow - 2) | (rows > eye.lower + 0.52 * WIDTH) | (eye.reach < 1e-6)
    assert np.abs(out - skin.photo)[away].max() < 0.1


def test_lids_close_without_jumps_or_flicker(eye: Eye, skin: LidSkin) -> None:
    frames = [paint(eye, skin, LidMove(share, 0.0)) for share in np.linspace(0, 1, 41)]
    steps = np.array([np.abs(b - a).mean() for a, b in zip(frames, frames[1:], strict=False)])
    assert steps.max() < 2.5 * np.median(steps)
    lit = np.array([f[_opening(eye)].mean() for f in frames])
    assert np.abs(np.diff(lit, 2)).max() < 0.12 * np.abs(np.diff(lit)).sum()


def test_half_shut_the_eyeball_stays_under_the_lid(eye: Eye, skin: LidSkin) -> None:
    out, hole = paint(eye, skin, LidMove(0.5, 0.0)), _opening(eye)
    rows = np.arange(len(hole))[:, None]
    below = hole & (rows > eye.upper + 0.65 * (eye.lower - eye.upper)) & (rows < eye.lower - 0.12 * (eye.lower - eye.upper))
    assert np.abs(out - skin.photo)[below].mean() < 18
    covered = hole & (rows < eye.upper + 0.3 * (eye.lower - eye.upper))
    assert np.abs(out[covered].mean(0) - SKIN).max() < 30


def test_the_iris_goes_where_the_gaze_goes_and_stays_round(eye: Eye, skin: LidSkin) -> None:
    def middle(picture: np.ndarray) -> np.ndarray:
        dark = _opening(eye) & (np.abs(picture - IRIS_COLOUR).max(-1) < 45)
        return np.argwhere(dark).mean(0)[::-1]

    moved = middle(paint(eye, skin, LidMove(0.0, 0.0, (0.12, 0.0)))) - middle(skin.photo)
    assert abs(moved[0] - 0.12 * WIDTH) < 2.5 and abs(moved[1]) < 1.5
    opened = paint(eye, skin, LidMove(-0.3, 0.0))
    column, top = round(eye.iris[0]), round(eye.iris[1] - eye.iris[2])
    assert np.abs(opened[top - 4:top, column] - WHITE).mean() < 60  # over the iris there is white, and no second iris


def test_the_rim_of_glasses_stays(eye: Eye) -> None:
    picture = _drawn(_points())
    row = eye.box[1] + int(eye.fold.min()) - 2
    picture[row - 4:row + 2] = 12
    patch = picture[eye.patch]
    glasses = take_apart(patch, eye, LIGHT)
    out = paint(eye, glasses, LidMove(1.0, 0.0))
    at = slice(row - 3 - eye.box[1], row + 1 - eye.box[1])
    assert np.abs(out[at] - patch[at]).mean() < 3
    lid = _opening(eye) & (np.arange(len(out))[:, None] < eye.lower - 0.1 * WIDTH)
    assert out[lid].mean() > 0.75 * np.mean(SKIN)  # nor does the lid take its colour


@pytest.mark.parametrize("points", [_points(opening=3.0), _points() * 0.05, _points(far=1.6), _points() + (180, 0)],
                         ids=["shut", "tiny", "far side", "outside"])
def test_an_eye_that_cannot_be_told_is_left_to_the_mesh(points: np.ndarray) -> None:
    assert find_eye(points, "Right", SIZE) is None


# -- in a photo ----------------------------------------------------------------------------------------------------------


def _lids(engine: Engine, session: Session, **values: float) -> LidEdit | None:
    rig = Rig().update({name.replace("__", "."): value for name, value in values.items()})
    return session.scene.eyes.edit(apply(rig, engine.head, session.code, None))


def test_a_blink_shuts_both_eyes_and_a_wink_one(engine: Engine, session: Session) -> None:
    both, one = _lids(engine, session, expression__blink=1.0), _lids(engine, session, expression__blink_left=1.0)
    assert both is not None and one is not None
    assert all(move.upper + move.lower > 0.97 for move in both.moves.values())
    assert one.moves["Left"].upper > 0.9 and one.moves["Right"].still
    assert _lids(engine, session, expression__smile=0.5, pose__yaw=10.0) is None
    down, half = _lids(engine, session, eyes__pitch=-15.0), _lids(engine, session, expression__blink=0.4)
    assert down is not None and half is not None
    assert all(move.gaze[1] > 0.05 and move.upper > 0.1 for move in down.moves.values())
    assert all(0.1 < move.upper < 0.8 for move in half.moves.values())


def test_a_blink_with_a_turn_leaves_the_turn_to_the_mesh(engine: Engine, session: Session) -> None:
    rig = Rig().update({"expression.blink": 1.0, "pose.yaw": 8.0})
    edited = apply(rig, engine.head, session.code, None)
    start = prepare_start(session, edited, RenderRequest(session.digest, rig))
    assert start.scene is session.scene.with_lids(edited) and start.scene is not session.scene
    assert np.array_equal(start.scene.code.pose, session.code.pose) and start.still == edited
    assert start.motion is not None and start.field is not None
    assert start.scene.lids is not None
    eyes = inner(start.scene.lids.changed(start.scene.layers(256).photo, 256), 256) > 0.9
    assert start.field.fill[eyes].max() < 0.05  # no blot over the painted lid


def test_only_the_eyes_of_the_photo_change(engine: Engine, session: Session) -> None:
    request = RenderRequest(session.digest, Rig().update({"expression.blink": 1.0}), strength=0.0)
    image = engine.render(request, measure=False).image
    change = np.abs(image.astype(int) - session.photo.pixels).sum(-1)
    points = session.photo.face.points
    near = np.hypot(*(np.argwhere(change > 0)[:, None, ::-1] - points[[159, 386]]).transpose(2, 0, 1)).min(1)
    assert change.max() > 60 and near.max() < 0.75 * session.photo.face.eye_distance
    preview = engine.render(RenderRequest(session.digest, request.rig, quality="preview", strength=0.0), measure=False)
    assert np.abs(preview.image.astype(int) - image).mean() < 1.5


def test_painted_eyes_are_the_same_at_every_size(engine: Engine, session: Session) -> None:
    lids = _lids(engine, session, expression__blink=1.0)
    assert lids is not None
    small, large = (inner(lids.painted(session.scene.layers(n).photo, n), n) for n in (128, 256))
    assert np.abs(cv2.resize(large, (128, 128), interpolation=cv2.INTER_AREA).astype(int) - small).mean() < 1.0
    assert margin(128) > 0 and lids.painted(session.scene.layers(128).photo, 128).dtype == np.uint8
