"""A small folder in the layout of ICT-FaceKit Light, made of OpenHead's own shapes, for tests."""
from __future__ import annotations

from pathlib import Path

import numpy as np

from core.head.ict_files import IDENTITY, NEUTRAL, Layout, unit_files
from core.head.open_head import OpenHead

MODES = 3
EXTRA = 5  # vertices of what is left out
OFFSET = np.array([0.3, 12.0, -4.0])  # the kit's origin is elsewhere
TURN = np.deg2rad(6.0)  # and its head a little lowered


def order(head: OpenHead) -> tuple[np.ndarray, Layout]:
    """OpenHead's vertices in the kit's order of parts, and the layout that says so."""
    lower = head.masks["lower_teeth"] > 0.5
    eyes = [np.arange(head.eye_start[i], head.eye_start[i + 1]) for i in (0, 1)]
    taken = np.zeros(len(head.mean), bool)
    taken[np.concatenate(eyes)] = True
    groups, spans, start = [], {}, 0
    rules = {"upper_teeth": (head.masks["teeth"] > 0.5) & ~lower, "lower_teeth": lower, "gums": head.masks["tongue"] > 0.5,
             "mouth": head.masks["mouth"] > 0.5, "face": head.mean[:, 2] > 0.0, "neck": np.ones(len(head.mean), bool)}
    members = {}
    for name, rule in rules.items():
        members[name] = np.flatnonzero(rule & ~taken)
        taken[members[name]] = True
    for name in ("face", "neck", "mouth", "gums", "upper_teeth", "lower_teeth"):
        groups.append(members[name])
        spans[name] = (start, start + len(members[name]))
        start = spans[name][1]
    places = [(start, start + len(eyes[0])), (start + len(eyes[0]), start + len(eyes[0]) + len(eyes[1]))]
    front = [np.argsort(head.mean[ids][:, 2]) for ids in eyes]  # the iris comes last, as in the kit
    groups += [ids[by] for ids, by in zip(eyes, front, strict=True)]
    kept = places[1][1]
    ids = np.concatenate(groups)
    where = np.argsort(ids)
    points = head.landmarks68(head.mean, np.zeros(3))
    skin = ids[:spans["face"][1]]
    marks = tuple(int(np.linalg.norm(head.mean[skin] - point, axis=1).argmin()) for point in points)
    layout = Layout(kept + EXTRA, kept, sockets=(kept, kept), eyes=(places[0], places[1]),
                    irises=tuple((end - 20, end) for _, end in places), landmarks=marks, **spans)  # type: ignore[arg-type]
    assert (ids[where] == np.arange(len(ids))).all()
    return ids, layout


def write_kit(folder: Path, head: OpenHead, unit: float = 100.0) -> Layout:
    """Write the files: quads where two triangles make none, v/vt corners, `unit` of them to a metre."""
    ids, layout = order(head)
    where = np.argsort(ids)
    folder.mkdir(parents=True, exist_ok=True)
    turn = np.array([[1, 0, 0], [0, np.cos(TURN), -np.sin(TURN)], [0, np.sin(TURN), np.cos(TURN)]])

    def vertices(shape: np.ndarray) -> str:
        placed = shape[ids] @ turn.T * unit + OFFSET * unit / 100
        rows = np.concatenate([placed, np.zeros((EXTRA, 3))])
        return "\n".join("v {:.5f} {:.5f} {:.5f}".format(*row) for row in rows) + "\n"

    uv = "\n".join("vt {:.4f} {:.4f}".format(*row) for row in np.asarray(head.uv)[ids])
    faces = "\n".join("f " + " ".join(f"{v + 1}/{v + 1}" for v in where[face]) for face in head.faces)
    (folder / NEUTRAL).write_text(f"# made by a test\nmtllib x.mtl\n{vertices(head.mean)}{uv}\ng all\n{faces}\n")
    for i in range(MODES):
        (folder / IDENTITY.format(i)).write_text(vertices(head.mean + head.identity_basis[i]))
    for name, files in unit_files().items():
        row = head.expression_basis[head.expression_names.index(name)]
        for file in files:
            (folder / file).write_text(vertices(head.mean + row / len(files)))
    return layout
