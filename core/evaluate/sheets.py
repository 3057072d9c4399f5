"""Contact sheets: what was fitted, to be looked at."""
from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from core.cv import cv2
from core.evaluate.fits import SIZE, Fitted
from core.evaluate.measures import face_mask
from core.files import atomic_write
from core.head.base import HeadModel
from core.prepare import decode_jpeg
from core.render.buffers import render_buffers

COLUMNS = ("photo", "normals", "rendered", "overlay", "error")
_ERROR_GAIN = 3.0  # a difference of 85 of 255 is as bright as it gets
_CAPTION = 14
_ABOVE = np.array([0.0, 0.6, 0.8], np.float32)  # light that shows a face's relief and has no side


def write_sheet(path: Path, head: HeadModel, fits: Sequence[Fitted], across: int = 2, cell: int = 192) -> None:
    """A PNG with photo, normals, rendered, overlay and error of each fit; `across` fits side by side. Raises WriteError."""
    cells = [captioned(np.concatenate([small(p, cell) for p in panels(head, fit)], 1), _caption(fit)) for fit in fits]
    write_png(path, tile(cells, across))


def write_frontal(path: Path, head: HeadModel, fits: Sequence[Fitted], across: int = 10, cell: int = 112) -> None:
    """A PNG with photo and grey head of many fits, the head turned to the front: a lopsided one is seen at once."""
    cells = []
    for fit in fits:
        buffers = render_buffers(head, fit.code.replace(pose=np.zeros(3)), SIZE)
        grey = np.repeat(255 * np.maximum(buffers.normal @ _ABOVE, 0)[..., None], 3, 2)
        cells.append(np.concatenate([small(decode_jpeg(fit.jpeg), cell), small(_bytes(grey), cell)], 1))
    write_png(path, tile(cells, across))


def panels(head: HeadModel, fit: Fitted) -> list[np.ndarray]:
    """The pictures of `COLUMNS` of one fit, each (SIZE, SIZE, 3) uint8."""
    crop = decode_jpeg(fit.jpeg)
    buffers = render_buffers(head, fit.code, SIZE)
    covered = buffers.coverage[..., None] > 0
    rendered = np.clip(buffers.rendered, 0, 1) * 255
    face = face_mask(fit.points, SIZE)[..., None]
    error = np.abs(rendered - crop).mean(2, keepdims=True) * _ERROR_GAIN
    marks = np.where(covered, rendered, crop).astype(np.uint8)
    for x, y in fit.points:
        cv2.circle(marks, (int(x), int(y)), 0, (0, 255, 0), -1)
    return [crop, _bytes(np.where(covered, 127.5 + 127.5 * buffers.normal, 0)), _bytes(np.where(covered, rendered, 0)), marks,
            _bytes(np.where(face & covered, np.repeat(error, 3, 2), crop * 0.25))]


def tile(cells: Sequence[np.ndarray], across: int) -> np.ndarray:
    """Pictures of one size in rows of `across`, the last one filled up with black."""
    blank = np.zeros_like(cells[0])
    padded = [*cells, *[blank] * (-len(cells) % across)]
    return np.concatenate([np.concatenate(padded[i:i + across], 1) for i in range(0, len(padded), across)])


def write_png(path: Path, pixels: np.ndarray) -> None:
    """Write (H, W, 3) uint8 as PNG at once. Raises WriteError."""
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    atomic_write(path, out.getvalue(), make_folder=True)


def _caption(fit: Fitted) -> str:
    m = fit.measures
    return (f"{fit.photo.name[:48]}  inner {m.inner:.4f}  lips {m.lip_gap:.4f}  lids {m.lid_gap:.4f}  "
            f"colour {m.residual:.1f}  yaw {fit.yaw:.0f}")


def words(names: Sequence[str], cell: int) -> np.ndarray:
    """A strip (H, cell * len(names), 3) uint8 with a column's name over each column."""
    strip = Image.new("RGB", (cell * len(names), _CAPTION), (0, 0, 0))
    for i, name in enumerate(names):
        ImageDraw.Draw(strip).text((cell * i + 4, 1), name[:cell // 6], fill=(255, 220, 120))
    return np.asarray(strip)


def captioned(picture: np.ndarray, text: str) -> np.ndarray:
    """A picture (H, W, 3) uint8 with a line of text above it."""
    strip = Image.new("RGB", (picture.shape[1], _CAPTION), (24, 24, 24))
    ImageDraw.Draw(strip).text((4, 1), text, fill=(230, 230, 230))
    return np.concatenate([np.asarray(strip), picture])


def small(picture: np.ndarray, side: int) -> np.ndarray:
    """A picture brought down to side x side pixels."""
    return np.asarray(cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA))


def _bytes(picture: np.ndarray) -> np.ndarray:
    return np.clip(picture, 0, 255).astype(np.uint8)
