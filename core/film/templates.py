"""Ready-made timelines: a head that turns, a light that goes round, a face that lives, an edit that comes about. Each is a plain
timeline, to be changed afterwards like any other."""
from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from core.film.timeline import Key, Timeline, Track
from core.rig import Rig, Value

FPS = 24.0
_MOST_TURN = 28.0  # degrees either way: beyond, too much of the far side is guessed
_BLINK_CLOSE, _BLINK_OPEN, _BLINK_EVERY = 0.10, 0.22, 3.4  # s (Bentivoglio et al. 1997: 17 blinks a minute at rest)
_LEAST_KEY_LIGHT, _MOST_AMBIENT = 0.9, 0.45  # so that a sweep shows in a photo taken under a flat sky


def turntable(ranges: Mapping[str, tuple[float, float]], duration: float = 4.0, fps: float = FPS,
              amount: float = 1.0) -> Timeline:
    """The head turns to one side, to the other and back, as far as the photo has room for, without an end.

    ranges: `core.rig.photo_ranges` of the photo. amount (0 to 2): 1 is 28 degrees each way at most.
    """
    low, high = ranges.get("pose.yaw", (-_MOST_TURN, _MOST_TURN))
    left = -min(-low, _MOST_TURN * amount)
    right = min(high, _MOST_TURN * amount)
    keys = (Key(0.0, 0.0, "out"), Key(0.25 * duration, right), Key(0.75 * duration, left, "in"), Key(duration, 0.0))
    return Timeline(duration, fps, (Track("pose.yaw", keys),))


def sweep(values: Mapping[str, Value], duration: float = 4.0, fps: float = FPS, amount: float = 1.0,
          around: bool = False) -> Timeline:
    """The key light goes from one side over the face to the other and back, or all the way around the head, without an end.

    values: where the light stands in the photo (`core.rig.photo_values`). amount (0 to 2): 1 is 75 degrees to each side.
    """
    end = min(75.0 * amount, 150.0)
    intensity = max(float(_plain(values.get("light.intensity", 1.0))), _LEAST_KEY_LIGHT)
    ambient = min(float(_plain(values.get("light.ambient", 0.3))), _MOST_AMBIENT)
    if around:
        azimuth = tuple(Key(share * duration, angle, "linear") for share, angle in ((0.0, -180.0), (0.5, 0.0), (1.0, 180.0)))
    else:
        azimuth = (Key(0.0, -end), Key(0.5 * duration, end), Key(duration, -end))
    still = {"light.elevation": 22.0, "light.intensity": min(intensity, 2.0), "light.ambient": max(ambient, 0.0)}
    tracks = [Track(name, (Key(0.0, value),)) for name, value in still.items()]
    return Timeline(duration, fps, (Track("light.azimuth", azimuth, shorter=not around), *tracks))


def idle(duration: float = 8.0, fps: float = FPS, amount: float = 1.0, seed: int = 0) -> Timeline:
    """A face at rest that lives: it breathes, sways a little, looks here and there and blinks. seed: of when and where."""
    chance = np.random.default_rng(seed)
    tracks = []
    for name, size, beats in (("pose.yaw", 1.6, 2), ("pose.pitch", 1.0, 3), ("pose.roll", 0.7, 2)):
        count = max(2, round(duration / 4.0 * beats))
        times = np.linspace(0, duration, count + 1)
        values = size * amount * chance.uniform(0.4, 1, count) * np.where(np.arange(count) % 2, -1, 1)
        values = np.append(values, values[0])  # it ends as it begins
        tracks.append(Track(name, tuple(Key(float(t), float(v), "smooth") for t, v in zip(times, values, strict=True))))
    tracks += [_looks(chance, duration, name, size * amount) for name, size in (("eyes.yaw", 3.0), ("eyes.pitch", 1.2))]
    tracks.append(Track("expression.blink", tuple(_blinks(chance, duration))))
    return Timeline(duration, fps, tuple(tracks))


def unfold(rig: Rig, values: Mapping[str, Value], duration: float = 3.0, fps: float = FPS) -> Timeline:
    """The edit comes about: from the photo as it is to the edit as it stands now, and rests there a while.

    values: where every slider stands in the photo (`core.rig.photo_values`).
    """
    begin, end = 0.12 * duration, 0.72 * duration
    tracks = [Track(name, (Key(begin, values[name]), Key(end, value))) for name, value in rig.values
              if name in values and values[name] != value]
    return Timeline(duration, fps, tuple(tracks))


def _looks(chance: np.random.Generator, duration: float, name: str, size: float) -> Track:
    """The eyes rest, and go elsewhere in a jump of a few hundredths of a second."""
    keys, time = [Key(0.0, 0.0)], float(chance.uniform(0.8, 1.6))
    while time < duration - 0.6:
        keys += [Key(time, keys[-1].value), Key(time + 0.06, float(chance.uniform(-size, size)))]
        time += float(chance.uniform(0.9, 2.2))
    last = max(keys[-1].time + 0.1, duration - 0.3)
    return Track(name, (*keys, Key(last, keys[-1].value), Key(last + 0.06, 0.0)))


def _blinks(chance: np.random.Generator, duration: float) -> list[Key]:
    keys, time = [Key(0.0, 0.0)], min(1.2, 0.4 * duration)
    while time < duration - _BLINK_CLOSE - _BLINK_OPEN:
        keys += [Key(time, 0.0, "in"), Key(time + _BLINK_CLOSE, 1.0, "out"), Key(time + _BLINK_CLOSE + _BLINK_OPEN, 0.0)]
        time += _BLINK_CLOSE + _BLINK_OPEN + float(chance.uniform(0.55, 1.45)) * (_BLINK_EVERY - 0.3)
    return keys


def _plain(value: Value) -> float:
    return sum(value) / 3 if isinstance(value, tuple) else value
