"""A mouth that moves to a voice: what its sound says of the mouth that made it.

No words are recognised. Loudness says how far the mouth may be open and where it is shut; the first resonance of the voice
rises with the jaw's opening, the second with spread lips and falls with round ones (Fant 1960); hissing means teeth nearly closed
and lips apart. Both resonances are taken as centres of gravity of their bands and compared with the rest of the clip, so that
high and low voices move the mouth alike.
"""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d, maximum_filter1d

from core.compose import smoothstep
from core.film import curves
from core.film.clip import SOUND_RATE
from core.film.timeline import MAX_DURATION, Timeline
from core.rig import Parameter

_WINDOW = 0.032  # s
_STEP = 100  # readings a second
_RANGE_DB = 32.0  # below the loud parts of the voice: silence
_FLOOR_DB = 9.0  # above the quiet parts of the clip: what is sure to be a voice
_LEAST_DB = -55.0  # of full scale: quieter clips are silent
_FIRST, _SECOND, _HISS = (220.0, 1050.0), (1100.0, 3200.0), (3800.0, 7600.0)
_LEAD = 0.04  # s by which a mouth is in place before it is heard
_BLUR = 0.035  # s
_SHORT_GAP = 0.08  # s of quiet that close the lips without shutting the mouth
_TOLERANCE, _LEAST = 0.012, 0.03


@dataclass(frozen=True, eq=False)
class Voice:
    """Readings of a voice, 100 a second, each (N,) 0 to 1. loud: how loud. open: how open the vowel; wide: how spread (0 round);
    hiss: how much of it is hissing; voiced: whether it is heard at all, soft."""

    loud: np.ndarray
    open: np.ndarray
    wide: np.ndarray
    hiss: np.ndarray
    voiced: np.ndarray


def listen(sound: np.ndarray) -> Voice:
    """Readings of a sound (N,) float32 in [-1, 1], 16,000 a second."""
    power = _spectra(sound)
    frequency = np.fft.rfftfreq(_samples(), 1 / SOUND_RATE)
    total = power[:, (frequency > 90) & (frequency < 7800)].sum(1)
    level = 10 * np.log10(total + 1e-12)
    top, floor = float(np.percentile(level, 95)), float(np.percentile(level, 8))
    start = max(top - _RANGE_DB, min(floor + _FLOOR_DB, top - 12), _LEAST_DB)
    loud = np.clip((level - start) / max(top - start, 6.0), 0, 1) if top > start else np.zeros(len(level))
    voiced = smoothstep(loud / 0.18)
    shares = power * (frequency / 500)[None]  # as a voice gets fainter with frequency, by about so much
    # the second resonance of a round vowel lies in the first one's band, and is the fainter there
    first, second = _centre(power / np.maximum(frequency, 200), frequency, _FIRST), _centre(shares, frequency, _SECOND)
    hissing = shares[:, _inside(frequency, _HISS)].sum(1) / np.maximum(shares[:, (frequency > 200)].sum(1), 1e-12)
    # of the second resonance only what stands out of the band: a round vowel has it below, and hardly anything here
    vowel = shares[:, _inside(frequency, (_FIRST[0], _SECOND[1]))].sum(1)
    strength = shares[:, _inside(frequency, _SECOND)].sum(1) / np.maximum(vowel, 1e-12)
    wide = (second - _SECOND[0]) / (_SECOND[1] - _SECOND[0]) * smoothstep(strength / 0.35)
    return Voice(loud, _spread(first, voiced), _spread(wide, voiced), smoothstep((hissing - 0.3) / 0.4) * voiced, voiced)


def talking(sound: np.ndarray, table: Mapping[str, Parameter], fps: float = 24.0, amount: float = 1.0) -> Timeline:
    """A timeline in which the mouth moves to a sound (see `listen`). table: the face's parameters; what it lacks is left out.
    amount (0 to 2): how strongly."""
    voice = listen(sound)
    times = np.arange(len(voice.loud)) / _STEP
    seconds = max(len(sound) / SOUND_RATE, 1 / fps)
    keep = np.arange(0, seconds, 1 / max(fps, 25.0))
    tracks = []
    for name, values in shapes(voice).items():
        row = table.get(name)
        if row is None:
            continue
        lead = np.clip(np.interp(keep + _LEAD, times, values, right=0.0) * amount, row.low, row.high)
        made = curves.track(name, keep, lead, lead, _TOLERANCE, _LEAST)
        if made is not None:
            tracks.append(made)
    return Timeline(min(seconds, MAX_DURATION), fps, tuple(tracks))


def shapes(voice: Voice) -> dict[str, np.ndarray]:
    """Slider values of the mouth, each (N,), by name."""
    gap = round(_SHORT_GAP * _STEP)
    near = maximum_filter1d(voice.voiced, 2 * gap + 1)  # within a phrase: lips meet, and the jaw stays low
    open_ = voice.voiced * (0.28 + 0.72 * voice.open) * (0.55 + 0.45 * voice.loud) * (1 - 0.75 * voice.hiss)
    round_ = voice.voiced * np.clip(1 - 2.2 * voice.wide, 0, 1) * (1 - voice.hiss) * (1 - 0.75 * voice.open)
    spread = voice.voiced * np.clip(2 * voice.wide - 1, 0, 1)
    closing = near * (1 - voice.voiced)
    apart = voice.voiced * (0.25 * voice.open + 0.5 * voice.hiss)
    raw = {
        "jaw.open": 0.46 * open_ + 0.03 * near,
        "expression.mouthPucker": 0.38 * round_,
        "expression.mouthFunnel": 0.30 * round_ * (0.4 + 0.6 * voice.open),
        "expression.mouthStretchLeft": 0.30 * spread, "expression.mouthStretchRight": 0.30 * spread,
        "expression.mouthSmileLeft": 0.10 * spread, "expression.mouthSmileRight": 0.10 * spread,
        "expression.mouthLowerDownLeft": 0.42 * apart, "expression.mouthLowerDownRight": 0.42 * apart,
        "expression.mouthUpperUpLeft": 0.16 * apart, "expression.mouthUpperUpRight": 0.16 * apart,
        "expression.mouthPressLeft": 0.16 * closing, "expression.mouthPressRight": 0.16 * closing,
    }
    return {name: np.asarray(gaussian_filter1d(values.astype(np.float64), _BLUR * _STEP)) for name, values in raw.items()}


def _samples() -> int:
    return round(_WINDOW * SOUND_RATE)


def _spectra(sound: np.ndarray) -> np.ndarray:
    """Power (N, F) of windows centred on every hundredth of a second."""
    size, hop = _samples(), SOUND_RATE // _STEP
    padded = np.pad(np.asarray(sound, np.float32), (size // 2, size))
    starts = np.arange(0, max(len(sound), 1), hop)
    window = np.hanning(size).astype(np.float32)
    parts = []
    for at in range(0, len(starts), 4096):  # a long clip's spectra in pieces: ten minutes fit into little memory
        rows = starts[at:at + 4096, None] + np.arange(size)
        parts.append((np.abs(np.fft.rfft(padded[rows] * window, axis=1)) ** 2 / (window**2).sum() / size).astype(np.float32))
    return np.concatenate(parts)


def _inside(frequency: np.ndarray, band: tuple[float, float]) -> np.ndarray:
    return (frequency >= band[0]) & (frequency < band[1])


def _centre(power: np.ndarray, frequency: np.ndarray, band: tuple[float, float]) -> np.ndarray:
    rows = _inside(frequency, band)
    return np.asarray((power[:, rows] @ frequency[rows]) / np.maximum(power[:, rows].sum(1), 1e-12))


def _spread(values: np.ndarray, voiced: np.ndarray) -> np.ndarray:
    """Values spread over 0 to 1 by what the clip itself holds where there is a voice."""
    heard = values[voiced > 0.5]
    if len(heard) < 5:
        return np.full(len(values), 0.5)
    low, high = np.percentile(heard, [10, 90])
    return np.clip((values - low) / max(float(high - low), 1e-6), 0, 1)
