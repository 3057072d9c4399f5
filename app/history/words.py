"""What a request changes of the photo, in words: 'Smile 0.6', 'Light 40°', 'From seed 7'."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields

from app.language import tr, within
from app.names import block_name, full_name, spoken
from core.people.header import About
from core.presets import OWNED, Preset, builtin
from core.request import RenderRequest
from core.rig import Parameter, Value
from core.variations import value_words

_WHERE = ("photo", "prior", "person", "size", "quality", "rig", "identity", "transfer")  # what is no edit of the picture
_NAMES = {"light.azimuth": "Light", "light.elevation": "Light height", "pose.yaw": "Yaw", "pose.pitch": "Pitch",
          "pose.roll": "Roll", "light.intensity": "Light strength",
          "light.ambient": "Ambient", "light.color": "Light colour", "light.softness": "Light softness",
          "light.shadow": "Shadow", "environment.turn": "Environment turned", "environment.intensity": "Environment",
          "strength": "Strength", "guidance": "Emphasis", "steps": "Steps", "seed": "Seed", "reach": "Reach",
          "jaw.open": "Jaw open"}


def differences(request: RenderRequest, table: Mapping[str, Parameter], person: About | None = None) -> dict[str, str]:
    """What the request changes, in words, by what it is about; empty where the photo stays as it is.

    table: the parameters of the head (`core.rig.parameters`); a name it lacks is spoken as it is. person: whose model the
    request names.
    """
    found: dict[str, str] = {}
    for copy in request.rig.copies:
        found[f"copy {copy.block}"] = tr("{block} from {photo}", block=block_name(copy.block),
                                         photo=copy.label or tr("another photo"))
    values = dict(request.rig.values)
    for kind in ("light", "expression"):
        preset = _preset(kind, values)
        if preset is not None:
            found[f"preset {kind}"] = tr(preset.name)
            values = {name: value for name, value in values.items() if not name.startswith(OWNED[kind])}
    for name, value in values.items():
        if name == "light.elevation" and "light.azimuth" in values:
            found["light.azimuth"] += f", {value_words(value, '°')}"
        elif name.startswith("sh."):
            found["sh"] = tr("Light by coefficients")
        else:
            unit = table[name].unit if name in table else ""
            found[name] = f"{parameter_name(name)} {value_words(value, unit)}"
    environment = getattr(request.rig, "environment", None)
    if environment is not None:
        found["environment"] = tr("Environment {name}", name=environment.label)
    found.update(_making(request))
    if request.person is not None:
        found["person"] = tr("Person {name}", name=person.name) if person is not None else tr("A person")
    return found


def in_words(request: RenderRequest, table: Mapping[str, Parameter], person: About | None = None,
             before: RenderRequest | None = None) -> str:
    """The differences as one line. before: what differs from this request is named first."""
    found = differences(request, table, person)
    old = differences(before, table) if before is not None else {}
    order = sorted(found, key=lambda key: old.get(key) == found[key])
    return ", ".join(found[key] for key in order) or tr("Original")


def parameter_name(name: str) -> str:
    """A parameter of the rig, or a field of the request, as people read it."""
    if name in _NAMES:
        return tr(_NAMES[name])
    if name.startswith("lamp."):
        _, number, what = name.split(".", 2)
        return tr("Lamp {number} {what}", number=number, what=within(spoken(what)))
    return spoken(name) if "." not in name else full_name(name)


def _preset(kind: str, values: Mapping[str, Value]) -> Preset | None:
    """The preset that ships of which these values are exactly what it sets."""
    mine = {name: value for name, value in values.items() if name.startswith(OWNED[kind])}
    return next((preset for preset in builtin(kind) if dict(preset.values) == mine), None) if mine else None


def _making(request: RenderRequest) -> dict[str, str]:
    """How the picture is made, where that is not the usual way."""
    found: dict[str, str] = {}
    if request.method != "studio":
        found["method"] = tr("Published method, seed {seed}", seed=request.seed)
    elif request.noise == "seeded":
        found["noise"] = tr("From seed {seed}", seed=request.seed)
    for field in fields(request):
        value = getattr(request, field.name)
        if field.name in (*_WHERE, "method", "noise", "seed") or value == field.default:
            continue
        if field.name == "hold_background":
            found["hold_background"] = tr("Background free")
        elif isinstance(value, int | float) and not isinstance(value, bool):
            found[field.name] = f"{parameter_name(field.name)} {value_words(value)}"
        else:
            found[field.name] = parameter_name(field.name)
    return found
