"""Ways in which a file that a user opens can be bad: cut short, of another kind, hostile. Each is deterministic."""
from __future__ import annotations

import gzip
import io
import json
import math
import os
import pickle
import random
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

Bad = tuple[str, Callable[[Path], None]]  # a name, and what puts the bad thing at a path


class _Hostile:
    """Unpickled, it would make a file."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("touch /tmp/diffusionrig-was-here",)


def _zip(members: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in members.items():
            file.writestr(name, data)
    return out.getvalue()


def png_header(width: int, height: int, depth: int = 8, kind: int = 2) -> bytes:
    """The begin of a PNG of that size, with hardly any data."""
    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
    header = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(64))) + chunk(b"IEND", b"")


FOREIGN: dict[str, bytes] = {
    "empty": b"", "one byte": b"\0", "zeros": bytes(4096), "text": b"hello, this is no such file\n" * 9,
    "html": b"<!DOCTYPE html><html><title>Log in</title><body>404</body></html>", "newlines": b"\n" * 999,
    "noise": random.Random(1).randbytes(5000), "high bytes": b"\xff" * 3000, "bom": b"\xef\xbb\xbf\xef\xbb\xbf",
    "program": b"MZ\x90\0" + bytes(600), "elf": b"\x7fELF" + bytes(600), "pdf": b"%PDF-1.7\n%\xe2\xe3\n1 0 obj\n<<>>\nendobj\n",
    "svg": b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>',
    "xml entities": b'<!DOCTYPE a [<!ENTITY b "bb"><!ENTITY c "&b;&b;&b;&b;">]><a>&c;</a>',
    "pickle": pickle.dumps(_Hostile()), "old pickle": pickle.dumps(_Hostile(), 0), "gzip": gzip.compress(bytes(1 << 22), mtime=0),
    "zip": _zip({"a.txt": b"a"}), "zip with ways out": _zip({"../../escaped": b"x", "/tmp/escaped": b"x", "C:\\escaped": b"x"}),
    "zip bomb": _zip({"project.json": bytes(64 << 20)}), "riff": b"RIFF\xff\xff\xff\xffWEBPVP8 " + bytes(90),
    "video": b"\0\0\0\x20ftypisom\0\0\2\0isomiso2avc1mp41" + bytes(300), "huge picture": png_header(60_000, 60_000),
    "wide picture": png_header(2_000_000_000, 1), "no picture": png_header(0, 0), "odd depth": png_header(8, 8, 7, 9),
    "long safetensors": struct.pack("<Q", 1 << 62) + b"{", "safetensors of nothing": struct.pack("<Q", 2) + b"{}",
    "safetensors beyond": struct.pack("<Q", 64) + b'{"a":{"dtype":"F32","shape":[9],"data_offsets":[0,999999]}}     ',
    "json list": b"[]", "json number": b"7", "json text": b'"rig"', "json null": b"null", "json cut": b'{"format": 1, "val',
    "json deep": b"[" * 100_000, "json deep objects": b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
    "json numbers": b'{"format": 1, "values": {"light.azimuth": NaN, "pose.yaw": Infinity, "jaw.open": 1e999}}',
    "json long number": b'{"format": 1' + b"0" * 20_000 + b"}", "json twice": b'{"format":1}{"format":1}',
    "json surrogate": b'{"name": "\\ud800", "format": 1}', "utf-16": '{"format": 1}'.encode("utf-16"),
    "latin": b'{"name": "\xe9\xe8"}',
}


def places() -> Iterator[Bad]:
    """Things at the path that are no plain file."""
    yield "missing", lambda path: None
    yield "folder", lambda path: path.mkdir()
    yield "link to itself", lambda path: path.symlink_to(path)
    yield "link to nothing", lambda path: path.symlink_to(path.with_name("gone"))
    if hasattr(os, "mkfifo"):
        yield "pipe", lambda path: os.mkfifo(path)  # nobody writes into it: who reads waits for ever
    for device in ("/dev/zero", "/dev/full"):
        if Path(device).exists():
            yield f"link to {device}", lambda path, device=device: path.symlink_to(device)  # type: ignore[misc]


def foreign() -> Iterator[Bad]:
    """Files of another kind."""
    for name, data in FOREIGN.items():
        yield name, lambda path, data=data: path.write_bytes(data) and None  # type: ignore[misc]


def cut(good: bytes) -> Iterator[tuple[str, bytes]]:
    """A good file cut short, or with parts of it damaged."""
    for share in (0.02, 0.1, 0.3, 0.5, 0.8, 0.95):
        yield f"cut at {share:.0%}", good[:max(1, int(len(good) * share))]
    yield "last byte gone", good[:-1]
    for seed in range(4):
        yield f"flipped bits {seed}", flipped(good, random.Random(seed))
    middle = len(good) // 2
    yield "hole in the middle", good[:middle] + bytes(min(512, middle)) + good[middle + 512:]
    yield "first bytes gone", good[8:]
    yield "twice", good + good


def flipped(data: bytes, rng: random.Random, count: int = 12) -> bytes:
    """Some bits flipped, more of them near the begin, where files say what they are."""
    out = bytearray(data)
    for _ in range(count if out else 0):
        at = min(int(rng.random() ** 3 * len(out)), len(out) - 1)
        out[at] ^= 1 << rng.randrange(8)
    return bytes(out)


ODD_VALUES: tuple[Any, ...] = (None, [], {}, "", "x" * 70_000, -1, 1 << 70, 1e308, math.nan, -math.inf, True, "../../etc/passwd",
                               "\0", [[[]]], {"a": {"b": None}})


def twisted(plain: Any, rng: random.Random, limit: int) -> Iterator[tuple[str, Any]]:
    """JSON documents in which one value is odd, missing, or one too many; at most `limit` of them, drawn."""
    found = list(_ways(plain, ()))
    choices = [(way, value) for way in found for value in (*ODD_VALUES, ...)]
    for way, value in rng.sample(choices, min(limit, len(choices))):
        shown = "gone" if value is ... else f"{type(value).__name__} {str(value)[:12]!r}"
        yield f"{'.'.join(map(str, way)) or 'all'} is {shown}", _put(plain, way, value)


def _ways(plain: Any, so_far: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    yield so_far
    if isinstance(plain, dict):
        for key, value in plain.items():
            yield from _ways(value, (*so_far, key))
    elif isinstance(plain, list):
        for k, value in enumerate(plain[:4]):
            yield from _ways(value, (*so_far, k))


def _put(plain: Any, way: tuple[Any, ...], value: Any) -> Any:
    if not way:
        return {} if value is ... else value
    copy = dict(plain) if isinstance(plain, dict) else list(plain)
    if len(way) == 1 and value is ...:
        del copy[way[0]]
    else:
        copy[way[0]] = _put(copy[way[0]], way[1:], value)
    return copy


def as_json(plain: Any) -> bytes:
    """Also of what JSON does not know: NaN and infinities, as Python writes them."""
    return json.dumps(plain).encode()
