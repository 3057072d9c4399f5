"""An eye's lids moved in its patch of the photo: skin unfolds, lashes turn down, the eyeball stays behind."""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.compose import smoothstep
from core.cv import cv2
from core.lids.eye import Eye
from core.lids.skin import LidSkin

_FOLD_GOES = 0.14  # share of the upper lid's way that the fold above it goes along
_MEET = 0.1  # share of the upper lid's way that the lower one comes toward it, as muscles do and meshes don't
_LAP = 0.025  # widths of the eye by which a shut upper lid lies over the lower one's wet rim
_LASHES_DOWN = 0.62  # length of lashes seen from above their edge, once the eye is shut, by that when it is open
_LONGEST = 0.12  # widths of the eye up to which dark lines above its edge are lashes, and not a fold or a brow
_SOFT_CORNER = 0.06  # widths of the eye over which a shut lid's edge runs out into the corners
_BEGUN = 0.02  # a move that is smaller shows partly: edges are painted a little softer than the photo's, which must not jump
_CORE = 0.032  # widths of the eye: dark root of the lashes, which is a line at any angle


@dataclass(frozen=True)
class LidMove:
    """What an edit does to one eye. upper, lower: how far its lids close, each as a share of the eye's opening; together 1 is
    shut, under 0 they open. gaze: way of the iris (x, y), in widths of the eye."""

    upper: float
    lower: float
    gaze: tuple[float, float] = (0.0, 0.0)

    @property
    def still(self) -> bool:
        """Whether nothing moves."""
        return self.most < 1e-3

    @property
    def most(self) -> float:
        """The largest of its numbers, without its sign."""
        return max(abs(v) for v in (self.upper, self.lower, *self.gaze))


def paint(eye: Eye, skin: LidSkin, move: LidMove) -> np.ndarray:
    """The patch (H, W, 3) float32, 0..255, after a move."""
    return _Painting(eye, skin, move).whole()


class _Painting:
    def __init__(self, eye: Eye, skin: LidSkin, move: LidMove) -> None:
        self.eye, self.skin, self.move = eye, skin, move
        self.w = np.float32(eye.width)
        height, width = skin.photo.shape[:2]
        self.y, self.x = np.mgrid[:height, :width].astype(np.float32)
        opening, meet = eye.lower - eye.upper, _MEET * max(move.upper, 0.0)
        self.shut = float(np.clip(move.upper + move.lower, 0, 1))
        self.way = np.float32(move.upper - meet) * opening
        self.lift = np.float32(move.lower + meet) * opening
        lap = np.float32(_LAP * self.shut ** 2) * np.minimum(opening, 0.2 * self.w) * 5
        closed = eye.upper + self.way + lap
        soft = cv2.GaussianBlur(closed[None], (0, 0), _SOFT_CORNER * eye.width, sigmaY=1e-3, borderType=cv2.BORDER_REPLICATE)[0]
        self.upper = closed + (soft - closed) * np.float32(self.shut ** 2)
        self.lower = np.maximum(eye.lower - self.lift, self.upper - lap)
        self.above = self.upper - self.y  # from the moved edge upward
        self.reach = eye.reach
        self.local = self.reach * float(np.clip(self.way.max() / (0.05 * self.w), 0, 1))
        self.lean = 1 + (_lean(self.shut) - 1) * self.local

    def whole(self) -> np.ndarray:
        soft = max(1.2, 0.008 * self.eye.width)
        out = self._ball()
        out += (self._under() - out) * np.clip((self.y - self.lower) / soft + 0.5, 0, 1)[..., None]
        out *= self._hanging()[..., None]
        out += (self._lid() * self._standing() - out) * np.clip(self.above / soft + 0.5, 0, 1)[..., None]
        out *= self._line()[..., None]
        share = self.reach * (1 - self.skin.held) * min(self.move.most / _BEGUN, 1.0)
        return self.skin.photo + (out - self.skin.photo) * share[..., None].astype(np.float32)

    def _fetch(self, picture: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return cv2.remap(picture, np.ascontiguousarray(x, np.float32), np.ascontiguousarray(y, np.float32), cv2.INTER_CUBIC,
                         borderMode=cv2.BORDER_REPLICATE)

    def _ball(self) -> np.ndarray:
        """The eyeball, turned by the gaze; the lid's shadow on it goes along with the lid."""
        eye, (cx, cy, radius) = self.eye, self.eye.iris
        x, y = self.x, self.y
        gx, gy = (np.float32(v * self.w) for v in self.move.gaze)
        if gx or gy:
            away = ((x - cx - gx) ** 2 + (y - cy - gy) ** 2) / np.float32((2.1 * radius) ** 2)
            ends = np.minimum(x - eye.corners[0], eye.corners[1] - x) / (0.16 * self.w)
            turn = np.sqrt(np.clip(1 - away, 0, 1)) * smoothstep(ends)
            x, y = x - gx * turn, y - gy * turn
        if not (gx or gy) and self.way.min() >= 0 and self.lift.min() >= 0:
            ball = self._fetch(self.skin.photo, x, y)
        else:
            rim = np.minimum(0.05 * self.w + 1, 0.3 * (eye.lower - eye.upper)) * min(self.move.most / 0.05, 1.0)
            seen = np.clip(y, eye.upper + rim, eye.lower - rim)
            away = np.hypot(x - cx, y - cy)
            # what a lid hid of the iris, and of the white about it, is as at the same distance beside
            near = smoothstep((2.2 * radius - away) / (0.6 * radius))
            beside = cx + np.sign(x - cx) * np.sqrt(np.maximum(away ** 2 - (seen - cy) ** 2, 0))
            ball = self._fetch(self.skin.photo, x + (np.clip(beside, *eye.corners) - x) * near, seen)
        depth = np.maximum(-self.above, 0) / (0.05 * self.w)
        return ball * (1 - 0.4 * np.clip(self.way / (0.08 * self.w), 0, 1) * np.exp(-depth))[..., None]

    def _under(self) -> np.ndarray:
        """The lower lid and the skin under it, raised with its edge."""
        below = np.maximum(self.y - self.lower, 0)
        lift = np.maximum(self.eye.lower - self.lower, np.minimum(-self.lift, 0)) * np.clip(1 - below / (0.5 * self.w), 0, 1)
        return self._fetch(self.skin.photo, self.x, np.maximum(self.y + lift, self.eye.lower + 0.5))

    def _lid(self) -> np.ndarray:
        """The upper lid's skin without lashes: as it is moved along with its edge, the more shut the more it is unfolded."""
        eye, above = self.eye, np.maximum(self.above, 0.6)  # under the edge the photo has the open eye
        whole = eye.upper - eye.brow  # skin there is between brow and edge
        room = np.maximum(self.upper - eye.brow, 0.02 * self.w)
        strip = np.minimum(eye.upper - eye.fold, 0.6 * room)
        back = np.where(above < strip, above, strip + (above - strip) * (whole - strip) / np.maximum(room - strip, 1e-3))
        back = np.where(above < room, back, above - room + whole)
        moved = self._fetch(self.skin.bare, self.x, eye.upper - back)
        share = _smooth(self.shut / 0.4) * self.local
        if not (share > 0).any():
            return moved
        return moved + (self._unfolded() - moved) * share[None, :, None]

    def _unfolded(self) -> np.ndarray:
        eye, w, skin = self.eye, self.w, self.skin
        goes = _FOLD_GOES * (self.upper - eye.upper)
        fold = eye.fold + goes
        below = self.y - fold
        back = self.y - goes * np.clip((self.y - eye.brow) / np.maximum(fold - eye.brow, 1e-3), 0, 1)
        kept = self._fetch(skin.bare, self.x, back)
        share = np.clip(below / np.maximum(self.upper - fold, 0.05 * w), 0, 1)[..., None]
        tint = 1 + (skin.tint - 1) * smoothstep(share / 0.5)
        fill = (skin.above + (skin.below - skin.above) * 0.5 * share) * tint
        fill = fill * (1 + (skin.bulge[..., None] - 1) * smoothstep(share / 0.3)) + self._texture()
        strip = np.maximum(0.75 * (eye.upper - eye.fold), 0.05 * w)
        return kept + (fill - kept) * smoothstep(below / strip + 0.15)[..., None]

    def _texture(self) -> np.ndarray:
        """Fine texture of the skin under the eye, mirrored at the lid's edge, with which it moves."""
        return self._fetch(self.skin.grain, self.x, self.eye.lower + 0.12 * self.w + np.maximum(self.above, 0))

    def _standing(self) -> np.ndarray:
        """What lashes above the upper lid's edge leave of the light (H, W, 3): they lean toward the viewer as it comes down."""
        lashes, upper, core = self.skin.lashes, self.eye.upper, np.float32(_CORE) * self.w
        above = np.maximum(self.above, 0.6)
        stand = self._fetch(lashes, self.x, upper - above / np.maximum(self.lean, 0.05))
        stand = 1 + (stand - 1) * np.clip(self.lean / 0.15, 0, 1)[:, None]
        root = self._fetch(lashes, self.x, upper - np.minimum(above, core))
        share = np.clip((core - above) / (0.5 * core) + 0.5, 0, 1) * smoothstep((1 - self.lean) * 5) * self._within()
        return np.minimum(stand, 1 + (root - 1) * share[..., None])

    def _hanging(self) -> np.ndarray:
        """What lashes of a lid that is about shut leave of the light (H, W) under its edge."""
        far = np.maximum(-self.above, 0) / np.maximum(-self.lean, 0.05)
        hang = self._fetch(self.skin.lashes, self.x, self.eye.upper - np.float32(0.5 * _CORE) * self.w - far).min(-1)
        return 1 + np.minimum(hang - 1, 0) * smoothstep(1.6 - far / (_LONGEST * self.w)) * np.clip(-self.lean / 0.15, 0, 1)

    def _within(self) -> np.ndarray:
        """1 on the eye, 0 a little beyond its outer corner, for each column: there its edge ends."""
        return 1 - self.shut * smoothstep(self.eye.beyond(self.x[0])[0] / 0.14)

    def _line(self) -> np.ndarray:
        """A dark soft line where the lids meet, for everybody; hardly more where lashes make it dark already."""
        at = self.eye.upper - np.float32(0.5 * _CORE) * self.w
        own = self._fetch(self.skin.lashes, self.x[:1], at[None])[0].mean(-1)
        span = (self.x[:1] - self.eye.corners[0]) / max(self.eye.corners[1] - self.eye.corners[0], 1e-3)
        taper = smoothstep(np.minimum(span, 1 - span) / 0.12) * _smooth((self.shut - 0.5) / 0.5)
        thick = max(0.014 * self.eye.width, 0.7)
        return 1 - np.clip(own - 0.5, 0.1, 0.45) * taper * np.exp(-0.5 * (self.above / thick) ** 2)


def _lean(shut: float) -> float:
    """How lashes stand: 1 as in the photo, 0 toward the viewer, under 0 downward."""
    return 1 - (1 + _LASHES_DOWN) * _smooth(shut)


def _smooth(t: float) -> float:
    return float(smoothstep(np.array(t)))

