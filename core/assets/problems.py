"""The error of every check in this package, and words that several of them use."""
from __future__ import annotations


class Unfit(ValueError):
    """A file that is not what it should be; the message says what was found and expected, beginning with 'it'."""


def listed(names: object, most: int = 6) -> str:
    """Some names in words: 'a, b, c and 9 more'."""
    texts = [str(name)[:60] for name in names]  # type: ignore[attr-defined]
    shown = ", ".join(texts[:most]) or "nothing"
    return shown + (f" and {len(texts) - most} more" if len(texts) > most else "")
