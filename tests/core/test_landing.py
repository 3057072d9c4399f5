"""Landing: what a slider asks for is what is seen, 0 stays 0, and nothing else is touched."""
from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest

from core.evaluate import landing as evaluation
from core.evaluate.landing import Landed
from core.head import load_head
from core.landing import MOST_UNIT, TABLE_FILE, Curve, Landing, Own, Table, asked_score, of_head, usual
from core.landing_photo import KNOTS, OwnReadings, at_mesh
from core.photo import load_image
from core.rig import Rig, apply, pose_degrees

TABLE = Table("open", {"pose.yaw+": Curve((14.0, 30.0), (11.0, 24.0)), "pose.yaw-": Curve((14.0, 30.0), (12.0, 25.0)),
                       "jaw.open+": Curve((0.4, 0.75, 1.15), (0.2, 0.4, 0.6))}, {"pose.yaw": 1.0, "jaw.open": 1.0})


@pytest.fixture(scope="module")
def head():
    return load_head("open")


def test_a_curve_and_its_inverse_meet():
    curve = TABLE.curves["pose.yaw+"]
    for value in (0.0, 5.0, 14.0, 22.0, 40.0):
        assert curve.asks(curve.reads(value)) == pytest.approx(value)


def test_a_reading_that_falls_is_no_way_back():
    assert Curve((0.4, 0.8), (0.3, 0.1)).asks(0.3) == pytest.approx(0.4, abs=1e-3)


def test_nothing_asked_moves_nothing(head):
    code, landing = head.zero_code(), Landing(TABLE)
    assert apply(Rig(), head, code, landing) is code
    assert apply(Rig().update({"pose.yaw": 0.0, "jaw.open": 0.0}), head, code, landing) == code


@pytest.mark.parametrize("yaw", [-20.0, 8.0, 24.0])
def test_a_turn_goes_as_far_as_it_takes_to_be_read_so(head, yaw):
    edited = apply(Rig().set("pose.yaw", yaw), head, head.zero_code(), Landing(TABLE))
    turned = pose_degrees(edited.pose)[0]
    curve = TABLE.curves["pose.yaw+" if yaw > 0 else "pose.yaw-"]
    assert np.sign(turned) == np.sign(yaw) and curve.reads(abs(turned)) == pytest.approx(abs(yaw), abs=1e-3)


def test_what_has_no_curve_moves_as_it_says(head):
    rig, code = Rig().update({"pose.roll": 12.0, "expression.blink": 0.5, "eyes.yaw": 6.0}), head.zero_code()
    assert apply(rig, head, code, Landing(TABLE, lambda key: pytest.fail(key))) == apply(rig, head, code)


@pytest.mark.parametrize("own", [0.0, 0.3])
def test_an_opened_jaw_reads_as_asked(head, own):
    row = head.expression_names.index("jawOpen")
    code = head.zero_code().replace(expression=np.eye(head.expression_size)[row] * own)
    edited = apply(Rig().set("jaw.open", 0.5), head, code, Landing(TABLE))
    asked = asked_score(own, 0.5, head.controls()["jaw.open"].high)
    curve = TABLE.curves["jaw.open+"]
    assert curve.reads(edited.expression[row]) - curve.reads(own) == pytest.approx(asked - own, abs=0.01)


def test_no_face_is_pulled_out_of_shape_for_a_reading(head):
    """A photo whose readings hardly move is held near what is usual, and no unit passes its end."""
    deaf = Landing(TABLE, lambda key: Own(0.0, Curve((0.4, 1.15), (0.01, 0.02)) if key.startswith("jaw") else
                                          Curve((14.0, 30.0), (1.0, 2.0))))
    code = head.zero_code()
    opened = apply(Rig().set("jaw.open", 0.75), head, code, deaf)
    assert opened.expression[head.expression_names.index("jawOpen")] <= MOST_UNIT + 1e-6
    assert pose_degrees(apply(Rig().set("pose.yaw", 20.0), head, code, deaf).pose)[0] < 32


def test_more_is_more_all_along_a_slider(head):
    """No step back anywhere, so that a drag is smooth."""
    code, landing = head.zero_code(), Landing(usual())
    for name, low, high in (("pose.yaw", -45, 45), ("jaw.open", 0, 0.75), ("expression.smile", 0, 0.95)):
        edited = [apply(Rig().set(name, float(v)), head, code, landing) for v in np.linspace(low, high, 31)]
        unit = "jawOpen" if name == "jaw.open" else "mouthSmileLeft"
        row = head.expression_names.index(unit)
        seen = [pose_degrees(c.pose)[0] if name == "pose.yaw" else c.expression[row] for c in edited]
        assert (np.diff(seen) > -1e-6).all() and np.diff(seen).max() < 4 * np.ptp(seen) / 30, name


def test_the_table_that_ships_is_for_the_head_that_ships(head):
    table = usual()
    assert table.head == "open" and Table.from_json(json.loads(TABLE_FILE.read_text())) == table
    assert all(0.7 <= share <= 1.1 for share in table.kept.values())
    assert of_head(head) is not None
    assert of_head(SimpleNamespace(name="flame")) is None  # type: ignore[arg-type]


def test_the_mesh_is_brought_to_a_unit(head):
    row = head.expression_names.index("jawOpen")
    assert at_mesh(head, head.zero_code(), "jaw.open", 1.1).expression[row] == pytest.approx(1.1, abs=1e-5)
    assert pose_degrees(at_mesh(head, head.zero_code(), "pose.pitch", -8.0).pose)[1] == pytest.approx(-8.0)


def test_a_photo_is_read_once_and_its_turn_lands(head):
    """The sample photo: its own curve rises, is kept, and needs more of the mesh than the slider says."""
    from core.estimate import fit_photo
    from core.landmarks import FaceFinder
    from core.paths import RESOURCES
    from core.photo import Photo
    from core.session import Session

    with FaceFinder() as finder:
        photo = Photo.open(load_image(RESOURCES / "samples" / "astronaut.png"), None, finder)
        session = Session(photo, fit_photo(head, photo), head, 256)
        assert session.landing is None  # without a finder, edits go as far as they say
        read = OwnReadings(session, finder)
        own = read("pose.yaw+")
        assert read("pose.yaw+") is own
        Landing(usual(), read).read_ahead()
    assert read("jaw.open+").curve is not None  # kept: the finder is closed
    assert own.curve is not None and own.curve.mesh == KNOTS["pose.yaw"]
    assert 0 < own.curve.reading[0] < own.curve.reading[1] < 30


def test_asked_score_is_a_share_of_the_room():
    assert asked_score(0.0, 0.6, 0.75) == pytest.approx(0.6)
    assert asked_score(0.3, 0.75, 0.75) == pytest.approx(0.75)
    assert asked_score(0.9, 0.4, 0.75) == pytest.approx(0.9)
    assert asked_score(0.8, -0.5, 0.95) == pytest.approx(0.4)


def test_tables_of_what_was_found():
    def landed(row, found, person):
        return Landed(row, "photo", "pose.yaw=20", {"pose.yaw": 20.0}, found, person)

    items = [landed("starting picture", {"pose.yaw": 20.0}, 0.2), landed("net", {"pose.yaw": 18.0}, 0.7),
             landed("net", {}, float("nan"))]
    assert evaluation.kept_share(items, "pose.yaw", "net") == pytest.approx(0.9)
    rows = evaluation.summary(items)
    assert ["net", "pictures without a face", "1", *[""] * 5] in rows
    assert next(r for r in rows if r[0] == "net" and r[1].startswith("yaw"))[3:] == ["-2.00", "2.00", "2.00", "4", "100%"]
    assert evaluation.people(items)[-1][-1] == "0.0%"
    assert {e.name for e in evaluation.chosen(["jaw"])} > {"jaw.open=0.3", "jaw.open=0.6"}
