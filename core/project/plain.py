"""Plain values from files that anybody may have written: parsed within limits, and taken out by name and kind."""
from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from core.assets.problems import Unfit
from core.people.names import printable, visible

MAX_DEPTH = 40
MAX_TEXT = 4096
MAX_VALUES = 2_000_000
T = TypeVar("T")


def parse(data: bytes, what: str) -> Any:
    """The value of a JSON text. what: how messages call it. Raises Unfit."""
    try:
        value = json.loads(data.decode("utf-8"), parse_constant=_no_number)
    except RecursionError as error:
        raise Unfit(f"{what} is nested too deeply") from error
    except ValueError as error:
        raise Unfit(f"{what} is damaged ({visible(' '.join(str(error).split()))[:100]})") from error
    _check(value, what)
    return value


def _check(value: Any, what: str) -> None:
    """Raises Unfit for values nested too deeply, too many of them, and numbers that are none."""
    level, count = [value], 0
    for _ in range(MAX_DEPTH):
        inner: list[Any] = []
        for one in level:
            if isinstance(one, dict):
                inner += one.values()
            elif isinstance(one, list):
                inner += one
            elif isinstance(one, float) and not math.isfinite(one) or isinstance(one, int) and abs(one) >= 2**63:
                raise Unfit(f"a number in {what} is impossible")
        count += len(inner)
        if count > MAX_VALUES:
            raise Unfit(f"{what} holds too many values")
        if not inner:
            return
        level = inner
    raise Unfit(f"{what} is nested too deeply")


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is no number")


def table(value: Any, what: str) -> dict[str, Any]:
    """A table of values by name. Raises Unfit."""
    if not isinstance(value, dict):
        raise Unfit(f"{what} is not what it should be")
    return value


def rows(value: Any, what: str, most: int) -> list[Any]:
    """A list of at most that many. Raises Unfit."""
    if not isinstance(value, list) or len(value) > most:
        raise Unfit(f"{what} is not a list of at most {most:,}")
    return value


def take(plain: Mapping[str, Any], name: str, kind: type[T], default: T) -> T:
    """The value under a name, `default` where there is none (or null). Raises Unfit for one of another kind, and for text that is
    too long or can't be shown."""
    value = plain.get(name)
    if value is None:
        return default
    if kind is float and type(value) is int:
        value = float(value)
    if type(value) is not kind:
        raise Unfit(f"'{name}' in it is not what it should be")
    if isinstance(value, str) and (len(value) > MAX_TEXT or not printable(value)):
        raise Unfit(f"the text '{name}' in it is too long, or holds control characters")
    return value  # type: ignore[return-value]


def path_of(plain: Mapping[str, Any], name: str) -> Path | None:
    """A path under a name; None where there is none. Nothing is looked up."""
    text = take(plain, name, str, "")
    return Path(text) if text else None
