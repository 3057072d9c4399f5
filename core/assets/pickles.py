"""Reading a pickle as plain data, without the pickle module: nothing is imported, built or called, whatever the file asks for.

A pickle is a program for a small stack machine (Python's `pickletools` documents each instruction). This reader runs only the
instructions that make data. Where the program would import a name, the reader notes the name, if it is one that FLAME's, DECA's
or PyTorch's files hold; where it would call something, it notes the call as a `Record`. Other modules turn the few records
they know into arrays. Long strings stay views of the file, so that a large array costs no memory twice.
"""
from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from core.assets.problems import Unfit

MAX_STEPS = 2_000_000
SHORT = 4096  # strings up to this length are names and small values; longer ones are array data and stay views
MAX_INTEGER_BYTES = 16
_MISSING = object()

ALLOWED = frozenset({
    "_codecs.encode", "builtins.bytes", "builtins.object", "builtins.set", "chumpy.ch.Ch", "collections.OrderedDict",
    "copyreg._reconstructor", "numpy.core.multiarray._reconstruct", "numpy.core.multiarray.scalar",
    "numpy.core.numeric._frombuffer", "numpy.dtype", "numpy.ndarray", "scipy.sparse.csc.csc_matrix", "torch.Size",
    "torch._utils._rebuild_parameter", "torch._utils._rebuild_tensor", "torch._utils._rebuild_tensor_v2",
    "torch.storage._load_from_bytes",
    *(f"torch.{kind}Storage" for kind in ("Float", "Double", "Half", "BFloat16", "Long", "Int", "Short", "Char", "Byte", "Bool")),
})
# The same things under the names that other versions of Python and the packages gave them.
_RENAMED = {"__builtin__": "builtins", "copy_reg": "copyreg", "chumpy": "chumpy.ch", "scipy.sparse": "scipy.sparse.csc",
            "scipy.sparse._csc": "scipy.sparse.csc", "numpy._core.multiarray": "numpy.core.multiarray",
            "numpy._core.numeric": "numpy.core.numeric"}


class PickleError(Unfit):
    """A pickle that is damaged or asks for something that no file of ours needs; the message says what, not which file."""


@dataclass(frozen=True, slots=True)
class Name:
    """Stands for what the pickle would import."""

    text: str


@dataclass(slots=True, eq=False)
class Record:
    """Stands for the object that the pickle would build: the name it would call, the arguments, and the state set on it."""

    kind: str
    arguments: tuple[Any, ...]
    state: Any = None


@dataclass(frozen=True, slots=True)
class Text:
    """A long text, still encoded as UTF-8 in the file."""

    data: memoryview


class Reader:
    """One run of the machine. persistent: turns a persistent id (PyTorch's storages) into a value; without it, refused."""

    def __init__(self, data: memoryview, start: int = 0, persistent: Callable[[Any], Any] | None = None) -> None:
        self.data, self.position, self.persistent = data, start, persistent
        self.stack: list[Any] = []
        self.marks: list[list[Any]] = []
        self.memo: dict[int, Any] = {}

    def run(self) -> Any:
        """The value that the pickle leaves; `position` is then just behind it. Raises PickleError."""
        for _ in range(MAX_STEPS):
            code = self._take(1)[0]
            if code == 0x2E:  # STOP
                return self._pop()
            step = _STEPS.get(code)
            if step is None:
                raise PickleError(f"it uses the instruction {_name(code)}, which no such file needs")
            step(self)
        raise PickleError(f"it has more than {MAX_STEPS:,} instructions")

    def _take(self, count: int) -> memoryview:
        end = self.position + count
        if end > len(self.data):
            raise PickleError("it is cut short")
        piece = self.data[self.position:end]
        self.position = end
        return piece

    def _number(self, form: str) -> Any:
        return struct.unpack(form, self._take(struct.calcsize(form)))[0]

    def _line(self) -> str:
        end = bytes(self.data[self.position:self.position + 256]).find(b"\n")
        if end < 0:
            raise PickleError("a name in it has no end")
        return _decoded(self._take(end + 1)[:-1])

    def _pop(self) -> Any:
        if not self.stack:
            raise PickleError("its instructions take more than they put")
        return self.stack.pop()

    def _top(self) -> Any:
        if not self.stack:
            raise PickleError("its instructions take more than they put")
        return self.stack[-1]

    def _push(self, value: Any) -> None:
        self.stack.append(value)

    def _mark(self) -> None:
        self.marks.append(self.stack)
        self.stack = []

    def _to_mark(self) -> list[Any]:
        if not self.marks:
            raise PickleError("its instructions take more than they put")
        values, self.stack = self.stack, self.marks.pop()
        return values

    # instructions -------------------------------------------------------------------------------------------------------------

    def _protocol(self) -> None:
        version = self._take(1)[0]
        if version > 5:
            raise PickleError(f"it is of protocol {version}, and the newest known is 5")

    def _frame(self) -> None:
        if self._number("<Q") > len(self.data) - self.position:
            raise PickleError("it is cut short")

    def _bytes(self, form: str) -> None:
        data = self._take(self._number(form))
        self._push(bytes(data) if len(data) <= SHORT else data)

    def _string(self, form: str) -> None:
        data = self._take(max(self._number(form), 0))  # Python 2's str: a name or raw bytes
        self._push(bytes(data).decode("latin1") if len(data) <= SHORT else data)

    def _text(self, form: str) -> None:
        data = self._take(self._number(form))
        self._push(_decoded(data) if len(data) <= SHORT else Text(data))

    def _integer(self, form: str) -> None:
        size = self._number(form)
        if not 0 <= size <= MAX_INTEGER_BYTES:
            raise PickleError(f"it holds a number of {size:,} bytes")
        self._push(int.from_bytes(self._take(size), "little", signed=True))

    def _tuple(self, count: int) -> None:
        self._push(tuple(reversed([self._pop() for _ in range(count)])))

    def _append(self, values: list[Any]) -> None:
        target = self._top()
        if not isinstance(target, list):
            raise PickleError("it appends to something that is no list")
        target.extend(values)

    def _set_items(self, values: list[Any]) -> None:
        target = self._top()
        if not isinstance(target, dict) or len(values) % 2:
            raise PickleError("it sets items of something that is no dictionary")
        for key, value in zip(values[::2], values[1::2], strict=True):
            target[_key(key)] = value

    def _pair(self) -> None:
        value, key = self._pop(), self._pop()
        self._set_items([key, value])

    def _put(self, index: int) -> None:
        self.memo[index] = self._top()

    def _get(self, index: int) -> None:
        value = self.memo.get(index, _MISSING)
        if value is _MISSING:
            raise PickleError("it refers to something it does not hold")
        self._push(value)

    def _discard(self) -> None:
        if self.stack:
            self.stack.pop()
        else:
            self._to_mark()

    def _global(self) -> None:
        self._push(_allowed(self._line(), self._line()))

    def _stack_global(self) -> None:
        name, module = self._pop(), self._pop()
        if not isinstance(name, str) or not isinstance(module, str):
            raise PickleError("a name in it is no text")
        self._push(_allowed(module, name))

    def _call(self) -> None:
        arguments, what = self._pop(), self._pop()
        if not isinstance(what, Name) or not isinstance(arguments, tuple):
            raise PickleError("it calls something that has no name")
        self._push(_ordered(arguments) if what.text == "collections.OrderedDict" else Record(what.text, arguments))

    def _build(self) -> None:
        state, target = self._pop(), self._top()
        if isinstance(target, dict):
            return  # attributes of an OrderedDict, such as a state dict's _metadata: not needed
        if not isinstance(target, Record) or target.state is not None:
            raise PickleError("it sets the state of something that takes none, or takes it once")
        target.state = state

    def _persistent(self) -> None:
        identity = self._pop()
        if self.persistent is None:
            raise PickleError("it refers to something outside itself (a persistent id)")
        self._push(self.persistent(identity))


def _ordered(arguments: tuple[Any, ...]) -> dict[Any, Any]:
    if not arguments:
        return {}
    pairs = arguments[0]
    if len(arguments) > 1 or not isinstance(pairs, list) or not all(isinstance(p, list | tuple) and len(p) == 2 for p in pairs):
        raise PickleError("it holds a damaged dictionary")
    return {_key(key): value for key, value in pairs}


def _key(key: Any) -> Any:
    # Nothing whose hash takes long to work out (nested tuples) or can be made to collide.
    if key is None or isinstance(key, str | bytes) or (isinstance(key, int) and abs(key) < 1 << 31):
        return key
    raise PickleError("it holds a dictionary with a key that is no name")


def _allowed(module: str, name: str) -> Name:
    text = f"{_RENAMED.get(module, module)}.{name}"
    if text not in ALLOWED:
        raise PickleError(f"it asks for {module}.{name}, which no FLAME, DECA or model file needs")
    return Name(text)


def _decoded(data: memoryview) -> str:
    try:
        return bytes(data).decode("utf-8", "surrogatepass")
    except UnicodeDecodeError as error:
        raise PickleError("a text in it is damaged") from error


def _name(code: int) -> str:
    import pickletools
    known = pickletools.code2op.get(chr(code))  # type: ignore[attr-defined]
    return known.name if known else f"0x{code:02x}"


_STEPS: dict[int, Callable[[Reader], object]] = {
    0x80: Reader._protocol,
    0x95: Reader._frame,
    ord("("): Reader._mark,
    ord("0"): Reader._discard,
    ord("1"): Reader._to_mark,
    ord("2"): lambda r: r._push(r._top()),
    ord("N"): lambda r: r._push(None),
    0x88: lambda r: r._push(True),
    0x89: lambda r: r._push(False),
    ord("J"): lambda r: r._push(r._number("<i")),
    ord("K"): lambda r: r._push(r._number("<B")),
    ord("M"): lambda r: r._push(r._number("<H")),
    ord("G"): lambda r: r._push(r._number(">d")),
    0x8A: lambda r: r._integer("<B"),
    0x8B: lambda r: r._integer("<i"),
    ord("T"): lambda r: r._string("<i"),
    ord("U"): lambda r: r._string("<B"),
    ord("C"): lambda r: r._bytes("<B"),
    ord("B"): lambda r: r._bytes("<I"),
    0x8E: lambda r: r._bytes("<Q"),
    0x96: lambda r: r._bytes("<Q"),
    0x8C: lambda r: r._text("<B"),
    ord("X"): lambda r: r._text("<I"),
    0x8D: lambda r: r._text("<Q"),
    ord(")"): lambda r: r._push(()),
    ord("]"): lambda r: r._push([]),
    ord("}"): lambda r: r._push({}),
    0x8F: lambda r: r._push([]),  # a set: kept as a list
    0x85: lambda r: r._tuple(1),
    0x86: lambda r: r._tuple(2),
    0x87: lambda r: r._tuple(3),
    ord("t"): lambda r: r._push(tuple(r._to_mark())),
    ord("l"): lambda r: r._push(r._to_mark()),
    ord("a"): lambda r: r._append([r._pop()]),
    ord("e"): lambda r: r._append(r._to_mark()),
    0x90: lambda r: r._append(r._to_mark()),
    0x91: lambda r: r._push(r._to_mark()),
    ord("s"): Reader._pair,
    ord("u"): lambda r: r._set_items(r._to_mark()),
    ord("q"): lambda r: r._put(r._number("<B")),
    ord("r"): lambda r: r._put(r._number("<I")),
    0x94: lambda r: r._put(len(r.memo)),
    ord("h"): lambda r: r._get(r._number("<B")),
    ord("j"): lambda r: r._get(r._number("<I")),
    ord("c"): Reader._global,
    0x93: Reader._stack_global,
    ord("R"): Reader._call,
    0x81: Reader._call,  # NEWOBJ: a class in place of a function
    ord("b"): Reader._build,
    ord("Q"): Reader._persistent,
}


def read(data: bytes | memoryview, start: int = 0, persistent: Callable[[Any], Any] | None = None) -> Any:
    """The value pickled in `data` from `start`. Raises PickleError."""
    return Reader(memoryview(data), start, persistent).run()
