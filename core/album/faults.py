"""What speaks against a photo by itself, whoever it shows: the limits, and what the user reads."""
from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from core.album.facts import ReadPhoto, Reason, SeenFace

# Limits (weak, refused). SIDE: of the aligned square, as a share of the network's picture; the rest in the units of
# `core.album.measure`.
SIDE = (0.40, 0.27)
BLUR = (1.6, 2.15)
YAW, PITCH = (45.0, 60.0), (35.0, 45.0)
BLINK = 0.4
EYES = (0.7, 0.5)
EYES_COLOUR = 9.0  # from here on a doubtful one is covered
CONFIDENCE = (0.8, 0.5)
BRIGHTNESS, DARK = (45.0, 27.0), (0.4, 0.8)


class Fault(NamedTuple):
    """A reason, and whether it is enough to refuse the photo."""

    reason: Reason
    severe: bool


def fault(code: str, text: str, severe: bool = True) -> Fault:
    """One fault."""
    return Fault(Reason(code, text), severe)


def of_photo(photo: ReadPhoto) -> Fault | None:
    """Why a photo has no usable face at all, or None when it has one."""
    if photo.same_as:
        return fault("duplicate", f"The same file as {photo.same_as}.")
    if photo.problem:
        return fault("unreadable", photo.problem)
    if not photo.faces:
        return fault("no-face", "No face was found. Use a photo that shows it from the front or half from the side, upright and "
                                "not covered.")
    if any(face.embedding is not None for face in photo.faces):
        return None
    problem = photo.faces[0].problem
    return fault("too-small" if "small" in problem else "bad-fit", f"The face {problem}")


def of_face(face: SeenFace, size: int) -> Iterator[Fault]:
    """The faults of a usable face for a network with pictures of side `size`, the gravest kinds first."""
    f = face.facts
    share = f["side"] / size
    if share < SIDE[0]:
        yield fault("too-small", f"The face is small: its square has {f['side']:.0f} pixels, the model's pictures have {size}. "
                                 "Use a larger version of the photo, or a close-up.", share < SIDE[1])
    if f["confidence"] < CONFIDENCE[0]:
        yield fault("bad-fit", "The head model does not fit this face well; it may be covered or cut off.",
                    f["confidence"] < CONFIDENCE[1])
    if abs(f["yaw"]) > YAW[0] or abs(f["pitch"]) > PITCH[0]:
        yield fault("extreme-pose", f"The head is turned far away ({abs(f['yaw']):.0f} degrees sideways, {abs(f['pitch']):.0f} "
                                    f"{'up' if f['pitch'] > 0 else 'down'}), so part of the face is out of sight.",
                    abs(f["yaw"]) > YAW[1] or abs(f["pitch"]) > PITCH[1])
    if f["blur"] > BLUR[1] or f["blur"] > BLUR[0] and share >= SIDE[0]:  # a small face is soft for being small
        blurred = f["blur"] > BLUR[1]
        yield fault("blurred", "The face is blurred or out of focus." if blurred else "The face is soft: fine detail is missing.",
                    blurred)
    covered = max(f["eyes_left"], f["eyes_right"])
    if covered < EYES[0]:
        yield fault("eyes-hidden", "The eyes are covered or lie in deep shadow, as behind dark glasses.",
                    covered < EYES[1] or f["eyes_colour"] > EYES_COLOUR)
    elif f["blink_left"] + f["blink_right"] > 2 * BLINK:
        yield fault("eyes-hidden", "The eyes are closed or look down.", False)
    if f["brightness"] < BRIGHTNESS[0] or f["dark"] > DARK[0]:
        yield fault("dark", "Much of the face lies in the dark.", f["brightness"] < BRIGHTNESS[1] or f["dark"] > DARK[1])
