"""`main.py evaluate reinference|identity|pictures`: measures on pictures whose answer is known, and a small run of each."""
from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import core.backends
from core import identity
from core.codes import FaceCode
from core.cv import cv2
from core.errors import UserError
from core.evaluate import command, identities, making, pictures, reinference, smiles
from core.evaluate.fits import SIZE, Refused
from core.evaluate.making import Picture
from core.evaluate.photos import Listed, unseen
from core.evaluate.picture_measures import frechet, patch_features, perceptual, psnr, rmse, ssim
from core.evaluate.rows import COMPOSITE, NOTHING, WARP, Plain, at_trained_size, describe, named
from core.evaluate.subjects import NO_EDIT, Case, Edit, Judge, Subject, cases_of, open_subjects
from core.landmarks import FaceFinder
from core.prepare import Item
from core.prior import load_prior
from models.checkpoint import save
from tests.tiny import save_tiny_prior


@pytest.fixture(scope="module")
def judge() -> Iterator[Judge]:
    with FaceFinder() as finder:
        yield Judge(finder)


@pytest.fixture(scope="module")
def subjects(judge: Judge, sample_photo: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Subject]:
    """The portrait that ships, and its darker mirror image as somebody else."""
    folder = tmp_path_factory.mktemp("photos")
    with Image.open(sample_photo) as image:
        pixels = np.asarray(image.convert("RGB"))
    Image.fromarray(pixels).save(folder / "a_1.png")
    Image.fromarray((pixels[:, ::-1] * 0.6).astype(np.uint8)).save(folder / "b_1.png")
    listed = [Listed(Item(str(folder / f"{name}_1.png")), name, f"{name}_1") for name in "ab"]
    found, refused = open_subjects(listed, judge, say=lambda line: None)
    assert not refused
    return found


@pytest.fixture
def fast(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A tiny prior in place of the one that ships, and no timing of number formats."""
    prior = save_tiny_prior(tmp_path / "tiny.safetensors")
    monkeypatch.setattr("core.paths.default_prior", lambda: prior)
    monkeypatch.setattr(core.backends, "pick_dtype", lambda *_: torch.float32)
    return prior


# -- measures ---------------------------------------------------------------------------------------------------------------


def test_equal_pictures_have_no_distance(subjects: list[Subject]) -> None:
    crop = subjects[0].crop
    assert psnr(crop, crop) == 99 and ssim(crop, crop) == pytest.approx(1) and rmse(crop, crop) == 0
    assert perceptual(crop, crop) == pytest.approx(0, abs=1e-9)
    assert frechet(patch_features([crop]), patch_features([crop])) == pytest.approx(0, abs=1e-6)


def test_known_differences(subjects: list[Subject]) -> None:
    crop = subjects[0].crop
    grey = np.full_like(crop, 100)
    assert rmse(grey, grey + 10) == 10 and psnr(grey, grey + 10) == pytest.approx(28.13, abs=0.01)
    mask = np.zeros((SIZE, SIZE), bool)
    assert np.isnan(rmse(grey, grey + 10, mask))
    changed = crop.copy()
    changed[:64] = 255 - changed[:64]
    mask[128:] = True
    assert rmse(crop, changed, mask) == 0 and perceptual(crop, changed, mask) < 0.02 < 0.1 < perceptual(crop, changed)


def test_more_damage_is_farther(subjects: list[Subject]) -> None:
    crop = subjects[0].crop
    worse = [cv2.GaussianBlur(crop, (0, 0), sigma) for sigma in (0.6, 1.2, 2.5)]
    own = patch_features([crop])
    for measure in (lambda p: 1 - ssim(crop, p), lambda p: perceptual(crop, p), lambda p: frechet(own, patch_features([p]))):
        values = [measure(picture) for picture in worse]
        assert 0 < values[0] < values[1] < values[2]
    # the same brightness everywhere matters less to the eye than blur of the same RMSE
    brighter = np.clip(crop.astype(int) + round(rmse(crop, worse[1])), 0, 255).astype(np.uint8)
    assert perceptual(crop, brighter) < perceptual(crop, worse[1])


def test_patches_see_their_frequency() -> None:
    stripes = np.tile(np.array([80, 160], np.uint8), (64, 32))
    features = patch_features([np.repeat(stripes[..., None], 3, 2)])
    assert features.shape == (64 + 16, 66)
    strongest = np.abs(features[0, 1:64]).argmax() + 1
    assert strongest == 7 and np.allclose(features[0, 8:64], 0, atol=1e-6)  # the finest across, nothing down


# -- photos and edits -------------------------------------------------------------------------------------------------------


def test_unseen_people_are_those_that_training_holds_back(tmp_path: Path) -> None:
    from core.train_data import is_held_back

    photos = [Listed(Item(f"x_{i:04d}.jpg"), "x", f"x_{i:04d}") for i in range(400)]
    kept = unseen(photos)
    assert kept == [p for p in photos if is_held_back(p.name, 0.05)] and 5 < len(kept) < 40
    shown = next(p for p in photos if p not in kept)
    (tmp_path / f"{shown.name}.jpg").touch()
    assert len(unseen(photos, tmp_path)) == len(kept) + 1
    with pytest.raises(UserError, match="kept back"):
        unseen([p for p in photos if p not in kept])


def test_photos_without_a_face_are_refused(judge: Judge, tmp_path: Path) -> None:
    Image.fromarray(np.full((64, 64, 3), 90, np.uint8)).save(tmp_path / "wall.png")
    found = judge.subject(Listed(Item(str(tmp_path / "wall.png")), "x", "wall"))
    assert isinstance(found, Refused) and "wall" in found.reason
    with pytest.raises(UserError, match="None of the 1 photos"):
        open_subjects([found.photo], judge)
    assert judge.read(np.zeros((SIZE, SIZE, 3), np.uint8)) is None


def test_blocks_come_from_other_photos(judge: Judge, subjects: list[Subject]) -> None:
    edits = [Edit("all", ("light", "expression", "pose")), Edit("smile", values=(("expression.smile", 0.5),))]
    many = [replace(subjects[i % 2], listed=Listed(Item(f"{i}.png"), "s", str(i))) for i in range(5)]
    found = cases_of(many, edits)
    assert len(found) == 10 and all(donor is not case.subject for case in found for donor in case.donors)
    assert len({donor.name for donor in found[0].donors}) == 3
    wanted = found[0].wanted(judge)
    light, expression, pose = (donor.code for donor in found[0].donors)
    assert np.array_equal(wanted.light, light.light) and np.array_equal(wanted.pose, pose.pose)
    assert np.array_equal(wanted.expression, expression.expression)
    assert np.array_equal(wanted.identity, many[0].code.identity)
    assert found[1].donors == () and found[1].wanted(judge) != many[0].code
    with pytest.raises(UserError, match="no other"):
        cases_of(many[:1], edits)


# -- rows -------------------------------------------------------------------------------------------------------------------


def test_baselines_without_a_network(judge: Judge, subjects: list[Subject]) -> None:
    still = Case(subjects[0], NO_EDIT)
    assert np.array_equal(Plain(NOTHING, judge).make(still), subjects[0].crop)
    assert np.array_equal(Plain(WARP, judge).make(still), subjects[0].crop)
    drawn = Plain(COMPOSITE, judge).make(still)
    assert np.array_equal(drawn[:8, :8], subjects[0].crop[:8, :8])  # off the head
    assert 4 < rmse(drawn, subjects[0].crop) < 60


def test_the_warp_does_what_is_asked_and_nothing_does_not(judge: Judge, subjects: list[Subject]) -> None:
    case = Case(subjects[0], Edit("turn", values=(("pose.yaw", 12.0), ("light.azimuth", 60.0))))
    errors = {name: reinference.measure(judge, Picture(row, case, row.make(case))).errors
              for name, row in ((n, Plain(n, judge)) for n in (NOTHING, WARP))}
    assert errors[NOTHING].turn == pytest.approx(12, abs=0.5) and errors[NOTHING].shape == pytest.approx(0, abs=1e-4)
    assert errors[WARP].turn < 5 and errors[WARP].light < 0.75 * errors[NOTHING].light


def test_a_prior_trained_smaller_is_asked_for_what_it_knows(tmp_path: Path) -> None:
    path = save_tiny_prior(tmp_path / "tiny.safetensors", attention=(16,), patch=8)
    prior = load_prior(path)
    with at_trained_size(path) as same:
        assert same == path
    said = replace(prior.checkpoint.description, card={"phases": [{"side": 128}], "samples_seen": 2616})
    save(path, prior.checkpoint.state, said)
    with at_trained_size(path) as small:
        found = load_prior(small)
        assert found.size == 128 and found.config.attention == (8,) and "2,616 samples" in describe(found)
        found.build()
    assert not small.exists()


def test_name_and_file() -> None:
    assert named("vector=runs/a=b.safetensors").file == Path("runs/a=b.safetensors")
    for wrong in ("vector", "=file", "vector="):
        with pytest.raises(argparse.ArgumentTypeError, match="NAME=FILE"):
            named(wrong)


# -- re-inference -----------------------------------------------------------------------------------------------------------


def test_errors_of_known_codes(judge: Judge, subjects: list[Subject]) -> None:
    head, code = judge.head, subjects[0].code
    none = reinference.compare(head, code, code)
    assert (none.light, none.shape, none.expression, none.pose, none.turn) == (0, 0, 0, 0, 0) and none.found
    turned = code.replace(pose=np.asarray(code.pose) + [0, 0.1, 0], light=np.asarray(code.light) + 0.2)
    found = reinference.compare(head, code, turned)
    assert found.light == pytest.approx(0.2, abs=1e-5) and found.pose == pytest.approx(0.1 / np.sqrt(3), abs=1e-5)
    assert found.turn == pytest.approx(np.degrees(0.1), abs=0.3) and found.shape_mm == 0
    missing = reinference.compare(head, code, None)
    assert not missing.found and missing.shape == pytest.approx(2 * float(np.sqrt(np.mean(np.square(code.identity)))), rel=1e-5)


def test_the_floor_is_far_below_another_person(judge: Judge, subjects: list[Subject]) -> None:
    again = reinference.floor(judge, subjects[0]).errors
    other = reinference.compare(judge.head, subjects[0].code, subjects[1].code)
    assert 0 < again.light < 0.3 * other.light and again.turn < 1.5


def test_tables_count_missing_faces(judge: Judge, subjects: list[Subject]) -> None:
    good = reinference.compare(judge.head, subjects[0].code, subjects[0].code)
    bad = reinference.compare(judge.head, subjects[0].code, None)
    rows = [reinference.Measured("r", "a", "light", good), reinference.Measured("r", "b", "pose", bad)]
    line = reinference.table(rows, reinference.BLOCKS)[1]
    assert line[:3] == ["r", "2", "50%"] and float(line[3]) == pytest.approx(bad.light / np.sqrt(2), abs=1e-4)
    assert reinference.table(rows, reinference.BLOCKS, penalty=False)[1][3:] == ["0.0000"] * 4
    head, line = reinference.by_edit(rows)
    assert head == ["row", "light of 'light'", "pose of 'pose'", "shape"] and line[1] == "0.0000" and line[2] == f"{bad.pose:.4f}"
    assert len(reinference.picture_rows(rows)) == 3


def _fake_deca(code: FaceCode) -> object:
    return lambda head, photo: argparse.Namespace(code=code)


def test_another_estimator_judges_in_its_own_space(judge: Judge, subjects: list[Subject],
                                                   monkeypatch: pytest.MonkeyPatch) -> None:
    head = judge.head
    code = head.zero_code().replace(light=np.full((9, 3), 0.5))
    monkeypatch.setattr("core.evaluate.subjects.load_head", lambda name: head)
    monkeypatch.setattr("core.evaluate.subjects.estimators.get", lambda name, *_: _fake_deca(code) if name == "deca" else None)
    other = Judge(judge.finder, "deca")
    assert other.read(subjects[0].crop) == code
    found = other.subject(subjects[0].listed)
    assert isinstance(found, Subject) and found.code == code


# -- identity, pictures and smiles ------------------------------------------------------------------------------------------


def test_identity_table() -> None:
    found = [identities.Likeness("r", "a", "light", 0.2), identities.Likeness("r", "b", "light", 0.7),
             identities.Likeness("r", "c", "light", float("nan")), identities.Likeness("r", "c", "smile", 0.4)]
    line = identities.table(found)[1]
    assert line[:4] == ["r", "4", "75%", "50.0%"] and line[4] == "0.433" and line[6] == "0.700"
    assert identities.by_edit(found) == [["row", "light", "smile"], ["r", "33% (0.450)", "100% (0.400)"]]


def test_turns_go_to_either_side(subjects: list[Subject]) -> None:
    found = identities.cases(subjects)
    assert [case.edit.name for case in found[:5]] == ["light", "expression", "smile 0.8", "turn 10°", "turn 20°"]
    assert [dict(found[i].edit.values)["pose.yaw"] for i in (3, 4, 8, 9)] == [-10, -20, 10, 20]
    assert len(identities.cases(subjects[:1])) == 3  # nobody to copy from


def test_what_comes_back_is_measured(judge: Judge, subjects: list[Subject]) -> None:
    case, crop = Case(subjects[0], NO_EDIT), subjects[0].crop
    edge = crop.copy()
    edge[:6] = 255 - edge[:6]
    row = Plain(NOTHING, judge)
    kept = [pictures.measure(judge, Picture(row, case, made), judge.finder) for made in (crop, edge)]
    assert kept[0].psnr == 99 and kept[0].outside == 0 and kept[1].outside > 5 and kept[1].psnr < 40
    distances = pictures.frechet_distances(subjects, [Picture(row, case, crop)])
    lines = pictures.table(kept, distances, {NOTHING: 1.234})
    assert lines[1][0] == NOTHING and lines[1][-1] == "1.23" and lines[-1][0] == "photos"


def test_a_smile_is_laid_over_its_truth(judge: Judge, subjects: list[Subject]) -> None:
    subject = subjects[0]
    shifted = np.roll(subject.crop, (6, 4), (0, 1))
    truth = replace(subject, crop=shifted, face=subject.face.moved(1.0, (4, 6)))
    laid, valid = smiles.laid_over(subject.crop, subject.face, truth.face)
    assert rmse(laid, shifted, valid) < 3 and valid.mean() > 0.9
    case = Case(subject, smiles.SMILE, (truth,))
    found = smiles.against_truth([Picture(Plain(NOTHING, judge), case, subject.crop),
                                  Picture(Plain(WARP, judge), case, None)], judge.finder)
    assert found[0].colour < 3 and found[0].perceptual < 0.05 and found[0].smile < 0.05 and np.isnan(found[1].colour)
    assert smiles.table(found)[2][2:] == ["-"] * 4


# -- whole runs -------------------------------------------------------------------------------------------------------------


def _photos(tmp_path: Path, subjects: list[Subject]) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for subject, name in zip(subjects, ("londonneutral_001-03", "londonsmile_001-08"), strict=True):
        (folder / f"{name}.png").write_bytes(subject.png)
    return folder


def _run(kind: str, folder: Path, report: Path, *more: str) -> str:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    assert command.run(parser.parse_args([kind, str(folder), "--report", str(report), *more])) == 0
    return (report / "REPORT.md").read_text()


def test_a_whole_reinference(subjects: list[Subject], fast: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = _run("reinference", _photos(tmp_path, subjects), tmp_path / "r", "--count", "2", "--prior", f"tiny={fast}", "--edits",
                "light", "--rows", "nothing", "warp", "seeded")
    for words in ("photos: 2 of", "**tiny, seeded**", load_prior(fast).digest[:12], "| noise floor | 2 | 100% |", "by edit",
                  "--kept-back takes only others"):
        assert words in text, words
    assert "inverted" not in text.split("## Table 1")[1]
    lines = (tmp_path / "r" / "table.csv").read_text().splitlines()
    assert lines[0] == "row,pictures,faces,light,shape,expression,pose" and len(lines) == 6
    assert Image.open(tmp_path / "r" / "reinference.png").size[0] == 7 * 168
    assert "| nothing done |" in capsys.readouterr().out
    _run("reinference", tmp_path / "photos", tmp_path / "again", "--prior", f"tiny={fast}", "--edits", "light", "--rows", "tiny")
    first, second = ([line for line in (tmp_path / name / "pictures.csv").read_text().splitlines() if line.startswith('"tiny')]
                     for name in ("r", "again"))
    assert len(first) == 2 and first == second


@pytest.mark.skipif(not identity.available(), reason="needs the re-identification models")
def test_whole_identity_and_pictures(subjects: list[Subject], fast: Path, tmp_path: Path) -> None:
    folder = _photos(tmp_path, subjects)
    text = _run("identity", folder, tmp_path / "i", "--rows", "warp")
    assert "| warp and quotient | 10 | 100% |" in text and (tmp_path / "i" / "identity.png").is_file()
    text = _run("pictures", folder, tmp_path / "p", "--count", "1", "--noise", "seeded")
    for words in ("default prior, seeded, held", "Smiles against the real smiling photo, 1 people", "HaarPSI", "not\n  FID"):
        assert words in text, words
    assert {p.name for p in (tmp_path / "p").iterdir()} == {"REPORT.md", "table.csv", "smiles.csv", "photos.csv", "pictures.png",
                                                            "smiles.png"}


def test_a_row_that_does_not_exist_is_refused(subjects: list[Subject], fast: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="No row's name holds nonsense"):
        _run("reinference", _photos(tmp_path, subjects), tmp_path / "r", "--rows", "nonsense")


def test_a_row_that_fails_is_a_missing_picture(judge: Judge, subjects: list[Subject], tmp_path: Path) -> None:
    class Broken:
        name = about = "broken"

        def make(self, case: Case) -> np.ndarray:
            raise UserError("cannot")

    found = making.make_all([Broken()], [Case(subjects[0], NO_EDIT)], say=lambda line: None)
    assert found[0].pixels is None and found[0].problem == "cannot"
    assert not reinference.measure(judge, found[0]).errors.found
    making.write_sheet(tmp_path / "s.png", judge, found, cell=32)
    assert Image.open(tmp_path / "s.png").size[0] == 3 * 32


def test_kinds_are_registered() -> None:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    assert {"fit", "ranges", "reinference", "identity", "pictures"} <= set(command.KINDS)
