"""How far expression units named as ARKit's can go: ends from photos, and lids and lips that stop where they meet.

A change of t units is a share of the room that is left: on a face at rest it is t itself; on a photo that already smiles, the
slider's end is still the strongest smile, and its other end takes the photo's own smile away. So every position of a slider
shows, and no sum of photo and sliders leaves the range that photos show.
"""
from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from core import paths

if TYPE_CHECKING:
    from core.codes import FaceCode
    from core.head.base import HeadModel
    from core.head.looks import Looks

# Written by: main.py evaluate ranges FOLDER --out resources/head/open_ranges.json
RANGES_FILE = paths.RESOURCES / "head" / "open_ranges.json"
# Portraits are posed: they hardly show a yawn or a puffed cheek. Where the 99th percentile is below this, this is the end; every
# unit was looked at there. A lid's end is not a matter of percentiles: it is shut.
LEAST_TOP = 0.7
COMPLETE = ("eyeBlinkLeft", "eyeBlinkRight")
# Upper and lower landmarks of what closes, and how far one may pass the other, metres: lips are soft and press.
STOPS: tuple[tuple[tuple[tuple[int, int], ...], float], ...] = (
    (((160, 144), (159, 145), (158, 153)), 0.0),
    (((387, 373), (386, 374), (385, 380)), 0.0),
    (((82, 87), (13, 14), (312, 317), (81, 178), (311, 402)), 0.0035),
)


@lru_cache(maxsize=1)
def measured_ranges() -> dict[str, tuple[float, float]]:
    """1st and 99th percentile of each value over fitted photos, by the controls' names; left and right taken together."""
    values = json.loads(RANGES_FILE.read_text())["values"]
    return {name: _both_sides(values, name) for name in values}


def _both_sides(values: dict[str, list[float]], name: str) -> tuple[float, float]:
    twin = name.replace("Left", "#").replace("Right", "Left").replace("#", "Right")
    pair = [values[name], values.get(twin, values[name])]
    return min(v[0] for v in pair), max(v[-1] for v in pair)


def unit_top(name: str) -> float:
    """The end of a unit: its 99th percentile in photos, rounded up to 0.05, between `LEAST_TOP` and 1; 1 for a lid."""
    if name in COMPLETE:
        return 1.0
    seen = measured_ranges().get(f"expression.{name}", (0.0, LEAST_TOP))[1]
    return float(np.clip(np.ceil(20 * seen) / 20, LEAST_TOP, 1.0))


class UnitLimits:
    """The ends of a head's units, and where its lids and lips stop. Stops are linear in identity and units; built by probing."""

    def __init__(self, head: HeadModel) -> None:
        """head: linear in identity and expression, with units named as ARKit's and MediaPipe's landmarks."""
        self.tops = np.array([unit_top(name) for name in head.expression_names])
        place = {int(number): i for i, number in enumerate(head.landmark_ids)}
        pairs = [(place[a], place[b]) for group, _ in STOPS for a, b in group]
        upper, lower = np.array(pairs).T
        self.group = np.concatenate([np.full(len(group), i) for i, (group, _) in enumerate(STOPS)])
        self.least = np.concatenate([np.full(len(group), -overlap) for group, overlap in STOPS])
        zero = head.zero_code()

        def gaps(identity: np.ndarray, expression: np.ndarray) -> np.ndarray:
            points = head.landmarks(head.vertices_of(zero.replace(identity=identity, expression=expression)))
            return np.asarray(points[upper, 1] - points[lower, 1], np.float64)

        still, mean = np.zeros(head.expression_size), np.zeros(head.identity_size)
        self.rest = gaps(mean, still)
        self.by_identity = np.stack([gaps(row, still) - self.rest for row in np.eye(head.identity_size)])
        self.by_unit = np.stack([gaps(mean, row) - self.rest for row in np.eye(head.expression_size)])

    def change(self, looks: Looks, code: FaceCode, change: np.ndarray, reach: np.ndarray | None = None) -> np.ndarray:
        """Units (E,) float32 of a code after a change (E,) asked for: between their ends, and no farther than lids and lips let
        them. The code's identity and eyes are the edited ones. reach: as in `changed`."""
        return self.stop(looks, code, self.changed(np.asarray(code.expression), change, reach))

    def stop(self, looks: Looks, code: FaceCode, after: np.ndarray) -> np.ndarray:
        """Units (E,) float32 on the way from the code's own to `after`, no farther than lids and lips let them."""
        now = np.asarray(code.expression)
        shapes = [looks.with_lids(values, looks.turns(values, code.eyes)) for values in (now, after)]
        stopped = self.stopped(code.identity, *shapes)
        stopped[looks.all] = after[looks.all]  # the eyes go where they are told
        return stopped.astype(np.float32)

    def changed(self, expression: np.ndarray, change: np.ndarray, reach: np.ndarray | None = None) -> np.ndarray:
        """Units (E,) after a change (E,) asked for: each a share of the room left, up to its end or down to 0.

        reach (E,): factors on the ends, for changes that were stretched to be read as asked (`core.landing`); None: 1.
        """
        now, change = np.asarray(expression, np.float64), np.asarray(change, np.float64)
        tops = self.tops if reach is None else self.tops * np.asarray(reach, np.float64)
        room = np.maximum(tops - now, 0)
        more = now + np.minimum(change / tops, 1) * room
        return np.where(change > 0, more, now * (1 + np.clip(change, -1, 0)))

    def stopped(self, identity: np.ndarray, before: np.ndarray, after: np.ndarray) -> np.ndarray:
        """Units (E,) on the way from `before` to `after` as far as lids and lips let them.

        Where a gap would become less than it may, what closes it is taken back until it just fits. A gap that the photo's own fit
        has may stay. Both rows are the units that shape the head, with those of the lids that follow the eyes.
        """
        before, after = np.asarray(before, np.float64), np.array(after, np.float64)
        start = self.rest + np.asarray(identity, np.float64) @ self.by_identity + before @ self.by_unit
        least = np.minimum(self.least, start)
        for group in range(len(STOPS)):
            rows = self.group == group
            moves = (after - before)[:, None] * self.by_unit[:, rows]
            closing = moves.mean(1) < 0
            opened = start[rows] + moves[~closing].sum(0)
            closed = -moves[closing].sum(0)
            if (opened - closed < least[rows] - 1e-9).any():
                share = float(np.clip(((opened - least[rows]) / np.maximum(closed, 1e-9)).mean(), 0, 1))
                after[closing] = before[closing] + share * (after - before)[closing]
        return after
