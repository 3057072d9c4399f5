"""The whole path from face codes to buffers against the reference's own (its rasterizer compiled for the CPU)."""
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.codes import FaceCode
from core.head.flame import FlameHead
from core.render.buffers import posed_vertices, render_buffers
from tests.flame import synthetic_flame

NAMES = ("rendered", "albedo", "normal")


@pytest.fixture(scope="module")
def known(shared: Path):
    return np.load(shared / "parity" / "vi_buffers" / "buffers.npz")


@pytest.fixture(scope="module")
def head(shared: Path) -> FlameHead:
    """The reference's synthetic head with the texture space of its numbers."""
    return synthetic_flame(shared)


def code_of(known, name: str) -> FaceCode:
    pose = known[f"{name}/pose"][0]
    box = known["tform_size_cx_cy_256"] / 256
    return FaceCode("flame", known[f"{name}/shape"][0], known[f"{name}/exp"][0], pose[:3], np.zeros(3), pose[3:], np.zeros(2),
                    known[f"{name}/tex"][0], known[f"{name}/cam"][0], box, known[f"{name}/light"][0])


def edited(known, mode: str) -> FaceCode:
    """Spec section 7: what each mode takes from the target."""
    source, target = code_of(known, "code1"), code_of(known, "code2")
    taken = {"pose": ("pose",), "mean_pose": ("pose",), "light": ("light",), "exp": ("expression", "jaw"), "none": ()}[mode]
    code = source.replace(**{name: getattr(target, name) for name in taken})
    return code.replace(identity=known["mean_shape"][0]) if mode == "mean_pose" else code


@pytest.mark.parametrize("mode", ["none", "pose", "light", "exp", "mean_pose"])
@pytest.mark.parametrize("size", [256, 512])
def test_buffers_are_the_references(head: FlameHead, known, size: int, mode: str) -> None:
    source = code_of(known, "code1")
    code = edited(known, mode)
    recentre = None if mode == "none" else source
    assert np.allclose(posed_vertices(head, code, recentre), known[f"{size}/{mode}/verts"], atol=2e-6)
    buffers = render_buffers(head, code, size, recentre_from=recentre)
    alpha = np.unpackbits(known[f"{size}/{mode}/alpha"])[:size * size].reshape(size, size)
    assert (alpha != buffers.coverage).mean() <= 0.005
    step = 1 if size == 256 else 4
    agree = ((alpha > 0) & (buffers.coverage > 0))[::step, ::step]
    for name in NAMES:
        expected = known[f"{size}/{mode}/{name}_images"].transpose(1, 2, 0).astype(np.float32)
        difference = np.abs(getattr(buffers, name)[::step, ::step] - expected).max(-1)
        assert (difference[agree] > 2e-3).mean() <= 0.005, name


def test_the_centre_is_the_references(head: FlameHead, known) -> None:
    source = code_of(known, "code1")
    assert np.allclose(head.centre(head.vertices_of(source), source.pose), known["256/ffhq_center"][0], atol=2e-6)
