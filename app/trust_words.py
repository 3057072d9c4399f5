"""What a picture shows of what was asked for (`core.trust`), in plain words."""
from __future__ import annotations

from app.language import tr
from core.trust_reading import Measured, Reading

TURNS = {"yaw": "Turn", "pitch": "Nod", "roll": "Tilt"}
SCORES = {"jaw.open": "Mouth opening", "expression.smile": "Smile", "expression.smile_left": "Smile, left side",
          "expression.smile_right": "Smile, right side", "expression.blink": "Closed eyes"}
AS_ASKED = "As asked"


def line(reading: Reading) -> str:
    """One line for the status bar; '' where nothing was asked for that can be read."""
    if not reading.face:
        return tr("No face to be found")
    if reading.off:
        more = len(reading.off) - 1
        first = _short(reading.off[0])
        return tr("{first}, and {count} more", first=first, count=more) if more else first
    return tr(AS_ASKED) if reading.measures else ""


def _short(measured: Measured) -> str:
    if measured.kind == "light":
        return tr("Light {angle}° beside where it was asked", angle=f"{measured.found:.0f}")
    found, asked = (_number(measured, value) for value in (measured.found, measured.asked))
    return tr("{name} {found} of {asked}", name=_name(measured), found=found, asked=asked)


def details(reading: Reading) -> list[str]:
    """A line for everything that was read."""
    if not reading.face:
        return [tr("No face is found in this picture, so nothing can be said of it.")]
    said = []
    for measured in reading.measures:
        mark = tr("as asked") if measured.good else tr("not as asked")
        if measured.kind == "light":
            said.append(tr("Main light: {angle}° from where it was asked to stand ({mark})", angle=f"{measured.found:.0f}",
                           mark=mark))
        else:
            said.append(tr("{name}: asked {asked}, the picture shows {found} ({mark})", name=_name(measured),
                           asked=_number(measured, measured.asked), found=_number(measured, measured.found), mark=mark))
    if not reading.same_person:
        said.append(tr("A face recogniser takes this for another person."))
    return said


def advice(reading: Reading) -> str:
    """What to do about an edit that goes beyond what the model holds; '' for others."""
    if not reading.beyond:
        return ""
    if not reading.face:
        return tr("This edit goes beyond what the model holds: no face is left to be found. Take some of it back.")
    if not reading.same_person:
        return tr("This edit goes beyond what the model holds for this photo: the person is hard to recognise. Take some of it "
                  "back, or learn the person from an album (Personalize).")
    worst = reading.off[0]
    if worst.kind in TURNS:
        return tr("The head can't be turned as far as asked on this photo: beyond this the picture would be made up.")
    if worst.kind == "light":
        return tr("The light of this photo hides the one asked for. A softer light, or a photo in plainer light, comes nearer.")
    return tr("{name} can't go as far as asked on this photo. Less of it looks more natural.", name=_name(worst))


def _name(measured: Measured) -> str:
    return tr(TURNS.get(measured.kind) or SCORES.get(measured.kind) or "Light")


def _number(measured: Measured, value: float) -> str:
    return f"{value:.0f}°" if measured.kind in TURNS else f"{value:.2f}"
