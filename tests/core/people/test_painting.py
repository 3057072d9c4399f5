"""The engine with people: each has pictures of their own, from whatever file and in whatever order they are asked for."""
from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import core.backends
import main
from core import paths
from core.batch_make import Maker, Settings
from core.batch_plan import plan, rigs_of
from core.edit_command import prior_given
from core.engine import Engine
from core.errors import AssetError, UserError
from core.export import read_request, save_image
from core.export_picture import ExportOptions, write_result
from core.people import shelf, taken
from core.prior import Prior, load_prior
from core.request import RenderRequest
from core.rig import Rig
from core.session import Session
from tests.core.people.kit import IDENTITY, installed, put_person, tiny_prior

RIG = Rig().set("light.azimuth", 50)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    path = tiny_prior(tmp_path_factory.mktemp("prior") / "tiny.safetensors").path
    patch = pytest.MonkeyPatch()
    patch.setattr(core.backends, "pick_dtype", lambda *_: torch.float32)
    engine = Engine(path, "cpu")
    patch.setattr(core.engine, "pick_backend", None)  # no person is worth a timing
    yield engine
    engine.close()
    patch.undo()


@pytest.fixture(scope="module")
def session(engine: Engine, sample_photo: Path) -> Session:
    return engine.open(sample_photo)


@pytest.fixture
def prior(engine: Engine, own_home: Path, monkeypatch: pytest.MonkeyPatch) -> Prior:
    """The engine's prior, installed in an empty home; the engine knows nobody."""
    monkeypatch.setattr(engine, "_people", taken.Taken(engine.prior, engine.head, engine.backend))
    engine._results.clear()
    return installed(engine.prior)


def _request(session: Session, person: str | None = None, **options: object) -> RenderRequest:
    return RenderRequest(session.digest, **{"rig": RIG, "steps": 2, "size": "crop", "person": person, **options})  # type: ignore[arg-type]


def _crop(engine: Engine, request: RenderRequest) -> np.ndarray:
    engine._results.clear()
    return engine.render(request, measure=False).crop


@pytest.mark.parametrize("options", [{}, {"noise": "seeded"}, {"method": "paper", "steps": 2}, {"quality": "preview"}])
def test_a_persons_pictures_are_their_own(engine: Engine, session: Session, prior: Prior, options: dict[str, Any]) -> None:
    put_person(prior, "Ann", student=True, identity=())
    put_person(prior, "Bea", seed=2)
    pictures = {who: _crop(engine, _request(session, engine.take_person(who).digest if who else None, **options))
                for who in (None, "Ann", "Bea")}
    assert (pictures[None] != pictures["Ann"]).any() and (pictures["Bea"] != pictures["Ann"]).any()
    again = _crop(engine, _request(session, engine.take_person("Ann").digest, **options))
    assert np.array_equal(again, pictures["Ann"])
    assert np.array_equal(_crop(engine, _request(session, **options)), pictures[None])


def test_a_person_who_changes_nothing_paints_as_the_prior(engine: Engine, session: Session, prior: Prior) -> None:
    put_person(prior, "Ann", identity=(), changes={})
    ann = engine.take_person("Ann").digest
    ways: tuple[dict[str, Any], ...] = ({}, {"noise": "seeded"}, {"method": "paper"})
    for options in ways:
        assert np.array_equal(_crop(engine, _request(session, ann, **options)), _crop(engine, _request(session, **options)))


@pytest.mark.parametrize("method", ["studio", "paper"])
def test_the_mean_identity_is_used_unless_another_is_asked_for(engine: Engine, session: Session, prior: Prior,
                                                               method: str) -> None:
    put_person(prior, "Ann", changes={})
    ann, rig = engine.take_person("Ann"), Rig().set("pose.yaw", 15)
    assert ann.identity == IDENTITY
    own = tuple(float(v) for v in session.code.identity)
    mean, given, photo = (_crop(engine, _request(session, person, rig=rig, identity=identity, method=method))
                          for person, identity in ((ann.digest, ()), (None, IDENTITY), (ann.digest, own)))
    assert np.array_equal(mean, given) and (mean != photo).any()


def test_more_people_than_are_kept(engine: Engine, session: Session, prior: Prior, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(taken, "KEPT", 2)
    names = ("Ann", "Bea", "Cyd")
    for seed, name in enumerate(names):
        put_person(prior, name, seed=seed)
    digests = [engine.take_person(name).digest for name in names]
    first = [_crop(engine, _request(session, digest)) for digest in digests]
    assert len(engine._people._models) == 2
    assert all(np.array_equal(_crop(engine, _request(session, d)), picture) for d, picture in zip(digests, first, strict=True))


def test_a_person_is_read_once(engine: Engine, prior: Prior, monkeypatch: pytest.MonkeyPatch) -> None:
    path = put_person(prior, "Ann")
    ann = engine.take_person("Ann")
    with monkeypatch.context() as patch:
        patch.setattr(taken, "read_person", None)
        assert engine.take_person(path) is ann and engine.person(ann.digest) is ann
    put_person(prior, "Ann", path=path, seed=9)  # a draft that went on
    assert engine.take_person(path) != ann
    assert engine.person(ann.digest) == ann, "the older one is still among the newest few"


def test_a_file_that_moved_went_or_changed(engine: Engine, session: Session, prior: Prior,
                                           monkeypatch: pytest.MonkeyPatch) -> None:
    put_person(prior, "Ann")
    request = _request(session, engine.take_person("Ann").digest)
    before = _crop(engine, request)

    def drop() -> None:
        engine._people._models.clear()
        engine._results.clear()

    drop()
    path = shelf.rename("Ann", "Annie")
    assert np.array_equal(_crop(engine, request), before) and engine.person(str(request.person)).name == "Annie"
    drop()
    put_person(prior, "Annie", seed=2, path=path)
    with pytest.raises(UserError, match="Annie.safetensors has changed since 'Annie' was chosen"):
        engine.render(request)
    drop()
    path.unlink()
    with pytest.raises(UserError, match="The file of 'Annie', .* is no longer there"):
        engine.render(request)
    with pytest.raises(UserError, match="There is no person 'somebody' here"):
        engine.render(_request(session, "somebody"))


def test_transfer_finds_the_noise_with_the_prior(engine: Engine, session: Session, prior: Prior) -> None:
    put_person(prior, "Ann", student=True, identity=())
    request = _request(session, engine.take_person("Ann").digest, rig=Rig())
    own = _crop(engine, request)
    assert np.abs(own.astype(int) - session.native).max() <= 1, "a person's own noise gives the photo back"
    assert (_crop(engine, replace(request, transfer=True)) != own).any()


def test_a_person_of_another_prior_is_refused(engine: Engine, own_home: Path, tmp_path: Path) -> None:
    other = tiny_prior(tmp_path / "other.safetensors", encoder_width=16)
    put_person(other, "Ann")
    with pytest.raises(AssetError, match=f"'Ann' was made with the model 'tiny' .{other.digest[:12]}."):
        engine.take_person("Ann")
    put_person(engine.prior, "Bea", identity=(1.0,) * 3)
    with pytest.raises(AssetError, match="mean identity of 'Bea' has 3 numbers, but the 'open' head takes 56"):
        engine.take_person("Bea")


def test_a_photo_that_somebody_holds_stays_open(engine: Engine, session: Session) -> None:
    engine._opened._newest.clear()
    assert engine.session(session.digest) is session


def test_the_command_line_makes_the_same_picture(engine: Engine, session: Session, prior: Prior, sample_photo: Path,
                                                 tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(core.engine, "pick_backend", lambda *_: engine.backend)
    path = put_person(prior, "Ann", student=True)
    ann = engine.take_person("Ann")
    out, report = tmp_path / "out.png", tmp_path / "report.json"
    arguments = ["edit", str(sample_photo), "--out", str(out), "--set", "light.azimuth=50", "--steps", "2", "--noise", "seeded",
                 "--report", str(report), "--no-credentials"]
    assert main.main([*arguments, "--person", "ann"]) == 0
    request = RenderRequest(session.digest, RIG, steps=2, noise="seeded", prior=prior.digest, person=ann.digest,
                            identity=ann.identity)
    assert read_request(out) == json.loads(json.dumps(request.to_json()))
    window = tmp_path / "window.png"
    write_result(session.photo, engine.render(request), window, ExportOptions(credentials=False), model=prior.name)
    assert window.read_bytes() == out.read_bytes()
    said = json.loads(report.read_text())
    assert said["person"] == {"name": "Ann", "digest": ann.digest, "file": str(path), "licence": "as you like"}
    assert said["codes"]["edited"]["identity"] == pytest.approx(IDENTITY)


def test_a_batch_with_a_person(engine: Engine, session: Session, prior: Prior, sample_photo: Path, tmp_path: Path,
                               monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(core.engine, "pick_backend", lambda *_: engine.backend)
    put_person(prior, "Ann")
    ann = engine.take_person("Ann")
    request = _request(session, ann.digest, prior=prior.digest, identity=ann.identity)
    made = tmp_path / "rigs" / "made.png"
    made.parent.mkdir()
    save_image(engine.render(request).image, made, request_json=request.to_json())
    rigs = rigs_of([made], {}, RenderRequest("", size="crop"), engine.head)
    task, = plan([sample_photo], rigs, tmp_path / "out", ".png", {})
    (tmp_path / "out").mkdir()
    maker = Maker(Settings(str(prior.path), None, None, None, "numba", (), None, False))
    try:
        row = maker(task)
    finally:
        maker.engine.close()
    assert (row.status, row.person, row.reason) == ("made", "Ann", "")
    assert task.out.read_bytes() and json.loads(json.dumps(rigs[0].request.to_json()))["person"] == ann.digest
    shelf.delete("Ann")
    with pytest.raises(UserError, match="made.png was made with the model of a person who is not here"):
        rigs_of([made], {}, RenderRequest("", size="crop"), engine.head)


def test_the_prior_of_a_person_is_found(engine: Engine, prior: Prior, own_home: Path) -> None:
    put_person(prior, "Ann")
    assert prior_given(Namespace(prior=None, person="Ann")) == paths.priors_dir() / "tiny.safetensors"
    assert prior_given(Namespace(prior="x", person="Ann")) == "x" and prior_given(Namespace(prior=None, person=None)) is None
    assert load_prior(prior_given(Namespace(prior=None, person="Ann"))).digest == prior.digest
