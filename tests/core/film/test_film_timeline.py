"""The timeline: values between keys stay in range, edits of keys, what files may and may not say."""
from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest

from core.errors import ParameterError
from core.film.easing import EASINGS
from core.film.timeline import MAX_DURATION, Key, Timeline, Track
from core.head import load_head
from core.rig import Rig, parameters

TABLE = parameters(load_head("open"))


def values(track: Track, count: int = 400) -> np.ndarray:
    end = track.keys[-1].time
    return np.array([track.at(t) for t in np.linspace(track.keys[0].time, end, count)])


@pytest.mark.parametrize("easing", EASINGS)
def test_a_value_never_leaves_the_range_of_its_two_keys(easing: str) -> None:
    chance = np.random.default_rng(3)
    keys = [Key(float(t), float(v), easing) for t, v in zip(range(8), chance.uniform(-1, 1, 8), strict=True)]
    track = Track("jaw.open", tuple(keys))
    for before, after in zip(keys, keys[1:], strict=False):
        low, high = sorted((float(before.value), float(after.value)))  # type: ignore[arg-type]
        part = np.array([track.at(t) for t in np.linspace(before.time, after.time, 50)], float)
        assert low - 1e-12 <= part.min() and part.max() <= high + 1e-12
    assert all(track.at(key.time) == key.value for key in keys)


def test_easings_start_and_end_as_their_names_say() -> None:
    def step(easing: str, at: float) -> float:
        track = Track("jaw.open", (Key(0, 0.0, easing), Key(1, 1.0)))
        return float(track.at(at + 0.01)) - float(track.at(at))  # type: ignore[arg-type]

    assert step("in", 0) < step("linear", 0) < step("out", 0)
    assert step("smooth", 0) < 0.001 and step("smooth", 0.5) > step("linear", 0.5)
    assert step("hold", 0.5) == 0
    assert Track("jaw.open", (Key(0, 0.0, "hold"), Key(1, 1.0))).at(1.0) == 1.0


def test_flow_goes_through_keys_without_a_stop() -> None:
    track = Track("pose.yaw", tuple(Key(t, v, "flow") for t, v in ((0, 0.0), (1, 1.0), (2, 2.0), (3, 3.0))))
    speed = np.diff(values(track, 301)) * 100
    assert speed[95:205].min() > 0.9  # smooth easing would stop at the keys
    assert np.abs(np.diff(speed)).max() < 0.05


def test_before_and_after_the_keys_the_nearest_one_holds() -> None:
    track = Track("jaw.open", (Key(1, 0.2), Key(2, 0.4)))
    assert (track.at(0), track.at(9)) == (0.2, 0.4)
    assert Timeline(3, 24, (track,)).rig_at(Rig().set("pose.yaw", 5.0), 0) == Rig().update({"pose.yaw": 5.0, "jaw.open": 0.2})


def test_azimuths_take_the_shorter_way_unless_told_otherwise() -> None:
    keys = (Key(0, 170.0, "linear"), Key(1, -170.0, "linear"))
    assert abs(float(Track("light.azimuth", keys).at(0.5))) == pytest.approx(180)  # type: ignore[arg-type]
    assert Track("lamp.2.azimuth", keys).at(0.25) == pytest.approx(175)
    assert Track("light.azimuth", keys, shorter=False).at(0.5) == pytest.approx(0)
    assert Track("pose.yaw", keys).at(0.5) == pytest.approx(0)  # a head doesn't go round
    curve = Track("light.azimuth", tuple(Key(t, v, "flow") for t, v in ((0, 100.0), (1, 179.0), (2, -100.0))))
    assert all(-180 <= v <= 180 for v in values(curve))
    assert min(abs(v) for v in values(curve)) > 99


def test_colours_mix_as_light_does() -> None:
    half = Track("light.color", (Key(0, (1.0, 0.0, 0.0), "linear"), Key(1, (0.0, 1.0, 0.0)))).at(0.5)
    assert half == pytest.approx((0.7354, 0.7354, 0.0), abs=1e-3)  # half the light of each; half the number would be a dark brown


def test_keys_are_put_in_moved_and_taken_out() -> None:
    timeline = Timeline(4, 24).with_key("jaw.open", Key(1, 0.1)).with_key("jaw.open", Key(0.5, 0.3))
    timeline = timeline.with_key("pose.yaw", Key(1, 5))
    assert timeline.names() == ("jaw.open", "pose.yaw")
    assert timeline.key_times() == [0.5, 1.0]
    replaced = timeline.with_key("jaw.open", Key(1, 0.7))
    assert [key.value for key in replaced.track("jaw.open").keys] == [0.3, 0.7]  # type: ignore[union-attr]
    assert timeline.without_keys([("pose.yaw", 1.0)]).names() == ("jaw.open",)
    assert timeline.without_keys([("jaw.open", 0.5)]).track("jaw.open").keys == (Key(1, 0.1),)  # type: ignore[union-attr]


def test_frames_and_times() -> None:
    timeline = Timeline(2, 24)
    assert timeline.frames == 48 and timeline.time_of(47) < 2
    assert timeline.frame_at(1.99) == 47 and timeline.frame_at(-1) == 0
    assert Timeline(1 / 24, 24).frames == 1


def test_joined_takes_the_newer_track_and_keeps_the_others() -> None:
    first = Timeline(2, 24, (Track("jaw.open", (Key(0, 0.1),)), Track("pose.yaw", (Key(0, 1.0),))), "a.wav")
    second = Timeline(3, 30, (Track("pose.yaw", (Key(0, 9.0),)),))
    both = first.joined(second)
    assert (both.duration, both.fps, both.names(), both.sound) == (3, 30, ("jaw.open", "pose.yaw"), "a.wav")
    assert both.track("pose.yaw").at(0) == 9.0  # type: ignore[union-attr]


def test_json_gives_the_same_timeline_back() -> None:
    timeline = Timeline(5, 25, (Track("light.color", (Key(0, (1.0, 0.5, 0.25), "hold"),)),
                                Track("light.azimuth", (Key(0, -180.0), Key(5, 180.0)), shorter=False)), "voice.wav", 1.5)
    assert Timeline.from_json(json.loads(json.dumps(timeline.to_json()))) == timeline


@pytest.mark.parametrize("plain", [
    None, [], "x", {}, {"duration": 2},
    {"tracks": {}}, {"tracks": [1]}, {"tracks": [{"name": "a"}]}, {"tracks": [{"name": "../a", "keys": [[0, 1]]}]},
    {"tracks": [{"name": "a", "keys": []}]}, {"tracks": [{"name": "a", "keys": [[0, math.nan]]}]},
    {"tracks": [{"name": "a", "keys": [[math.inf, 1]]}]}, {"tracks": [{"name": "a", "keys": [[0, [1, 2]]]}]},
    {"tracks": [{"name": "a", "keys": [[0, 1, "wobble"]]}]}, {"tracks": [{"name": "a", "keys": [[0, [1, 1, 1]], [1, 1]]}]},
    {"tracks": [{"name": "a", "keys": [[0, True]]}]}, {"tracks": [{"name": "a", "keys": [[0, 10**400]]}]},
    {"tracks": [{"name": "a", "keys": [[0, 1]]}, {"name": "a", "keys": [[0, 1]]}]}, {"duration": MAX_DURATION + 1},
    {"duration": 0}, {"duration": "4"},
    {"fps": 0}, {"fps": 1e9}, {"format": 99}, {"format": "1"}, {"sound": 3}, {"sound": "a\0b"},
    {"tracks": [{"name": "a", "keys": [[0, 1]] * 50_000}]}, {"tracks": [{"name": f"a{i}", "keys": [[0, 1]]} for i in range(500)]},
    {"sound_start": -1}, {"tracks": [{"name": "a", "keys": [{"time": 0}]}]},
])
def test_what_is_no_timeline_is_refused_in_words(plain: Any) -> None:
    with pytest.raises(ParameterError) as error:
        Timeline.from_json(plain)
    assert str(error.value).endswith((".", "'."))


def test_unknown_entries_are_left_alone() -> None:
    assert Timeline.from_json({"duration": 2, "tracks": [], "later": {"x": 1}}) == Timeline(2)


def test_check_names_the_track_and_fitting_brings_it_into_range() -> None:
    odd = Timeline(2, 24, (Track("expression.nothing", (Key(0, 1.0),)), Track("jaw.open", (Key(0, 7.0),)),
                           Track("light.color", (Key(0, 1.0),))))
    for name in odd.names():
        with pytest.raises(ParameterError, match=name):
            Timeline(2, 24, (odd.track(name),)).check(TABLE)  # type: ignore[arg-type]
    fit = odd.fitting(TABLE)
    assert fit.names() == ("jaw.open",)
    fit.check(TABLE)
    assert fit.fitting(TABLE) is fit
