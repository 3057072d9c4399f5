"""What a rig does to the light: an environment, the key lamp, three more lamps, and coefficients set one by one.

Their order is fixed, so that the order of setting them is none: what was copied from another photo, the environment in its place,
the key lamp (`core.light.edit`), coefficients, then the lamps 2 to 4, which only add.
"""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from core import light as lighting
from core.codes import FaceCode
from core.environment import Environment, coefficients_for
from core.light import LightParams, lamp_lobe
from core.light_lamps import Lamp
from core.parameter import RGB, Parameter, Value

LAMPS = (2, 3, 4)  # beside the key lamp, which is the first
LIGHT_PREFIXES = ("light.", "lamp.", "environment.", "sh.")  # of every name that this module gives a meaning
CHANNELS = "rgb"
_WHITE = (1.0, 1.0, 1.0)
_PLACES = {2: (-60.0, 10.0), 3: (150.0, 30.0), 4: (0.0, -40.0)}  # beside, a rim from behind, from below
_SIZE = "How large the lamp is: 0 a bare bulb far away, with hard edges; 1 as soft as a window or a large softbox"
_SHADOW = "How dark the shadows are that the lamp throws, as that of the nose on the cheek; 0 throws none"

PARAMETERS = (
    Parameter("light.azimuth", "Azimuth", "Light", -180, 180, None, "°", 1,
              "Where the key light stands: 0 at the camera, positive from the picture's right"),
    Parameter("light.elevation", "Elevation", "Light", -90, 90, None, "°", 1,
              "How high the key light stands: 0 level with the face, positive from above"),
    Parameter("light.intensity", "Intensity", "Light", 0, 2, None, "", 0.01,
              "Strength of the key light; 1 is as bright as all the photo's light together"),
    Parameter("light.ambient", "Ambient", "Light", 0, 2, None, "", 0.01, "Light from everywhere"),
    Parameter("light.color", "Colour", "Light", 0, 1, None, RGB, 0.01, "Colour of the key light"),
    Parameter("light.softness", "Softness", "Light", 0, 1, 1.0, "", 0.01, _SIZE),
    Parameter("light.shadow", "Shadow", "Light", 0, 1, 0.0, "", 0.01, _SHADOW),
    Parameter("light.rest", "Own light", "Light", 0, 1, 1.0, "", 0.01,
              "How much of the photo's own light stays beside the key light and the ambient: 1 keeps its character, "
              "0 leaves only what is set"),
    *(row for n in LAMPS for row in (
        Parameter(f"lamp.{n}.azimuth", "Azimuth", "Lamps", -180, 180, _PLACES[n][0], "°", 1,
                  f"Where lamp {n} stands: 0 at the camera, positive from the picture's right, 180 behind the head"),
        Parameter(f"lamp.{n}.elevation", "Elevation", "Lamps", -90, 90, _PLACES[n][1], "°", 1,
                  f"How high lamp {n} stands: 0 level with the face, positive from above"),
        Parameter(f"lamp.{n}.intensity", "Intensity", "Lamps", 0, 2, 0.0, "", 0.01,
                  f"Strength of lamp {n}; 0 is off, 1 is as bright as all the photo's light together"),
        Parameter(f"lamp.{n}.color", "Colour", "Lamps", 0, 1, _WHITE, RGB, 0.01,
                  f"Colour of lamp {n}, as of a gel in front of it"),
        Parameter(f"lamp.{n}.softness", "Softness", "Lamps", 0, 1, 1.0, "", 0.01, _SIZE),
        Parameter(f"lamp.{n}.shadow", "Shadow", "Lamps", 0, 1, 0.0, "", 0.01, _SHADOW))),
    Parameter("environment.turn", "Turn", "Environment", -180, 180, 0.0, "°", 1,
              "Turns the environment about the head; positive moves what is at the camera to the picture's right"),
    Parameter("environment.intensity", "Strength", "Environment", 0, 2, 1.0, "", 0.01,
              "How bright the environment is; 1 is as bright as the photo's own light"),
    *(Parameter(f"sh.{k}.{c}", f"{k} {c}", "SH", -4, 4, None, "", 0.01,
                "Spherical harmonics coefficient, replaces the light's own") for k in range(9) for c in CHANNELS),
)


@dataclass(frozen=True)
class PlacedLamp:
    """Where a lamp of the rig stands, for handles and legends. number: 1 is the key lamp. azimuth, elevation: degrees, as in
    `core.light.LightParams`; intensity in units of the photo's level; color RGB in [0, 1]. on: whether it gives any light."""

    number: int
    azimuth: float
    elevation: float
    intensity: float
    color: tuple[float, float, float]
    softness: float
    shadow: float

    @property
    def on(self) -> bool:
        return self.intensity > 0

    @property
    def name(self) -> str:
        """What its parameters begin with: 'light' or 'lamp.N'."""
        return "light" if self.number == 1 else f"lamp.{self.number}"


def lamps_of(values: Mapping[str, Value]) -> tuple[PlacedLamp, ...]:
    """All four lamps, the key lamp first, from the values that are shown (`light_values`, or all of `Document.values`)."""
    def placed(number: int, name: str) -> PlacedLamp:
        def number_of(what: str) -> float:
            return float(values[f"{name}.{what}"])  # type: ignore[arg-type]
        color = values[f"{name}.color"]
        assert isinstance(color, tuple)
        return PlacedLamp(number, number_of("azimuth"), number_of("elevation"), number_of("intensity"), color,
                          number_of("softness"), number_of("shadow"))
    return (placed(1, "light"), *(placed(n, f"lamp.{n}") for n in LAMPS))


@dataclass(frozen=True, eq=False)
class _Keyed:
    """The light with its key lamp. whole (9, 3): all of it as harmonics; key: the lamp; unit: RGB shading that intensities are in
    units of, as in `LightParams.level`."""

    whole: np.ndarray
    key: LightParams
    unit: tuple[float, float, float]


def light_values(code: FaceCode, values: Mapping[str, Value] | None = None,
                 environment: Environment | None = None) -> dict[str, Value]:
    """Where every name under `LIGHT_PREFIXES` stands: what is set, else what the photo's light and the other edits make of it.

    code: the photo's own, with what is copied from others. The key lamp is read before the further lamps come in, so that its
    handle stays where it is when they do.
    """
    values = values or {}
    keyed = _keyed(code, values, environment)
    found = lighting.decompose(keyed.whole)
    # a light read anew has its own level; under an environment of another strength the photo's stays the unit
    ratio = float(np.mean(found.level) / np.mean(keyed.unit)) if environment is not None else 1.0
    shown: dict[str, Value] = {
        "light.azimuth": found.azimuth, "light.elevation": found.elevation, "light.intensity": min(found.intensity * ratio, 2.0),
        "light.ambient": min(found.ambient * ratio, 2.0), "light.color": found.color}
    light = _with_coefficients(_beside(keyed, values)[0], values)
    shown |= {f"sh.{k}.{c}": float(light[k, i]) for k in range(9) for i, c in enumerate(CHANNELS)}
    shown |= {row.name: row.default for row in PARAMETERS if row.default is not None}
    return {row.name: values.get(row.name, shown[row.name]) for row in PARAMETERS}


def apply_light(code: FaceCode, values: Mapping[str, Value], environment: Environment | None = None) -> FaceCode:
    """The code under the light that checked values ask for; the code itself where they ask for nothing."""
    if environment is None and not any(name.startswith(LIGHT_PREFIXES) for name in values):
        return code
    keyed = _keyed(code, values, environment)
    light, lamps = _beside(keyed, values)
    light = _with_coefficients(light, values)
    for lamp in lamps_of({**_UNSET, **values})[1:]:
        if lamp.on:
            given = lamp.intensity * float(np.mean(keyed.unit)) * np.array(lamp.color)
            light, more = _split(light, LightParams(lamp.azimuth, lamp.elevation).direction, given, lamp, inside=False)
            lamps += more
    if lamps == code.lamps and np.array_equal(light, code.light):
        return code
    return code.replace(light=light, lamps=lamps)


_UNSET = {row.name: 0.0 if row.default is None else row.default for row in PARAMETERS} | {"light.color": _WHITE}


def _keyed(code: FaceCode, values: Mapping[str, Value], environment: Environment | None) -> _Keyed:
    base, strength = np.asarray(code.whole_light), 1.0
    if environment is not None:
        strength = float(values.get("environment.intensity", 1.0))  # type: ignore[arg-type]
        turn = float(values.get("environment.turn", 0.0))  # type: ignore[arg-type]
        base = coefficients_for(environment, lighting.decompose(code.whole_light).level, turn)
    changes: dict[str, Any] = {name: values[f"light.{name}"] for name in lighting.EDITS if f"light.{name}" in values}
    whole, key = lighting.edited(base, changes, strength, float(values.get("light.rest", 1.0)))  # type: ignore[arg-type]
    return _Keyed(whole, key, key.level)


def _beside(keyed: _Keyed, values: Mapping[str, Value]) -> tuple[np.ndarray, tuple[Lamp, ...]]:
    """The light without what the key lamp holds itself, and the key lamp."""
    asked = lamps_of({**_UNSET, **values})[0]
    given = keyed.key.intensity * float(np.mean(keyed.key.level)) * np.array(keyed.key.color)
    return _split(keyed.whole, keyed.key.direction, given, asked, inside=True)


def _split(light: np.ndarray, direction: np.ndarray, given: np.ndarray, asked: PlacedLamp,
           inside: bool) -> tuple[np.ndarray, tuple[Lamp, ...]]:
    """Coefficients (9, 3) with the soft share of a lamp, and the lamp that holds its hard share, if it has one.

    given: RGB shading of a surface that faces the lamp. inside: whether the light has the lamp already. A lamp is hard as far as
    it is small or throws a shadow; at softness 1 without a shadow it is second-order harmonics.
    """
    hard = max(asked.shadow, 1 - asked.softness) if given.any() else 0.0
    soft = -hard if inside else 1 - hard
    if soft:
        light = (np.asarray(light, np.float64) + soft * np.outer(lamp_lobe(direction), given)).astype(np.float32)
    if hard == 0:
        return light, ()
    toward, color = (tuple(float(v) for v in vector) for vector in (direction, hard * given))
    return light, (Lamp(toward, color, asked.softness, asked.shadow / hard),)  # type: ignore[arg-type]


def _with_coefficients(light: np.ndarray, values: Mapping[str, Value]) -> np.ndarray:
    raw = [(name.split("."), value) for name, value in values.items() if name.startswith("sh.")]
    if raw:
        light = np.array(light)
        for (_, k, channel), value in raw:
            light[int(k), CHANNELS.index(channel)] = value
    return light
