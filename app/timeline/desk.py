"""The cutting desk: where the playhead stands, which keys are chosen, what is done with them. Every change is one undo step."""
from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from PySide6.QtCore import QObject, Signal

from app.document import Document
from app.language import tr
from core.film.timeline import MAX_DURATION, Key, Timeline
from core.rig import Value

Place = tuple[str, float]  # a key: parameter and time


class Desk(QObject):
    """The document's timeline as the page works with it. Times are seconds, snapped to frames.

    changed: another timeline, or other keys are chosen. moved: the playhead stands elsewhere.
    """

    changed = Signal()
    moved = Signal()

    def __init__(self, document: Document, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.document = document
        self.time = 0.0
        self.shown = False  # whether the page is open
        self.chosen: frozenset[Place] = frozenset()
        self._copied: tuple[tuple[str, Key], ...] = ()
        self._dragged: tuple[Timeline, frozenset[Place]] | None = None
        self._last: Timeline | None = None
        document.changed.connect(self._document_changed)

    # -- what there is

    @property
    def timeline(self) -> Timeline:
        """The document's; an empty one where it has none."""
        return self.document.timeline or Timeline()

    @property
    def parked(self) -> bool:
        """Whether the picture shows the edit as a still, not the moment under the playhead."""
        return self.document.time is None

    @property
    def frame(self) -> int:
        """The frame under the playhead."""
        return self.timeline.frame_at(self.time)

    def value(self, name: str) -> Value | None:
        """A track's value under the playhead."""
        track = self.timeline.track(name)
        return track.at(self.time) if track is not None else None

    def chosen_keys(self) -> list[tuple[str, Key]]:
        """The chosen keys that are still there."""
        found = []
        for track in self.timeline.tracks:
            found += [(track.name, key) for key in track.keys if (track.name, key.time) in self.chosen]
        return found

    # -- the playhead

    def show(self, on: bool) -> None:
        """The page is opened or closed: the picture shows the moment under the playhead, or the still."""
        self.shown = on
        self.document.set_time(self.time if on else None)
        self.moved.emit()

    def go(self, time: float, *, passing: bool = False) -> None:
        """Put the playhead on the frame nearest to a time, and show it. passing: it goes on from there at once, so that neither
        sliders nor the picture need to follow."""
        timeline = self.timeline
        self.time = timeline.time_of(timeline.frame_at(time))
        if self.shown and not passing:
            self.document.set_time(self.time)
        self.moved.emit()

    def step(self, frames: int) -> None:
        """Some frames on (or back)."""
        self.go(self.time + frames / self.timeline.fps)

    def to_key(self, forward: bool) -> None:
        """To the next or the previous key."""
        half = 0.5 / self.timeline.fps
        times = self.timeline.key_times()
        there = [t for t in times if t > self.time + half] if forward else [t for t in times if t < self.time - half][::-1]
        if there:
            self.go(there[0])

    # -- keys

    def choose(self, places: Iterable[Place]) -> None:
        """These keys are chosen now."""
        chosen = frozenset(places)
        if chosen != self.chosen:
            self.chosen = chosen
            self.changed.emit()

    def add_keys(self, names: Iterable[str] | None = None) -> int:
        """A key under the playhead, with the values that show, for these parameters; how many there are.

        names: None takes all that have keys already; where nothing has any, all that the edit sets.
        """
        timeline, values = self.timeline, self.document.values()
        if names is None:
            names = timeline.names() or [name for name, _ in self.document.rig.values]
        wanted = [name for name in names if name in values]
        for name in wanted:
            timeline = timeline.keyed(name, self.time, values[name])
        if wanted:
            self._set(timeline, tr("Add key"))
            self.choose((name, self._key_time(name)) for name in wanted)
        return len(wanted)

    def _key_time(self, name: str) -> float:
        track = self.timeline.track(name)
        key = track.key_at(self.time) if track is not None else None
        return key.time if key is not None else self.time

    def delete(self) -> None:
        """Take the chosen keys out."""
        if self.chosen:
            self._set(self.timeline.without_keys(self.chosen), tr("Delete keys"))
            self.choose(())

    def delete_track(self, name: str) -> None:
        """Take all keys of a parameter out."""
        self._set(self.timeline.without_track(name), tr("Delete track"))

    def set_easing(self, easing: str) -> None:
        """How the value goes on from the chosen keys."""
        timeline = self.timeline
        for name, key in self.chosen_keys():
            timeline = timeline.with_key(name, replace(key, easing=easing))
        self._set(timeline, tr("Easing"))

    def set_way(self, name: str, shorter: bool) -> None:
        """Whether an angle takes the shorter way."""
        track = self.timeline.track(name)
        if track is not None:
            self._set(self.timeline.with_track(replace(track, shorter=shorter)), tr("Way of an angle"))

    # -- dragging keys

    def begin_drag(self) -> None:
        """The chosen keys are taken hold of."""
        self.document.begin(tr("Move keys"))
        self._dragged = (self.timeline, self.chosen)

    def drag(self, by: float, copy: bool = False) -> None:
        """They stand `by` seconds from where they were; with `copy` those stay, too."""
        if self._dragged is None:
            return
        before, chosen = self._dragged
        by = round(by * before.fps) / before.fps
        first = min((time for _, time in chosen), default=0.0)
        last = max((time for _, time in chosen), default=0.0)
        by = min(max(by, -first), before.duration - last)
        after = before if copy else before.without_keys(chosen)
        places = []
        for name, time in chosen:
            track = before.track(name)
            key = track.key_at(time) if track is not None else None
            if key is not None and track is not None:
                moved = replace(key, time=round(time + by, 6))
                kept = after.track(name)
                after = after.with_track(replace(track, keys=(*(kept.keys if kept is not None else ()), moved)))
                places.append((name, moved.time))
        self.chosen = frozenset(places)
        self._set(after, tr("Move keys"))
        self.changed.emit()

    def end_drag(self) -> None:
        """They are let go of."""
        self._dragged = None
        self.document.end()

    def nudge(self, frames: int) -> None:
        """Move the chosen keys by frames."""
        if self.chosen:
            self.begin_drag()
            self.drag(frames / self.timeline.fps)
            self.end_drag()

    def copy(self) -> None:
        """Remember the chosen keys."""
        self._copied = tuple(self.chosen_keys()) or self._copied

    def paste(self) -> None:
        """Put the remembered keys in, the first of them under the playhead."""
        if not self._copied:
            return
        first, timeline = min(key.time for _, key in self._copied), self.timeline
        places = []
        for name, key in self._copied:
            time = round(key.time - first + self.time, 6)
            if time <= timeline.duration:
                timeline = timeline.with_key(name, replace(key, time=time))
                places.append((name, time))
        self._set(timeline, tr("Paste keys"))
        self.choose(places)

    # -- the whole

    def set_duration(self, seconds: float) -> None:
        """A longer or shorter film; keys beyond its end stay, unseen."""
        if abs(seconds - self.timeline.duration) > 1e-6:
            self._set(replace(self.timeline, duration=min(max(seconds, 1 / self.timeline.fps), MAX_DURATION)), tr("Duration"))
            self.go(min(self.time, seconds))

    def set_fps(self, fps: float) -> None:
        """Other frames a second; keys stay at their times."""
        if fps != self.timeline.fps:
            self._set(replace(self.timeline, fps=fps, duration=max(self.timeline.duration, 1 / fps)), tr("Frame rate"))
            self.go(self.time)

    def take(self, timeline: Timeline, label: str) -> None:
        """Put a template's or a driver's tracks over those that are there."""
        here = self.document.timeline
        joined = here.joined(timeline) if here is not None and here.tracks else timeline
        self._set(joined.fitting(self.document.parameters()), label)
        self.choose(())
        self.go(0.0)

    def clear(self) -> None:
        """No keys at all."""
        self._set(None, tr("Clear timeline"))
        self.choose(())

    def ensure(self) -> None:
        """There is a timeline to put keys into, be it empty."""
        if self.document.timeline is None:
            self._set(Timeline(), tr("Timeline"))

    def _set(self, timeline: Timeline | None, label: str) -> None:
        self.document.set_timeline(timeline, label)

    def _document_changed(self) -> None:
        timeline = self.document.timeline
        if timeline is not self._last:
            self._last = timeline
            there = {(track.name, key.time) for track in self.timeline.tracks for key in track.keys}
            self.chosen &= there
            self.time = min(self.time, max(self.timeline.time_of(self.timeline.frames - 1), 0.0))
            self.changed.emit()
        self.moved.emit()
