"""Pictures of the history in bounded memory, and requests in words."""
from __future__ import annotations

import errno
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.history import shelf as shelf_module
from app.history.pictures import Keeper, Picture
from app.history.shelf import Shelf
from app.history.words import differences, in_words
from core.people.header import About
from core.presets import builtin
from core.request import RenderRequest
from core.rig import Rig, parameters
from tests.app.fakes import FakeHead, FakeResult, person_of


def result_of(request: RenderRequest, shade: int = 100, side: int = 64) -> FakeResult:
    crop = np.full((side, side, 3), shade, np.uint8)
    return FakeResult(crop, crop, request, {"diffusion": 0.5}, 0.2)


@pytest.fixture
def keeper() -> Iterator[Keeper]:
    made = Keeper(budget=3 * 64 * 64 * 3)
    yield made
    made.close()


def picture_of(shade: int) -> np.ndarray:
    return np.full((64, 64, 3), shade, np.uint8)


def same(picture: Picture, shade: int) -> bool:
    pixels = picture.pixels()
    return pixels is not None and np.array_equal(pixels, picture_of(shade))


def test_memory_is_bounded_and_older_pictures_come_back_from_disk(keeper: Keeper) -> None:
    held = [keeper.keep(picture_of(shade)) for shade in range(10)]
    keeper.trim(set())
    keeper.wait()
    assert keeper.in_memory <= keeper.budget
    assert [picture.in_memory for picture in held] == [False] * 7 + [True] * 3
    assert all(same(picture, shade) for shade, picture in enumerate(held))
    assert keeper.folder is not None and len(list(keeper.folder.iterdir())) == 7
    del held
    assert not list(keeper.folder.iterdir()), "files of pictures that are gone go too"


def test_without_a_disk_loose_pictures_are_given_up_and_pinned_ones_stay(keeper: Keeper, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> int:
        raise OSError(errno.ENOSPC, "no space left on device")
    monkeypatch.setattr(Path, "write_bytes", full)
    held = [keeper.keep(picture_of(shade)) for shade in range(6)]
    keeper.trim({id(held[0])})
    keeper.wait()
    assert held[0].pixels() is not None and held[1].pixels() is None and held[5].pixels() is not None


def test_a_damaged_file_is_no_picture(keeper: Keeper) -> None:
    held = [keeper.keep(picture_of(shade)) for shade in range(4)]
    keeper.trim(set())
    keeper.wait()
    assert keeper.folder is not None
    next(keeper.folder.iterdir()).write_bytes(b"no picture")
    assert held[0].pixels() is None


def test_only_so_many_loose_pictures_are_kept(keeper: Keeper, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shelf_module, "MOST", 4)
    shelf = Shelf(keeper)
    shelf.open("p")
    first = shelf.take(result_of(RenderRequest("p", seed=0)), None)
    assert first is not None
    shelf.pin([first], True)
    for seed in range(1, 9):
        shelf.take(result_of(RenderRequest("p", seed=seed)), None)
    assert [item.request.seed for item in shelf.items] == [0, 5, 6, 7, 8], "the pinned one and the newest"


def test_a_picture_for_any_thread_costs_its_file_once(tmp_path: Path) -> None:
    picture = Picture(picture_of(9))
    data = picture.png(tmp_path)
    assert picture.png(None) == data and len(list(tmp_path.iterdir())) == 1
    assert picture.to_disk(None), "the file is there already"
    assert same(picture, 9)


# -- words


def words(**changes: Any) -> str:
    values = {name.replace("_", "."): value for name, value in changes.pop("rig", {}).items()}
    request = RenderRequest("p", Rig().update(values), **changes)
    return in_words(request, parameters(FakeHead()), changes.get("who"))  # type: ignore[arg-type]


def test_requests_in_words() -> None:
    assert words() == "Original"
    assert words(rig={"expression_smile": 0.6, "jaw_open": 0.25}) == "Smile 0.6, Jaw open 0.25"
    assert words(rig={"light_azimuth": -55.0, "light_elevation": 30.0}) == "Light -55°, 30°"
    assert words(rig={"light_color": (1.0, 0.8, 0.5)}) == "Light colour #ffcc80"
    assert words(rig={"sh_0_r": 0.5, "sh_1_g": 0.5}) == "Light by coefficients"
    assert words(noise="seeded", seed=7, strength=0.5, steps=12, guidance=1.5, hold_background=False) == \
        "From seed 7, Steps 12, Strength 0.5, Background free, Emphasis 1.5"
    assert words(method="paper", seed=3) == "Published method, seed 3"
    rembrandt = builtin("light")[0]
    request = RenderRequest("p", Rig().update({**rembrandt.values, "jaw.open": 0.25}))
    assert in_words(request, parameters(FakeHead())) == f"{rembrandt.name}, Jaw open 0.25"  # type: ignore[arg-type]
    ann: About = person_of("Ann")
    assert differences(RenderRequest("p", person=ann.digest), {}, ann) == {"person": "Person Ann"}
