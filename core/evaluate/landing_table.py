"""The usual curves of `core.landing`: how far meshes must go on many photos for their pictures to read so."""
from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import numpy as np

from core.head.base import HeadModel
from core.landing import HALVES, TURNS, UNITS, Curve, Table, strongest
from core.landing_photo import KNOTS, OwnReadings
from core.landmarks import FaceFinder
from core.session import Session

_LEAST = 3  # photos that a knot needs


def fit_table(head: HeadModel, sessions: Sequence[Session], finder: FaceFinder, kept: Mapping[str, float]) -> bytes:
    """The table as JSON: medians over opened photos of one head. kept: share of a reading that finished pictures have, by
    control. A knot that too few photos could be read at is left out."""
    keys = [f"{name}{side}" for name in TURNS for side in "+-"] + [f"{name}+" for name in (*UNITS, *HALVES)]
    found: dict[str, dict[float, list[float]]] = {key: {} for key in keys}
    for session in sessions:
        read = OwnReadings(session, finder)
        for key in keys:
            name, own = key[:-1], read(key)
            if own.curve is None:
                continue
            now = 0.0
            if name not in TURNS:
                now = float(np.mean([session.code.expression[row] for row in strongest(head.controls()[name])]))
            for mesh, value in zip(own.curve.mesh, own.curve.reading, strict=True):
                found[key].setdefault(round(mesh + now, 3), []).append(value + own.score)
    curves = {}
    for key, knots in found.items():
        rows = [(knot, float(np.median(knots[knot]))) for knot in KNOTS[key[:-1]] if len(knots.get(knot, ())) >= _LEAST]
        if rows:
            curves[key] = Curve(tuple(row[0] for row in rows), tuple(row[1] for row in rows))
    return (json.dumps(Table(head.name, curves, dict(kept)).to_json(), indent=1) + "\n").encode()
