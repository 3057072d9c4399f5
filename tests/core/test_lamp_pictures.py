"""Hard lamps all the way into pictures: buffers, the starting picture, its full size, the paper's chain."""
from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from core import compose
from core.cv import cv2
from core.edit import prepare_start
from core.engine import Engine
from core.light_quotient import lamp_edges
from core.render.buffers import lamp_shading, render_buffers
from core.request import RenderRequest
from core.rig import Rig
from core.session import Session
from core.shadows import MAP, RAYS

pytest.importorskip("embreex")
HARD: dict[str, Any] = {"light.azimuth": 60.0, "light.elevation": 30.0, "light.intensity": 1.5, "light.ambient": 0.3,
                        "light.softness": 0.05}


def rig(shadow: float, **more: float) -> Rig:
    return Rig().update({**HARD, "light.shadow": shadow, **more})


def request(session: Session, edit: Rig, **options: Any) -> RenderRequest:
    return RenderRequest(session.digest, edit, **{"steps": 3, "size": "crop", "strength": 0.0, **options})


def hidden(engine: Engine, session: Session, size: int) -> np.ndarray:
    """Where the lamp is kept from the face by the face (size, size) bool."""
    with_it, without = (engine.buffers(session, rig(shadow), size, shadows=RAYS) for shadow in (1.0, 0.0))
    lost = (without.rendered - with_it.rendered).mean(-1) / np.maximum(without.albedo.mean(-1), 0.05)
    return cv2.erode((lost > 0.25).astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool)


def test_a_shadow_is_seen_in_the_picture_and_nowhere_else(engine: Engine, session: Session) -> None:
    dark = hidden(engine, session, session.native.shape[0])
    assert 0.002 < dark.mean() < 0.2
    shaded, plain = (engine.render(request(session, rig(shadow))).crop.astype(float) for shadow in (1.0, 0.0))
    change = np.log((shaded.mean(-1) + 4) / (plain.mean(-1) + 4))
    assert np.median(change[dark]) < -0.25
    far = cv2.dilate(dark.astype(np.uint8), np.ones((41, 41), np.uint8)) == 0
    assert abs(np.median(change[far])) < 0.01


def test_the_edge_of_a_shadow_is_not_lost_in_the_quotients_blur(engine: Engine, session: Session) -> None:
    start = prepare_start(session, engine.edited_code(session, rig(1.0)), request(session, rig(1.0)))
    assert start.light.edges is not None
    side = session.native.shape[0]
    fine = render_buffers(session.head, start.own_code, side, recentre_from=session.code)
    shading = np.log(fine.rendered.mean(-1) / np.maximum(fine.albedo.mean(-1), 0.05) + 0.08)
    steep = cv2.morphologyEx(shading.astype(np.float32), cv2.MORPH_GRADIENT, np.ones((5, 5)))
    skin = cv2.erode(fine.coverage, np.ones((15, 15))) > 0
    edge = skin & (steep > np.quantile(steep[skin], 0.98))

    def steepness(factors: np.ndarray) -> float:
        lightness = np.log(factors.mean(-1)).astype(np.float32)
        return float(np.median(cv2.morphologyEx(lightness, cv2.MORPH_GRADIENT, np.ones((5, 5)))[edge]))

    assert steepness(start.light.on_face(side)) > 1.5 * steepness(compose.resize(start.light.factors, side))


def test_edges_are_of_the_face_alone(session: Session, engine: Engine) -> None:
    code = engine.edited_code(session, rig(1.0))
    edges = lamp_edges(session.head, code, session.code, 128)
    buffers = render_buffers(session.head, code, 128, recentre_from=session.code)
    assert (edges[buffers.coverage == 0] == 1).all() and 0.3 <= edges.min() < 0.9 and 1.02 < edges.max() <= 2.5
    soft = code.replace(lamps=())
    assert lamp_shading(session.head, soft, buffers, session.code).max() == 0
    assert np.allclose(lamp_edges(session.head, soft, session.code, 128), 1)


def test_a_shadow_fades_in_without_a_jump(engine: Engine, session: Session) -> None:
    none, little = (engine.render(request(session, rig(shadow, **{"light.softness": 1.0}))).crop.astype(int)
                    for shadow in (0.0, 0.004))
    assert np.abs(none - little).max() <= 3
    assert np.abs(none - little).mean() < 0.3


@pytest.mark.parametrize("options", [{"quality": "preview"}, {"noise": "seeded", "strength": 1.0}, {"hold_background": False},
                                     {"method": "paper", "steps": 2}])
def test_every_way_of_making_a_picture_takes_lamps(engine: Engine, session: Session, options: dict[str, Any]) -> None:
    if options.get("method") == "paper":
        options = {**options, "noise": "inverted", "strength": 1.0}
    shaded = engine.render(request(session, rig(1.0), **options)).crop
    again = engine.render(request(session, rig(1.0, **{"lamp.2.intensity": 0.0}), **options)).crop
    assert np.array_equal(shaded, again)
    assert not np.array_equal(shaded, engine.render(request(session, rig(0.0), **options)).crop)


def test_lamps_follow_a_turned_head(engine: Engine, session: Session) -> None:
    turned = rig(1.0, **{"pose.yaw": 15.0})
    start = prepare_start(session, engine.edited_code(session, turned), request(session, turned))
    assert start.still.lamps == () and len(start.own_code.lamps) == 1
    assert start.own_code.lamps[0].light[0] < engine.edited_code(session, turned).lamps[0].light[0]
    assert np.isfinite(start.picture).all() and start.picture.min() >= 0


def test_what_is_dragged_takes_the_fast_way_and_buffers_that_are_saved_the_exact_one(engine: Engine, session: Session) -> None:
    live, exact = engine.buffers(session, rig(1.0)), engine.buffers(session, rig(1.0), shadows=RAYS)
    assert np.array_equal(live.rendered, engine.buffers(session, rig(1.0), shadows=MAP).rendered)
    assert not np.array_equal(live.rendered, exact.rendered)
    assert np.abs(live.rendered - exact.rendered).mean() < 0.01


def test_a_network_that_reads_the_code_reads_the_lamps_in_its_light(engine: Engine, session: Session) -> None:
    hard, soft = (engine.edited_code(session, rig(shadow, **{"light.softness": softness}))
                  for shadow, softness in ((1.0, 0.0), (0.0, 1.0)))
    assert np.allclose(hard.vector(("light",)), soft.vector(("light",)), atol=1e-4)
