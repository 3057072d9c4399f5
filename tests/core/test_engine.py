"""The engine on the sample photo with a tiny untrained network: what every picture must keep, whatever the weights."""
from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import core.backends
import core.compose
import core.edit
from core import light as lighting
from core.engine import Engine
from core.errors import Cancelled, NoFaceError, PhotoError, UserError
from core.request import RenderRequest
from core.rig import Rig
from core.session import Session


def _request(session: Session, rig: Rig | None = None, **options: object) -> RenderRequest:
    return RenderRequest(session.digest, rig or Rig(), **{"steps": 3, "size": "crop", **options})  # type: ignore[arg-type]


def test_no_edit_gives_the_photo_back(engine: Engine, session: Session):
    whole = engine.render(_request(session, size="full"))
    assert np.abs(whole.image.astype(int) - session.photo.pixels).max() <= 1
    assert np.abs(whole.crop.astype(int) - session.native).max() <= 1


def test_light_from_a_side_brightens_that_side(engine: Engine, session: Session):
    side = session.native.shape[0]
    luma = {}
    for azimuth in (-70.0, 70.0):
        crop = engine.render(_request(session, Rig().set("light.azimuth", azimuth))).crop.astype(float).mean(2)
        middle = crop[int(0.45 * side):int(0.7 * side)]
        left, right = (middle[:, int(a * side):int((a + 0.1) * side)].mean() for a in (0.32, 0.58))
        luma[azimuth] = np.log(right / left)
    assert luma[70.0] > luma[-70.0] + 0.3


@pytest.mark.parametrize("changes", [{"light.azimuth": 60}, {"jaw.open": 0.6}])
def test_the_background_is_held(engine: Engine, session: Session, changes: dict[str, float]):
    result = engine.render(_request(session, Rig().update(changes), size="full"))
    corner = np.s_[:40, -40:]
    assert np.array_equal(result.image[corner], session.photo.pixels[corner])
    assert (result.image != session.photo.pixels).any()


def test_equal_requests_give_equal_pictures_in_another_engine(engine: Engine, session: Session, sample_photo: Path):
    request = _request(session, Rig().update({"pose.yaw": 12, "expression.smile": 0.5}), seed=5)
    first = engine.render(request)
    other = Engine(engine.prior.path, "cpu")
    try:
        assert other.open(sample_photo).digest == session.digest
        assert np.array_equal(other.render(request).crop, first.crop)
    finally:
        other.close()


def test_seeds_matter_for_seeded_noise_only_where_the_network_paints(engine: Engine, session: Session):
    rig = Rig().set("light.azimuth", 40)
    one, two = (engine.render(_request(session, rig, noise="seeded", seed=seed)).crop for seed in (1, 2))
    assert (one != two).any()
    assert np.array_equal(one[:8, :8], two[:8, :8])


def test_strength_zero_is_the_starting_picture(engine: Engine, session: Session):
    rig = Rig().set("jaw.open", 0.5)
    one, two = (engine.render(_request(session, rig, strength=0.0, seed=seed)).crop for seed in (1, 2))
    assert np.array_equal(one, two)


def test_steps_are_reported_and_can_be_cancelled(engine: Engine, session: Session):
    seen: list[tuple[int, int, tuple[int, ...]]] = []
    engine.render(_request(session, Rig().set("pose.roll", 5)), lambda k, n, e: seen.append((k, n, e.shape)))
    assert [(k, n) for k, n, _ in seen] == [(1, 3), (2, 3), (3, 3)]
    assert all(shape == (256, 256, 3) for *_, shape in seen)
    count = len(seen)
    with pytest.raises(Cancelled):
        engine.render(_request(session, Rig().set("pose.roll", 6)), lambda *a: seen.append((0, 0, ())), lambda: len(seen) > count)
    assert engine.render(_request(session)).crop.shape == session.native.shape


def test_previews_take_few_steps(engine: Engine, session: Session):
    seen: list[int] = []
    engine.render(_request(session, Rig().set("pose.roll", 7), steps=12, quality="preview"), lambda k, n, _: seen.append(n))
    assert seen == [1]
    seen.clear()
    seeded = _request(session, Rig().set("jaw.open", 0.3), steps=12, noise="seeded", quality="preview")
    engine.render(seeded, lambda k, n, _: seen.append(n))
    assert seen == [core.edit.PREVIEW_EVALUATIONS] * core.edit.PREVIEW_EVALUATIONS


@pytest.mark.parametrize("noise, most", [("inverted", 20), ("seeded", 10)])
def test_a_settled_picture_takes_few_evaluations(engine: Engine, session: Session, monkeypatch: pytest.MonkeyPatch, noise: str,
                                                 most: int):
    count: list[int] = []

    def network(x: torch.Tensor, t: torch.Tensor, condition: torch.Tensor, code: torch.Tensor | None) -> torch.Tensor:
        count.append(len(x))
        return torch.zeros_like(x)

    monkeypatch.setattr(engine.model, "painter", replace(engine.painter, network=network))
    rig = Rig().set("light.azimuth", 33)
    engine.render(RenderRequest(session.digest, rig, noise=noise, size="crop"))
    assert 0 < sum(count) <= most
    settled = sum(count)
    engine.render(RenderRequest(session.digest, rig, noise=noise, size="crop", strength=0.5))
    assert sum(count) - settled <= settled // 2, "the inversion is found once"


def test_guidance_scales_the_networks_part_of_the_edit(engine: Engine, session: Session):
    rig = Rig().set("light.azimuth", 48)
    start = engine.render(_request(session, rig, strength=0.0)).crop.astype(float)
    parts = [engine.render(_request(session, rig, guidance=w)).crop - start for w in (0.0, 1.0, 2.0)]
    assert np.abs(parts[0]).max() <= 1.5
    assert np.abs(parts[2]).mean() > 1.3 * np.abs(parts[1]).mean() > 0


def test_light_stays_in_the_room_when_the_head_turns(engine: Engine, session: Session):
    lamp = {"azimuth": 60, "elevation": 0, "intensity": 2, "ambient": 0.2}
    lit = session.code.replace(light=lighting.edit(session.code.light, lamp))
    turned = lit.replace(pose=lit.pose + np.array([0, np.radians(25), 0], np.float32))
    side = Session(session.photo, replace(session.fit, code=lit), session.head, session.size, session.rasterizer)
    still, start = (core.edit.prepare_start(side, code, _request(session)) for code in (lit, turned))
    assert (still.light.factors == 1).all() and np.array_equal(still.own.rendered, still.target.rendered)
    assert start.light.factors.max() > 1.05 or start.light.factors.min() < 0.95
    difference = np.abs(start.own.rendered - start.target.rendered).max()
    assert difference > 0.01, "the network has a part in it"


def test_appearance_comes_from_the_other_photo(engine: Engine, session: Session, monkeypatch: pytest.MonkeyPatch, shared: Path):
    other = engine.open(shared / "faces" / "originals" / "interfaces_007.jpg")
    codes: list[torch.Tensor] = []

    class Recorder:
        config = engine.network.config

        def __call__(self, x: torch.Tensor, t: torch.Tensor, condition: torch.Tensor, code: torch.Tensor | None) -> torch.Tensor:
            assert code is not None
            codes.append(code)
            return torch.zeros_like(x)

        def encode(self, photo: torch.Tensor, *unused: object) -> torch.Tensor:
            return photo.mean((2, 3))

    recorder = Recorder()
    monkeypatch.setattr(engine.model, "network", recorder)
    monkeypatch.setattr(engine.model, "painter", replace(engine.painter, network=recorder))
    monkeypatch.setattr(engine.model, "codes", {})
    engine.render(_request(session, Rig().copy(engine.copy_from(other, "appearance")), seed=77))
    own, others = (torch.from_numpy(core.compose.to_model(s.crop))[None].mean((2, 3)) for s in (session, other))
    assert torch.equal(codes[0], own)  # the photo's own noise is found with its own code
    assert torch.equal(codes[-1], others)


def test_an_unknown_photo_prior_or_person_is_said_plainly(engine: Engine, session: Session):
    for request in (RenderRequest("nothing"), _request(session, prior="0" * 64), _request(session, person="somebody")):
        with pytest.raises(UserError):
            engine.render(request)


def test_bad_photos_are_said_plainly(engine: Engine, tmp_path: Path):
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"\xff\xd8\xff\xe0 not a photo")
    with pytest.raises(PhotoError, match="broken.jpg"):
        engine.open(broken)
    from PIL import Image
    Image.new("RGB", (300, 300), "gray").save(tmp_path / "empty.png")
    with pytest.raises(NoFaceError, match="empty.png"):
        engine.open(tmp_path / "empty.png")


def test_buffers_follow_the_rig(engine: Engine, session: Session):
    still, turned = (engine.buffers(session, Rig().update(c)) for c in ({}, {"pose.yaw": 25}))
    assert still.coverage.shape == (256, 256) and (still.coverage != turned.coverage).any()
    assert engine.buffers(session, Rig(), 128).rendered.shape == (128, 128, 3)
