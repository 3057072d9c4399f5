"""Words in the user's language: every text that the window shows goes through `tr`, at the moment it is shown.

A language is a file resources/i18n/CODE.json: ``{"language": "Deutsch", "texts": {"Open": "Öffnen"}}``, from the English text to
the other one, with the same {names} in both. What is missing there stays English. `python -m app.texts` keeps such files up to
date with the source, and tells a translator what is left; resources/docs/translating.md says how.

What core/ says (the texts of `UserError`s, an album's advice) is English, as the command line says it too. `told` finds of which
template in core/ a message was made ("{name} is damaged.") and says it with the file's "messages", by template; what is not there
stays English.
"""
from __future__ import annotations

import json
import logging
import re
import string
from functools import cache
from pathlib import Path

from core import paths

log = logging.getLogger(__name__)

FOLDER = paths.RESOURCES / "i18n"
SYSTEM, ENGLISH = "system", "en"
_words: dict[str, str] = {}
_messages: list[tuple[re.Pattern[str], str]] = []  # of core/, the most specific first
_used = [ENGLISH]


def tr(text: str, /, **values: object) -> str:
    """The text in the language in use, with its {names} filled in; the English text itself where there is no other.

    text: a literal, so that it can be found in the source (tables of plain English are passed through where they are shown);
    never an f-string. Not for module constants: those are made before a language is chosen.
    """
    found = _words.get(text) or text
    return found.format(**values) if values else found


def told(said: object) -> str:
    """A message of core/, in the language in use; anything else as it is. said: an error, or what it says."""
    text = str(said)
    for pattern, other in _messages:
        if (found := pattern.fullmatch(text)) is not None:
            return other.format(**{name: told(value) for name, value in found.groupdict().items()})
    return text


def within(text: str) -> str:
    """A name in the middle of a sentence: small in English. Other languages have other rules, and keep theirs as it is."""
    return text if _words else text.lower()


@cache
def languages() -> dict[str, str]:
    """The languages there are: what each calls itself, by code; English first."""
    others = {path.stem: str(_read(path).get("language", path.stem)) for path in sorted(FOLDER.glob("*.json"))}
    return {ENGLISH: "English", **others}


def code() -> str:
    """Of the language in use."""
    return _used[0]


def use(choice: str) -> str:
    """Take a language for every text from now on, and return its code. choice: a code, or `SYSTEM` for the desktop's own; one
    that is not there is English."""
    wanted = _of_system() if choice == SYSTEM else choice
    _used[0] = wanted if wanted != ENGLISH and wanted in languages() else ENGLISH
    _words.clear()
    _messages.clear()
    if _used[0] == ENGLISH:
        return ENGLISH
    plain = _read(FOLDER / f"{wanted}.json")
    _words.update(_pairs(plain.get("texts")))
    _messages.extend((_pattern(english), other) for english, other in
                     sorted(_pairs(plain.get("messages")).items(), key=lambda pair: -len(re.sub(r"\{\w*\}", "", pair[0]))))
    return wanted


def _pairs(texts: object) -> dict[str, str]:
    return {english: other for english, other in (texts if isinstance(texts, dict) else {}).items()
            if isinstance(other, str) and other}


def _pattern(template: str) -> re.Pattern[str]:
    """What a message made of a template looks like."""
    return re.compile("".join(re.escape(text) + (f"(?P<{name}>.+?)" if name else "")
                              for text, name, _, _ in string.Formatter().parse(template)), re.DOTALL)


def _of_system() -> str:
    from PySide6.QtCore import QLocale

    wanted = [name.replace("-", "_") for name in QLocale.system().uiLanguages()]
    known = languages()
    return next((code for name in wanted for code in (name, name.split("_")[0]) if code in known), ENGLISH)


def _read(path: Path) -> dict[str, object]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        log.warning("the language in %s can't be read: %s", path, error)
        return {}
    return found if isinstance(found, dict) else {}
