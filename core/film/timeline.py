"""The timeline: keyframes on any of the rig's parameters, light and lamps included, and the rig at a moment.

A track holds a parameter's own values, as sliders do; where a timeline has a track, it decides, and the edit beneath counts
everywhere else. Between two keys the first one's easing says how the value goes. None of them leaves the range of the two keys,
so that a film is in range when its keys are.
"""
from __future__ import annotations

import bisect
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from core.errors import ParameterError
from core.film.easing import EASINGS, eased, from_linear, monotone_slopes, to_linear
from core.people.names import visible
from core.rig import Parameter, Rig, Value

FORMAT = 1
MAX_DURATION = 600.0
MIN_FPS, MAX_FPS = 1.0, 120.0
MAX_TRACKS, MAX_KEYS, MAX_PATH = 400, 40_000, 4096
SAME_TIME = 1e-4  # s: two keys of a track are one when they are nearer
_NAME = re.compile(r"[A-Za-z0-9_.]{1,64}")
_ROUND = re.compile(r"(light|lamp\.\d+)\.azimuth|environment\.turn")  # angles that go all the way round


@dataclass(frozen=True)
class Key:
    """A value at a moment. time: s. value: in the parameter's unit, or three numbers for a colour. easing: how the value goes
    from here to the next key: 'linear', 'in' (slowly at first), 'out' (slowly at last), 'smooth' (both), 'flow' (a curve through
    all keys without a stop, monotone between any two: Fritsch & Carlson 1980), 'hold' (stays until the next key).

    Raises ParameterError for a time or value that is no number, and for another easing.
    """

    time: float
    value: Value
    easing: str = "smooth"

    def __post_init__(self) -> None:
        if self.easing not in EASINGS:
            raise ParameterError(f"There is no easing '{visible(str(self.easing)[:40])}'. Easings: {', '.join(EASINGS)}.")
        object.__setattr__(self, "time", _number(self.time, "The time of a key"))
        if isinstance(self.value, (tuple, list)):
            if len(self.value) != 3:
                raise ParameterError("The value of a key is one number, or three for a colour.")
            object.__setattr__(self, "value", tuple(_number(part, "The value of a key") for part in self.value))
        else:
            object.__setattr__(self, "value", _number(self.value, "The value of a key"))


@dataclass(frozen=True)
class Track:
    """The keys of one parameter, sorted by time; of two at one time the later given counts. Raises ParameterError for a name that
    can't be one, no keys, too many, or colours beside numbers.

    shorter: an angle that goes all the way round (an azimuth) takes the shorter way between two keys.
    """

    name: str
    keys: tuple[Key, ...]
    shorter: bool = True

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not _NAME.fullmatch(self.name):
            raise ParameterError(f"'{visible(str(self.name)[:40])}' can't be the name of a parameter.")
        if not 1 <= len(self.keys) <= MAX_KEYS:
            raise ParameterError(f"The track {self.name} has {len(self.keys)} keys; it takes 1 to {MAX_KEYS}.")
        kept: list[Key] = []
        for key in sorted(self.keys, key=lambda key: key.time):
            if kept and key.time - kept[-1].time < SAME_TIME:
                kept.pop()
            kept.append(key)
        if len({isinstance(key.value, tuple) for key in kept}) > 1:
            raise ParameterError(f"The track {self.name} mixes colours and numbers.")
        object.__setattr__(self, "keys", tuple(kept))

    @property
    def goes_round(self) -> bool:
        """Whether it is an angle that goes all the way round."""
        return _ROUND.fullmatch(self.name) is not None

    @cached_property
    def _times(self) -> list[float]:
        return [key.time for key in self.keys]

    @cached_property
    def _points(self) -> np.ndarray:
        """The keys' values (N, C) as they are interpolated: colours as linear light, angles without a jump."""
        values = np.array([key.value if isinstance(key.value, tuple) else (key.value,) for key in self.keys], np.float64)
        if values.shape[1] == 3:
            return to_linear(values)
        return np.unwrap(values, period=360.0, axis=0) if self.goes_round and self.shorter else values

    @cached_property
    def _slopes(self) -> np.ndarray:
        return monotone_slopes(np.array(self._times), self._points)

    def at(self, time: float) -> Value:
        """The value at a time in seconds; before the first key that one's, after the last that one's."""
        i = bisect.bisect_right(self._times, time) - 1
        if i < 0 or i + 1 >= len(self.keys):
            return self.keys[max(i, 0)].value
        start, end = self.keys[i], self.keys[i + 1]
        if time == start.time:
            return start.value
        width = end.time - start.time
        share = (time - start.time) / width
        a, b = self._points[i], self._points[i + 1]
        slopes = self._slopes[i:i + 2] * width if start.easing == "flow" else None
        return self._value(eased(start.easing, a, b, share, slopes))

    def _value(self, point: np.ndarray) -> Value:
        if len(point) == 3:
            red, green, blue = (float(part) for part in np.clip(from_linear(point), 0, 1))
            return red, green, blue
        value = float(point[0])
        return (value + 180.0) % 360.0 - 180.0 if self.goes_round and abs(value) > 180.0 else value

    def key_at(self, time: float, within: float = SAME_TIME) -> Key | None:
        """The key nearest to a time, if one is within so many seconds."""
        nearest = min(self.keys, key=lambda key: abs(key.time - time))
        return nearest if abs(nearest.time - time) <= within else None


@dataclass(frozen=True)
class Timeline:
    """Tracks over a stretch of time. duration: s. fps: frames per second. tracks: one a parameter, sorted by name.
    sound: path of a file whose sound belongs to the film, '' for none; sound_start: from which of its seconds on. Raises
    ParameterError for values out of range."""

    duration: float = 4.0
    fps: float = 24.0
    tracks: tuple[Track, ...] = field(default=())
    sound: str = ""
    sound_start: float = 0.0

    def __post_init__(self) -> None:
        duration, fps = _number(self.duration, "The duration"), _number(self.fps, "The number of frames a second")
        if not MIN_FPS <= fps <= MAX_FPS:
            raise ParameterError(f"A film has {MIN_FPS:g} to {MAX_FPS:g} frames a second, not {fps:g}.")
        if not 1 / fps <= duration + 1e-9 or duration > MAX_DURATION:
            raise ParameterError(f"A film lasts from one frame to {MAX_DURATION:g} seconds, not {duration:g}.")
        if len(self.tracks) > MAX_TRACKS:
            raise ParameterError(f"A timeline has at most {MAX_TRACKS} tracks, not {len(self.tracks)}.")
        if len({track.name for track in self.tracks}) < len(self.tracks):
            raise ParameterError("A timeline has one track for each parameter, not several.")
        if not isinstance(self.sound, str) or len(self.sound) > MAX_PATH or "\0" in self.sound:
            raise ParameterError("The name of the sound's file can't be used.")
        sound_start = _number(self.sound_start, "The beginning of the sound")
        if not 0 <= sound_start < 1e6:
            raise ParameterError("The sound begins at second 0 of its file or later.")
        object.__setattr__(self, "duration", duration)
        object.__setattr__(self, "fps", fps)
        object.__setattr__(self, "sound_start", sound_start)
        object.__setattr__(self, "tracks", tuple(sorted(self.tracks, key=lambda track: track.name)))

    # -- reading

    @property
    def frames(self) -> int:
        """How many frames the film has."""
        return max(1, round(self.duration * self.fps))

    def time_of(self, frame: int) -> float:
        """When a frame is shown, in seconds."""
        return frame / self.fps

    def frame_at(self, time: float) -> int:
        """The frame nearest to a time."""
        return min(max(round(time * self.fps), 0), self.frames - 1)

    def names(self) -> tuple[str, ...]:
        """The parameters that have a track."""
        return tuple(track.name for track in self.tracks)

    def track(self, name: str) -> Track | None:
        """The track of a parameter, or None."""
        return next((track for track in self.tracks if track.name == name), None)

    def values_at(self, time: float) -> dict[str, Value]:
        """The values of all tracks at a time in seconds."""
        return {track.name: track.at(time) for track in self.tracks}

    def rig_at(self, rig: Rig, time: float) -> Rig:
        """The edit at a time in seconds: the timeline's values over those of `rig`."""
        return rig.update(self.values_at(time)) if self.tracks else rig

    def key_times(self) -> list[float]:
        """When there are keys, in order, each time once."""
        times: list[float] = []
        for time in sorted(key.time for track in self.tracks for key in track.keys):
            if not times or time - times[-1] >= SAME_TIME:
                times.append(time)
        return times

    def check(self, table: Mapping[str, Parameter]) -> None:
        """Whether a face with these parameters can be moved so. Raises ParameterError naming the track, and what it may be."""
        for track in self.tracks:
            row = table.get(track.name)
            if row is None:
                raise ParameterError(f"The timeline moves '{track.name}', which this face doesn't have. Delete that track.")
            if (row.unit == "rgb") != isinstance(track.keys[0].value, tuple):
                raise ParameterError(f"The track {track.name} takes {'colours' if row.unit == 'rgb' else 'single numbers'}.")
            for key in track.keys:
                for part in key.value if isinstance(key.value, tuple) else (key.value,):
                    if not row.low <= part <= row.high:
                        raise ParameterError(f"At {key.time:.2f} s the timeline sets {track.name} to {part:g}; it goes from "
                                             f"{row.low:g} to {row.high:g}{'' if row.unit == 'rgb' else row.unit}.")

    def fitting(self, table: Mapping[str, Parameter]) -> Timeline:
        """The timeline without tracks that a face with these parameters can't do, and its values brought into their ranges."""
        tracks = []
        for track in self.tracks:
            row = table.get(track.name)
            if row is not None and (row.unit == "rgb") == isinstance(track.keys[0].value, tuple):
                keys = tuple(replace(key, value=_clamped(row, key.value)) for key in track.keys)
                tracks.append(track if keys == track.keys else replace(track, keys=keys))
        return self if tuple(tracks) == self.tracks else replace(self, tracks=tuple(tracks))

    # -- changing

    def with_track(self, track: Track) -> Timeline:
        """The timeline with a track put in, in place of the one of that parameter."""
        return replace(self, tracks=(*(other for other in self.tracks if other.name != track.name), track))

    def without_track(self, name: str) -> Timeline:
        """The timeline without the track of a parameter."""
        return replace(self, tracks=tuple(track for track in self.tracks if track.name != name))

    def with_key(self, name: str, key: Key) -> Timeline:
        """The timeline with a key put in; one that is there at that time gives way."""
        track = self.track(name)
        return self.with_track(Track(name, (key,)) if track is None else replace(track, keys=(*track.keys, key)))

    def keyed(self, name: str, time: float, value: Value) -> Timeline:
        """The timeline with a value at a time: the key that is there changes, else one is put in, with the easing of the one
        before it."""
        track = self.track(name)
        there = track.key_at(time) if track is not None else None
        if there is not None:
            return self.with_key(name, replace(there, value=value))
        before = [key.easing for key in track.keys if key.time < time] if track is not None else []
        return self.with_key(name, Key(time, value, before[-1] if before else Key.easing))

    def without_keys(self, keys: Iterable[tuple[str, float]]) -> Timeline:
        """The timeline without the keys of these (name, time); a track without keys goes too."""
        gone = {(name, time) for name, time in keys}
        tracks = []
        for track in self.tracks:
            kept = tuple(key for key in track.keys if (track.name, key.time) not in gone)
            if kept:
                tracks.append(track if len(kept) == len(track.keys) else replace(track, keys=kept))
        return replace(self, tracks=tuple(tracks))

    def joined(self, other: Timeline) -> Timeline:
        """Both: the tracks of `other` over those here, as long as the longer, with the other's rate and (if any) sound."""
        mine = tuple(track for track in self.tracks if other.track(track.name) is None)
        heard = other if other.sound or not mine else self
        return Timeline(max(self.duration, other.duration) if mine else other.duration, other.fps, (*mine, *other.tracks),
                        heard.sound, heard.sound_start)

    # -- files

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        sound = {"sound": self.sound, "sound_start": self.sound_start} if self.sound else {}
        return {"format": FORMAT, "duration": self.duration, "fps": self.fps, **sound,
                "tracks": [{"name": track.name, **({} if track.shorter else {"shorter": False}),
                            "keys": [[key.time, list(key.value) if isinstance(key.value, tuple) else key.value, key.easing]
                                     for key in track.keys]} for track in self.tracks]}

    @classmethod
    def from_json(cls, plain: Any) -> Timeline:
        """The timeline written by `to_json`, by whoever: raises ParameterError for anything that is not one. Unknown entries are
        left alone."""
        if not isinstance(plain, Mapping):
            raise ParameterError("This is not a timeline: a timeline has a duration, a frame rate and tracks.")
        version = plain.get("format", FORMAT)
        if not isinstance(version, int) or version > FORMAT:
            raise ParameterError("This timeline was written by a newer version of the program.")
        rows = plain.get("tracks")
        if not isinstance(rows, list) or len(rows) > MAX_TRACKS:
            raise ParameterError(f"The tracks of a timeline are a list of at most {MAX_TRACKS}.")
        return cls(plain.get("duration", 4.0), plain.get("fps", 24.0), tuple(_tracks(rows)), plain.get("sound", ""),
                   plain.get("sound_start", 0.0))


def _tracks(rows: list[Any]) -> Iterator[Track]:
    for row in rows:
        if not isinstance(row, Mapping) or not isinstance(row.get("keys"), list):
            raise ParameterError("A track of this timeline has no list of keys.")
        if len(row["keys"]) > MAX_KEYS:
            raise ParameterError(f"A track takes at most {MAX_KEYS} keys.")
        keys = []
        for entry in row["keys"]:
            if not isinstance(entry, (list, tuple)) or not 2 <= len(entry) <= 3:
                raise ParameterError("A key of a timeline is [time, value, easing].")
            keys.append(Key(*entry))
        yield Track(row.get("name", ""), tuple(keys), row.get("shorter", True) is not False)


def _clamped(row: Parameter, value: Value) -> Value:
    if isinstance(value, tuple):
        red, green, blue = (min(max(part, row.low), row.high) for part in value)
        return red, green, blue
    return min(max(value, row.low), row.high)


def _number(value: Any, what: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ParameterError(f"{what} is a number, not '{visible(str(value)[:40])}'.")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ParameterError(f"{what} is a finite number.")
    return number
