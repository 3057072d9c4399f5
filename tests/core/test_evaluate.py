"""`main.py evaluate`: which photos are measured, what the measures say of known shapes, and what is written."""
from __future__ import annotations

import argparse
import io
import json
import tarfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.cli import COMMANDS
from core.errors import UserError
from core.evaluate import command, fit_report, measures, report, sheets
from core.evaluate.fits import SIZE, Fitted, Refused, fit_one
from core.evaluate.lights import known_lights, relative
from core.evaluate.measures import Measures, asymmetry, landmark_measures, nose_depth
from core.evaluate.pairs import copied_smiles, identity_distances
from core.evaluate.photos import Listed, choose, find_pairs, is_kept_back, list_photos
from core.evaluate.ranges import percentiles
from core.head import load_head
from core.head.base import HeadModel
from core.landmarks import FaceFinder
from core.prepare import Item


@pytest.fixture(scope="module")
def head() -> HeadModel:
    return load_head("open")


@pytest.fixture(scope="module")
def fitted(head: HeadModel, sample_photo: Path) -> Fitted:
    listed = Listed(Item(str(sample_photo)), "samples", "astronaut")
    with FaceFinder() as finder:
        return fit_one(listed, sample_photo.read_bytes(), head, finder)


def person(fitted: Fitted, name: str, head: HeadModel, seed: int, noise: float = 0.0) -> Fitted:
    """The same photo as somebody else's: another identity, the same for a seed but for noise."""
    rng = np.random.default_rng(seed)
    identity = rng.normal(size=head.identity_size) + noise * np.random.default_rng(seed + 100).normal(size=head.identity_size)
    return replace(fitted, photo=replace(fitted.photo, person=name), code=fitted.code.replace(identity=identity))


# -- photos -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a tar, a folder of photos, an index, and paintings that are left out."""
    out = io.BytesIO()
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(out, "JPEG")
    for archive, names in (("photos.tar", ["a_1", "a_2", "b_1"]), ("art-0.tar", ["p_1"])):
        with tarfile.open(tmp_path / archive, "w") as tar:
            for name in names:
                member = tarfile.TarInfo(f"x/{name}.jpg")
                member.size = len(out.getvalue())
                tar.addfile(member, io.BytesIO(out.getvalue()))
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "a_1.jpg").write_bytes(out.getvalue())
    (tmp_path / "own" / "holiday.jpg").write_bytes(out.getvalue())
    (tmp_path / "empty").mkdir()
    (tmp_path / "index.csv").write_text("name,source,yaw_deg\na_1,alpha,12.5\n")
    return tmp_path


def test_photos_of_folders_and_tars_are_listed_once(folder: Path) -> None:
    listed = {photo.name: photo for photo in list_photos(folder)}
    assert sorted(listed) == ["a_1", "a_2", "b_1", "holiday"]
    assert (listed["a_1"].source, listed["a_1"].yaw) == ("alpha", 12.5) and not listed["a_1"].item.member
    assert (listed["b_1"].source, listed["b_1"].yaw) == ("b", None) and listed["holiday"].source == "own"


def test_an_index_without_its_columns_is_refused(folder: Path) -> None:
    (folder / "index.csv").write_text("photo,who\na,b\n")
    with pytest.raises(UserError, match="columns name, source"):
        list_photos(folder)


def test_folders_without_photos_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="neither photos nor tars"):
        list_photos(tmp_path)
    with pytest.raises(UserError, match="no folder"):
        list_photos(tmp_path / "nowhere")


def test_the_choice_is_spread_and_always_the_same() -> None:
    photos = [Listed(Item(f"{s}_{i}.jpg"), s, f"{s}{i}") for s, count in (("a", 20), ("b", 3), ("c", 3)) for i in range(count)]
    chosen = choose(photos, 9)
    assert [sum(p.source == s for p in chosen) for s in "abc"] == [3, 3, 3]
    assert choose(photos[::-1], 9) == chosen and choose(photos, None) == photos


def test_a_tenth_of_the_people_is_kept_back() -> None:
    kept = [is_kept_back(f"somebody {i}") for i in range(1000)]
    assert 60 < sum(kept) < 140


def test_pairs_are_found_by_name() -> None:
    names = ["londonneutral_001-03", "londonsmile_001-08", "londonneutral_002-03", "house_x"]
    photos = [Listed(Item(f"{name}.jpg"), "s", name.replace("neutral", "").replace("smile", "").split("-")[0]) for name in names]
    assert [(a.name, b.name) for a, b in find_pairs(photos)] == [(names[0], names[1])]


# -- measures -----------------------------------------------------------------------------------------------------------


def test_landmark_measures_of_known_errors() -> None:
    seen = np.random.default_rng(0).uniform(0, 200, (478, 2))
    seen[[33, 263]] = (50, 100), (150, 100)
    same = landmark_measures(seen, seen, 125.0)
    assert same["inner"] == same["lip_gap"] == same["lid_gap"] == 0
    moved = landmark_measures(seen, seen + [0, 2], 125.0)
    assert moved["inner"] == pytest.approx(0.02) and moved["inner_3d"] == pytest.approx(0.016)
    assert moved["lip_gap"] == pytest.approx(0, abs=1e-9)


def test_a_shut_and_an_open_mouth_are_told_apart() -> None:
    seen = np.zeros((478, 2))
    seen[263] = (100, 0)
    opened = seen.copy()
    opened[[87, 14, 317]] = (0, 5)
    assert landmark_measures(seen, opened, 100.0)["lip_gap"] == pytest.approx(0.05)


def test_depth_and_asymmetry_of_the_mean_head(head: HeadModel) -> None:
    code = head.zero_code()
    assert 25 < nose_depth(head, code) < 37 and asymmetry(head, code) < 0.6
    turned = code.replace(pose=[0.2, 0.4, 0.1], expression=np.full(head.expression_size, 0.3))
    assert asymmetry(head, turned) == asymmetry(head, code)  # of the identity alone


def test_a_lopsided_head_is_noticed(head: HeadModel, monkeypatch: pytest.MonkeyPatch) -> None:
    points = measures.still_landmarks(head, head.zero_code())
    crooked = points + np.where(points[:, :1] > 0, [[0, 0.003, 0]], 0)
    measures._twins(head)
    monkeypatch.setattr(measures, "still_landmarks", lambda *unused: crooked)
    assert asymmetry(head, head.zero_code()) > 2


def test_a_photo_is_fitted_and_measured(fitted: Fitted) -> None:
    found = fitted.measures
    assert found.inner < 0.03 and found.lip_gap < 0.02 and 0 < found.residual < 80 and 0 <= found.confidence <= 1
    assert fitted.points.shape == (478, 2) and len(fitted.times) == 3 and min(fitted.times) > 0


# -- pairs and lights ---------------------------------------------------------------------------------------------------


def test_the_same_person_is_nearer_than_strangers(fitted: Fitted, head: HeadModel) -> None:
    pairs = [(person(fitted, f"p{i}", head, i), person(fitted, f"p{i}", head, i, 0.2)) for i in range(6)]
    found = identity_distances(pairs)
    assert all(pair.closer_than == 1 for pair in found)
    shuffled = identity_distances([(a, pairs[(i + 1) % 6][1]) for i, (a, _) in enumerate(pairs)])
    assert np.mean([pair.closer_than for pair in shuffled]) < 0.9


def test_a_copied_smile_is_scored_on_a_render(fitted: Fitted, head: HeadModel) -> None:
    units = np.where(np.char.startswith(head.expression_names, "mouthSmile"), 0.9, 0.0)
    still, scores = fitted.code.replace(expression=0 * units), {"mouthSmileLeft": 0.9, "mouthSmileRight": 0.7}
    pairs = [(replace(fitted, code=still), replace(fitted, code=still.replace(expression=units), scores=scores))]
    with FaceFinder() as finder:
        found = copied_smiles(head, pairs, identity_distances(pairs), finder)[0]
    assert found.measured == pytest.approx(0.8) and found.copied > 0.3


def test_light_is_recovered_from_renders(fitted: Fitted, head: HeadModel) -> None:
    with FaceFinder() as finder:
        assert known_lights(head, [fitted] * 2, finder, 1) == []  # too few people
        found = known_lights(head, [fitted] * 3, finder, 1)
    assert len(found) == 1 and 0 < found[0].shape <= found[0].error + 1e-9 and found[0].error < 0.6


def test_relative_error_of_lights() -> None:
    truth = np.ones((9, 3))
    assert relative(truth, truth) == 0 and relative(1.1 * truth, truth) == pytest.approx(0.1)


# -- what is written ----------------------------------------------------------------------------------------------------


def test_the_report_names_command_sources_and_worst(fitted: Fitted, tmp_path: Path) -> None:
    photo = replace(fitted.photo, item=Item("worst_one.jpg"), yaw=30.0)
    bad = replace(fitted, photo=photo, measures=replace(fitted.measures, inner=0.5))
    refused = [Refused(Listed(Item("nobody.jpg"), "s", "p"), "No face was found")]
    text = fit_report.write_up([fitted, bad], refused, [], [], "main.py evaluate fit X", "open 123")
    for words in ("`main.py evaluate fit X`", "open 123", "numpy", "| samples | 2 |", "| 25 to 45 | 1 |", "nobody: No face"):
        assert words in text, words
    assert text.index("worst_one", text.index("## Worst")) < text.index(fitted.photo.name, text.index("## Worst"))
    report.write_csv(tmp_path / "fits.csv", report.fit_rows([fitted, bad], refused))
    lines = (tmp_path / "fits.csv").read_text().splitlines()
    assert len(lines) == 4 and lines[0].startswith("name,source,person,yaw,inner") and lines[3].endswith("No face was found")


def test_criteria_say_what_is_not_met(fitted: Fitted) -> None:
    good = replace(fitted, measures=replace(fitted.measures, inner=0.005))
    bad = replace(fitted, measures=replace(fitted.measures, inner=0.05))
    assert report.criteria([good], [], [])[1] == ["inner landmarks, mean", "0.0050", "<= 0.011", "yes"]
    assert report.criteria([bad], [], [])[1][-1] == "NO"
    assert [row[1] for row in report.criteria([good], [], []) if row[0].startswith("known light")] == ["-"]


def test_sheets_show_every_panel(fitted: Fitted, head: HeadModel, tmp_path: Path) -> None:
    panels = sheets.panels(head, fitted)
    assert len(panels) == len(sheets.COLUMNS) and all(p.shape == (SIZE, SIZE, 3) and p.dtype == np.uint8 for p in panels)
    sheets.write_sheet(tmp_path / "s.png", head, [fitted] * 3, across=2, cell=32)
    sheets.write_frontal(tmp_path / "f.png", head, [fitted] * 3, across=2, cell=32)
    assert Image.open(tmp_path / "s.png").size == (2 * 5 * 32, 2 * (32 + 14)) and Image.open(tmp_path / "f.png").size == (128, 64)


def test_percentiles_are_by_control(fitted: Fitted, head: HeadModel, tmp_path: Path) -> None:
    codes = [fitted.code.replace(eyes=[np.deg2rad(v), 0]) for v in (-10, 0, 10)]
    table = percentiles(head, codes)
    assert table["eyes.yaw"] == pytest.approx([-9.8, 0, 9.8]) and set(table) >= {f"expression.{n}" for n in head.expression_names}
    json.dumps(table)


def test_the_command_line(tmp_path: Path) -> None:
    assert COMMANDS["evaluate"].module == "core.evaluate.command"
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    given = ["fit", str(tmp_path), "--report", str(tmp_path / "r"), "--count", "5", "--kept-back", "--workers", "1"]
    args = parser.parse_args(given)
    assert args.count == 5 and args.kept_back and args.skip == ["art-*"]
    with pytest.raises(UserError, match="neither photos nor tars"):
        command.run(args)


def test_measures_are_named() -> None:
    assert Measures.names()[0] == "inner" and "confidence" in Measures.names()
