"""`main.py evaluate pictures`: how well photos come back when nothing is edited, and smiles against real photos of them."""
from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.cv import cv2
from core.evaluate import command, making, report, smiles
from core.evaluate.making import Picture
from core.evaluate.photos import find_pairs, list_photos, unseen
from core.evaluate.picture_measures import (
    embedding,
    frechet,
    identity_distance,
    patch_features,
    perceptual,
    psnr,
    rmse,
    ssim,
)
from core.evaluate.report import Rows
from core.evaluate.rows import COMPOSITE, NOTHING, WARP, Made, Plain, Row, add_rows, edited_by, opened_rows
from core.evaluate.subjects import NO_EDIT, Judge, Subject, cases_of, open_subjects, select, test_photos
from core.landmarks import FaceFinder

COUNT, PAIRS = 16, 6
_BESIDE = 0.06  # share of the picture's side around the head that still counts as the face


@dataclass(frozen=True)
class Kept:
    """A photo against what came back. outside: RMSE off the head, 0 to 255. identity: NaN where no face was found."""

    row: str
    photo: str
    psnr: float
    ssim: float
    perceptual: float
    identity: float
    outside: float


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `evaluate pictures`."""
    command.add_photos(parser, making.kept_back_help())
    command.add_report(parser)
    add_rows(parser)
    parser.set_defaults(count=COUNT)
    parser.add_argument("--pairs", type=int, default=PAIRS, metavar="N",
                        help=f"neutral and smiling photos of one person: at most so many people (default {PAIRS})")


def run(args: argparse.Namespace) -> int:
    """Make, compare, write the report, print the tables. Returns the exit status."""
    making.prepare_report(args.report)
    with FaceFinder() as finder:
        judge = Judge(finder)
        subjects, refused = open_subjects(select(args), judge)
        with opened_rows(args, judge, (COMPOSITE, NOTHING, WARP)) as rows:
            untouched = [row for row in with_held(rows) if not (isinstance(row, Plain) and row.name != COMPOSITE)]
            pictures = making.make_all(untouched, cases_of(subjects, [NO_EDIT]))
            seconds = {row.name: report.percentile(row.seconds, 50) for row in untouched if isinstance(row, Made)}
            cases = smiles.smile_cases(_pairs(args), judge)
            smiling = making.make_all([row for row in rows if row.name != COMPOSITE], cases)
            everything = [*untouched, *(row for row in rows if row not in untouched)]
            lines = making.heading("How well photos come back", args, judge, subjects, refused, everything)
        kept = [measure(judge, picture, finder) for picture in pictures if picture.pixels is not None]
        main = table(kept, frechet_distances(subjects, pictures), seconds)
        tables = [("table", "No edit: the photo against what comes back", main)]
        making.write_sheet(args.report / "pictures.png", judge, pictures)
        if smiling:
            truth = smiles.against_truth(smiling, finder)
            tables.append(("smiles", f"Smiles against the real smiling photo, {len(cases)} people", smiles.table(truth)))
            making.write_sheet(args.report / "smiles.png", judge, smiling)
    making.write_report(args.report, [*lines, *_NOTES], tables, refused)
    report.write_csv(args.report / "photos.csv", [list(Kept.__dataclass_fields__)] + [
        [k.row, k.photo, *(f"{v:.4f}" for v in (k.psnr, k.ssim, k.perceptual, k.identity, k.outside))] for k in kept])
    for _, title, rows_ in tables:
        print(f"{title}\n\n{report.markdown(rows_)}\n")
    print(f"The report is {args.report / 'REPORT.md'}")
    return 0


_NOTES = [
    "PSNR (dB; 99 stands for equal), SSIM: larger is better. Everything else: smaller is better.",
    "",
    "- perceptual: 1 - HaarPSI (Reisenhofer et al. 2018), from the edges at three scales and the colours of both pictures. It",
    "  needs no network, so it favours no model; but like SSIM it compares place by place: a face that moved has changed.",
    "- identity: distance of dlib's re-identification network; under 0.6 is the same person.",
    f"- outside: RMSE (of 255) farther than {_BESIDE:.0%} of the picture's side from the fitted head.",
    "- Frechet: between the patches of all photos and of all pictures: 64 cosine coefficients of luma and 2 of colour of every",
    "  8 x 8 patch at full and half size, as logarithms, in the photos' standard deviations. It is FID's formula on these, not",
    "  FID: a dozen pictures are too few for the covariance of Inception's 2,048 features, but hold over ten thousand patches.",
    "  It sees blur, grain and wrong colours, and not whether a face is one. 'photos': one half of the photos from the",
    "  other, for scale (it shrinks with the count); a row is compared with the very photos it was made of.",
    "- seconds: median of a picture, without opening the photo and measuring the result; other programs may have run.",
    ""]


def _pairs(args: argparse.Namespace) -> list[tuple]:  # type: ignore[type-arg]
    listed = list_photos(args.folder, args.skip)
    return find_pairs(unseen(listed, test_photos(args)) if args.kept_back else listed)[:args.pairs]


def with_held(rows: Sequence[Row]) -> list[Row]:
    """The rows, and for each seeded one the same with the photo's own background held, as the window has it."""
    found: list[Row] = []
    for row in rows:
        found.append(row)
        if isinstance(row, Made) and row.noise == "seeded":
            found.append(row.holding())
    return found


def measure(judge: Judge, picture: Picture, finder: FaceFinder) -> Kept:
    """What came back of a photo."""
    assert picture.pixels is not None
    photo, made = picture.case.subject.crop, picture.pixels
    off = ~_near_head(edited_by(picture.case, judge).coverage)
    return Kept(picture.row.name, picture.case.subject.name, psnr(photo, made), ssim(photo, made), perceptual(photo, made),
                identity_distance(embedding(photo, finder), embedding(made, finder)), rmse(photo, made, off))


def _near_head(coverage: np.ndarray) -> np.ndarray:
    size = 2 * round(_BESIDE * len(coverage)) + 1
    return np.asarray(cv2.dilate((coverage > 0).astype(np.uint8), cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))) > 0)


def frechet_distances(subjects: Sequence[Subject], pictures: Sequence[Picture]) -> dict[str, float]:
    """The distance of each row's pictures from the photos, and under 'photos' that of the photos' two halves."""
    real = patch_features([s.crop for s in subjects])
    found = {}
    for name in dict.fromkeys(p.row.name for p in pictures):
        part = [p.pixels for p in pictures if p.row.name == name and p.pixels is not None]
        found[name] = frechet(real, patch_features(part)) if part else float("nan")
    if len(subjects) > 1:
        found["photos"] = frechet(*(patch_features([s.crop for s in subjects[k::2]]) for k in (0, 1)))
    return found


def table(kept: Sequence[Kept], distances: dict[str, float], seconds: dict[str, float]) -> Rows:
    """A line for each row, means over the photos."""
    rows = [["row", "photos", "PSNR, dB", "lowest", "SSIM", "perceptual", "identity", "faces", "outside", "Frechet", "seconds"]]
    for name in dict.fromkeys(k.row for k in kept):
        part = [k for k in kept if k.row == name]
        identity = report.finite(k.identity for k in part)
        rows.append([name, str(len(part)), f"{np.mean([k.psnr for k in part]):.1f}", f"{min(k.psnr for k in part):.1f}",
                     f"{np.mean([k.ssim for k in part]):.3f}", f"{np.mean([k.perceptual for k in part]):.3f}",
                     _number(report.mean(identity), 3), f"{len(identity) / len(part):.0%}",
                     _number(report.mean(k.outside for k in part), 2), _number(distances[name], 3),
                     _number(seconds.get(name, float("nan")), 2)])
    if "photos" in distances:
        rows.append(["photos", *["-"] * 8, _number(distances["photos"], 3), "-"])
    return rows


def _number(value: float, digits: int) -> str:
    return "-" if np.isnan(value) else f"{value:.{digits}f}"
