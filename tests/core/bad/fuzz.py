"""A fuzzer: good files changed at random, opened by every door. `python -m tests.core.bad.fuzz --seconds 600` goes on for long.

What it finds is kept in --keep, named by door and seed, so that it can be opened again.
"""
from __future__ import annotations

import argparse
import random
import resource
import tempfile
import time
import traceback
from collections.abc import Sequence
from pathlib import Path

from core.errors import UserError
from tests.core.bad.doors import DOORS, Door
from tests.core.bad.spoil import FOREIGN, flipped

_TOKENS = (b"\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\x80\0\0\0", b"NaN", b"1e999", b"-1", b"null", b"../", b"%s%n",
           b"{", b"[", b'"', b"\xed\xa0\x80", b"PK\x03\x04", b"PK\x05\x06", b"IDAT", b"Exif\0\0", b"\xff\xd8", b"II*\0")


def changed(data: bytes, rng: random.Random) -> bytes:
    """A few random changes of some bytes."""
    for _ in range(rng.randint(1, 4)):
        at, length = rng.randrange(len(data) + 1), rng.choice((1, 2, 4, 16, 200))
        kind = rng.randrange(7)
        if kind == 0:
            data = flipped(data, rng, rng.randint(1, 30))
        elif kind == 1:
            data = data[:at] + data[at + length:]
        elif kind == 2:
            data = data[:at] + rng.choice(_TOKENS) + data[at:]
        elif kind == 3:
            token = rng.choice(_TOKENS)
            data = data[:at] + token + data[at + len(token):]
        elif kind == 4:
            other = rng.randrange(len(data) + 1)
            data = data[:at] + data[other:other + length] + data[at:]
        elif kind == 5:
            data = data[:at]
        else:
            part = rng.choice(list(FOREIGN.values()))[:4000]
            data = data[:at] + part + data[at:]
        data = data or b"\0"
    return data


def found(door: Door, good: bytes, seed: int, folder: Path) -> str:
    """What one changed file brings to light: a traceback, or '' when it was told or opened."""
    path = folder / f"case{door.ending}"
    path.unlink(missing_ok=True)
    path.write_bytes(changed(good, random.Random(f"{door.name} {seed}")))
    try:
        door.open(path)
    except UserError as error:
        said = str(error)
        return "" if said.isprintable() and 15 < len(said) < 900 else f"the message is no plain line: {said[:600]!r}"
    except Exception:
        return traceback.format_exc()
    return ""


def main(arguments: Sequence[str] | None = None) -> int:
    """Fuzz until the time is over; the exit status tells whether anything was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--door", help="only doors whose name contains this")
    parser.add_argument("--seed", type=int, default=0, help="of the first case")
    parser.add_argument("--keep", type=Path, default=Path("fuzz-found"))
    options = parser.parse_args(arguments)
    resource.setrlimit(resource.RLIMIT_AS, (12 << 30, 12 << 30))
    doors = [door for door in DOORS if door.good and (options.door or "") in door.name]
    cases = bad = 0
    with tempfile.TemporaryDirectory() as place:
        good = {}
        for door in doors:
            folder = Path(place) / door.name.replace(" ", "-")
            folder.mkdir()
            assert door.good is not None
            good[door.name] = door.good(folder).read_bytes()
        end, seed = time.monotonic() + options.seconds, options.seed
        while time.monotonic() < end:
            for door in doors:
                said = found(door, good[door.name], seed, Path(place))
                cases += 1
                if said:
                    bad += 1
                    options.keep.mkdir(exist_ok=True)
                    kept = options.keep / f"{door.name.replace(' ', '-')}-{seed}{door.ending}"
                    kept.write_bytes((Path(place) / f"case{door.ending}").read_bytes())
                    print(f"{kept}\n{said}", flush=True)
            seed += 1
    print(f"{cases} cases at {len(doors)} doors, {bad} found; the next seed is {seed}")
    return bool(bad)


if __name__ == "__main__":
    raise SystemExit(main())
