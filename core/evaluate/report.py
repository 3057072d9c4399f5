"""The report on fits: REPORT.md, tables as CSV, and what it was made with."""
from __future__ import annotations

import csv
import io
import platform
import shlex
import sys
from collections.abc import Callable, Iterable, Sequence
from importlib import metadata
from pathlib import Path

import numpy as np

from core.evaluate.fits import STAGES, Fitted, Refused
from core.evaluate.lights import Known
from core.evaluate.measures import CLOSED, Measures
from core.evaluate.pairs import Pair
from core.files import atomic_write

BANDS = ((0.0, 15.0), (15.0, 25.0), (25.0, 45.0), (45.0, 90.0))
FRONTAL = 10.0
_PACKAGES = ("numpy", "mediapipe", "opencv-contrib-python", "numba")
Rows = list[list[str]]


def made_with(command: str, head_digest: str) -> list[str]:
    """Lines that say with what the numbers were made."""
    versions = ", ".join(f"{name} {_version(name)}" for name in _PACKAGES)
    return [f"- command: `{command}`", f"- head: {head_digest}", f"- Python {platform.python_version()}, {versions}, "
            f"{platform.system()} {platform.machine()}"]


def command_line() -> str:
    """The command as it was given, for a report."""
    return "main.py evaluate " + shlex.join(sys.argv[2:])


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "-"


def markdown(rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; the first row is its head."""
    head, *body = rows
    lines = [head, ["---"] * len(head), *body]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def column(fits: Iterable[Fitted], name: str) -> np.ndarray:
    """One measure of all fits, without those that could not be taken."""
    values = np.array([getattr(fit.measures, name) for fit in fits], np.float64)
    return values[np.isfinite(values)]


def grouped(fits: Sequence[Fitted], key: Callable[[Fitted], str], title: str) -> Rows:
    """Errors by group: mean and 95th percentile of the inner landmarks, then means."""
    rows = [[title, "photos", "inner", "95 %", "inner, in space", "lip gap", "lid gap", "colour /255", "confidence"]]
    groups: dict[str, list[Fitted]] = {}
    for fit in fits:
        groups.setdefault(key(fit), []).append(fit)
    for name in sorted(groups):
        part = groups[name]
        inner = column(part, "inner")
        means = (f"{mean(column(part, n)):.4f}" for n in ("inner_3d", "lip_gap", "lid_gap"))
        rows.append([name, str(len(part)), f"{inner.mean():.4f}", f"{np.percentile(inner, 95):.4f}", *means,
                     f"{mean(column(part, 'residual')):.1f}", f"{mean(column(part, 'confidence')):.2f}"])
    return rows


def band(yaw: float) -> str:
    """Name of the yaw band, '15 to 25'."""
    size = abs(yaw)
    return next((f"{low:02.0f} to {high:.0f}" for low, high in BANDS if low <= size < high), "beyond 90")


def criteria(fits: Sequence[Fitted], pairs: Sequence[Pair], lights: Sequence[Known]) -> Rows:
    """What was asked for, what was measured, and whether that is enough."""
    rows = [["what", "measured", "asked", "met"]]

    def add(what: str, value: float, asked: str, good: bool, digits: int = 4) -> None:
        missing = np.isnan(value)
        rows.append([what, "-" if missing else f"{value:.{digits}f}", asked, "-" if missing or not asked else _yes(good)])

    inner, turned = column(fits, "inner"), column([f for f in fits if 25 <= abs(f.yaw) < 45], "inner")
    add("inner landmarks, mean", mean(inner), "<= 0.011", mean(inner) <= 0.011)
    add("inner landmarks, 95th percentile", percentile(inner, 95), "<= 0.018", percentile(inner, 95) <= 0.018)
    add("inner landmarks at yaw 25 to 45, mean", mean(turned), "< 0.016", mean(turned) < 0.016)
    lip, lid = mean(column(fits, "lip_gap")), mean(column(fits, "lid_gap"))
    add("lip-gap error, mean", lip, "<= 0.004", lip <= 0.004)
    shut = column([f for f in fits if f.measures.seen_lips <= CLOSED], "fitted_lips")
    add("gap of mouths seen closed, mean", mean(shut), "<= 0.006", mean(shut) <= CLOSED)
    add("gap of mouths seen closed, 95th percentile", percentile(shut, 95), "", percentile(shut, 95) <= CLOSED)
    add("eye-opening error, mean", lid, "<= 0.004", lid <= 0.004)
    depth = mean(column(fits, "nose_depth"))
    add("nose tip minus eye corners, mean, mm", depth, "28 to 33", 28 <= depth <= 33, 1)
    fit_ms = percentile(np.array([f.times[STAGES.index("fit")] for f in fits]), 50)
    add("fit after landmarks, median, ms", fit_ms, "<= 15", fit_ms <= 15, 1)
    closer = mean(np.array([p.closer_than for p in pairs]))
    add("pairs: share of strangers farther than the same person, mean", closer, ">= 0.95", closer >= 0.95, 3)
    missed = finite(np.abs([p.copied - p.measured for p in pairs]))
    sure = mean(np.array([p.closer_than >= 0.95 for p in pairs], np.float64))
    add("pairs: share of people of whom that is 95 % and more", sure, "", sure >= 0.95, 3)
    add("copied smile against its measured score, mean difference", mean(missed), "<= 0.15", mean(missed) <= 0.15, 3)
    near = mean(missed <= 0.15)
    add("copied smiles within 0.15, share", near, "", near >= 0.95, 3)
    own = mean(np.abs([p.own - p.measured for p in pairs]))
    add("smiles on the smiling person's own head, mean difference", own, "", True, 3)
    light, skin = mean(np.array([k.error for k in lights])), mean(np.array([k.skin for k in lights]))
    add("known light, relative RMSE, mean", light, "<= 0.10", light <= 0.10, 3)
    add("dark against light skin under one light, mean", skin, "<= 0.15", skin <= 0.15, 3)
    return rows


def more_measures(fits: Sequence[Fitted]) -> Rows:
    """Mean, median, 95th percentile of every measure."""
    rows = [["measure", "mean", "median", "95 %"]]
    for name in Measures.names():
        part = [f for f in fits if abs(f.yaw) < FRONTAL] if name == "asymmetry" else fits
        values = column(part, name)
        title = f"asymmetry, mm (yaw under {FRONTAL:.0f})" if name == "asymmetry" else name
        rows.append([title, f"{mean(values):.4f}", f"{percentile(values, 50):.4f}", f"{percentile(values, 95):.4f}"])
    return rows


def trust(fits: Sequence[Fitted]) -> Rows:
    """Error by quarter of confidence: a confidence that means something has its errors in the lowest one."""
    order = sorted(fits, key=lambda f: f.measures.confidence)
    rows = [["confidence", "photos", "inner", "inner, in space", "colour /255"]]
    for i in range(4):
        part = order[i * len(order) // 4:(i + 1) * len(order) // 4]
        if part:
            low, high = part[0].measures.confidence, part[-1].measures.confidence
            rows.append([f"{low:.2f} to {high:.2f}", str(len(part)), f"{mean(column(part, 'inner')):.4f}",
                         f"{mean(column(part, 'inner_3d')):.4f}", f"{mean(column(part, 'residual')):.1f}"])
    return rows


def times(fits: Sequence[Fitted]) -> Rows:
    """Milliseconds by stage, one thread of computation."""
    table = np.array([fit.times for fit in fits])
    rows = [["stage", "median, ms", "95 %"]]
    return rows + [[name, *(f"{percentile(table[:, i], p):.1f}" for p in (50, 95))] for i, name in enumerate(STAGES)]


def worst(fits: Sequence[Fitted], count: int = 12) -> Rows:
    """The photos that are fitted worst."""
    order = sorted(fits, key=lambda f: -f.measures.inner)[:count]
    return [["photo", "inner", "yaw", "colour /255", "confidence"]] + [
        [f.photo.name, f"{f.measures.inner:.4f}", f"{f.yaw:.0f}", f"{f.measures.residual:.1f}", f"{f.measures.confidence:.2f}"]
        for f in order]


def write_csv(path: Path, rows: Sequence[Sequence[str]]) -> None:
    """Write rows as CSV at once. Raises WriteError."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    atomic_write(path, out.getvalue().encode(), make_folder=True)


def fit_rows(fits: Sequence[Fitted], refused: Sequence[Refused]) -> Rows:
    """One row a photo, with every measure; refused ones with their reason."""
    rows = [["name", "source", "person", "yaw", *Measures.names(), "refused"]]
    for fit in fits:
        numbers = [f"{getattr(fit.measures, name):.5f}" for name in Measures.names()]
        rows.append([fit.photo.name, fit.photo.source, fit.photo.person, f"{fit.yaw:.1f}", *numbers, ""])
    for entry in refused:
        rows.append([entry.photo.name, entry.photo.source, entry.photo.person, "", *[""] * len(Measures.names()), entry.reason])
    return rows


def pair_rows(pairs: Sequence[Pair]) -> Rows:
    """One row a person."""
    rows = [["person", "distance, SD", "closer than strangers", "smile measured", "smile copied", "smile on own head"]]
    return rows + [[p.person, f"{p.distance:.3f}", f"{p.closer_than:.3f}", f"{p.measured:.3f}", f"{p.copied:.3f}", f"{p.own:.3f}"]
                   for p in pairs]


def light_rows(lights: Sequence[Known]) -> Rows:
    """One row a render."""
    rows = [["geometry of", "error", "error but for brightness", "dark against light skin", "on dark", "on light"]]
    numbers = [(k.error, k.shape, k.skin, *k.by_skin) for k in lights]
    return rows + [[k.name, *(f"{v:.3f}" for v in row)] for k, row in zip(lights, numbers, strict=True)]


def finite(values: Iterable[float] | np.ndarray) -> np.ndarray:
    """The values that could be measured, float64."""
    array = np.asarray(values if isinstance(values, np.ndarray) else list(values), np.float64)
    return array[np.isfinite(array)]


def mean(values: Iterable[float] | np.ndarray) -> float:
    """Mean of the values that could be measured, NaN where there are none."""
    values = finite(values)
    return float(values.mean()) if len(values) else float("nan")


def percentile(values: Iterable[float] | np.ndarray, percent: float) -> float:
    """Percentile of the values that could be measured, NaN where there are none."""
    values = finite(values)
    return float(np.percentile(values, percent)) if len(values) else float("nan")


def _yes(good: bool) -> str:
    return "yes" if good else "NO"
