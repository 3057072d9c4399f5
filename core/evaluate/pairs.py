"""Two photos of one person, neutral and smiling: are they fitted as one identity, and does the smile carry over?"""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.evaluate.fits import SIZE, Fitted
from core.head.base import HeadModel
from core.landmarks import FaceFinder
from core.render.buffers import render_buffers

SMILE = ("mouthSmileLeft", "mouthSmileRight")
_BACKGROUND = 0.35


@dataclass(frozen=True)
class Pair:
    """One person. distance: between the two fitted identities; closer_than: share of strangers' identities that are farther.

    measured, copied: the smile's score on the smiling photo, and on the neutral person's head with the smile copied to it, as
    the landmark model sees the render; own: on the smiling person's own head. NaN where no face was found in a render.
    """

    person: str
    distance: float
    closer_than: float
    measured: float = float("nan")
    copied: float = float("nan")
    own: float = float("nan")


def identity_distances(pairs: Sequence[tuple[Fitted, Fitted]]) -> list[Pair]:
    """Each pair's distance and how many strangers it beats. Strangers: the other people's smiling photos, for each neutral one,
    and the other way round. Distance: Euclidean in standard deviations of the identity modes (Mahalanobis)."""
    neutral = np.stack([a.code.identity for a, _ in pairs]).astype(np.float64)
    smiling = np.stack([b.code.identity for _, b in pairs]).astype(np.float64)
    table = np.linalg.norm(neutral[:, None] - smiling[None], axis=2)
    found = []
    for i, (a, _) in enumerate(pairs):
        strangers = np.concatenate([np.delete(table[i], i), np.delete(table[:, i], i)])
        share = float((strangers > table[i, i]).mean()) if len(strangers) else float("nan")
        found.append(Pair(a.photo.person, float(table[i, i]), share))
    return found


def copied_smiles(head: HeadModel, pairs: Sequence[tuple[Fitted, Fitted]], found: Sequence[Pair],
                  finder: FaceFinder) -> list[Pair]:
    """`found` with the smile's scores filled in, from renders of the head alone."""
    out = []
    for (a, b), pair in zip(pairs, found, strict=True):
        with_smile = a.code.replace(expression=b.code.expression, jaw=b.code.jaw)
        out.append(Pair(pair.person, pair.distance, pair.closer_than, smile_score(b.scores),
                        _score_of_render(head, with_smile, finder), _score_of_render(head, b.code, finder)))
    return out


def smile_score(scores: dict[str, float]) -> float:
    """Mean of the two sides' mouthSmile score, 0 to 1."""
    return float(np.mean([scores.get(name, 0.0) for name in SMILE]))


def _score_of_render(head: HeadModel, code: object, finder: FaceFinder) -> float:
    buffers = render_buffers(head, code, 2 * SIZE)  # type: ignore[arg-type]
    shown = np.where(buffers.coverage[..., None] > 0, buffers.rendered, _BACKGROUND)
    faces = finder.detect((np.clip(shown, 0, 1) * 255).astype(np.uint8), thorough=False)
    return smile_score(faces[0].blendshapes) if faces else float("nan")
