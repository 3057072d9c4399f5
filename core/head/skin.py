"""The albedo model of heads that have one: what skin reflects, as a mean and principal components over people (see
resources/head_build/albedo.py), and the colour of the hair that is painted on the scalp.

Colours are coded as log(a / (CEILING - a)): any coefficients give a possible colour, and a component acts on dark skin in
proportion to its darkness.
"""
from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

import numpy as np

CEILING, FLOOR = 0.95, 0.01
HAIR = 3  # the last coefficients: hair RGB


def coded(colour: np.ndarray) -> np.ndarray:
    """Display RGB to the model's scale."""
    a = np.clip(colour, FLOOR, CEILING - FLOOR)
    return np.log(a / (CEILING - a))


def decoded(values: np.ndarray) -> np.ndarray:
    """The model's scale to display RGB in (0, CEILING)."""
    return CEILING / (1 + np.exp(-values))


class SkinModel:
    """mean (V, 3), modes (K, V, 3): coded colours and standard deviations; hair (V, 1): share of the hair's colour.

    Coefficients (K + 3,): standard deviations, then the hair's display RGB.
    """

    def __init__(self, arrays: Mapping[str, np.ndarray]) -> None:
        """arrays: the albedo_* ones of a head file. Raises KeyError when one is missing."""
        self.mean = arrays["albedo_mean"].astype(np.float32)
        self.modes = arrays["albedo_modes"].astype(np.float32)
        self.modes *= arrays["albedo_modes_scale"].astype(np.float32)[:, None, None]
        self.hair = arrays["albedo_hair"].astype(np.float32)[:, None] / 255
        self.default = np.concatenate([np.zeros(len(self.modes)), arrays["albedo_default_hair"]]).astype(np.float32)
        self._rows = self.modes.reshape(len(self.modes), self.mean.size)

    @cached_property
    def by_vertex(self) -> np.ndarray:
        """(V, 3 (1 + K)) float32: each channel's mean, then its components."""
        return np.ascontiguousarray(np.concatenate([self.mean[None], self.modes]).transpose(1, 2, 0)).reshape(len(self.mean), -1)

    @property
    def size(self) -> int:
        """Number of coefficients."""
        return len(self.default)

    def colours(self, coefficients: np.ndarray) -> np.ndarray:
        """Display RGB (V, 3) float32 of coefficients (K + 3,)."""
        values = np.asarray(coefficients, np.float32)
        skin = decoded(self.mean + (values[:-HAIR] @ self._rows).reshape(self.mean.shape))
        return np.asarray(skin + self.hair * (values[-HAIR:] - skin), np.float32)
