"""Opening a model: a file of ours, a released checkpoint, or an imported one by name; and what is said when it does not fit."""
from __future__ import annotations

import hashlib
import os
from io import BytesIO
from pathlib import Path

import pytest
import torch

from core import paths
from core.assets import convert, digests, process
from core.errors import AssetError
from core.prior import load_prior
from models.config import DenoiserConfig
from tests.core.assets.licensed import checkpoint
from tests.tiny import save_tiny_prior


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    return save_tiny_prior(tmp_path / "tiny.safetensors")


def test_it_says_what_the_file_says(tiny: Path) -> None:
    prior = load_prior(tiny, head="open", size=256)
    assert (prior.name, prior.head, prior.size, prior.path) == ("tiny", "open", 256, tiny) and len(prior.digest) == 64


def test_the_wrong_head_or_size_is_named(tiny: Path) -> None:
    with pytest.raises(AssetError, match="'open' head .*'flame'"):
        load_prior(tiny, head="flame")
    with pytest.raises(AssetError, match="makes pictures of 256 pixels, but 512 are asked for"):
        load_prior(tiny, size=512)


@pytest.mark.parametrize("cut", [0, 5, 400, -100])
def test_a_file_cut_short_is_refused(tiny: Path, cut: int) -> None:
    tiny.write_bytes(tiny.read_bytes()[:cut])
    with pytest.raises(AssetError, match="tiny.safetensors can't be used as a model: it is damaged"):
        load_prior(tiny)


def test_a_name_is_one_of_the_imported(own_home: Path, tmp_path: Path) -> None:
    with pytest.raises(AssetError, match="The model, mine, is not there.*import one with 'main.py assets import FOLDER'"):
        load_prior("mine")
    paths.priors_dir().mkdir(parents=True)
    save_tiny_prior(paths.priors_dir() / "mine.safetensors")
    assert load_prior("mine").path == paths.priors_dir() / "mine.safetensors"
    with pytest.raises(AssetError, match="nowhere.pt, is not there.*the name of an imported one .mine."):
        load_prior(tmp_path / "nowhere.pt")


def test_a_released_checkpoint_opens_by_itself_and_is_converted_once(
        own_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "model000100.pt"
    torch.save(checkpoint(), file)
    prior = load_prior(file, head="flame", size=64)
    assert prior.config == DenoiserConfig.reference(64, 32) and prior.name == "model000100"
    torch.testing.assert_close(dict(prior.build().state_dict()), dict(checkpoint()), rtol=0, atol=0)
    monkeypatch.setattr(process, "run", None)
    again = load_prior(file)
    assert again.digest == prior.digest and again.path.parent == paths.cache_dir() / "converted"


def test_what_is_no_checkpoint_is_named(own_home: Path, tmp_path: Path) -> None:
    file = tmp_path / "opt000100.pt"
    torch.save({"state": {0: torch.zeros(9)}, "param_groups": [{"lr": 0.1}]}, file)
    with pytest.raises(AssetError, match="opt000100.pt can't be used as a model: it holds the state of an optimiser, expected"):
        load_prior(file)
    file.write_text("<html>Log in</html>")
    with pytest.raises(AssetError, match="web page"):
        load_prior(file)
    assert not (paths.cache_dir() / "converted").exists() or not list((paths.cache_dir() / "converted").iterdir())


def test_only_a_few_converted_copies_are_kept(own_home: Path) -> None:
    folder = paths.cache_dir() / "converted"
    folder.mkdir(parents=True)
    for index in range(5):
        (folder / f"{index}.safetensors").touch()
        os.utime(folder / f"{index}.safetensors", (index, index))
    convert._keep_few(folder)
    assert sorted(path.name for path in folder.iterdir()) == ["2.safetensors", "3.safetensors", "4.safetensors"]


def test_a_large_files_digest_is_remembered_until_it_changes(
        own_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digests, "LARGE", 4)
    path, read, whole = tmp_path / "a", [], hashlib.file_digest

    def counted(file: BytesIO, kind: str) -> object:
        read.append(kind)
        return whole(file, kind)

    monkeypatch.setattr(hashlib, "file_digest", counted)
    path.write_bytes(b"12345")
    first = digests.file_digest(path)
    assert digests.file_digest(path) == first and len(read) == 1
    path.write_bytes(b"123456")
    assert digests.file_digest(path) != first and len(read) == 2
    (paths.cache_dir() / "digests.json").write_text("damaged")
    assert digests.file_digest(path) != first and len(read) == 3
