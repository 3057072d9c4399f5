from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from core import cli
from core.errors import UserError
from core.pieces import LIST, pack, unpack


@pytest.fixture
def files(tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    (folder / "sheets").mkdir(parents=True)
    rng = np.random.default_rng(0)
    for name, size in (("state.pt", 250_000), ("log.csv", 700), ("sheets/1.png", 30_000), ("empty.txt", 0)):
        (folder / name).write_bytes(rng.bytes(size))
    (folder / ".state.part").write_bytes(b"left over")
    return folder


def _read(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*")
            if path.is_file() and not path.name.startswith(".")}


@pytest.mark.parametrize("limit", [1_000, 65_536, 10_000_000])
def test_files_come_out_as_they_went_in(files: Path, tmp_path: Path, limit: int) -> None:
    about = pack([files], tmp_path / "pieces", limit)
    sizes = [path.stat().st_size for path in sorted((tmp_path / "pieces").glob("piece-*"))]
    assert sizes == [piece["bytes"] for piece in about["pieces"]] and max(sizes) <= limit
    assert all(size == limit for size in sizes[:-1])  # no piece is wasted
    assert sorted(unpack(tmp_path / "pieces", tmp_path / "back")) == sorted(_read(files))
    assert _read(tmp_path / "back") == _read(files)


def test_the_command_packs_files_and_folders(files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "prior.safetensors").write_bytes(b"x" * 5000)

    def run(*arguments: str) -> int:
        return cli.run(["pieces", *arguments], lambda _: 0, lambda: None)

    pieces = str(tmp_path / "pieces")
    assert run("pack", str(files), str(tmp_path / "prior.safetensors"), "--out", pieces, "--limit-mib", "0.125") == 0
    assert "5 files in 3 pieces" in capsys.readouterr().out
    assert run("unpack", pieces, "--out", str(tmp_path / "back")) == 0
    assert _read(tmp_path / "back") == {**_read(files), "prior.safetensors": b"x" * 5000}
    assert run("pack", str(files), "--out", pieces, "--limit-mib", "0") == 2
    assert run("unpack", pieces, pieces, "--out", str(tmp_path / "back")) == 2


@pytest.mark.parametrize("how", ["changed", "cut", "missing", "other"])
def test_a_wrong_piece_is_named_and_nothing_is_written(files: Path, tmp_path: Path, how: str) -> None:
    pack([files], tmp_path / "pieces", 65_536)
    piece = tmp_path / "pieces" / "piece-0002.bin"
    content = piece.read_bytes()
    if how == "missing":
        piece.unlink()
    else:
        piece.write_bytes({"changed": content[:-1] + bytes([content[-1] ^ 1]), "cut": content[:-1], "other": b"x"}[how])
    with pytest.raises(UserError, match="piece-0002"):
        unpack(tmp_path / "pieces", tmp_path / "back")
    assert not (tmp_path / "back").exists()


@pytest.mark.parametrize("change", [{"version": 2}, {"files": {"../out": {"bytes": 0, "sha256": ""}}},
                                    {"pieces": [{"name": "x"}]}, {"files": []}])
def test_a_wrong_list_is_refused(files: Path, tmp_path: Path, change: dict) -> None:
    pack([files], tmp_path / "pieces", 65_536)
    path = tmp_path / "pieces" / LIST
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(UserError, match="pieces.json"):
        unpack(tmp_path / "pieces", tmp_path / "back")


def test_what_can_t_be_packed_is_said(files: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="Check the path"):
        pack([tmp_path / "none"], tmp_path / "pieces", 100)
    with pytest.raises(UserError, match="Two files"):
        pack([files, files / "log.csv"], tmp_path / "pieces", 100)
    with pytest.raises(UserError, match="can't be read"):
        unpack(tmp_path, tmp_path / "back")
