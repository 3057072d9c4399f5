"""What people may be called, and what the files of them are called."""
from __future__ import annotations

import re
import unicodedata

from core.errors import AssetError

MAX_NAME = 60
MAX_SLUG = 48
_JOINERS = "\u200c\u200d"  # inside words of Persian and Hindi, and inside emoji
_HIDDEN = ("Cc", "Cf", "Cs", "Zl", "Zp")
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)", re.IGNORECASE)  # device names of Windows


def clean_name(text: str, what: str = "person") -> str:
    """A name of a person (or of `what` else has one) as it is stored and shown: without spaces around it, letters composed.

    Any text that people type, up to 60 characters. Raises AssetError for one that is empty or too long, or holds characters that
    would be read as something else: those of paths and of markup, line breaks and control characters.
    """
    name = unicodedata.normalize("NFC", text).strip()
    if not name:
        raise AssetError(f"A {what} needs a name. Give one with at least one letter.")
    if len(name) > MAX_NAME:
        raise AssetError(f"The name '{visible(name[:30])}…' has {len(name)} characters, at most {MAX_NAME} can be kept. "
                         "Give a shorter one.")
    wrong = sorted({sign for sign in name if sign in "/\\<>" or not printable(sign)})
    if wrong:
        raise AssetError(f"The name '{visible(name)}' holds {' and '.join(_said(sign) for sign in wrong[:3])}, which a name "
                         "can't. Leave that out.")
    return name


def printable(text: str) -> bool:
    """Whether a text can be shown as it is: no control characters, and none that turn the direction of writing around."""
    return all(sign in _JOINERS or unicodedata.category(sign) not in _HIDDEN for sign in text)


def visible(text: str) -> str:
    """A text with what can't be shown replaced by a sign that can."""
    return "".join(sign if printable(sign) else "\ufffd" for sign in text)


def same(one: str, other: str) -> bool:
    """Whether two names are one: capitals and ways of composing letters don't tell people apart."""
    return _folded(one) == _folded(other)


def slug(name: str, what: str = "person") -> str:
    """A file or folder name for a person (or for `what` else has a name): letters, digits, '-' and '_', at most 48 of them, good
    on every system.

    Different names can have the same one.
    """
    text = re.sub(r"[^\w]+", "-", unicodedata.normalize("NFKC", name)).strip("-_")[:MAX_SLUG].strip("-_")
    return f"{what}-{text}".strip("-") if not text or _RESERVED.fullmatch(text) else text


def _folded(name: str) -> str:
    return unicodedata.normalize("NFKC", name).casefold().strip()


def _said(sign: str) -> str:
    return f"'{sign}'" if printable(sign) else f"a hidden character (U+{ord(sign):04X})"
