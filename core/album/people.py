"""Who is who in an album: faces grouped by the re-identification network's embeddings (core.identity).

Faces of one person lie around a middle. How far from it is decided by how many faces that middle is the mean of: from one photo
another is as far as two photos are, from the mean of many it is nearer, while strangers stay away. Measured on one man's 20
photos (light, pose, size and expression vary) against 900 other people: from the mean of 19, 10, 5, 3, 2 and 1 of his photos the
others are at most .42, .46, .48, .53, .56, .62 away (99 % of them below .42, .44, .47, .49, .53, .61), the nearest of 900
strangers .49, .47, .47, .47, .46, .53.

With these limits, chosen on that man's photos, 450 made-up albums of 10, 5 and 3 photos (another face with that man's scatter),
each mixed with 28 strangers, take in none of 12,572 strangers and are of the wrong person once. Mixed with the 28 most alike of
735 people they take in 5 of 10,556, and are of the wrong person in 4, 25 and 44 of 150 by size: a few photos are then
outnumbered by people who look alike (benchmarks/strangers.py).
"""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_NEAR, _SCATTER = 0.45, 0.37  # limit for the mean of n faces: sqrt(_NEAR^2 + _SCATTER^2 / n)
DOUBT = 0.08  # so far beyond the limit it may still be the same person, in odd light or years apart
# Two groups of m and n faces are joined while their means are nearer than sqrt(_JOIN^2 + _JOIN_SCATTER^2 (1/m + 1/n)): .53 for
# two faces, .38 for two groups of 20.
_JOIN, _JOIN_SCATTER = 0.36, 0.274
_ROUNDS = 4


@dataclass(frozen=True, eq=False)
class Face:
    """A face to be grouped. photo: number of its photo, in which nobody is twice; index: which face of it; embedding (128,)."""

    photo: int
    index: int
    embedding: np.ndarray
    size: float = 0.0


def limit(count: int) -> float:
    """Distance from the mean embedding of `count` faces up to which a face is the same person's."""
    return float(np.sqrt(_NEAR**2 + _SCATTER**2 / max(count, 1)))


def group(faces: Sequence[Face]) -> list[list[int]]:
    """Indices of the faces of each person, the person in most photos first, then the one with the larger faces.

    Nearest groups are joined first; then each face is given to the group whose mean it is nearest to, as far as `limit` lets it.
    """
    groups = _linked(faces)
    for _ in range(_ROUNDS):
        after = _settled(faces, groups)
        if after == groups:
            break
        groups = after
    return sorted(groups, key=lambda g: (-len(g), -max(faces[i].size for i in g), g[0]))


def middle(embeddings: np.ndarray) -> np.ndarray:
    """The mean (128,) of embeddings (N, 128), those that lie far off counting less."""
    weights = np.ones(len(embeddings))
    centre = embeddings.mean(0)
    for _ in range(3 if len(embeddings) > 3 else 0):
        away = np.linalg.norm(embeddings - centre, axis=1)
        weights = np.minimum(1, 1.2 * np.median(away) / np.maximum(away, 1e-6))
        centre = (embeddings * weights[:, None]).sum(0) / weights.sum()
    return np.asarray(centre)


def _linked(faces: Sequence[Face]) -> list[list[int]]:
    """Groups made by joining the two that are nearest for their sizes, again and again; none holds two faces of one photo."""
    groups = [[i] for i in range(len(faces))]
    if len(faces) < 2:
        return groups
    means = np.stack([face.embedding for face in faces]).astype(np.float64)
    photos = np.array([face.photo for face in faces])
    counts, apart = np.ones(len(faces)), photos[:, None] == photos

    def ratios(row: int) -> np.ndarray:
        away = ((means - means[row]) ** 2).sum(1) / (_JOIN**2 + _JOIN_SCATTER**2 * (1 / counts + 1 / counts[row]))
        return np.where(apart[row], np.inf, away)

    table = np.stack([ratios(row) for row in range(len(faces))])
    while True:
        i, j = divmod(int(np.argmin(table)), len(faces))
        if table[i, j] > 1:
            return [members for members in groups if members]
        means[i] = (counts[i] * means[i] + counts[j] * means[j]) / (counts[i] + counts[j])
        counts[i] += counts[j]
        groups[i], groups[j] = sorted(groups[i] + groups[j]), []
        apart[i] |= apart[j]
        apart[j] = True
        apart[:, i], apart[:, j] = apart[i], True
        table[i] = table[:, i] = ratios(i)
        table[j] = table[:, j] = np.inf


def _settled(faces: Sequence[Face], groups: list[list[int]]) -> list[list[int]]:
    """Every face in the group it is nearest to, one of a photo at most; those near none by themselves. Larger groups choose first
    where two are equally near."""
    groups = sorted(groups, key=lambda g: (-len(g), g[0]))
    means = [middle(np.stack([faces[i].embedding for i in g])) for g in groups]
    offers = sorted((float(np.linalg.norm(face.embedding - mean)), number, index)
                    for number, (g, mean) in enumerate(zip(groups, means, strict=True)) if len(g) > 1
                    for index, face in enumerate(faces)
                    if np.linalg.norm(face.embedding - mean) <= limit(len(g)))
    after: list[list[int]] = [[] for _ in groups]
    placed: set[int] = set()
    for _, number, index in offers:
        if index not in placed and all(faces[other].photo != faces[index].photo for other in after[number]):
            after[number].append(index)
            placed.add(index)
    rest = [[i] for i in range(len(faces)) if i not in placed]
    return sorted([sorted(g) for g in after if g] + rest, key=lambda g: (-len(g), g[0]))
