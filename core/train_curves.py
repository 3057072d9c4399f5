"""Training curves as a picture, for a model card: log.csv in, PNG out."""
from __future__ import annotations

import io
import math
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from core.errors import UserError
from core.files import atomic_write
from core.train_watch import read_log

SIZE = (960, 540)
PLOT = (70, 40, 940, 490)  # left, top, right, bottom
LINES = {"loss": ("loss", "#202020"), "loss_noisy": ("noisy third", "#c44e52"), "loss_middle": ("middle", "#55a868"),
         "loss_clean": ("clean", "#4c72b0"), "held_back_loss": ("held back", "#dd8452")}
SMOOTH = 0.02  # of all lines of the log that a point's running mean looks back on
_Points = list[tuple[float, float]]


def write_curves(path: Path, log: Path) -> None:
    """Draw the losses of a run's log over samples seen, both axes named, the loss logarithmic. Raises UserError, WriteError."""
    rows = read_log(log)
    curves = {key: _points([(float(row["samples"]), float(row.get(key) or math.nan)) for row in rows]) for key in LINES}
    curves["held_back_loss"] = _changes(curves["held_back_loss"])
    found = [point for key, points in curves.items() for point in (_smooth(points) if key != "held_back_loss" else points)]
    if not found:
        raise UserError(f"{log} has no line to draw yet. Train some more steps.")
    most = max(x for x, _ in found)
    low, high = (math.log10(f(y for _, y in found)) for f in (min, max))
    low, high = low - 0.03, high + 0.03
    left, top, right, bottom = PLOT

    def place(x: float, y: float) -> tuple[float, float]:
        return (left + (right - left) * x / most, bottom - (bottom - top) * (math.log10(y) - low) / (high - low))

    image = Image.new("RGB", SIZE, "white")
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(13)
    for value in _ticks(10 ** low, 10 ** high):
        y = place(0, value)[1]
        draw.line((left, y, right, y), "#e4e4e4")
        draw.text((left - 8, y), f"{value:.3g}", "#505050", font, "rm")
    for share in np.linspace(0, 1, 6):
        x = left + (right - left) * share
        draw.line((x, top, x, bottom), "#e4e4e4")
        draw.text((x, bottom + 8), f"{most * share:,.0f}", "#505050", font, "mt")
    draw.text(((left + right) / 2, bottom + 28), "samples seen", "#202020", font, "mt")
    at = float(left)
    for key, (name, colour) in LINES.items():
        points = curves[key]
        if not points:
            continue
        line = [place(*point) for point in (points if key == "held_back_loss" else _smooth(points))]
        draw.line(line, colour, 2 if key in ("loss", "held_back_loss") else 1)
        if len(line) == 1 or key == "held_back_loss":
            for x, y in line:
                draw.ellipse((x - 2, y - 2, x + 2, y + 2), colour)
        draw.line((at, 20, at + 18, 20), colour, 3)
        draw.text((at + 24, 20), name, "#202020", font, "lm")
        at += 40 + draw.textlength(name, font)
    out = io.BytesIO()
    image.save(out, "PNG", optimize=True)
    atomic_write(path, out.getvalue(), make_folder=True)


def _points(pairs: _Points) -> _Points:
    return [(x, y) for x, y in pairs if math.isfinite(y) and y > 0]


def _changes(points: _Points) -> _Points:
    """The log repeats the last held-back loss until there is another: each one once."""
    return [point for i, point in enumerate(points) if not i or point[1] != points[i - 1][1]]


def _smooth(points: _Points) -> _Points:
    step, mean, out = 1 / max(1.0, SMOOTH * len(points)), 0.0, []
    for i, (x, y) in enumerate(points):
        mean += (math.log(y) - mean) * max(step, 1 / (i + 1))
        out.append((x, math.exp(mean)))
    return out


def _ticks(low: float, high: float) -> list[float]:
    """Round values between the two, 1, 2 and 5 of each power of ten; finer ones where those are too few."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for steps in ((1, 2, 5), (1, 1.5, 2, 3, 4, 5, 6, 8), tuple(np.arange(1, 10, 0.1))):
        found = [step * 10.0 ** power for power in powers for step in steps if low <= step * 10.0 ** power <= high]
        if len(found) >= 4:
            break
    return found[::max(1, len(found) // 12)]
