"""Pictures read again: what was asked for is found in pictures that show it, and missed in those that don't."""
from __future__ import annotations

import numpy as np
import pytest

from core.engine import Engine
from core.request import RenderRequest
from core.rig import Rig
from core.session import Session
from core.trust_reading import BEYOND, Measured, Reading


def started(engine: Engine, session: Session, rig: Rig) -> np.ndarray:
    """The picture the network would start from: moved and relit by the mesh alone."""
    return engine.render(RenderRequest(session.digest, rig, strength=0.0, size="crop"), measure=False).crop


def test_the_photo_itself_is_as_asked(engine: Engine, session: Session) -> None:
    found = engine._judge.read(session, Rig(), session.native)
    assert found.face and found.measures == () and not found.beyond
    assert found.identity is not None and found.identity < 0.1


@pytest.mark.parametrize(("name", "value", "kind"), [("pose.yaw", 12.0, "yaw"), ("pose.roll", 10.0, "roll"),
                                                     ("jaw.open", 0.5, "jaw.open"), ("light.azimuth", 60.0, "light")])
def test_an_edit_is_found_where_it_is_and_missed_where_it_is_not(engine: Engine, session: Session, name: str, value: float,
                                                                 kind: str) -> None:
    rig = Rig().set(name, value)
    there = engine._judge.read(session, rig, started(engine, session, rig))
    assert [m.kind for m in there.measures] == [kind] and there.same_person
    assert there.measures[0].good or kind == "jaw.open", there.measures  # a mesh alone opens a mouth too little
    missing = engine._judge.read(session, rig, session.native)
    assert missing.measures[0].error > 1.5 * there.measures[0].error
    assert not missing.measures[0].good


def test_the_worst_comes_first_and_beyond_is_said() -> None:
    off = Measured("yaw", 40.0, 22.0, 5.0)
    reading = Reading(True, 0.3, (off, Measured("jaw.open", 0.5, 0.45, 0.18)))
    assert reading.off == (off,) and off.error > BEYOND * off.limit and reading.beyond
    assert Reading(True, 0.7).beyond and not Reading(True, 0.7).same_person
    assert Reading(False, None).beyond and not Reading(True, None).beyond


def test_no_face_is_said(engine: Engine, session: Session) -> None:
    found = engine._judge.read(session, Rig().set("pose.yaw", 9), np.full((256, 256, 3), 99, np.uint8))
    assert not found.face and found.beyond


def test_a_picture_can_be_shown_before_it_is_read(engine: Engine, session: Session) -> None:
    request = RenderRequest(session.digest, Rig().set("pose.yaw", 5), strength=0.0, size="crop")
    engine._results.clear()
    result = engine.render(request, measure=False)
    assert result.reading is None and result.identity_distance is None
    judged = engine.judged(result)
    assert judged.reading is not None and judged.identity_distance == judged.reading.identity
    assert engine.render(request).reading is judged.reading, "it is remembered"
    assert engine.judged(judged) is judged
