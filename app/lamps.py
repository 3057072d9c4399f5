"""The lamps of an edit as ball, panel and menus see them: which there are, which one is in hand, what is done to them.

Lamp 1 is the key light (``light.azimuth`` and so on), which every photo has; up to three more are ``lamp.2`` to ``lamp.4``.
"""
from __future__ import annotations

import math
from collections.abc import Mapping

from PySide6.QtCore import QObject, QTimer, Signal

from app.document import Document
from app.language import tr, within
from app.panels.slider import PAUSE_MS
from core.light_rig import LAMPS, PlacedLamp, lamps_of
from core.rig import Value

KEY = 1
CAST = 0.8  # of a shadow that is switched on
NEW_INTENSITY = 0.6  # of a lamp that is put up
FIELDS = ("azimuth", "elevation", "intensity", "color", "softness", "shadow")


def lamp_name(number: int) -> str:
    """What lamp `number` is called."""
    return tr("Key light") if number == KEY else tr("Lamp {number}", number=number)


def parameter(number: int, field: str) -> str:
    """The parameter's name of a lamp's azimuth, elevation, intensity, color, softness or shadow."""
    return f"light.{field}" if number == KEY else f"lamp.{number}.{field}"


def is_behind(lamp: PlacedLamp) -> bool:
    """Whether it stands behind the head."""
    return math.cos(math.radians(lamp.azimuth)) * math.cos(math.radians(lamp.elevation)) < 0


def spoken(lamp: PlacedLamp) -> str:
    """All of a lamp in words, for screen readers and tool tips."""
    place = tr("behind the head") if is_behind(lamp) else tr("in front")
    cast = tr(", casts a shadow") if lamp.shadow > 0 else ""
    return tr("{name}: azimuth {azimuth}°, elevation {elevation}°, {place}, intensity {intensity}{cast}",
              name=lamp_name(lamp.number), azimuth=round(lamp.azimuth), elevation=round(lamp.elevation), place=place,
              intensity=f"{lamp.intensity:.2f}", cast=cast)


class Lamps(QObject):
    """The lamps of the document's edit. changed: another lamp is in hand, or any lamp is another. chosen: only the former."""

    changed = Signal()
    chosen = Signal()

    def __init__(self, document: Document, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.document = document
        self._selected = KEY
        self._cast: dict[int, float] = {}  # how much shadow each threw before it was switched off
        self._stepping = False
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(PAUSE_MS)
        self._pause.timeout.connect(self.end_steps)
        document.followed.connect(self.changed)

    # -- what there is

    def all(self) -> tuple[PlacedLamp, ...]:
        """The lamps that are up, the key light first; none without a photo."""
        if self.document.session is None:
            return ()
        return tuple(lamp for lamp in lamps_of(self.document.values()) if self.is_up(lamp.number))

    def is_up(self, number: int) -> bool:
        """Whether there is such a lamp; one whose intensity was turned down to 0 still is."""
        return number == KEY or self.document.is_set(parameter(number, "intensity"))

    @property
    def selected(self) -> int:
        """The lamp in hand."""
        return self._selected if self.is_up(self._selected) else KEY

    def get(self, number: int) -> PlacedLamp:
        """A lamp as it stands now, up or not. Needs a photo."""
        return lamps_of(self.document.values())[number - 1]

    @property
    def can_add(self) -> bool:
        """Whether another lamp may be put up."""
        return self.document.session is not None and self._free() is not None

    def _free(self) -> int | None:
        return next((n for n in LAMPS if not self.is_up(n)), None)

    # -- hands

    def select(self, number: int) -> None:
        """Take a lamp in hand."""
        if number != self._selected and self.is_up(number):
            self._selected = number
            self.changed.emit()
            self.chosen.emit()

    def begin(self, number: int) -> None:
        """A drag of a lamp starts."""
        self.end_steps()
        self.select(number)
        self.document.begin(tr("Move {lamp}", lamp=within(lamp_name(number))))

    def aim(self, number: int, azimuth: float, elevation: float) -> None:
        """Turn a lamp to where it should stand."""
        self.document.update({parameter(number, "azimuth"): azimuth, parameter(number, "elevation"): elevation},
                             tr("Move {lamp}", lamp=within(lamp_name(number))))

    def end(self) -> None:
        """The drag is over."""
        self.document.end()

    def set(self, number: int, field: str, value: Value | None, label: str) -> None:
        """Set one field of a lamp."""
        self.document.set(parameter(number, field), value, label)

    def step(self, number: int, by: Mapping[str, float]) -> None:
        """Change fields of a lamp by small amounts; steps in quick succession are one undo step. Azimuth goes round."""
        lamp, changes = self.get(number), {}
        for field, amount in by.items():
            value = float(getattr(lamp, field)) + amount
            changes[parameter(number, field)] = (value + 180) % 360 - 180 if field == "azimuth" else value
        if not (self._stepping and self.document.in_gesture):
            self._stepping = True
            self.document.begin(tr("Change {lamp}", lamp=within(lamp_name(number))))
        self._pause.start()
        self.document.update(changes)

    def end_steps(self) -> None:
        """Steps that come now are another undo step."""
        self._pause.stop()
        if self._stepping:
            self._stepping = False
            self.document.end()

    def add(self, azimuth: float | None = None, elevation: float | None = None) -> int | None:
        """Put up another lamp, there or where one is mostly needed, and take it in hand. Its number; None when all are up."""
        number = self._free()
        if self.document.session is None or number is None:
            return None
        place = self._usual(number) if azimuth is None or elevation is None else (azimuth, elevation)
        self._selected = number
        self._put(number, place, tr("Add lamp {number}", number=number))
        return number

    def remove(self, number: int) -> None:
        """Take a lamp down. The key light can't be: it goes back to the photo's own."""
        if number == KEY:
            self.reset(number)
        elif self.is_up(number):
            self.document.update(dict.fromkeys(parameter(number, f) for f in FIELDS),
                                 tr("Remove lamp {number}", number=number))

    def reset(self, number: int) -> None:
        """The key light as it is in the photo; another lamp as it was when it was put up, at its usual place."""
        label = tr("Reset {lamp}", lamp=within(lamp_name(number)))
        if number == KEY:
            self.document.update(dict.fromkeys(parameter(KEY, f) for f in FIELDS), label)
        else:
            self._put(number, self._usual(number), label)

    def _usual(self, number: int) -> tuple[float, float]:
        """Lamp 2 fills the side that the key light leaves dark."""
        rows = self.document.parameters()
        azimuth, elevation = (rows[parameter(number, field)].default for field in ("azimuth", "elevation"))
        assert isinstance(azimuth, float) and isinstance(elevation, float)
        if number == LAMPS[0] and self.get(KEY).azimuth * azimuth > 0:
            azimuth = -azimuth
        return azimuth, elevation

    def _put(self, number: int, place: tuple[float, float], label: str) -> None:
        values: dict[str, Value | None] = {**dict.fromkeys(FIELDS), "azimuth": place[0], "elevation": place[1],
                                           "intensity": NEW_INTENSITY}
        self.document.update({parameter(number, field): value for field, value in values.items()}, label)

    def set_cast(self, number: int, on: bool) -> None:
        """Switch a lamp's cast shadow; on again it is as strong as it last was."""
        now = self.get(number).shadow
        if on == (now > 0):
            return
        if not on:
            self._cast[number] = now
        self.set(number, "shadow", self._cast.get(number, CAST) if on else 0.0,
                 tr("Cast shadow") if on else tr("No cast shadow"))
