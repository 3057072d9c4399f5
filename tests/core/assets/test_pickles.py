"""The reader of pickles as plain data: what FLAME's files hold comes out, and nothing hostile runs or fills memory."""
from __future__ import annotations

import os
import pickle
import subprocess
import tracemalloc
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse

from core.assets import flame_files
from core.assets.arrays import as_array
from core.assets.pickles import PickleError, Record, read
from core.assets.problems import Unfit
from tests.core.assets.hostile import START, Hostile, as_entry, call, cases, doubled, embedding_file, name

CASES = sorted(cases(Path("mark")))


@pytest.fixture
def mark(tmp_path: Path) -> Path:
    """A file that hostile code would make; it must not be there at the end."""
    return tmp_path / "mark"


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_plain_data_comes_out(protocol: int) -> None:
    data: dict[Any, Any] = {"a": [1, -5, 300, 70000, 2**40, 1.5, None, True], "é": ("x", (1, 2, 3, 4), {}), 3: OrderedDict(b=1)}
    assert read(pickle.dumps(data, protocol=protocol)) == data


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("array", [
    np.arange(6, dtype=np.int32).reshape(2, 3), np.asfortranarray(np.arange(6.0).reshape(2, 3)), np.arange(3000) / 7,
    np.array([1, 2], ">f4"), np.array([True, False]), np.array(3.5), np.zeros((0, 3)), np.array([0, 128, 255], np.uint8),
    np.float64(2.5), np.int64(-3)], ids=lambda a: f"{a.dtype}{a.shape}")
def test_arrays_come_out(array: np.ndarray, protocol: int) -> None:
    found = as_array(read(pickle.dumps(array, protocol=protocol)))
    assert found.dtype == array.dtype
    np.testing.assert_array_equal(found, array)


@pytest.mark.parametrize("protocol", [2, 4])
def test_sparse_columns_come_out(protocol: int) -> None:
    matrix = scipy.sparse.random(5, 60, 0.2, "csc", random_state=0)
    np.testing.assert_allclose(as_array(read(pickle.dumps(matrix, protocol=protocol))), matrix.toarray())


def test_strings_of_python_2_are_names_and_bytes() -> None:
    assert read(START + b"U\x03f\xe9x.") == "féx"
    long = read(START + b"T" + (5000).to_bytes(4, "little") + bytes(5000) + b".")
    assert isinstance(long, memoryview) and len(long) == 5000


@pytest.mark.parametrize("case", CASES)
def test_a_hostile_model_is_refused(case: str, mark: Path, tmp_path: Path) -> None:
    path = tmp_path / "generic_model.pkl"
    path.write_bytes(as_entry(cases(mark)[case]))
    tracemalloc.start()
    with pytest.raises(Unfit, match="^(it|an? |some|reading)"):
        flame_files.read_model(path)
    assert tracemalloc.get_traced_memory()[1] < 64 << 20
    tracemalloc.stop()
    assert not mark.exists()


@pytest.mark.parametrize("case", CASES)
def test_a_hostile_embedding_is_refused(case: str, mark: Path, tmp_path: Path) -> None:
    path = tmp_path / "landmark_embedding.npy"
    path.write_bytes(embedding_file(cases(mark)[case]))
    with pytest.raises(Unfit):
        flame_files.read_embedding(path)
    assert not mark.exists()


CALLS: list[tuple[Any, ...]] = [
    (os.system, "touch MARK"), (exec, "open('MARK', 'w')"), (eval, "open('MARK', 'w')"), (open, "MARK", "w"), (__import__, "os"),
    (getattr, Path("MARK"), "touch"), (Path.touch, Path("MARK")), (subprocess.call, ["touch", "MARK"]),
    (pickle.loads, b"cos\nsystem\n(S'touch MARK'\ntR.")]


@pytest.mark.parametrize("protocol", [2, 4, 5])
@pytest.mark.parametrize("made", CALLS, ids=lambda made: getattr(made[0], "__qualname__", "?"))
def test_objects_that_say_how_to_build_them(made: tuple[Any, ...], protocol: int, tmp_path: Path,
                                            monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(PickleError, match="which no FLAME, DECA or model file needs|instruction"):
        read(pickle.dumps({"f": Hostile(*made)}, protocol=protocol))
    assert not list(tmp_path.iterdir())


def test_the_refusal_names_what_was_asked_for(mark: Path) -> None:
    with pytest.raises(PickleError, match=r"^it asks for posix\.system, which no"):
        read(START + cases(mark)["posix.system"] + b".")


def test_allowed_names_are_records_and_no_objects() -> None:
    made = read(START + call(name("chumpy.ch", "Ch")) + b"}b.")
    assert isinstance(made, Record) and made.kind == "chumpy.ch.Ch" and made.state == {}


def test_a_long_program_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.assets.pickles.MAX_STEPS", 1000)
    with pytest.raises(PickleError, match="more than 1,000 instructions"):
        read(START + b"N0" * 600 + b".")


def test_shared_parts_cost_nothing() -> None:
    """2 ** 60 leaves, if anybody walked them."""
    assert isinstance(read(START + doubled(60) + b"."), tuple)


@pytest.mark.parametrize("cut", [1, 2, 10, 100, 1000, -1])
def test_a_cut_pickle_is_refused(cut: int) -> None:
    whole = pickle.dumps({"a": np.arange(1000), "b": ["x"] * 9}, protocol=2)
    with pytest.raises(PickleError):
        read(whole[:cut])


def test_damage_never_shows_as_another_error() -> None:
    """Any byte may be wrong: the outcome is plain data or PickleError."""
    whole = pickle.dumps({"a": np.arange(20.0), "b": [("x", 1.5), b"123"]}, protocol=4)
    random = np.random.default_rng(0)
    for _ in range(3000):
        data = bytearray(whole)
        for place in random.integers(0, len(data), 2):
            data[place] = random.integers(256)
        try:
            found = read(bytes(data))
            as_array(found["a"] if isinstance(found, dict) and "a" in found else found)
        except PickleError:
            pass


def test_an_oversized_file_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "generic_model.pkl"
    with path.open("wb") as file:
        file.truncate(flame_files.MAX_BYTES + 1)
    with pytest.raises(Unfit, match="far more than a FLAME file"):
        flame_files.read_model(path)
