"""Driving: a face's own changes are read against its neutral picture, smoothed, and put onto another face as few keys."""
from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from core.codes import FaceCode
from core.errors import Cancelled
from core.film import curves, drive
from core.film.clip import ClipError
from core.head import load_head
from core.landmarks import DetectedFace
from core.rig import parameters, pose_vector

HEAD = load_head("open")
TABLE = parameters(HEAD)
NAMES = HEAD.expression_names


def face(scores: dict[str, float] | None = None, yaw: float = 0.0, pitch: float = 0.0, scale: float = 900.0,
         place: tuple[float, float] = (300.0, 260.0), **units: float) -> DetectedFace:
    """What the landmark model would see of the head in this shape, in a picture of any scale."""
    code = HEAD.zero_code()
    expression = np.array(code.expression)
    for name, value in units.items():
        expression[NAMES.index(name)] = value
    code = code.replace(expression=expression, pose=pose_vector(yaw, pitch, 0.0))
    points = np.zeros((478, 3), np.float32)
    points[HEAD.landmark_ids] = HEAD.landmarks(HEAD.vertices_of(code))
    flat = points[:, :2] * [scale, -scale] + place
    matrix = np.eye(4, dtype=np.float32)
    y, p = np.radians([yaw, pitch])
    matrix[:3, :3] = [[np.cos(y), 0, np.sin(y)], [np.sin(y) * np.sin(p), np.cos(p), np.sin(p)], [-np.sin(y), 0, np.cos(y)]]
    named = dict.fromkeys((*NAMES, "_neutral"), 0.02) | (scores or {})
    return DetectedFace(flat.astype(np.float32), -scale * points[:, 2], named, matrix)


def session(now: dict[str, float] | None = None, score: float = 0.0) -> Any:
    expression = np.zeros(len(NAMES))
    for name, value in (now or {}).items():
        expression[NAMES.index(name)] = value
    code: FaceCode = HEAD.zero_code().replace(expression=expression)
    photo = SimpleNamespace(face=SimpleNamespace(blendshapes={"jawOpen": score}))
    return SimpleNamespace(head=HEAD, code=code, photo=photo)


class Finder:
    """Finds the faces it was given, one list a picture."""

    def __init__(self, faces: list[list[DetectedFace]]) -> None:
        self.faces = faces

    def detect(self, image: np.ndarray, thorough: bool = True) -> list[DetectedFace]:
        return self.faces[int(image[0, 0, 0])]


def video(count: int) -> list[tuple[float, np.ndarray]]:
    return [(i / 25, np.full((4, 4, 3), i, np.uint8)) for i in range(count)]


def test_shape_and_turn_are_read_against_the_neutral_face_at_any_size() -> None:
    neutral = face(mouthSmileLeft=0.1)
    reader = drive.Reader.of(HEAD, neutral)
    assert np.abs(reader.read(neutral)).max() < 1e-3
    same = face(mouthSmileLeft=0.1, scale=450, place=(900.0, 100.0))
    assert np.abs(reader.read(same)).max() < 0.05
    row = reader.read(face({"jawOpen": 0.5}, yaw=12, pitch=-6, jawOpen=0.6))
    jaw, yaw, pitch, _roll = row[len(reader.names):len(reader.names) + 4]
    assert jaw == pytest.approx(0.48)
    assert yaw == pytest.approx(12, abs=2.5) and pitch == pytest.approx(-6, abs=2.5)


def test_the_louder_of_two_readings_counts_where_they_agree() -> None:
    reader = drive.Reader.of(HEAD, face())
    column = reader.names.index("mouthSmileLeft")
    quiet, loud = (reader.read(face({"mouthSmileLeft": score}, mouthSmileLeft=0.3))[column] for score in (0.02, 0.8))
    assert loud == pytest.approx(0.78, abs=0.01) and 0 < quiet < 0.5


def test_the_more_a_head_is_turned_the_less_its_shape_says() -> None:
    """Landmarks of a turned head are off; what the scores say of it counts as much as ever."""
    reader = drive.Reader.of(HEAD, face())
    column = reader.names.index("browInnerUp")
    front, side = (reader.read(face(yaw=yaw, browInnerUp=0.5))[column] for yaw in (3, 25))
    assert front > 0.2 > 0.03 > abs(side)
    assert reader.read(face({"browInnerUp": 0.52}, yaw=25))[column] == pytest.approx(0.5, abs=0.03)


def test_a_face_is_followed_and_gaps_are_bridged() -> None:
    one, other = face(), face(place=(5000.0, 260.0), scale=1200.0)
    faces = drive.read_faces(Finder([[one, other], [other, face()], [], [one]]), video(4), 25)  # type: ignore[arg-type]
    assert faces.seen.tolist() == [True, True, False, True] and faces.first == 0
    assert all(f is None or f.points[0, 0] < 2000 for f in faces.faces)
    values = curves.filled(np.array([[0.0], [1.0], [99.0], [3.0]]), faces.seen)
    assert values.ravel().tolist() == [0, 1, 2, 3]


def test_videos_without_a_face_and_odd_neutral_moments_are_refused() -> None:
    with pytest.raises(ClipError, match="1 of 10"):
        drive.read_faces(Finder([[face()]] + [[]] * 9), video(10), 25, "film.mp4")  # type: ignore[arg-type]
    faces = drive.Faces(25.0, (None, face(), face()))
    for neutral in (0, 3, -1):
        with pytest.raises(ClipError, match="neutral"):
            drive.perform(HEAD, faces, neutral)


def test_reading_can_be_given_up() -> None:
    def stop(done: int, _total: int) -> None:
        if done == 2:
            raise Cancelled

    with pytest.raises(Cancelled):
        drive.read_faces(Finder([[face()]] * 5), video(5), 25, report=stop)  # type: ignore[arg-type]


def performance(**columns: np.ndarray) -> drive.Performance:
    count = len(next(iter(columns.values())))
    units = np.zeros((count, len(NAMES)))
    for name, values in columns.items():
        if name in NAMES:
            units[:, NAMES.index(name)] = values
    turn, gaze = np.zeros((count, 3)), np.zeros((count, 2))
    turn[:, 0] = columns.get("yaw", turn[:, 0])
    return drive.Performance(25.0, tuple(NAMES), units, columns.get("jaw", np.zeros(count)), turn, gaze)


def test_a_performance_becomes_few_keys_that_follow_it() -> None:
    t = np.arange(100) / 25
    smile = 0.4 * (1 - np.cos(2 * np.pi * t / 2)) / 2
    done = performance(mouthSmileLeft=smile, yaw=15 * np.sin(2 * np.pi * t / 4), jaw=np.maximum(0, 0.5 * np.sin(2 * np.pi * t)))
    film = drive.retarget(done, session(), drive.Amounts(smoothing=0), 24)
    film.check(TABLE)
    assert film.names() == ("expression.mouthSmileLeft", "jaw.open", "pose.yaw") and film.duration == 4.0 and film.fps == 24
    track = film.track("expression.mouthSmileLeft")
    assert track is not None and len(track.keys) < 40
    assert max(abs(float(track.at(x)) - y) for x, y in zip(t, smile, strict=True)) < 0.03  # type: ignore[arg-type]


def test_amounts_scale_and_leave_out() -> None:
    done = performance(mouthSmileLeft=np.linspace(0, 0.4, 50), browInnerUp=np.linspace(0, 0.4, 50), yaw=np.linspace(0, 10, 50))
    film = drive.retarget(done, session(), drive.Amounts(mouth=0.5, brows=0.0, pose=2.0))
    assert film.names() == ("expression.mouthSmileLeft", "pose.yaw")
    assert film.track("pose.yaw").at(9) == pytest.approx(20, abs=1)  # type: ignore[union-attr]
    assert film.track("expression.mouthSmileLeft").at(9) == pytest.approx(0.2, abs=0.02)  # type: ignore[union-attr]


def test_a_change_takes_a_share_of_the_room_that_the_face_has() -> None:
    done = performance(mouthSmileLeft=np.linspace(0, 0.3, 50))
    smiling = drive.slider_values(done, session({"mouthSmileLeft": 0.5}), drive.Amounts(smoothing=0))["expression.mouthSmileLeft"]
    plain = drive.slider_values(done, session(), drive.Amounts(smoothing=0))["expression.mouthSmileLeft"]
    assert smiling[-1] > 1.5 * plain[-1]
    less = performance(mouthSmileLeft=np.linspace(0, -0.25, 50))
    away = drive.slider_values(less, session({"mouthSmileLeft": 0.5}), drive.Amounts(smoothing=0))["expression.mouthSmileLeft"]
    assert away[-1] == pytest.approx(-0.5)


def test_smoothing_takes_jitter_out_and_keeps_the_motion() -> None:
    t = np.arange(200) / 25
    motion = 10 * np.sin(2 * np.pi * t / 3)
    noisy = motion + np.random.default_rng(0).normal(0, 1.0, 200)
    noisy[50] += 40  # one picture misread
    soft = curves.smoothed(noisy[:, None], 25, 0.4)[:, 0]
    assert np.abs(soft - motion).mean() < 0.5 * np.abs(noisy - motion).mean()
    assert np.abs(soft - motion).max() < 5
    assert curves.smoothed(noisy[:, None], 25, 0.0)[:, 0] is not None
    assert len(curves.smoothed(noisy[:6, None], 25, 2.0)) == 6


@pytest.mark.parametrize("fps", [12.5, 15, 30])
def test_a_blink_of_a_slow_camera_stays_shut(fps: float) -> None:
    """At 12 pictures a second it is one or two of them: a median of three would hold the eyes half open."""
    t = np.arange(round(3 * fps)) / fps
    done = performance(eyeBlinkLeft=0.8 * np.clip(1 - np.abs(t - t[len(t) // 2]) / 0.12, 0, 1))
    values = drive.slider_values(replace(done, fps=fps), session(), drive.Amounts())["expression.eyeBlinkLeft"]
    assert values.max() > 0.65 and np.abs(values[t < 1]).max() < 0.02


def test_thinned_curves_stay_within_the_tolerance() -> None:
    t = np.linspace(0, 5, 400)
    values = np.sin(3 * t) + 0.2 * np.sin(17 * t)
    rows = curves.thinned(t, values, 0.02)
    assert np.abs(np.interp(t, t[rows], values[rows]) - values).max() <= 0.02 and len(rows) < 200
