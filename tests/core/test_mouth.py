"""The inside of the mouth: teeth that stay with skull and jaw, light through the lips, a photo's own teeth kept."""
from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from core.codes import FaceCode
from core.cv import cv2
from core.head import load_head
from core.light_quotient import even_in_mouth, inside_mouth
from core.mouth import OUTSIDE, Mouth, around_mouth, has_mouth, mouth_of, surface_in
from core.mouth_look import MouthLook, look_of
from core.mouth_mesh import LOWER, TOOTH, UPPER, gums, put_out, teeth, tongue
from core.mouth_own import with_own
from core.mouth_paint import paint_mouth, reach_of
from core.render.buffers import posed_vertices, render_buffers
from core.render.camera import project_ndc

SIDE = 256
LOOK = MouthLook(np.full(3, 255, np.float32), 0.6, 0.0, SIDE)


@pytest.fixture(scope="module")
def head():
    return load_head("open")


def opened(head, code: FaceCode | None = None, **units: float) -> FaceCode:
    """A code with expression units set by name, the face filling the picture."""
    code = head.zero_code() if code is None else code
    expression = np.array(code.expression)
    for name, value in units.items():
        expression[head.expression_names.index(name)] = value
    return code.replace(expression=expression)


def mouth(head, edited: FaceCode, look: MouthLook = LOOK, source: FaceCode | None = None) -> Mouth:
    found = mouth_of(head, source or head.zero_code(), edited, look)
    assert found is not None
    return found


def painted(found: Mouth, photo: np.ndarray | None = None, side: int = SIDE, level: float = 140.0) -> np.ndarray:
    """A grey picture with a mouth drawn into it."""
    picture = np.full((side, side, 3), level, np.float32)
    paint_mouth(picture, (0, 0), np.full((side, side, 3), 140, np.uint8) if photo is None else photo, found)
    return picture


def middle(found: Mouth, part: int, upper: bool, index: int = 0) -> np.ndarray:
    """Where (3,) a part's vertices are in the picture on average, NDC."""
    ids = np.unique(found.faces[(found.material == part) & (found.upper == upper)])
    return found.ndc[ids].mean(0)


@pytest.mark.parametrize("part", [teeth(UPPER), teeth(LOWER), gums(UPPER), gums(LOWER), tongue()])
def test_parts_are_whole_and_mirrored(part) -> None:
    assert np.isfinite(part.vertices).all() and part.faces.max() == len(part.vertices) - 1
    assert abs(part.vertices[:, 0].min() + part.vertices[:, 0].max()) < 1e-4
    assert np.abs(part.vertices[:, 0]).max() < 0.034 and part.tint.min() > 0.2


def test_a_tongue_is_put_out_forward_and_by_degrees() -> None:
    rest = tongue().vertices
    out = [put_out(rest, amount)[:, 2].max() for amount in (0.0, 0.3, 0.6, 1.0)]
    assert out[0] == rest[:, 2].max() and all(a < b for a, b in zip(out, out[1:], strict=False))


def test_closed_lips_show_nothing(head) -> None:
    assert mouth_of(head, head.zero_code(), head.zero_code(), LOOK) is None


@pytest.mark.parametrize("pose", [[0.35, 0, 0], [-0.35, 0, 0], [0, 0.5, 0], [0, -0.5, 0]])
def test_nothing_of_the_mouth_is_seen_through_the_face(head, pose) -> None:
    found = mouth(head, opened(head, jawOpen=0.7).replace(pose=pose))
    ids, _, _ = surface_in(found, (-1.0, -1.0, 2.0), 128)
    seen = (ids >= 0) & (found.material[np.maximum(ids, 0)] != OUTSIDE)
    count, _, stats, _ = cv2.connectedComponentsWithStats(seen.astype(np.uint8))
    assert (stats[1:count, cv2.CC_STAT_AREA] > 6).sum() == 1


def test_the_jaw_takes_the_lower_teeth_and_leaves_the_upper_ones(head) -> None:
    small, large = (mouth(head, opened(head, jawOpen=value)) for value in (0.3, 0.7))
    assert np.abs(middle(small, TOOTH, True) - middle(large, TOOTH, True)).max() < 1e-4
    assert middle(large, TOOTH, False)[1] > middle(small, TOOTH, False)[1] + 0.02
    assert large.jaw > small.jaw > 0.001
    sideways = mouth(head, opened(head, jawOpen=0.3, jawLeft=0.5))
    assert abs(middle(sideways, TOOTH, False)[0] - middle(small, TOOTH, False)[0]) > 0.005
    assert abs(middle(sideways, TOOTH, True)[0] - middle(small, TOOTH, True)[0]) < 1e-3


def test_the_upper_teeth_turn_with_the_head(head) -> None:
    source, straight = head.zero_code(), opened(head, jawOpen=0.5)
    own = (head.regions["teeth"] > 0.5) & (head.regions["lower_teeth"] < 0.5)
    for pose in ([0, 0.35, 0], [0.25, 0, 0], [0, -0.3, 0.1]):
        found, places = mouth(head, straight.replace(pose=pose)), []
        for code in (straight, straight.replace(pose=pose)):
            places.append(project_ndc(posed_vertices(head, code, source)[own], source.camera, source.box).mean(0))
        way = middle(found, TOOTH, True) - middle(mouth(head, straight), TOOTH, True)
        assert way == pytest.approx(places[1] - places[0], abs=0.02)
        assert found.jaw == pytest.approx(mouth(head, straight).jaw, abs=2e-4)


def test_teeth_are_bright_and_the_throat_is_dark(head) -> None:
    found = mouth(head, opened(head, jawOpen=0.8))
    picture = painted(found)
    ids, _, _ = surface_in(found, (-1.0, -1.0, 2.0), SIDE)
    kind = np.where(ids >= 0, found.material[np.maximum(ids, 0)], OUTSIDE)
    inner = cv2.erode((kind != OUTSIDE).astype(np.uint8), np.ones((3, 3))) > 0
    tooth = cv2.erode((kind == TOOTH).astype(np.uint8), np.ones((3, 3))) > 0
    luma = picture.mean(-1)
    assert luma[tooth].mean() > 90 and np.percentile(luma[inner & (kind != TOOTH)], 10) < 40
    assert picture[inner & (kind != TOOTH)][:, 0].mean() > picture[inner & (kind != TOOTH)][:, 2].mean()  # it is red in there
    assert np.array_equal(picture[:60], np.full((60, SIDE, 3), 140, np.float32))  # away from the mouth nothing changes


def test_light_from_above_leaves_a_shadow_of_the_lip(head) -> None:
    """Just under the upper lip, and so deep as teeth stand, light from below comes in and light from above does not."""
    source, reached = head.zero_code(), []
    for height in (0.6, -0.6):
        light = np.array(source.light)
        light[2] = height
        found = mouth(head, opened(head, jawOpen=0.5), source=source.replace(light=light))
        ids, _, _ = surface_in(found, found.box, 128)
        column = np.flatnonzero(((ids >= 0) & (found.material[np.maximum(ids, 0)] != OUTSIDE))[:, 64])
        y = np.float32(found.box[1] + (column[0] + 3) / 128 * found.box[2])
        x = np.float32(found.box[0] + found.box[2] / 2)
        reached.append(float(reach_of(found, np.array([x]), np.array([y]), np.array([0.008], np.float32))[0]))
    assert reached[0] < reached[1] - 0.1


def test_an_opening_mouth_changes_by_small_steps(head) -> None:
    """As in a film: no frame differs from the next by much more than the others do."""
    frames = [painted(mouth(head, opened(head, jawOpen=value))) for value in np.linspace(0.3, 0.5, 9)]
    steps = [float(np.abs(b - a).mean()) for a, b in zip(frames, frames[1:], strict=False)]
    assert max(steps) < 2.5 * float(np.median(steps))


def test_the_same_mouth_at_any_size(head) -> None:
    found = mouth(head, opened(head, jawOpen=0.6))
    small, large = painted(found), painted(found, side=3 * SIDE)
    assert np.abs(cv2.resize(large, (SIDE, SIDE), interpolation=cv2.INTER_AREA) - small).mean() < 1.0


def _smiling(head) -> tuple[FaceCode, np.ndarray]:
    """A code with an open smile and its photo: lips red, the opening dark, and in it a strip of blue teeth that no model has."""
    code = opened(head, mouthSmileLeft=0.8, mouthSmileRight=0.8, jawOpen=0.25)
    found = mouth(head, code, source=code)
    photo = np.full((SIDE, SIDE, 3), (150, 80, 75), np.uint8)
    ids, _, _ = surface_in(found, (-1.0, -1.0, 2.0), SIDE)
    inside = (ids >= 0) & (found.material[np.maximum(ids, 0)] != OUTSIDE)
    tooth = inside & (found.material[np.maximum(ids, 0)] == TOOTH) & found.upper[np.maximum(ids, 0)]
    photo[inside] = (30, 12, 10)
    photo[tooth] = (120, 160, 220)
    return code, photo


def test_a_photos_own_teeth_are_kept_where_the_skull_has_them(head) -> None:
    code, photo = _smiling(head)
    look = with_own(LOOK, photo, mouth(head, code, source=code))
    assert look.own is not None and look.own.planes[0].max() > 0.9
    wide = mouth(head, opened(head, code, jawOpen=0.6), look, source=code)
    picture = painted(wide, photo)
    blue = (picture[..., 2] > picture[..., 0] + 40) & (picture[..., 2] > 130)
    was = (photo == (120, 160, 220)).all(-1)
    assert (blue & was).sum() > 0.6 * was.sum()  # they have not gone down with the jaw


def test_an_open_mouth_whose_jaw_stays_is_the_photos(head) -> None:
    code, photo = _smiling(head)
    look = with_own(LOOK, photo, mouth(head, code, source=code))
    same = painted(mouth(head, code, look, source=code), photo)
    ids, _, _ = surface_in(mouth(head, code, source=code), (-1.0, -1.0, 2.0), SIDE)
    inside = cv2.erode(((ids >= 0)).astype(np.uint8), np.ones((3, 3))) > 0
    inside &= mouth(head, code, source=code).material[np.maximum(ids, 0)] != OUTSIDE
    inside = cv2.erode(inside.astype(np.uint8), np.ones((3, 3))) > 0
    assert inside.sum() > 30 and np.abs(same - photo)[inside].mean() < 12


def test_red_lips_alone_are_no_teeth(head) -> None:
    code, photo = _smiling(head)
    photo[:] = (150, 80, 75)
    look = with_own(LOOK, photo, mouth(head, code, source=code))
    assert look.own is not None and look.own.planes[0].max() < 0.1 and look.shift == 0.0


def test_the_look_follows_the_photo(head) -> None:
    buffers = render_buffers(head, head.zero_code(), SIDE)
    skin = around_mouth(head, buffers)
    assert skin.sum() > 100
    photo = np.clip(buffers.rendered * 255, 0, 255)
    bright = look_of((photo * 0.9).astype(np.uint8), buffers.rendered, skin, SIDE)
    dim = look_of((photo * 0.45).astype(np.uint8), buffers.rendered, skin, SIDE)
    assert dim.gain == pytest.approx(bright.gain / 2, rel=0.05)
    noise = np.random.default_rng(0).normal(0, 6, photo.shape)
    grainy = look_of(np.clip(photo * 0.9 + noise, 0, 255).astype(np.uint8), buffers.rendered, skin, SIDE)
    soft = look_of(cv2.GaussianBlur((photo * 0.9).astype(np.uint8), (0, 0), 2.0), buffers.rendered, skin, SIDE)
    assert grainy.grain > bright.grain + 1 and soft.blur >= bright.blur


def test_shadows_of_the_lips_do_not_blacken_the_mouth(head) -> None:
    buffers = render_buffers(head, opened(head, jawOpen=0.6), 128)
    inside = inside_mouth(head, buffers)
    assert inside.max() > 0.9
    factors = np.where((inside > 0.01)[..., None], np.float32(0.25), np.float32(0.8)) * np.ones(3, np.float32)
    evened = even_in_mouth(factors, inside)
    assert evened[inside > 0.95].min() > 0.6 and np.array_equal(evened[inside == 0], factors[inside == 0])


def test_heads_without_teeth_have_no_mouth(head) -> None:
    class Toothless:
        regions: dict[str, np.ndarray] = {name: value for name, value in head.regions.items() if name != "lower_teeth"}

    assert has_mouth(head) and not has_mouth(Toothless())  # type: ignore[arg-type]
    assert replace(LOOK, shift=0.001).shift == 0.001
