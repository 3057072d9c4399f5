"""The quotient image: what a change of light does to the head, to what the mesh doesn't have, and to nothing else."""
from __future__ import annotations

import numpy as np
import pytest

from core.codes import FaceCode
from core.head import HeadModel, load_head
from core.light_quotient import continued, exactness, laid, quotient
from core.render.buffers import render_buffers


def _disc(side: int = 64, radius: float = 0.3) -> np.ndarray:
    y, x = np.mgrid[:side, :side] / side - 0.5
    return (np.hypot(x, y) < radius).astype(np.float32)


@pytest.fixture(scope="module")
def head() -> HeadModel:
    return load_head("open")


def test_an_unchanged_light_gives_factors_of_exactly_one() -> None:
    rendered = np.random.default_rng(0).random((64, 64, 3)).astype(np.float32)
    assert (quotient(rendered, rendered, rendered, _disc()) == 1).all()


def test_factors_follow_the_light_on_the_head_go_on_beside_it_and_fade() -> None:
    cover = _disc()
    before = cover[..., None] * np.full((64, 64, 3), 0.5, np.float32)
    after = before * 1.6
    factors = quotient(after, before, np.full_like(before, 0.5), cover)
    assert np.allclose(factors[32, 32], 1.6, atol=0.05)
    dark = quotient(after / 5, before / 5, np.full_like(before, 0.1), cover)
    assert np.allclose(dark, factors, atol=1e-4)  # dark skin follows the light as fair skin does
    hair = factors[32, int(64 * 0.85)]
    assert (hair > 1.1).all() and (hair < factors[32, 32] + 0.02).all()
    person = laid(factors, _disc(radius=0.38))
    assert (person[0, 0] == 1).all() and (person[32, 63] == 1).all() and np.array_equal(person[32, 32], factors[32, 32])


def test_what_the_mesh_has_only_about_right_takes_the_light_smoothly() -> None:
    """An ear of the mesh on a head whose ears are under long hair must not print its folds on that hair."""
    cover, side = np.ones((64, 64), np.float32), 64
    before = np.full((64, 64, 3), 0.5, np.float32)
    stripes = before * (1 + 0.6 * (np.arange(side) // 4 % 2))[None, :, None].astype(np.float32)
    exact = np.repeat((np.arange(side) >= 32).astype(np.float32)[:, None], side, 1)
    factors = quotient(stripes, before, np.full_like(before, 0.5), cover, exact=exact)[..., 0]
    vague, sharp = (np.ptp(factors[row, 12:52]) for row in (12, 52))
    assert sharp > 0.4 and vague < 0.6 * sharp


def test_the_mesh_is_exact_on_the_face_and_vague_on_ears_and_outline(head: HeadModel) -> None:
    code: FaceCode = head.zero_code()
    buffers = render_buffers(head, code, 128)
    exact = exactness(head, buffers)
    assert buffers.face_ids is not None and buffers.bary is not None
    ears = (np.asarray(head.regions["ears"], np.float32)[head.faces[np.maximum(buffers.face_ids, 0)]] * buffers.bary).sum(-1)
    assert exact[60:70, 58:70].min() > 0.95
    assert exact[(ears > 0.9) & (buffers.coverage > 0)].max() < 0.35
    assert exact[buffers.coverage == 0].max() < 0.4 and exact[0, 0] == 0


def test_factors_go_on_beyond_the_crop_without_a_step_and_fade() -> None:
    """A relit face must not end at the crop's border: the body follows, less and less."""
    side, edge = 64, 20
    factors = np.full((side, side, 3), 1.6, np.float32)
    matte = np.zeros((side + 2 * edge,) * 2, np.float32)
    matte[:, 30:70] = 1
    factors[matte[edge:-edge, edge:-edge] == 0] = 1
    wide = continued(factors, matte, edge, 1.0)
    assert np.array_equal(wide[edge:-edge, edge:-edge], factors)
    below = wide[edge + side - 1:, 50, 0]
    assert below[1] > 1.5 and abs(below[-1] - 1) < 0.02 and (np.diff(below) <= 1e-4).all() and np.abs(np.diff(below)).max() < 0.1
