"""Pickles as an attacker writes them, instruction by instruction. `MARK` in a text stands for a file that must never appear."""
from __future__ import annotations

import pickle
import struct
from pathlib import Path
from typing import Any

import numpy as np

START = b"\x80\x02"


def text(words: str) -> bytes:
    """BINUNICODE."""
    return b"X" + struct.pack("<I", len(words.encode())) + words.encode()


def name(module: str, attribute: str) -> bytes:
    """GLOBAL."""
    return f"c{module}\n{attribute}\n".encode()


def call(function: bytes, *arguments: bytes) -> bytes:
    """REDUCE."""
    return function + b"(" + b"".join(arguments) + b"tR"


class Hostile:
    """Python's own way: an object that says how it wants to be built."""

    def __init__(self, function: object, *arguments: object) -> None:
        self.made = (function, arguments)

    def __reduce__(self) -> tuple[Any, ...]:
        return self.made


def doubled(times: int) -> bytes:
    """A tuple of a tuple of ..., each twice: small to write, 2 ** times to walk or to hash."""
    return b"".join([b")q\x00", *(b"h\x00h\x00\x86q\x00" for _ in range(times))])


def arrays(shape: bytes, data: bytes = b"C\x08" + bytes(8)) -> bytes:
    """A numpy array of float64 with that shape (a pickled tuple) and those bytes."""
    kind = call(name("numpy", "dtype"), text("f8"), b"\x89", b"\x88")
    kind += b"(K\x03" + text("<") + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    made = call(name("numpy.core.multiarray", "_reconstruct"), name("numpy", "ndarray"), b"K\x00\x85", b"C\x01b")
    return made + b"(K\x01" + shape + kind + b"\x89" + data + b"tb"


def cases(mark: Path) -> dict[str, bytes]:
    """Hostile pickles by what they try, without the final STOP's dictionary: each stands where an array should be."""
    touch = text(f"touch {mark}")
    code = text(f"open({str(mark)!r}, 'w').close()")
    system = name("posix", "system")
    return {
        "os.system": call(name("os", "system"), touch),
        "posix.system": call(system, touch),
        "subprocess": call(name("subprocess", "Popen"), touch),
        "eval": call(name("builtins", "eval"), code),
        "exec": call(name("__builtin__", "exec"), code),
        "getattr": call(name("builtins", "getattr"), name("builtins", "open"), text("__call__")),
        "chain": call(call(name("builtins", "getattr"), call(name("builtins", "__import__"), text("os")), text("system")), touch),
        "apply of what is allowed": call(call(name("numpy", "dtype"), text("f8")), touch),
        "dotted name": call(name("numpy", "core._internal.eval"), code),
        "stack global": b"\x8c\x02os\x8c\x06system\x93" + touch + b"\x85R",
        "numpy loads pickles": call(name("numpy", "load"), touch),
        "torch loads pickles": call(name("torch", "load"), touch),
        "inst": b"(" + touch + b"iposix\nsystem\n",
        "obj": b"(" + system + touch + b"o",
        "newobj": system + touch + b"\x85\x81",
        "newobj_ex": system + touch + b"\x85}\x92",
        "build on a class": name("numpy", "ndarray") + b"}" + text("__setstate__") + system + b"s" + b"b",
        "build twice": call(name("numpy", "dtype"), text("f8")) + b"}b}b",
        "state of a number": b"K\x01}b",
        "attributes through slots": call(name("chumpy.ch", "Ch")) + b"N}" + text("__class__") + system + b"s\x86b",
        "other codec": arrays(b"K\x01\x85", call(name("_codecs", "encode"), text("AAAA"), text("zlib"))),
        "extension 1": b"\x82\x01", "extension 2": b"\x83\x01\x00", "extension 4": b"\x84\x01\x00\x00\x00",
        "persistent text": b"Pevil\n", "persistent": text("evil") + b"Q",
        "buffer": b"\x97", "read only buffer": b"\x97\x98",
        "huge bytes": b"\x8e" + struct.pack("<Q", 1 << 62), "huge text": b"\x8d" + struct.pack("<Q", 1 << 61),
        "huge bytearray": b"\x96" + struct.pack("<Q", 1 << 60), "huge string": b"T" + struct.pack("<i", (1 << 31) - 1),
        "huge number": b"\x8b" + struct.pack("<i", (1 << 31) - 1), "negative number": b"\x8b" + struct.pack("<i", -5),
        "huge frame": b"\x95" + struct.pack("<Q", 1 << 60),
        "endless name": b"c" + b"A" * 5000,
        "hash bomb": b"}" + doubled(60) + b"K\x01s",
        "tuple bomb": doubled(60), "list bomb": b"]q\x00" + b"h\x00h\x00a" * 1000,
        "deep": b"]" * 10_000 + b"a" * 9_999,
        "huge shape": arrays(b"\x8a\x06" + (1 << 40).to_bytes(6, "little") + b"\x85"),
        "negative shape": arrays(b"J\xff\xff\xff\xff\x85"),
        "overflowing shape": arrays(b"(" + b"J\x00\x00\x00\x40" * 5 + b"t"),
        "shape of no bytes": arrays(b"K\x09\x85"),
        "object array": b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85C\x01b\x87R(K\x01K\x01\x85"
                        + call(name("numpy", "dtype"), text("O8"), b"\x89", b"\x88") + b"\x89]" + call(system, touch) + b"atb",
        "underflow": b"ttt", "unknown memory": b"h\x07", "unknown instruction": b"\xfe", "old text": b"S'a'\n",
        "pickle in a storage": call(name("torch._utils", "_rebuild_tensor_v2"),
                                    call(name("torch.storage", "_load_from_bytes"), _bytes(_inner(mark))),
                                    b"K\x00", b"K\x01\x85", b"K\x01\x85", b"\x89", b"}"),
        "pickle in pickled bytes": _bytes(_inner(mark)),
    }


def _bytes(data: bytes) -> bytes:
    return b"B" + struct.pack("<I", len(data)) + data


def _inner(mark: Path) -> bytes:
    return pickle.dumps(Hostile(exec, f"open({str(mark)!r}, 'w')"), protocol=2)


def as_entry(case: bytes) -> bytes:
    """A dictionary with FLAME's entries, all of them the hostile one."""
    entries = ("f", "J_regressor", "kintree_table", "posedirs", "v_template", "shapedirs", "weights")
    return START + b"}(" + b"".join(text(entry) + case for entry in entries) + b"u."


def embedding_file(case: bytes) -> bytes:
    """landmark_embedding.npy with a hostile pickle behind numpy's header."""
    import io
    head = io.BytesIO()
    np.lib.format.write_array_header_1_0(head, {"descr": "|O", "fortran_order": False, "shape": ()})  # type: ignore[arg-type]
    return head.getvalue() + START + case + b"."
