"""How a photo's own edits read: its starting picture at a few mesh values, seen by the landmark model and by the fit."""
from __future__ import annotations

import threading
import weakref
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from core.estimate import fit_shape
from core.landing import HALVES, MOST_UNIT, TURNS, Curve, Landing, Own, of_head, strongest
from core.motion import motion_field, warp_picture
from core.render.buffers import render_buffers
from core.rig import pose_degrees, pose_vector

if TYPE_CHECKING:
    from core.codes import FaceCode
    from core.head.base import HeadModel
    from core.landmarks import DetectedFace, FaceFinder
    from core.session import Session

# Mesh values at which a photo is looked at, once a control and photo.
KNOTS = {"pose.yaw": (14.0, 30.0), "pose.pitch": (8.0, 17.0), "jaw.open": (0.4, 0.75, MOST_UNIT),
         **dict.fromkeys(("expression.smile", *HALVES), (0.4, 0.75, MOST_UNIT))}
_SCORES = {"jaw.open": ("jawOpen",), "expression.smile": ("mouthSmileLeft", "mouthSmileRight"),
           "expression.smile_left": ("mouthSmileLeft",), "expression.smile_right": ("mouthSmileRight",),
           "expression.blink": ("eyeBlinkLeft", "eyeBlinkRight")}
_LEAST_STEP = 0.1  # of a unit: a knot nearer to where the photo stands says nothing
_SIDE = 256


def head_turn(head: HeadModel, face: DetectedFace, size: int) -> tuple[np.ndarray, np.ndarray]:
    """(yaw, pitch) in degrees, toward the picture's right and up, of a face found in a crop of side `size`: by the landmark
    model's own head matrix, and by this project's fit."""
    code, _ = fit_shape(head, face.points, face.depth, face.blendshapes, size)
    return face.turn, np.array(pose_degrees(code.pose)[:2])


def score(face: DetectedFace, name: str) -> float:
    """The landmark model's score, 0 to 1, of what the control `name` moves; left and right averaged."""
    return float(np.mean([face.blendshapes[unit] for unit in _SCORES[name]]))


def reading(head: HeadModel, face: DetectedFace, name: str, size: int) -> float:
    """What a face reads as for a control: degrees, the mean of landmark model and fit, or a score."""
    if name in TURNS:
        return float(np.mean(head_turn(head, face, size), axis=0)[TURNS.index(name)])
    return score(face, name)


def at_mesh(head: HeadModel, code: FaceCode, name: str, value: float) -> FaceCode:
    """The code with the mesh itself moved: turned by `value` degrees, or the control's units brought to `value`."""
    if name in TURNS:
        angles = np.array(pose_degrees(code.pose))
        angles[TURNS.index(name)] += value
        return code.replace(pose=pose_vector(*angles))
    control = head.controls()[name]
    now = float(np.mean([code.expression[row] for row in strongest(control)]))
    reach = value / control.high
    # all the room there is, up to an end at `value`
    change = control.change(len(code.expression), value)
    ends = np.where(change > 0, reach, 1.0)
    return code.replace(expression=head.change_expression(code, change, ends)) if value > now else code


@dataclass(frozen=True, eq=False)
class OwnReadings:
    """Reads a session's photo, each control and side once. Safe to call from any thread.

    session: a weak proxy, for the session owns these readings; a circle would keep closed photos until the collector comes by.
    """

    session: Session
    finder: FaceFinder
    _kept: dict[str, Own | None] = field(default_factory=dict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def __call__(self, key: str) -> Own:
        """See `core.landing.Own`."""
        with self._lock:
            if key not in self._kept:
                self._kept[key] = self._measured(key[:-1], -1.0 if key.endswith("-") else 1.0)
            return self._kept[key] or Own(0.0, None)

    def _measured(self, name: str, side: float) -> Own | None:
        before = self._read(self.session.photo.crop(_SIDE), name)
        if before is None:
            return None
        turn = name in TURNS
        code, head = self.session.code, self.session.head
        now = 0.0 if turn else float(np.mean([code.expression[row] for row in strongest(head.controls()[name])]))
        mesh, found = [], []
        for knot in KNOTS[name]:
            if knot < now + _LEAST_STEP:
                continue
            after = self._read(self._moved(at_mesh(head, code, name, side * knot)), name)
            if after is not None:
                mesh.append(knot - now)
                found.append(side * (after - before))
        return Own(0.0 if turn else before, Curve(tuple(mesh), tuple(found)) if mesh else None)

    def _moved(self, edited: FaceCode) -> np.ndarray:
        session = self.session
        source = session.buffers if session.size == _SIDE else render_buffers(session.head, session.code, _SIDE)
        drawn = render_buffers(session.head, edited, _SIDE, recentre_from=session.code)
        field = motion_field(session.head, session.code, edited, source, drawn)
        return warp_picture(session.photo.crop(_SIDE), field, drawn.rendered)

    def _read(self, picture: np.ndarray, name: str) -> float | None:
        faces = self.finder.detect(picture, thorough=False)
        return reading(self.session.head, faces[0], name, _SIDE) if faces else None


def landing_of(session: Session, finder: FaceFinder) -> Landing | None:
    """The landing of a session's edits; None for heads without a table."""
    return of_head(session.head, OwnReadings(weakref.proxy(session), finder))
