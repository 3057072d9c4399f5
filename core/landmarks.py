"""Finding faces and their landmarks with MediaPipe's Face Landmarker (Kartynnik et al. 2019; Grishchenko et al. 2020).

478 points a face (468 of the mesh, then 5 of each iris), 52 ARKit-named expression scores and a head pose. Points are
continuous picture coordinates: pixel i covers [i, i + 1].
"""
from __future__ import annotations

import contextlib
import os
import sys
import threading
import weakref
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from core.align import Alignment
from core.cv import cv2
from core.errors import AssetError, NoFaceError

MODEL_PATH = Path(__file__).resolve().parent.parent / "resources" / "landmarks" / "face_landmarker.task"
POINTS = 478
EYE_CORNERS = (33, 263)  # the outer ones: picture left, picture right
MIN_EYE_DISTANCE = 20.0  # px between the outer eye corners: below, landmarks are guesses
MAX_OUTSIDE = 0.25  # share of the face's outline that may lie beyond the picture's border
MAX_FACES = 8
_WORK_SIDE = 1280  # the detector looks at small copies anyway
_REFINE_SIDE = 512
_TILE_SIDE = 448
_PART = 9.0  # side of a part, in `DetectedFace.scale`, in which the detector finds a face
_BEHIND = 0.55  # size of faces that are looked for beside others, in that of those
_LARGE_SHARE = 0.15  # of the picture's longer side: with eyes that far apart there is hardly room for a second face

# MediaPipe points that stand where the 68-point convention (Sagonas et al. 2013, iBUG 300-W) marks a face. Left and right are
# the picture's. Measured (benchmarks/crop68.py): the face encoder's box around them has 0.99 to 1.01 times the size it has around
# hand-set landmarks (which edge of the brows one takes makes the difference; deviation 0.013), its centre lies 0.1 % beside and
# 0.4 to 1.8 % above; on heads turned by 20 degrees and more the averted cheek is followed to 1 % of the box. No point is moved
# to correct that: it is less than what two people who mark a face differ by.
IBUG68 = np.array([
    127, 234, 93, 58, 172, 136, 150, 176, 152, 400, 379, 365, 397, 288, 323, 454, 356,  # 0-16 jaw, left to right
    70, 63, 105, 66, 107, 336, 296, 334, 293, 300,  # 17-26 brows
    168, 197, 5, 1,  # 27-30 nose bridge, down to the tip
    98, 97, 2, 326, 327,  # 31-35 under the nose
    33, 160, 158, 133, 153, 144,  # 36-41 eye on the left
    362, 385, 387, 263, 373, 380,  # 42-47 eye on the right
    61, 40, 37, 0, 267, 270, 291, 321, 314, 17, 84, 91,  # 48-59 outer lips
    78, 81, 13, 311, 308, 402, 14, 178,  # 60-67 inner lips
])

_quiet_lock = threading.Lock()


@dataclass(frozen=True, eq=False)
class DetectedFace:
    """One face in a picture.

    points (478, 2) float32 px; depth (478,) float32 in the same unit, smaller is nearer; blendshapes: the 52 ARKit names (and
    `_neutral`) -> score in [0, 1]; matrix (4, 4) float32: head pose of the canonical face (x right, y up, z to the viewer).
    """

    points: np.ndarray
    depth: np.ndarray
    blendshapes: dict[str, float]
    matrix: np.ndarray

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Left, top, right, bottom of the points."""
        low, high = self.points.min(0), self.points.max(0)
        return float(low[0]), float(low[1]), float(high[0]), float(high[1])

    @property
    def eye_distance(self) -> float:
        """Pixels between the outer eye corners; smaller than the face's true one when it is turned."""
        return float(np.linalg.norm(self.points[EYE_CORNERS[1]] - self.points[EYE_CORNERS[0]]))

    @property
    def scale(self) -> float:
        """A length in pixels that a turn of the head hardly changes: that of an upright frontal eye distance."""
        x = np.append(self.points[EYE_CORNERS[1]] - self.points[EYE_CORNERS[0]],
                      self.depth[EYE_CORNERS[1]] - self.depth[EYE_CORNERS[0]])
        return float(np.linalg.norm(x))

    @property
    def turn(self) -> np.ndarray:
        """(yaw, pitch) in degrees, toward the picture's right and up, by the head pose."""
        rotation = np.asarray(self.matrix, np.float64)[:3, :3]
        return np.degrees([np.arctan2(rotation[0, 2], rotation[2, 2]), np.arcsin(np.clip(rotation[1, 2], -1, 1))])

    def moved(self, factor: float, offset: Sequence[float] | np.ndarray) -> DetectedFace:
        """The same face in a picture scaled by `factor` and shifted by `offset` (2,)."""
        return replace(self, points=(self.points * factor + np.asarray(offset)).astype(np.float32),
                       depth=(self.depth * factor).astype(np.float32))


class FaceFinder:
    """The landmark model, loaded. Close it, or use it in a `with` statement; calls from several threads wait for each other."""

    def __init__(self, model: Path = MODEL_PATH, max_faces: int = MAX_FACES) -> None:
        """Raises AssetError when the model file or the package is missing."""
        if not model.is_file():
            raise AssetError(f"The face landmark model {model} is missing. Restore it from the program's files.")
        os.environ.setdefault("GLOG_minloglevel", "2")
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        try:
            with quiet():
                import mediapipe
                from mediapipe.tasks.python import BaseOptions, vision
        except (ImportError, OSError) as error:
            raise AssetError(f"MediaPipe, which finds faces, can't be loaded ({error}). Run 'make setup'.") from error
        self._mediapipe = mediapipe
        self._lock = threading.Lock()
        options = vision.FaceLandmarkerOptions(
            base_options=BaseOptions(model_asset_buffer=model.read_bytes()), num_faces=max_faces,
            output_face_blendshapes=True, output_facial_transformation_matrixes=True)
        with quiet():
            self._landmarker: Any = vision.FaceLandmarker.create_from_options(options)
            # at the process's end the package's own clean-up comes too late and prints a traceback
            self._finalizer = weakref.finalize(self, self._landmarker.close)
            self._run(np.zeros((64, 64, 3), np.uint8))  # what the libraries say on first use is said here

    def close(self) -> None:
        """Free the model. Later calls of `detect` raise RuntimeError."""
        with self._lock:
            if self._landmarker is not None:
                with quiet():
                    self._finalizer()
                self._landmarker = None

    def __enter__(self) -> FaceFinder:
        return self

    def __exit__(self, *unused: object) -> None:
        self.close()

    def detect(self, image: np.ndarray, thorough: bool = True) -> list[DetectedFace]:
        """All faces found in an image (H, W, 3) uint8, the largest first; an empty list when there are none.

        The detector misses faces below about a sixth of the picture. If thorough, they are looked for in enlarged parts too,
        unless a face that was found fills the picture; and where there is none, in ever smaller parts and in a padded copy.
        """
        faces: list[DetectedFace] = []
        for view, factor, offset in _views(image):
            faces = [face.moved(factor, offset) for face in self._run(view)]
            if faces or not thorough:
                break
        if not thorough or faces and max(face.scale for face in faces) > _LARGE_SHARE * max(image.shape[:2]):
            return sorted(faces, key=lambda face: -face.scale)
        for count in (2, 4, 8):
            faces += self._in_tiles(image, count, faces)
            if faces:
                break
        return sorted(faces, key=lambda face: -face.scale)

    def everyone(self, image: np.ndarray) -> list[DetectedFace]:
        """As `detect`, and where there are several faces, those beside them that are too small in the picture for a first look,
        down to about half the usual size: smaller parts are searched."""
        faces = self.detect(image)
        if len(faces) < 2:
            return faces
        usual = float(np.median([face.scale for face in faces]))
        side = _PART * max(_BEHIND * usual, MIN_EYE_DISTANCE)
        count = min(round(2 * max(image.shape[:2]) / side - 1), 8)
        if count > 2:
            faces += self._in_tiles(image, count, faces)
        return sorted(faces, key=lambda face: -face.scale)

    def _in_tiles(self, image: np.ndarray, count: int, known: Sequence[DetectedFace]) -> list[DetectedFace]:
        """The faces in parts of a picture that are not among the known ones."""
        faces: list[DetectedFace] = []
        for view, factor, offset in _tiles(image, count):
            for face in (found.moved(factor, offset) for found in self._run(view)):
                if not any(_same(face, other) for other in (*known, *faces)) and not _cut_by(face, offset, view, factor, image):
                    faces.append(face)
        return faces

    def refine(self, image: np.ndarray, face: DetectedFace) -> DetectedFace:
        """The same face measured again on its own aligned crop, where every face has one size; `face` itself if that fails."""
        try:
            alignment = Alignment.from_points68(points68(face.points))
            crop = alignment.crop(image, _REFINE_SIDE)
        except ValueError:
            return face
        expected = alignment.to_crop(face.points, _REFINE_SIDE)
        tolerance = 0.1 * _REFINE_SIDE
        found = [f for f in self._run(crop) if np.linalg.norm((f.points - expected).mean(0)) < tolerance]
        if not found:
            return face
        best = max(found, key=lambda f: f.scale)
        return replace(best, points=alignment.to_photo(best.points, _REFINE_SIDE).astype(np.float32),
                       depth=(best.depth * alignment.side / _REFINE_SIDE).astype(np.float32))

    def _run(self, image: np.ndarray) -> list[DetectedFace]:
        with self._lock:
            if self._landmarker is None:
                raise RuntimeError("this FaceFinder is closed")
            wrapped = self._mediapipe.Image(image_format=self._mediapipe.ImageFormat.SRGB, data=np.ascontiguousarray(image))
            result = self._landmarker.detect(wrapped)
        size = np.array([image.shape[1], image.shape[0], image.shape[1]], np.float64)
        faces = []
        for landmarks, scores, matrix in zip(result.face_landmarks, result.face_blendshapes,
                                             result.facial_transformation_matrixes, strict=True):
            xyz = (np.array([(p.x, p.y, p.z) for p in landmarks]) * size).astype(np.float32)
            if len(xyz) == POINTS and np.isfinite(xyz).all():
                faces.append(DetectedFace(np.ascontiguousarray(xyz[:, :2]), np.ascontiguousarray(xyz[:, 2]),
                                          {s.category_name: float(s.score) for s in scores}, np.asarray(matrix, np.float32)))
        return faces


def points68(points: np.ndarray) -> np.ndarray:
    """The 68-point convention (68, 2) picked from the 478 points (478, 2), see `IBUG68`."""
    return np.asarray(points)[IBUG68]


def choose(faces: Sequence[DetectedFace], index: int | None, name: str, shape: tuple[int, ...]) -> tuple[int, DetectedFace]:
    """The face to work on: number `index`, or the largest usable one. Returns its index and the face.

    name: what messages call the photo; shape: of the picture. Raises NoFaceError when there is no face, no face of that number,
    or the face is too small or cut off by the picture's border.
    """
    if not faces:
        raise NoFaceError(f"No face was found in {name}. Use a photo that shows a face from the front or half from the side, "
                          "upright and not covered.")
    if index is None:
        usable = [i for i, face in enumerate(faces) if problem(face, shape) is None]
        index = usable[0] if usable else 0
    elif not 0 <= index < len(faces):
        counted = "one face: number 0" if len(faces) == 1 else f"{len(faces)} faces: numbers 0 to {len(faces) - 1}, largest first"
        raise NoFaceError(f"There is no face number {index} in {name}. It has {counted}.")
    fault = problem(faces[index], shape)
    if fault:
        raise NoFaceError(f"The face in {name} {fault}")
    return index, faces[index]


def problem(face: DetectedFace, shape: tuple[int, ...]) -> str | None:
    """Why a face can't be used, as the end of a sentence, or None."""
    if face.scale < MIN_EYE_DISTANCE:
        return (f"is too small: {face.scale:.0f} pixels between the eyes, at least {MIN_EYE_DISTANCE:.0f} are needed. "
                "Use a larger version of the photo.")
    outside = _share_outside(face.points, shape)
    if outside > MAX_OUTSIDE:
        return f"is cut off by the picture's border ({outside:.0%} of it is outside). Use a photo that shows the whole face."
    return None


def _share_outside(points: np.ndarray, shape: tuple[int, ...]) -> float:
    hull = cv2.convexHull(np.ascontiguousarray(points, np.float32))
    height, width = shape[:2]
    frame = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    inside, _ = cv2.intersectConvexConvex(hull, frame)
    return 1.0 - float(inside) / max(float(cv2.contourArea(hull)), 1e-6)


def _same(a: DetectedFace, b: DetectedFace) -> bool:
    return bool(np.linalg.norm(a.points.mean(0) - b.points.mean(0)) < 0.5 * max(a.scale, b.scale))


def _views(image: np.ndarray) -> Iterator[tuple[np.ndarray, float, np.ndarray]]:
    """The whole picture, then with a border all around: (view, view -> picture scale, offset)."""
    small, factor = _fit(image, _WORK_SIDE)
    yield small, factor, np.zeros(2)
    pad = max(small.shape[:2]) // 3
    yield cv2.copyMakeBorder(small, pad, pad, pad, pad, cv2.BORDER_REPLICATE), factor, np.full(2, -pad * factor)


def _tiles(image: np.ndarray, count: int) -> Iterator[tuple[np.ndarray, float, np.ndarray]]:
    """Parts of the picture that overlap by half, about `count` + 1 along its longer side, enlarged where they are small."""
    height, width = image.shape[:2]
    side = int(np.ceil(max(height, width) / (count + 1) * 2))
    if side < 48:
        return
    for y in _starts(height, side):
        for x in _starts(width, side):
            view, factor = _fit(image[y:y + side, x:x + side], _TILE_SIDE, enlarge=True)
            yield view, factor, np.array([x, y], np.float64)


def _cut_by(face: DetectedFace, offset: np.ndarray, view: np.ndarray, factor: float, image: np.ndarray) -> bool:
    """Whether a part's border, not the picture's, runs through the face: another part shows it whole."""
    low, high = offset, offset + np.array([view.shape[1], view.shape[0]]) * factor
    end = np.array([image.shape[1], image.shape[0]])
    points_low, points_high = face.points.min(0), face.points.max(0)
    return bool(((points_low < low) & (low > 1)).any() or ((points_high > high) & (high < end - 1)).any())


def _starts(length: int, side: int) -> list[int]:
    if length <= side:
        return [0]
    count = int(np.ceil((length - side) / (side / 2)))
    return [round(i * (length - side) / count) for i in range(count + 1)]


def _fit(image: np.ndarray, side: int, enlarge: bool = False) -> tuple[np.ndarray, float]:
    """The picture with its longer side brought down (or, if asked, up) to `side`, and the factor back."""
    factor = max(image.shape[:2]) / side
    if factor <= 1 and not enlarge or factor == 1:
        return image, 1.0
    size = (max(1, round(image.shape[1] / factor)), max(1, round(image.shape[0] / factor)))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA if factor > 1 else cv2.INTER_CUBIC), factor


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Drop what native libraries write to the process's error stream; MediaPipe's start-up notes help no user."""
    with _quiet_lock:
        try:
            sys.stderr.flush()
            saved = os.dup(2)
        except (OSError, ValueError, AttributeError):
            yield
            return
        null = os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(null, 2)
            yield
        finally:
            os.dup2(saved, 2)
            os.close(saved)
            os.close(null)
