"""The engine with FLAME and DECA's encoder (synthetic ones): the paper's method, and what the studio's does with such a head."""
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch

import core.backends
from core import mean_identity, paths, reference
from core.engine import Engine
from core.errors import AssetError, ParameterError
from core.estimate_deca import encode, reference_picture
from core.estimators import load_encoder, names
from core.make import PAPER_PREVIEW_STEPS
from core.photo import Photo, load_image
from core.request import RenderRequest
from core.rig import Copy, Rig, apply
from core.session import Session
from tests.core.test_reference import usual_face
from tests.flame import arrays, texture_space
from tests.models.parity import recipe_encoder
from tests.tiny import save_tiny_prior

STEPS = 4


@pytest.fixture(scope="module")
def home(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A user folder with a FLAME head, its texture and a face encoder, as an import leaves them."""
    folder = tmp_path_factory.mktemp("home")
    patch = pytest.MonkeyPatch()
    patch.setenv("DIFFUSIONRIG_HOME", str(folder))
    patch.setattr(core.backends, "pick_dtype", lambda *_: torch.float32)
    paths.assets_dir().mkdir(parents=True)
    mean, directions = texture_space(256)
    np.savez(paths.assets_dir() / "flame.npz", **arrays(shared), mean=mean, tex_dir=directions)  # type: ignore[arg-type]
    state = recipe_encoder(shared, last_bias=usual_face())
    safetensors.torch.save_file(state, paths.assets_dir() / "deca_encoder.safetensors")
    save_tiny_prior(folder / "tiny.safetensors", head="flame")
    yield folder
    patch.undo()


@pytest.fixture(scope="module")
def engine(home: Path) -> Iterator[Engine]:
    engine = Engine(home / "tiny.safetensors", "cpu")
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def session(engine: Engine, sample_photo: Path) -> Session:
    return engine.open(sample_photo)


def _request(session: Session, rig: Rig | None = None, **options: object) -> RenderRequest:
    plain = {"steps": STEPS, "size": "crop", "method": "paper", "noise": "seeded", **options}
    return RenderRequest(session.digest, rig or Rig(), **plain)  # type: ignore[arg-type]


def test_the_prior_chooses_the_head_and_the_head_its_estimator(engine: Engine, session: Session) -> None:
    assert engine.head.name == "flame" and engine.estimator == "deca" and engine.render_problem is None
    assert names("flame") == ("deca", "fit") and names("open") == ("fit",)
    picture, points = reference_picture(session.photo, 256)
    assert np.array_equal(session.reference, picture) and picture.shape == (256, 256, 3)
    assert session.code == encode(load_encoder(), picture, points)
    assert session.fit.landmark_error > 0 and 0 < session.fit.light_residual < 1


@pytest.mark.parametrize("mean", [False, True])
def test_the_papers_method_is_the_reference_bit_for_bit(engine: Engine, session: Session, mean: bool) -> None:
    """The same functions, composed by hand from the photo on."""
    identity = tuple(np.linspace(-1, 1, 100, dtype=np.float32).tolist()) if mean else ()
    rig = Rig().update({"pose.yaw": 12, "light.azimuth": 40, "jaw.open": 0.5})
    found = engine.render(_request(session, rig, seed=3, identity=identity))
    source = encode(load_encoder(), *reference_picture(session.photo, 256))
    edited = apply(rig, engine.head, source)
    if mean:
        edited = edited.replace(identity=np.array(identity))
    code = engine.network.encode(reference.network_picture(reference_picture(session.photo, 256)[0]))
    picture = reference.sample(engine.network, reference.noise(256, 3),
                               reference.edit_buffers(engine.head, source, edited, 256), code, STEPS)
    assert np.array_equal(found.crop, reference.to_png(picture)) and np.array_equal(found.image, found.crop)
    drawn = engine.buffers(session, rig, identity=identity)
    assert np.array_equal(drawn.rendered, reference.edit_buffers(engine.head, source, edited, 256).rendered)


def test_the_papers_latent_mode_takes_the_other_photos_code(engine: Engine, session: Session, sample_photo: Path) -> None:
    turned = engine.open(_flipped(sample_photo))
    found = engine.render(_request(session, Rig().copy(engine.copy_from(turned, "appearance"))))
    code = engine.network.encode(reference.network_picture(turned.reference))
    buffers = reference.edit_buffers(engine.head, session.code, session.code, 256)
    expected = reference.sample(engine.network, reference.noise(256, 0), buffers, code, STEPS)
    assert np.array_equal(found.crop, reference.to_png(expected))


def _flipped(path: Path) -> bytes:
    from core.cv import cv2
    return cv2.imencode(".png", load_image(path).pixels[:, ::-1, ::-1])[1].tobytes()


def test_the_papers_picture_can_be_pasted_and_previewed(engine: Engine, session: Session) -> None:
    whole = engine.render(_request(session, size="full"))
    assert whole.image.shape == session.photo.pixels.shape and whole.crop.shape == (256, 256, 3)
    seen: list[tuple[int, int]] = []
    quick = engine.render(_request(session, steps=20, quality="preview"), lambda k, n, picture: seen.append((k, n)))
    assert seen == [(k, PAPER_PREVIEW_STEPS) for k in range(1, PAPER_PREVIEW_STEPS + 1)]
    assert quick.identity_distance is None


def test_an_aligned_photo_is_taken_whole(engine: Engine, session: Session) -> None:
    from core.cv import cv2
    picture = session.photo.crop(256)
    again = engine.open(cv2.imencode(".png", picture[..., ::-1])[1].tobytes(), aligned=True)
    assert np.abs(again.reference.astype(int) - picture).max() <= 1  # cut down to whole numbers, as in the reference
    assert np.abs(again.code.box - session.code.box).max() < 0.02


def test_a_head_without_its_texture_makes_buffers_but_no_pictures(engine: Engine, session: Session, shared: Path,
                                                                  monkeypatch: pytest.MonkeyPatch) -> None:
    from core.head.flame import FlameHead
    monkeypatch.setattr(engine, "head", FlameHead.from_arrays(arrays(shared)))
    assert engine.buffers(session, Rig()).coverage.any()
    with pytest.raises(AssetError, match=r"texture space.*assets import"):
        engine.render(_request(session, seed=99))


def test_another_head_than_the_priors_makes_buffers_but_no_pictures(home: Path, sample_photo: Path) -> None:
    engine = Engine(home / "tiny.safetensors", "cpu", head="open")
    try:
        opened = engine.open(sample_photo)
        assert engine.estimator == "fit" and opened.code.head == "open" and engine.buffers(opened, Rig()).coverage.any()
        with pytest.raises(AssetError, match=r"'tiny' was trained on buffers of the 'flame' head .*--head flame"):
            engine.render(_request(opened))
    finally:
        engine.close()


def test_missing_files_and_unknown_names_are_said_plainly(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prior = home / "tiny.safetensors"
    with pytest.raises(ParameterError, match="no estimator 'magic' for the 'flame' head. There are: deca, fit"):
        Engine(prior, "cpu", estimator="magic")
    with pytest.raises(ParameterError, match="rasterizer"):
        Engine(prior, "cpu", rasterizer="pencil")
    encoder = paths.assets_dir() / "deca_encoder.safetensors"
    monkeypatch.setattr("core.assets.encoder_file", lambda: None)
    with pytest.raises(AssetError, match=r"encoder is not there.*assets import FOLDER.*--estimator fit"):
        Engine(prior, "cpu")
    damaged = home / "damaged.safetensors"
    damaged.write_bytes(encoder.read_bytes()[:5000])
    monkeypatch.setattr("core.assets.encoder_file", lambda: damaged)
    with pytest.raises(AssetError, match=r"damaged\.safetensors can't be used"):
        Engine(prior, "cpu")


# -- mean identity --------------------------------------------------------------------------------------------------------


def test_a_mean_identity_is_made_kept_and_checked(engine: Engine, session: Session, sample_photo: Path, tmp_path: Path) -> None:
    album = tmp_path / "album"
    album.mkdir()
    (album / "a.png").write_bytes(sample_photo.read_bytes())
    (album / "b.png").write_bytes(_flipped(sample_photo))
    (album / "c.png").write_bytes(b"no picture")
    said: list[str] = []
    mean = mean_identity.of_folder(engine, album, say=said.append)
    assert mean.photos == 2 and mean.head == "flame" and len(said) == 1 and "c.png" in said[0]
    other = engine.open(album / "b.png")
    np.testing.assert_allclose(mean.identity, (session.code.identity + other.code.identity) / 2, atol=1e-6)
    file = tmp_path / "mean.json"
    mean_identity.save(mean, file)
    assert mean_identity.load(file, "flame") == mean
    with pytest.raises(AssetError, match="'flame' head and can't be used with the 'open' head"):
        mean_identity.load(file, "open")
    file.write_text("{}")
    with pytest.raises(AssetError, match="not a mean identity"):
        mean_identity.load(file, "flame")
    with pytest.raises(ParameterError, match="3 numbers"):
        engine.render(_request(session, identity=(1.0, 2.0, 3.0)))


# -- the studio's method --------------------------------------------------------------------------------------------------


def test_the_studio_gives_the_photo_back_and_moves_the_face(engine: Engine, session: Session) -> None:
    still = engine.render(_request(session, method="studio", noise="inverted"))
    assert np.abs(still.crop.astype(int) - session.native).max() <= 1
    for changes in ({"jaw.open": 0.8}, {"pose.yaw": 10}, {"expression.00": 2.0}):
        moved = engine.render(_request(session, Rig().update(changes), method="studio", noise="inverted"))
        assert (moved.crop != session.native).any(), changes


def test_another_identity_draws_the_head_where_the_photos_own_stands(engine: Engine, session: Session) -> None:
    identity = tuple(np.linspace(-1, 1, 100, dtype=np.float32).tolist())
    other = session.with_identity(identity)
    assert session.with_identity(()) is session and session.with_identity(identity) is other and other.digest == session.digest
    wanted = engine.buffers(session, Rig(), identity=identity)
    assert (other.buffers.coverage != wanted.coverage).mean() < 0.002
    assert (session.buffers.coverage != wanted.coverage).mean() > 0.002


def test_requests_with_a_method_survive_json(session: Session) -> None:
    import json
    request = _request(session, Rig().copy(Copy("light", session.code, "abc")), identity=(0.5, 1.0))
    assert RenderRequest.from_json(json.loads(json.dumps(request.to_json()))) == request
    with pytest.raises(ParameterError, match="method is one of studio, paper"):
        replace(request, method="magic")


def test_photos_are_found_once(engine: Engine, session: Session) -> None:
    assert isinstance(session.photo, Photo) and engine.session(session.digest) is session
