from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.align import Alignment
from core.cv import cv2
from core.errors import AssetError, NoFaceError
from core.landmarks import DetectedFace, FaceFinder, choose, points68, problem
from core.photo import Photo, load_image


@pytest.fixture(scope="module")
def finder() -> Iterator[FaceFinder]:
    with FaceFinder() as found:
        yield found


@pytest.fixture(scope="module")
def astronaut(sample_photo: Path) -> np.ndarray:
    return load_image(sample_photo).pixels


@pytest.fixture(scope="module")
def face(finder: FaceFinder, astronaut: np.ndarray) -> DetectedFace:
    return finder.detect(astronaut)[0]


def test_one_face_is_found(face: DetectedFace) -> None:
    assert face.points.shape == (478, 2) and face.depth.shape == (478,) and face.matrix.shape == (4, 4)
    assert 50 < face.eye_distance < 75
    assert face.blendshapes["mouthSmileLeft"] > 0.5 and len(face.blendshapes) == 52
    left, top, right, bottom = face.box
    assert 160 < left < 200 and 250 < right < 290 and 50 < top < 90 and 160 < bottom < 200


def test_the_68_points_stand_where_the_convention_says(face: DetectedFace) -> None:
    points = points68(face.points)
    assert points.shape == (68, 2)
    assert (np.diff(points[0:17, 0]) > -1).all()  # jaw from left to right, its ends straight up
    assert points[8, 1] == points[:, 1].max()  # its lowest point is the chin
    assert (np.diff(points[17:27, 0]) > 0).all() and (np.diff(points[27:31, 1]) > 0).all()
    assert (np.diff(points[31:36, 0]) > 0).all()
    eyes = points[36:42].mean(0), points[42:48].mean(0)
    assert eyes[0][0] < eyes[1][0] and points[17:27, 1].max() < min(eyes[0][1], eyes[1][1])
    for corners, upper, lower in (((36, 39), (37, 38), (40, 41)), ((42, 45), (43, 44), (46, 47)), ((48, 54), (50, 52), (56, 58))):
        assert points[corners[0], 0] == points[corners[0]:corners[1] + 1, 0].min()
        assert points[list(upper), 1].max() < points[list(lower), 1].min()
    assert points[48, 0] < points[60, 0] < points[64, 0] < points[54, 0]
    assert points[51, 1] < points[62, 1] <= points[66, 1] < points[57, 1]


def test_landmarks_follow_a_shift(finder: FaceFinder, astronaut: np.ndarray, face: DetectedFace) -> None:
    moved = finder.detect(np.roll(astronaut, (30, 40), (0, 1)))[0]
    assert np.abs(moved.points - face.points - (40, 30)).mean() < 1.0


def test_refining_agrees_where_nothing_is_wrong(finder: FaceFinder, astronaut: np.ndarray, face: DetectedFace) -> None:
    fine = finder.refine(astronaut, face)
    assert 0 < np.abs(fine.points - face.points).mean() < 1.5
    again = finder.refine(astronaut, face)
    assert np.array_equal(again.points, fine.points)


def test_several_faces_largest_first(finder: FaceFinder, astronaut: np.ndarray) -> None:
    half = cv2.resize(astronaut[:256, 100:356], (180, 180), interpolation=cv2.INTER_AREA)
    sheet = np.full((512, 640, 3), 128, np.uint8)
    sheet[100:280, 20:200], sheet[80:336, 300:556] = half, astronaut[:256, 100:356]
    faces = finder.detect(sheet)
    assert len(faces) == 2 and faces[0].scale > faces[1].scale and faces[0].points[1, 0] > 300
    index, second = choose(faces, 1, "two.jpg", sheet.shape)
    assert index == 1 and second is faces[1]
    with pytest.raises(NoFaceError, match="numbers 0 to 1"):
        choose(faces, 2, "two.jpg", sheet.shape)


def test_face_in_a_large_scene_is_found(finder: FaceFinder, astronaut: np.ndarray) -> None:
    scene = cv2.GaussianBlur(np.random.default_rng(0).integers(90, 150, (1500, 2000, 3)).astype(np.uint8), (0, 0), 5)
    scene[900:1068, 1500:1668] = cv2.resize(astronaut[:256, 100:356], (168, 168), interpolation=cv2.INTER_AREA)
    faces = finder.detect(scene)
    assert len(faces) == 1
    assert 1500 < faces[0].points[1, 0] < 1668 and 900 < faces[0].points[1, 1] < 1068


def test_face_that_fills_the_picture_is_found(finder: FaceFinder, astronaut: np.ndarray) -> None:
    assert finder.detect(np.ascontiguousarray(astronaut[62:186, 172:278]))


def test_no_face(finder: FaceFinder) -> None:
    empty = np.full((200, 300, 3), 90, np.uint8)
    assert finder.detect(empty) == []
    with pytest.raises(NoFaceError, match=r"No face was found in wall\.jpg"):
        choose([], None, "wall.jpg", empty.shape)


def test_tiny_and_cut_off_faces_are_named(face: DetectedFace, astronaut: np.ndarray) -> None:
    assert problem(face, astronaut.shape) is None
    tiny = face.moved(0.2, (0, 0))
    with pytest.raises(NoFaceError, match="too small: 1"):
        choose([tiny], None, "far.jpg", astronaut.shape)
    middle = face.points.mean(0)[0]
    cut = face.moved(1.0, (-middle, 0))
    with pytest.raises(NoFaceError, match="cut off"):
        choose([cut], None, "edge.jpg", astronaut.shape)
    assert choose([cut, face], None, "both.jpg", astronaut.shape)[0] == 1  # the largest usable one
    with pytest.raises(NoFaceError, match="cut off"):
        choose([cut, face], 0, "both.jpg", astronaut.shape)


def test_scale_allows_for_a_turn(face: DetectedFace) -> None:
    turned = replace(face, points=face.points * np.array([0.5, 1], np.float32))
    assert turned.scale < face.scale and turned.scale >= turned.eye_distance


def test_open_photo(finder: FaceFinder, sample_photo: Path) -> None:
    photo = Photo.open(sample_photo, finder=finder)
    eyes = photo.points(256)[[33, 263, 61, 291]]
    assert abs(eyes[0, 1] - eyes[1, 1]) < 6 and eyes[1, 0] - eyes[0, 0] > 70  # upright, and of the usual size
    assert np.abs(photo.aligned(256).astype(int) - photo.crop(256)).mean() < 3
    with pytest.raises(NoFaceError, match=r"no face number 3 in astronaut\.png"):
        Photo.open(sample_photo, 3, finder)


def test_picture_that_is_a_crop_already(finder: FaceFinder, sample_photo: Path) -> None:
    crop = load_image(cv2.imencode(".png", Photo.open(sample_photo, finder=finder).crop(256)[..., ::-1])[1].tobytes())
    photo = Photo.aligned_already(crop, finder)
    assert photo.alignment == Alignment.whole(256, 256) and np.array_equal(photo.crop(256), crop.pixels)


def test_closed_finder_and_missing_model(tmp_path: Path) -> None:
    finder = FaceFinder()
    finder.close()
    finder.close()
    with pytest.raises(RuntimeError, match="closed"):
        finder.detect(np.zeros((64, 64, 3), np.uint8))
    with pytest.raises(AssetError, match="missing"):
        FaceFinder(tmp_path / "none.task")


def test_nothing_is_said_on_the_error_stream(capfd: pytest.CaptureFixture[str], sample_photo: Path) -> None:
    with FaceFinder() as finder:
        finder.detect(load_image(sample_photo).pixels)
    assert capfd.readouterr().err == ""
    os.write(2, b"still there\n")
    assert capfd.readouterr().err == "still there\n"


def test_everyone_in_a_crowd_is_found(finder: FaceFinder, sample_photo: Path) -> None:
    """Faces of a fortieth of the picture, beside two that a first look sees."""
    face = cv2.resize(load_image(sample_photo).pixels[:230, 130:330], (200, 230))
    crowd = np.full((1300, 2300, 3), 90, np.uint8)
    for x in range(9):
        for y in range(3):
            crowd[40 + 420 * y:270 + 420 * y, 30 + 250 * x:230 + 250 * x] = face
    large = cv2.resize(face, (360, 414), interpolation=cv2.INTER_CUBIC)
    crowd[440:854, 280:640] = large
    crowd[440:854, 1520:1880] = large
    hidden = 6  # small ones that the large ones lie over
    found = finder.everyone(crowd)
    assert len(finder.detect(crowd)) < len(found)
    assert len(found) >= 0.9 * (27 + 2 - hidden)
    assert [f.scale for f in found] == sorted((f.scale for f in found), reverse=True)
    alone = load_image(sample_photo).pixels
    assert len(finder.everyone(alone)) == 1
