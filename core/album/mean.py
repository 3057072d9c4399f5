"""The mean identity of a person over photos (DiffusionRig section 4.2; spec section 6), robust to fits that went wrong."""
from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from core.errors import PhotoError

_SOFT, _FAR = 1.5, 3.0  # in median distances: from where a fit counts less, and from where it does not count


def robust_mean(identities: Sequence[np.ndarray], weights: Sequence[float] | None = None) -> np.ndarray:
    """The mean (K,) float32 of identities (K,), in which those far from the others count less or not at all.

    Distances are Euclidean: the coefficients are standard deviations. Equal fits give the plain mean. weights: how much each is
    to be trusted, above 0. Raises PhotoError without any.
    """
    if not len(identities):
        raise PhotoError("A mean identity needs at least one photo with a face.")
    values = np.stack(identities).astype(np.float64)
    trust = np.ones(len(values)) if weights is None else np.asarray(weights, np.float64)
    centre = np.median(values, 0) if len(values) > 2 else np.average(values, axis=0, weights=trust)
    for _ in range(10 if len(values) > 2 else 0):
        away = np.linalg.norm(values - centre, axis=1)
        unit = max(float(np.median(away)), 1e-6)
        own = trust * np.minimum(1, _SOFT * unit / np.maximum(away, 1e-9)) * (away <= _FAR * unit)
        centre = np.average(values, axis=0, weights=own)
    return centre.astype(np.float32)
