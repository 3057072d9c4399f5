"""How near a settled picture came to what was asked for: it is read again, as any photo is, and compared.

Turns are read by the landmark model's head matrix and by this project's fit (their mean), expressions by the landmark model's
scores, light by the fit of the picture, the person by a re-identification network: the measures of `main.py evaluate landing`.
"""
from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

import numpy as np

from core import light as lighting
from core.codes import FaceCode
from core.estimate import fit_shape
from core.estimate_light import estimate_light
from core.head.base import HeadModel
from core.landing import HALVES, UNITS, asked_score, strongest
from core.landing_photo import score
from core.landmarks import DetectedFace, FaceFinder
from core.light_lamps import whole_light
from core.likeness import Likeness
from core.rig import Rig, apply, pose_degrees
from core.session import Session
from core.trust_reading import Measured, Reading

SIZE = 256  # side at which pictures are read
# How far a picture may be off before the user is told: what `evaluate landing` finds in nearly all pictures of kept-back photos.
TURN_LIMIT, SCORE_LIMIT, LIGHT_LIMIT = 5.0, 0.18, 25.0
_LEAST_TURN, _LEAST_SCORE, _LEAST_LAMP = 1.0, 0.05, 0.25  # asked for: less is not looked at
_FULL = {"expression.blink": 0.6}  # what the landmark model makes of lids that are quite closed
_SCORED = (*UNITS, *HALVES, "expression.blink")
_KEPT = 8


@dataclass(frozen=True, eq=False)
class _Seen:
    """A picture as it reads. turn: yaw, pitch, roll in degrees."""

    face: DetectedFace
    turn: np.ndarray
    code: FaceCode


class Judge:
    """Reads pictures of opened photos. head: that of their codes. Belongs to one thread."""

    def __init__(self, head: HeadModel, finder: FaceFinder, likeness: Likeness) -> None:
        self._head, self._finder, self._likeness = head, finder, likeness
        self._photos: OrderedDict[str, _Seen | None] = OrderedDict()

    def read(self, session: Session, rig: Rig, crop: np.ndarray) -> Reading:
        """The reading of a picture (N, N, 3) uint8 that an edit of a photo led to."""
        faces = self._finder.detect(crop, thorough=False)
        if not faces:
            return Reading(False, None)
        identity = self._likeness.distance(session, crop, faces[0])
        before = self._photo(session)
        if before is None:
            return Reading(True, identity)
        seen = self._see(crop, faces[0])
        asked = apply(rig, self._head, session.code)
        found = [*_turns(before, seen, session.code, asked), *self._scores(before, seen, rig, session.code, asked),
                 *self._light(seen, crop, session.code, asked)]
        return Reading(True, identity, tuple(sorted(found, key=lambda m: -m.error / m.limit)))

    def _photo(self, session: Session) -> _Seen | None:
        if session.digest not in self._photos:
            faces = self._finder.detect(session.native, thorough=False)
            self._photos[session.digest] = self._see(session.native, faces[0]) if faces else None
            while len(self._photos) > _KEPT:
                self._photos.popitem(last=False)
        return self._photos[session.digest]

    def _see(self, picture: np.ndarray, face: DetectedFace) -> _Seen:
        share = SIZE / picture.shape[0]
        code, _ = fit_shape(self._head, face.points * share, face.depth * share, face.blendshapes, SIZE)
        yaw, pitch, roll = pose_degrees(code.pose)
        turn = np.array([*(face.turn + (yaw, pitch)) / 2, roll])
        return _Seen(face, turn, code)

    def _scores(self, before: _Seen, seen: _Seen, rig: Rig, code: FaceCode, asked: FaceCode) -> list[Measured]:
        controls, found = self._head.controls(), []
        copied = any(copy.block not in ("light", "pose", "appearance") for copy in rig.copies)
        for name in _SCORED:
            control = controls.get(name)
            if control is None or control.block != "expression":
                continue
            own, value = score(before.face, name), rig.get(name)
            rows = list(strongest(control))
            if value is not None and not copied:
                wanted = asked_score(own, float(value), control.high)  # type: ignore[arg-type]
            elif copied and np.abs(asked.expression[rows] - code.expression[rows]).max() > SCORE_LIMIT:
                wanted = float(asked.expression[rows].mean())
            else:
                continue
            wanted = min(wanted, max(own, _FULL.get(name, 1.0)))
            if abs(wanted - own) > _LEAST_SCORE:
                found.append(Measured(name, wanted, score(seen.face, name), SCORE_LIMIT))
        return found

    def _light(self, seen: _Seen, crop: np.ndarray, code: FaceCode, asked: FaceCode) -> list[Measured]:
        if np.array_equal(code.light, asked.light) and code.lamps == asked.lamps:
            return []
        wanted = lighting.decompose(whole_light(asked.light, asked.lamps))
        if wanted.intensity < _LEAST_LAMP or abs(wanted.azimuth) > 100:  # hardly a direction, or one that a face does not show
            return []
        from core.cv import cv2
        small = cv2.resize(crop, (SIZE, SIZE), interpolation=cv2.INTER_AREA)
        lamp = lighting.decompose(estimate_light(self._head, seen.code, small).code.light)
        away = float(np.degrees(np.arccos(np.clip(wanted.direction @ lamp.direction, -1, 1))))
        return [Measured("light", 0.0, away, LIGHT_LIMIT)]


def _turns(before: _Seen, seen: _Seen, code: FaceCode, asked: FaceCode) -> list[Measured]:
    wanted = np.array(pose_degrees(asked.pose)) - pose_degrees(code.pose)
    changed = seen.turn - before.turn
    return [Measured(kind, float(w), float(c), TURN_LIMIT)
            for kind, w, c in zip(("yaw", "pitch", "roll"), wanted, changed, strict=True) if abs(w) > _LEAST_TURN]
