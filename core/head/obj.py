"""Wavefront OBJ files, as plain numbers: vertices, texture coordinates, polygons. Nothing they name is opened."""
from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.errors import AssetError

MAX_BYTES = 64 * 2**20
LARGEST = 1e6  # no coordinate of a head is beyond, in whatever unit


@dataclass(frozen=True, eq=False)
class Obj:
    """vertices (V, 3), uv (T, 2) float32; faces (F, 3) int32 triangles, polygons cut into fans; uv_faces (F, 3) or None where a
    corner has no texture coordinate; polygon (F,) int32: which polygon of the file a triangle is of."""

    vertices: np.ndarray
    uv: np.ndarray
    faces: np.ndarray
    uv_faces: np.ndarray | None
    polygon: np.ndarray


def read_vertices(path: Path) -> np.ndarray:
    """The vertices (V, 3) float32 of an OBJ file. Raises AssetError naming the file, and the line where one is wrong."""
    return _numbers(path, _lines(path), b"v ", 3)


def read_obj(path: Path) -> Obj:
    """All of an OBJ file that a mesh needs. Raises AssetError naming the file, and the line where one is wrong."""
    lines = _lines(path)
    vertices, uv = _numbers(path, lines, b"v ", 3), _numbers(path, lines, b"vt ", 2)
    faces, uv_faces, polygon = [], [], []
    count = 0
    for number, line in enumerate(lines, 1):
        if line[:2] != b"f ":
            continue
        corners = [_corner(path, number, word, len(vertices), len(uv)) for word in line.split()[1:]]
        if len(corners) < 3:
            raise AssetError(f"{path}, line {number}: a face of {len(corners)} corners; at least 3 were expected.")
        for second, third in zip(corners[1:], corners[2:], strict=False):
            faces.append([corners[0][0], second[0], third[0]])
            uv_faces.append([corners[0][1], second[1], third[1]])
            polygon.append(count)
        count += 1
    texture = np.array(uv_faces, np.int32).reshape(-1, 3)
    return Obj(vertices, uv, np.array(faces, np.int32).reshape(-1, 3), texture if len(texture) and texture.min() >= 0 else None,
               np.array(polygon, np.int32))


def _lines(path: Path) -> list[bytes]:
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise AssetError(f"{path} has {size / 2**20:.0f} MiB; a head's mesh has at most {MAX_BYTES / 2**20:.0f}.")
        return path.read_bytes().splitlines()
    except OSError as error:
        raise AssetError(f"{path} can't be read: {error.strerror or error}.") from error


def _numbers(path: Path, lines: list[bytes], mark: bytes, columns: int) -> np.ndarray:
    chosen = [line for line in lines if line.startswith(mark)]
    try:
        table = np.array([line.split()[1:1 + columns] for line in chosen], np.float64).reshape(-1, columns)
    except ValueError:
        table = np.full((1, columns), np.nan)
    if not np.isfinite(table).all() or np.abs(table).max(initial=0) > LARGEST:
        raise AssetError(f"{path}, line {_bad_line(lines, mark, columns)}: {columns} finite numbers were expected.")
    return table.astype(np.float32)


def _bad_line(lines: list[bytes], mark: bytes, columns: int) -> str:
    for number, line in enumerate(lines, 1):
        if line.startswith(mark):
            try:
                values = [float(word) for word in line.split()[1:1 + columns]]
            except ValueError:
                values = []
            if len(values) < columns or not all(abs(value) <= LARGEST for value in values):  # also where one is not a number
                return f"{number} ('{line[:40].decode(errors='replace')}')"
    return "?"


def _corner(path: Path, number: int, word: bytes, vertices: int, uv: int) -> tuple[int, int]:
    """(vertex, texture coordinate or -1) of 'v', 'v/vt', 'v//vn' or 'v/vt/vn', counted from 1 or, negative, from the end."""
    parts = word.split(b"/")
    try:
        vertex = int(parts[0])
        texture = int(parts[1]) if len(parts) > 1 and parts[1] else 0
    except ValueError:
        raise AssetError(f"{path}, line {number}: '{word[:20].decode(errors='replace')}' is no corner of a face.") from None
    vertex = vertex - 1 if vertex > 0 else vertices + vertex
    texture = texture - 1 if texture > 0 else uv + texture if texture < 0 else -1
    if not (0 <= vertex < vertices and texture < uv):
        raise AssetError(f"{path}, line {number}: a face names vertex {parts[0].decode(errors='replace')}, there are {vertices}.")
    return vertex, texture
