"""PyTorch's files read without PyTorch: every tensor as PyTorch reads it, and damaged or hostile files refused."""
from __future__ import annotations

import io
import pickle
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from core.assets import weights
from core.assets.problems import Unfit
from tests.core.assets.hostile import Hostile, cases

KINDS = [torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int16, torch.int8,
         torch.uint8]


def contents() -> OrderedDict[str, Any]:
    """Tensors of every kind and layout that a state dict may hold."""
    torch.manual_seed(0)
    base = torch.randn(6, 8)
    state: OrderedDict[str, Any] = OrderedDict(
        [(f"kind.{kind}", (torch.randn(3, 4) * 50).to(kind)) for kind in KINDS],
        view=base[2:4], turned=base.T, strided=base[::2, 1::3], scalar=torch.tensor(3), empty=torch.zeros(0, 3),
        parameter=torch.nn.Parameter(torch.randn(4)), last=torch.randn(2, 3, 4, 5).to(memory_format=torch.channels_last))
    state["same"] = base[2:4]
    return state


def saved(path: Path, content: object, old: bool) -> Path:
    torch.save(content, path, _use_new_zipfile_serialization=not old)
    return path


@pytest.mark.parametrize("old", [False, True], ids=["zip", "old"])
def test_values_are_those_of_pytorch(tmp_path: Path, old: bool) -> None:
    state = contents()
    path = saved(tmp_path / "a.pt", {"inner": state, "step": 7, "note": "x"}, old)
    facts = weights.summary(path)
    assert facts["tensors"] == {} and set(facts["others"]) == {"step", "note"}
    shapes = facts["inside"]["inner"]["tensors"]
    assert shapes == {key: tuple(value.shape) for key, value in state.items()}
    wanted_shapes = {key: list(shape) for key, shape in shapes.items()}
    weights.convert(path, tmp_path / "out.safetensors", ["inner"], "", wanted_shapes, {"a": "b"})
    found = load_file(tmp_path / "out.safetensors")
    assert set(found) == set(state)
    for key, value in state.items():
        wanted = value.detach().to(torch.float32 if value.is_floating_point() else torch.int64)
        torch.testing.assert_close(found[key], wanted, rtol=0, atol=0)


@pytest.mark.parametrize("old", [False, True], ids=["zip", "old"])
@pytest.mark.parametrize("share", [0.0, 0.2, 0.5, 0.9, 0.999])
def test_a_file_cut_short_is_refused(tmp_path: Path, old: bool, share: float) -> None:
    path = saved(tmp_path / "a.pt", {"a": torch.randn(500, 40), "b": torch.randn(300)}, old)
    data = path.read_bytes()
    path.write_bytes(data[:int(share * len(data))])
    with pytest.raises(Unfit, match="cut short|damaged"):
        weights.summary(path)


def test_a_flipped_bit_is_found(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.pt", {"a": torch.arange(5000.0)}, False)
    data = bytearray(path.read_bytes())
    data[data.find(torch.arange(2000.0, 2010.0).numpy().tobytes())] ^= 1
    path.write_bytes(data)
    with pytest.raises(Unfit, match="data/0 is damaged"):
        weights.convert(path, tmp_path / "out", [], "", {"a": [5000]}, {})


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_values_that_are_not_finite_are_named(tmp_path: Path, bad: float) -> None:
    path = saved(tmp_path / "a.pt", {"good": torch.ones(3), "bad": torch.tensor([1.0, bad, bad])}, False)
    with pytest.raises(Unfit, match=r"'bad' holds values that are not finite numbers \(2 of them"):
        weights.convert(path, tmp_path / "out", [], "", {"good": [3], "bad": [3]}, {})


@pytest.mark.parametrize(("content", "words"), [
    ([1, 2], "it holds a list, expected a dictionary of weights"), (torch.ones(3), "expected a dictionary of weights"),
    ({"a": Path("x")}, r"it asks for pathlib\.")])
def test_other_contents_are_named(tmp_path: Path, content: object, words: str) -> None:
    with pytest.raises(Unfit, match=words):
        weights.summary(saved(tmp_path / "a.pt", content, False))


def zipped(path: Path, program: bytes, parts: dict[str, bytes], packed: bool = False) -> Path:
    """A file in PyTorch's zip layout with any data.pkl."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED) as archive:
        archive.writestr("archive/data.pkl", program)
        for name, data in parts.items():
            archive.writestr(f"archive/data/{name}", data)
    return path


class Pickler(pickle.Pickler):
    """Writes storages as persistent ids, as PyTorch does."""

    def persistent_id(self, obj: Any) -> Any:
        return obj[1:] if isinstance(obj, tuple) and obj[:1] == ("id",) else None


class Rebuilt:
    """Pickled as a call of PyTorch's function that makes a tensor."""

    def __init__(self, *arguments: object) -> None:
        self.arguments = arguments

    def __reduce__(self) -> tuple[Any, ...]:
        return torch._utils._rebuild_tensor_v2, self.arguments


def tensor(storage: tuple[object, ...], offset: int = 0, shape: tuple[int, ...] = (4,), stride: tuple[int, ...] = (1,)) -> bytes:
    """data.pkl of one tensor 'a' over a storage."""
    stream = io.BytesIO()
    Pickler(stream, 2).dump({"a": Rebuilt(("id", *storage), offset, shape, stride, False, OrderedDict())})
    return stream.getvalue()


GOOD = ("storage", torch.FloatStorage, "0", "cpu", 4)


def test_a_file_made_by_hand_is_read(tmp_path: Path) -> None:
    """So that the refusals below are for what is wrong in them."""
    assert weights.summary(zipped(tmp_path / "a.pt", tensor(GOOD), {"0": bytes(16)}))["tensors"] == {"a": (4,)}


@pytest.mark.parametrize(("program", "words"), [
    (tensor(GOOD, shape=(5,)), "reaches beyond"), (tensor(GOOD, offset=1), "reaches beyond"),
    (tensor(GOOD, offset=-1), "damaged"), (tensor(GOOD, shape=(2, 3), stride=(3, -1)), "damaged"),
    (tensor(GOOD, shape=(1 << 20,), stride=(0,)), "reaches beyond"),
    (tensor(GOOD, shape=(1 << 31, 1 << 31), stride=(0, 0)), "reaches beyond"),
    (tensor(("storage", torch.FloatStorage, "1", "cpu", 4)), "data/1 is missing"),
    (tensor(("storage", torch.FloatStorage, "../../0", "cpu", 4)), "is missing"),
    (tensor(("storage", torch.FloatStorage, "", "cpu", 4)), "is missing"),
    (tensor(("storage", torch.DoubleStorage, "0", "cpu", 4)), "has 16 bytes, expected 32"),
    (tensor(("module", torch.FloatStorage, "0", "cpu", 4)), "outside itself"),
    (tensor(("storage", "FloatStorage", "0", "cpu", 4)), "outside itself"),
    (tensor(("storage", torch.FloatStorage, "0", "cpu", 1 << 50)), "damaged")])
def test_tensors_that_lie_about_themselves(tmp_path: Path, program: bytes, words: str) -> None:
    with pytest.raises(Unfit, match=words):
        weights.summary(zipped(tmp_path / "a.pt", program, {"0": bytes(16)}))


def test_a_compressed_archive_is_refused(tmp_path: Path) -> None:
    """PyTorch never compresses: what unpacks to far more than it takes is no file of its."""
    with pytest.raises(Unfit, match="is compressed, as PyTorch never does"):
        weights.summary(zipped(tmp_path / "a.pt", tensor(GOOD), {"0": bytes(1 << 20)}, packed=True))


def test_an_archive_without_weights_is_named(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.pt", "w") as archive:
        archive.writestr("../../evil.txt", "x")
    with pytest.raises(Unfit, match=r"without PyTorch's data\.pkl"):
        weights.summary(tmp_path / "a.pt")


@pytest.mark.parametrize("case", sorted(cases(Path("mark"))))
@pytest.mark.parametrize("old", [False, True], ids=["zip", "old"])
def test_hostile_files_run_nothing(tmp_path: Path, case: str, old: bool) -> None:
    mark, path = tmp_path / "mark", tmp_path / "model000000.pt"
    hostile = b"\x80\x02}X\x01\x00\x00\x00a" + cases(mark)[case] + b"s."
    if old:
        begin = b"".join(pickle.dumps(part, 2) for part in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}))
        path.write_bytes(begin + hostile + pickle.dumps([], 2))
    else:
        zipped(path, hostile, {})
    try:  # some are harmless data here, and no tensor
        assert weights.summary(path)["tensors"] == {}
    except Unfit:
        pass
    assert not mark.exists()


def test_a_call_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "a.pt"
    torch.save({"a": Hostile(exec, f"open({str(tmp_path / 'mark')!r}, 'w')")}, path)
    with pytest.raises(Unfit, match="it asks for __builtin__.exec|it asks for builtins.exec"):
        weights.summary(path)
    assert not (tmp_path / "mark").exists()


def test_reading_takes_no_more_memory_than_a_piece(tmp_path: Path) -> None:
    import tracemalloc

    path = saved(tmp_path / "a.pt", {"a": torch.zeros(20_000_000)}, False)  # 80 MB
    tracemalloc.start()
    weights.convert(path, tmp_path / "out", [], "", {"a": [20_000_000]}, {})
    assert tracemalloc.get_traced_memory()[1] < 40e6
    tracemalloc.stop()


def test_a_huge_table_of_names_is_refused(tmp_path: Path) -> None:
    shared = torch.zeros(2)
    path = saved(tmp_path / "a.pt", {f"a{i}": shared for i in range(weights.MAX_NAMES + 1)}, False)
    with pytest.raises(Unfit, match="20,001 entries"):
        weights.summary(path)
