"""Swapping people and mixing photos: the blended global code, the requests of a grid's pictures, the drawn grid, the commands."""
from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import core.backends
import core.make
from core import swap, swap_mix
from core.cli import Parser
from core.codes import FaceCode
from core.edit_arguments import CopyFrom, block_of_photo
from core.engine import Engine
from core.errors import ParameterError, UserError
from core.export import read_request
from core.grids import draw_grid, fitted
from core.head import load_head
from core.people.person import write_person
from core.request import RenderRequest
from core.rig import Copy, Rig
from core.session import Session
from core.swap import Look, rendering, request_for
from models import changes
from tests.tiny import tiny_engine


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    with tiny_engine(tmp_path_factory.mktemp("prior")) as engine:
        yield engine


@pytest.fixture(scope="module")
def photos(engine: Engine, sample_photo: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[Path, Session]:
    """The portrait that ships, and its darker mirror image."""
    other = tmp_path_factory.mktemp("photos") / "mirror.png"
    with Image.open(sample_photo) as image:
        Image.fromarray((np.asarray(image.convert("RGB"))[:, ::-1] * 0.6).astype(np.uint8)).save(other)
    return {path: engine.open(path) for path in (sample_photo, other)}


@pytest.fixture(scope="module")
def person(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Somebody whose network is not the prior's."""
    state = engine.prior.checkpoint.state
    key = next(name for name, value in state.items() if name.endswith("out.2.bias"))
    changed = changes.store_full(state, {key: state[key] + 0.5}, changes.NETWORK)
    path = tmp_path_factory.mktemp("people") / "somebody.safetensors"
    write_person(path, name="Some Body", prior=engine.prior, identity=[0.3] * engine.head.identity_size, changes=changed, card={})
    return path


@pytest.fixture
def run(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Run a command with the engine that is there."""
    monkeypatch.setattr(engine, "close", lambda: None)
    for module in (swap, swap_mix):
        monkeypatch.setattr(module, "engine_for", lambda _arguments, _people: engine)

    def command(module: Any, *words: object) -> int:
        parser = Parser(prog="main.py")
        module.add_arguments(parser)
        return module.run(parser.parse_args([str(word) for word in words]))
    return command


# -- the amount of a copied appearance


def test_an_amount_is_checked_and_old_rigs_have_all_of_it():
    code = load_head("open").zero_code()
    half = Rig().copy(Copy("appearance", code, "p", "other.jpg", 0.5))
    assert Rig.from_json(half.to_json()) == half and half != Rig().copy(Copy("appearance", code, "p", "other.jpg"))
    plain = half.to_json()
    del plain["copies"][0]["amount"]
    copy = Rig.from_json(plain).copied("appearance")
    assert copy is not None and copy.amount == 1.0
    for block, amount, words in (("appearance", 1.2, "0 to 1"), ("appearance", float("nan"), "0 to 1"), ("light", 0.5, "light")):
        with pytest.raises(ParameterError, match=words):
            Copy(block, code, "p", "", amount)


def test_the_command_line_takes_an_amount(tmp_path: Path):
    assert block_of_photo("appearance:a/b.jpg@0.25") == CopyFrom("appearance", Path("a/b.jpg"), 0.25)
    assert block_of_photo("appearance:b.jpg@.5").amount == 0.5 and block_of_photo("appearance:b@2x.jpg").photo == Path("b@2x.jpg")
    odd = tmp_path / "me@1"
    odd.touch()
    assert block_of_photo(f"light:{odd}") == CopyFrom("light", odd)
    for text, words in (("light:b.jpg@0.5", "only appearance"), ("appearance:b.jpg@1.5", "0 to 1")):
        with pytest.raises(argparse.ArgumentTypeError, match=words):
            block_of_photo(text)


@pytest.mark.parametrize("method", ["studio", "paper"])
def test_global_codes_are_blended_in_a_straight_line(engine: Engine, photos: dict[Path, Session], monkeypatch: pytest.MonkeyPatch,
                                                     method: str):
    own, other = photos.values()
    codes: list[torch.Tensor] = []

    def denoise(_painter: Any, start: Any, code: torch.Tensor, own_code: torch.Tensor, *_: Any) -> np.ndarray:
        assert torch.equal(own_code, engine.model.codes[own.digest]), "the noise is found with the photo's own code"
        codes.append(code)
        return np.asarray(start.picture)

    def sample(_network: Any, noise: torch.Tensor, _buffers: Any, code: torch.Tensor, *_: Any) -> torch.Tensor:
        codes.append(code)
        return noise

    monkeypatch.setattr(core.make, "denoise", denoise)
    monkeypatch.setattr(core.make.reference, "sample", sample)
    for amount in (0.0, 1.0, 0.25):
        copy = Copy("appearance", other.code, other.digest, "", amount)
        engine.render(RenderRequest(own.digest, Rig().copy(copy), method=method, size="crop"), measure=False)
    engine.render(RenderRequest(own.digest, method=method, size="crop", seed=1), measure=False)
    assert torch.equal(codes[0], codes[3]) and not torch.equal(codes[0], codes[1])
    assert torch.allclose(codes[2], 0.75 * codes[0] + 0.25 * codes[1], atol=1e-6)


# -- requests


def test_a_swap_paints_from_the_photos_own_buffers_unless_told_otherwise(engine: Engine, photos: dict[Path, Session],
                                                                         person: Path, monkeypatch: pytest.MonkeyPatch):
    session = next(iter(photos.values()))
    somebody = engine.take_person(person)
    drawn: list[FaceCode] = []
    real = core.make.prepare_start

    def prepare_start(session: Session, code: FaceCode, request: RenderRequest) -> Any:
        drawn.append(code)
        return real(session, code, request)

    monkeypatch.setattr(core.make, "prepare_start", prepare_start)
    same, nobody, shaped = (request_for(engine, session, look, who) for look, who in
                            ((Look(), somebody), (Look(), None), (Look(shape="person"), somebody)))
    pictures = [engine.render(request, measure=False).crop for request in (same, nobody, shaped)]
    assert np.array_equal(drawn[0].identity, session.code.identity) and drawn[1] == session.code
    assert np.allclose(drawn[2].identity, 0.3) and np.array_equal(drawn[2].light, session.code.light)
    assert same.person == somebody.digest and nobody.person is None and not same.hold_background
    assert not np.array_equal(pictures[0], pictures[1])
    with pytest.raises(ParameterError, match="shape"):
        Look(shape="mine")


def test_with_the_photos_own_noise_the_default_gives_the_photo_back_and_a_person_does_not(
        engine: Engine, photos: dict[Path, Session], person: Path):
    session = next(iter(photos.values()))
    look = Look(noise="inverted", steps=3)
    nobody = request_for(engine, session, look)
    somebody = request_for(engine, session, look, engine.take_person(person))
    assert somebody.transfer and not nobody.transfer
    assert not request_for(engine, session, look, engine.take_person(person), session).transfer, "a mix of own photos"
    assert np.abs(engine.render(nobody, measure=False).crop.astype(int) - session.native).max() <= 1
    assert np.abs(engine.render(somebody, measure=False).crop.astype(int) - session.native).max() > 20


# -- the grid


def test_a_grid_puts_pictures_where_they_belong():
    red, blue = (np.full((20, 20, 3), color, np.uint8) for color in ((255, 0, 0), (0, 0, 255)))
    plain = draw_grid(["", ""], [[], []], [[red, None], ["words", blue]], 40)
    height, width = plain.shape[:2]
    assert (height, width) == (2 * 20 + 2 * 40 + 8, 2 * 20 + 2 * 40 + 8) and plain.dtype == np.uint8
    assert (plain[25, 25] == (255, 0, 0)).all() and (plain[73, 73] == (0, 0, 255)).all()
    assert (plain[25, 73] == plain[0, 0]).all() and (plain[72:104, 22:58] != plain[0, 0]).any()
    told = draw_grid(["A", "B"], [["a very long name of a photo, much longer than its picture.jpg"], []],
                     [[red, None], [None, blue]], 40, note="what it is " * 8)
    assert told.shape[1] == width and told.shape[0] > height + 3 * 20
    with pytest.raises(ValueError, match="columns"):
        draw_grid(["A"], [[]], [[red, blue]])


def test_pictures_that_are_not_square_are_not_stretched():
    wide = np.zeros((10, 40, 3), np.uint8)
    square = fitted(wide, 80)
    assert square.shape == (80, 80, 3) and not square[30:50].any() and square[:28].all() and square[52:].all()


# -- commands


def test_swap_draws_people_across_and_photos_down(run: Callable[..., int], engine: Engine, photos: dict[Path, Session],
                                                  person: Path, tmp_path: Path):
    out, cells = tmp_path / "grid.png", tmp_path / "cells"
    assert run(swap, "--people", "default", person, "--photos", *photos, "--out", out, "--cells", cells, "--side", 64,
               "--steps", 2) == 0
    with Image.open(out) as image:
        grid = np.asarray(image.convert("RGB"))
    assert grid.shape[1] == 2 * 20 + 4 * 64 + 3 * 8
    first = next(iter(photos.values()))
    left = int(np.argmax((grid[60] != grid[0, 0]).any(-1)))
    tops = [y for y in range(20, 80) if (grid[y, left:left + 64] != grid[0, 0]).any(-1).all()]
    shown = grid[tops[0]:tops[0] + 64, left:left + 64].astype(int)
    assert np.abs(shown - fitted(first.crop, 64)).max() <= 1, "the photo stands first"
    names = sorted(file.name for file in cells.iterdir())
    assert names == ["astronaut__Default-model.png", "astronaut__Some-Body.png", "mirror__Default-model.png",
                     "mirror__Some-Body.png"]
    request = RenderRequest.from_json(read_request(cells / "astronaut__Some-Body.png") or {})
    assert request.person == engine.take_person(person).digest and request.identity == pytest.approx(first.code.identity)
    said = read_request(out) or {}
    assert said["names"] == ["Default model", "Some Body"] and said["look"]["noise"] == "seeded"


def test_mix_takes_buffers_of_one_and_the_code_of_another(run: Callable[..., int], engine: Engine, photos: dict[Path, Session],
                                                          tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def render(request: RenderRequest, **_: Any) -> Any:
        """A picture that tells whose buffers and whose code it is of, and how much of it."""
        copy, digests = request.rig.copied("appearance"), [session.digest for session in photos.values()]
        assert copy is not None
        told = digests.index(request.photo), digests.index(copy.photo), round(100 * copy.amount)
        return SimpleNamespace(crop=np.full((8, 8, 3), told, np.uint8))

    def told(cells: list[list[Any]]) -> list[list[tuple[int, ...]]]:
        return [[tuple(cell[0, 0].tolist()) for cell in row if isinstance(cell, np.ndarray) and len(cell) == 8] for row in cells]

    drawn: list[Any] = []

    def draw(*arguments: Any) -> np.ndarray:
        drawn.append(arguments)
        return np.zeros((4, 4, 3), np.uint8)

    monkeypatch.setattr(engine, "render", render)
    monkeypatch.setattr(swap_mix, "draw_grid", draw)
    one, two = photos
    for words in (["--blend", "0.5"], ["--strip"]):
        assert run(swap_mix, "--buffers", one, two, "--codes", one, two, "--out", tmp_path / "mix.png", *words) == 0
    (columns, captions, cells, *_), strip = drawn
    assert columns == ["", "", one.name, two.name] and captions == [[], [one.name], [two.name]]
    assert told(cells) == [[], [(0, 0, 50), (0, 1, 50)], [(1, 0, 50), (1, 1, 50)]]
    assert np.array_equal(cells[0][3], photos[two].crop) and np.array_equal(cells[2][0], photos[two].crop)
    assert strip[0] == ["Buffers of", "0%", "25%", "50%", "75%", "100%", "Code of"]
    assert told(strip[2])[1] == [(0, 1, 0), (0, 1, 25), (0, 1, 50), (0, 1, 75), (0, 1, 100)] and len(strip[2]) == 4


def test_the_rendering_stands_on_light_grey(engine: Engine, photos: dict[Path, Session]):
    picture = rendering(engine, next(iter(photos.values())))
    assert picture.shape == (256, 256, 3) and (picture[2, 2] == 237).all() and picture[128, 128].mean() < 230


@pytest.mark.parametrize("module, words, message", [
    (swap, ["--people", "nobody-of-this-name", "--photos", "{photo}"], "no person 'nobody-of-this-name'"),
    (swap, ["--people", "default", "--photos", "missing.jpg"], "missing.jpg"),
    (swap, ["--people", "default", "--photos", "{photo}", "--method", "paper", "--noise", "inverted"], "seeded noise"),
    (swap, ["--people", "default", "--photos", "{photo}", "--side", "5"], "--side"),
    (swap, ["--people", "default", "--photos", "{photo}", "--steps", "0"], "steps"),
    (swap_mix, ["--buffers", "{photo}", "--codes", "{photo}", "--blend", "1.5"], "--blend"),
    (swap_mix, ["--buffers", "{photo}", "--codes", "{photo}", "--blend", "0.5", "--strip"], "leave --blend out"),
])
def test_wrong_use_is_said_before_the_work(run: Callable[..., int], monkeypatch: pytest.MonkeyPatch, sample_photo: Path,
                                           own_home: Path, tmp_path: Path, module: Any, words: list[str], message: str):
    monkeypatch.setattr(module, "engine_for", lambda *_: pytest.fail("the work began"))
    with pytest.raises(UserError, match=message):
        run(module, *(word.format(photo=sample_photo) for word in words), "--out", tmp_path / "g.png")


def test_a_grid_replaces_no_photo_and_needs_its_folder(run: Callable[..., int], sample_photo: Path, tmp_path: Path):
    for out, message in ((sample_photo, "would overwrite"), (tmp_path / "no" / "g.png", "does not exist"),
                         (tmp_path / "g.txt", "no picture format")):
        with pytest.raises(UserError, match=message):
            run(swap, "--people", "default", "--photos", sample_photo, "--out", out)
