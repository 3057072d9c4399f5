"""A mouth that moves to a voice: open on open vowels, round on round ones, shut where it is silent."""
from __future__ import annotations

import numpy as np
import pytest

from core.film import talk
from core.film.timeline import Timeline
from core.head import load_head
from core.rig import parameters
from tests.core.film.made import vowel

TABLE = parameters(load_head("open"))
ORDER = ("-", "a", "-", "i", "-", "u", "-", "s", "-")
SPAN = 0.5


def spoken(pitch: float = 120.0, gain: float = 1.0) -> Timeline:
    return talk.talking(gain * np.concatenate([vowel(name, SPAN, pitch) for name in ORDER]), TABLE, 25)


def during(timeline: Timeline, name: str, sound: str) -> float:
    """The mean of a track in the middle of a sound (of silence: the last)."""
    track = timeline.track(name)
    if track is None:
        return 0.0
    at = len(ORDER) - 1 - ORDER[::-1].index(sound)
    return float(np.mean([track.at((at + share) * SPAN) for share in np.linspace(0.4, 0.7, 9)]))


@pytest.mark.parametrize("pitch", [110.0, 210.0])
@pytest.mark.parametrize("gain", [1.0, 0.1])
def test_vowels_shape_the_mouth_in_high_and_low_voices(pitch: float, gain: float) -> None:
    film = spoken(pitch, gain)
    film.check(TABLE)
    jaw = {name: during(film, "jaw.open", name) for name in "aius-"}
    assert jaw["a"] > 0.25 and jaw["a"] > 1.3 * max(jaw["i"], jaw["u"])
    assert jaw["s"] < 0.15 and jaw["-"] < 0.02
    pucker = {name: during(film, "expression.mouthPucker", name) for name in "aiu"}
    assert pucker["u"] > 0.15 and pucker["u"] > 1.5 * max(pucker["a"], pucker["i"])
    assert during(film, "expression.mouthStretchLeft", "i") > during(film, "expression.mouthStretchLeft", "u") + 0.05


def test_silence_shuts_the_mouth_and_stays_so() -> None:
    film = talk.talking(vowel("-", 2.0), TABLE, 25)
    assert film.duration == pytest.approx(2.0) and film.track("jaw.open") is None
    nothing = talk.talking(np.zeros(16_000, np.float32), TABLE, 25)
    assert nothing.tracks == ()


def test_more_and_less_of_it() -> None:
    sound = np.concatenate([vowel(name, SPAN) for name in ORDER])
    half, whole = (talk.talking(sound, TABLE, 25, amount) for amount in (0.5, 1.0))
    assert during(half, "jaw.open", "a") == pytest.approx(0.5 * during(whole, "jaw.open", "a"), abs=0.02)
    assert talk.talking(sound, TABLE, 25, 0.0).tracks == ()


def test_a_short_click_is_no_film() -> None:
    film = talk.talking(np.full(10, 0.5, np.float32), TABLE, 25)
    assert film.frames == 1
