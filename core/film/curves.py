"""Measured curves on their way to a timeline: gaps filled, jitter smoothed, and as few keys as show the same motion."""
from __future__ import annotations

import numpy as np

from core.film.timeline import Key, Track

_ORDER = 2


def filled(values: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Values (N, C) with the rows that were not seen (N,) taken in a straight line from those around them; at the ends the
    nearest seen row. At least one must be seen."""
    if seen.all():
        return values
    at = np.arange(len(values))
    return np.stack([np.interp(at, at[seen], column[seen]) for column in values.T], 1)


def smoothed(values: np.ndarray, fps: float, seconds: float, brief: bool = False) -> np.ndarray:
    """Values (N, C) without single outliers (a median of three) and with jitter shorter than about `seconds` taken out, without
    lag and with peaks mostly kept (Savitzky & Golay 1964, order 2). 0 seconds leaves them as they are. brief: of something as
    short as a blink, whose peak may be one picture long: there it is no outlier."""
    if seconds <= 0 or len(values) < 5:
        return values
    from scipy.signal import medfilt, savgol_filter  # slow to load, and the window starts without

    steady = values if brief else np.stack([medfilt(np.pad(column, 1, mode="edge"), 3)[1:-1] for column in values.T], 1)
    window = max(round(seconds * fps) | 1, 3)
    window = min(window, (len(values) - 1) | 1 if len(values) % 2 else len(values) - 1)
    return steady if window <= _ORDER else np.asarray(savgol_filter(steady, window, _ORDER, axis=0, mode="nearest"))


def thinned(times: np.ndarray, values: np.ndarray, tolerance: float) -> np.ndarray:
    """Rows to keep of a curve so that straight lines between them stay within `tolerance` of all (Ramer 1972, Douglas & Peucker
    1973, measured along the value); the first and the last always."""
    keep = np.zeros(len(times), bool)
    keep[[0, -1]] = True
    stack = [(0, len(times) - 1)]
    while stack:
        first, last = stack.pop()
        if last - first < 2:
            continue
        inside = slice(first + 1, last)
        line = np.interp(times[inside], times[[first, last]], values[[first, last]])
        away = np.abs(values[inside] - line)
        worst = int(away.argmax())
        if away[worst] > tolerance:
            middle = first + 1 + worst
            keep[middle] = True
            stack += [(first, middle), (middle, last)]
    return np.flatnonzero(keep)


def track(name: str, times: np.ndarray, values: np.ndarray, effect: np.ndarray, tolerance: float,
          least: float = 0.0) -> Track | None:
    """A track through values (N,) at times (N,), s. effect (N,): what they come to, which is what must be met within `tolerance`.
    None when that never leaves 0 by more than `least`."""
    if np.abs(effect).max(initial=0) <= least:
        return None
    rows = thinned(times, effect, tolerance)
    digits = 4 if tolerance < 0.1 else 2
    return Track(name, tuple(Key(round(float(times[i]), 4), round(float(values[i]), digits), "flow") for i in rows))
