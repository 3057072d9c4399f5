"""Grids of pictures with words, drawn as one picture: what the commands `swap` and `mix` and the window write."""
from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from core import paths
from core.cv import cv2

Cell = np.ndarray | str | None

CELL = 256
_GAP, _MARGIN = 8, 20
_HEAD, _FOOT = 15, 13  # sizes of letters: of columns, of rows and the note
_PAPER, _INK, _DIM, _EMPTY = (250, 250, 250), (29, 31, 35), (90, 95, 105), (236, 236, 238)
_CLIP = "…"


def draw_grid(columns: Sequence[str], captions: Sequence[Sequence[str]], cells: Sequence[Sequence[Cell]], side: int = CELL,
              note: str = "") -> np.ndarray:
    """A grid as one picture (H, W, 3) uint8, dark words on white.

    columns: what stands over each. captions: for each row what stands under its cells, from the left; the rest has nothing.
    cells: in rows: a picture (h, w, 3) uint8, fitted into side x side; words; or None for a place that stays empty. note: a line
    at the bottom. Raises ValueError when the counts don't agree.
    """
    if len(cells) != len(captions) or any(len(row) != len(columns) for row in cells):
        raise ValueError(f"{len(captions)} rows and {len(columns)} columns have names, the cells don't fit them")
    under = [_line(_FOOT) if any(names) else 0 for names in captions]
    top = _MARGIN + (_line(_HEAD) + 4 if any(columns) else 0)
    width = 2 * _MARGIN + len(columns) * side + (len(columns) - 1) * _GAP
    lines = _wrapped(note, _FOOT, width - 2 * _MARGIN)
    height = top + sum(side + _GAP + line for line in under) - _GAP + _MARGIN
    height += len(lines) * _line(_FOOT) + (_MARGIN // 2 if lines else 0)
    sheet = Image.new("RGB", (width, height), _PAPER)
    pen = ImageDraw.Draw(sheet)
    for j, text in enumerate(columns):
        _centred(pen, (_MARGIN + j * (side + _GAP) + side / 2, top - 4 - _line(_HEAD) / 2), text, _HEAD, side, _INK, bold=True)
    y = top
    for names, row, line in zip(captions, cells, under, strict=True):
        for j, cell in enumerate(row):
            _put(sheet, pen, (_MARGIN + j * (side + _GAP), y), cell, side)
        for j, name in enumerate(names):
            _centred(pen, (_MARGIN + j * (side + _GAP) + side / 2, y + side + line / 2), name, _FOOT, side, _DIM)
        y += side + _GAP + line
    for i, text in enumerate(lines):
        pen.text((_MARGIN, y - _GAP + _MARGIN // 2 + i * _line(_FOOT)), text, fill=_DIM, font=_font(_FOOT, False))
    return np.asarray(sheet)


def fitted(picture: np.ndarray, side: int) -> np.ndarray:
    """A picture (h, w, 3) uint8 in the middle of side x side pixels, as large as it can be, on grey where it is not square."""
    height, width = picture.shape[:2]
    scale = side / max(height, width)
    shape = max(1, round(width * scale)), max(1, round(height * scale))
    if (height, width) == (side, side):
        return picture
    small = cv2.resize(np.ascontiguousarray(picture), shape, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    if shape == (side, side):
        return np.asarray(small)
    square = np.full((side, side, 3), _EMPTY, np.uint8)
    x, y = (side - shape[0]) // 2, (side - shape[1]) // 2
    square[y:y + shape[1], x:x + shape[0]] = small
    return square


def _put(sheet: Image.Image, pen: ImageDraw.ImageDraw, at: tuple[int, int], cell: Cell, side: int) -> None:
    if isinstance(cell, np.ndarray):
        sheet.paste(Image.fromarray(fitted(cell, side)), at)
    elif cell:
        lines = [line for part in cell.split("\n") for line in _wrapped(part, _FOOT, side - 2 * _GAP)]
        y = at[1] + side / 2 - (len(lines) - 1) * _line(_FOOT) / 2
        for line in lines:
            _centred(pen, (at[0] + side / 2, y), line, _FOOT, side, _DIM)
            y += _line(_FOOT)


def _centred(pen: ImageDraw.ImageDraw, middle: tuple[float, float], text: str, size: int, most: float,
             color: tuple[int, int, int], bold: bool = False) -> None:
    font = _font(size, bold)
    pen.text(middle, _shortened(text, font, most), fill=color, font=font, anchor="mm")


def _shortened(text: str, font: ImageFont.FreeTypeFont, most: float) -> str:
    """The text with its middle left out where it is too wide: names of photos differ at their ends."""
    if font.getlength(text) <= most:
        return text
    keep = len(text)
    while keep > 2 and font.getlength(text[:keep // 2] + _CLIP + text[len(text) - keep // 2:]) > most:
        keep -= 1
    return text[:keep // 2] + _CLIP + text[len(text) - keep // 2:]


def _wrapped(text: str, size: int, most: float) -> list[str]:
    font = _font(size, False)
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and font.getlength(longer) <= most:
            lines[-1] = longer
        else:
            lines.append(_shortened(word, font, most))
    return lines


def _line(size: int) -> int:
    return round(size * 1.6)


@lru_cache(maxsize=8)
def _font(size: int, bold: bool) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(paths.resource("style", "fonts", f"Inter-{'SemiBold' if bold else 'Regular'}.otf"), size)
