"""Words in the user's language: every text that the window shows goes through `tr`, at the moment it is shown.

A language is a file resources/i18n/CODE.json: ``{"language": "Deutsch", "texts": {"Open": "Öffnen"}}``, from the English text to
the other one, with the same {names} in both. What is missing there stays English. `python -m app.texts` keeps such files up to
date with the source, and tells a translator what is left; resources/docs/translating.md says how. What core/ says (the texts of
`UserError`s, notes of the doctor, an album's advice) stays English: the command line says it too.
"""
from __future__ import annotations

import json
import logging
from functools import cache
from pathlib import Path

from core import paths

log = logging.getLogger(__name__)

FOLDER = paths.RESOURCES / "i18n"
SYSTEM, ENGLISH = "system", "en"
_words: dict[str, str] = {}


def tr(text: str, /, **values: object) -> str:
    """The text in the language in use, with its {names} filled in; the English text itself where there is no other.

    text: a literal, so that it can be found in the source (tables of plain English are passed through where they are shown);
    never an f-string. Not for module constants: those are made before a language is chosen.
    """
    found = _words.get(text) or text
    return found.format(**values) if values else found


def within(text: str) -> str:
    """A name in the middle of a sentence: small in English. Other languages have other rules, and keep theirs as it is."""
    return text if _words else text.lower()


@cache
def languages() -> dict[str, str]:
    """The languages there are: what each calls itself, by code; English first."""
    others = {path.stem: str(_read(path).get("language", path.stem)) for path in sorted(FOLDER.glob("*.json"))}
    return {ENGLISH: "English", **others}


def use(choice: str) -> str:
    """Take a language for every text from now on, and return its code. choice: a code, or `SYSTEM` for the desktop's own; one
    that is not there is English."""
    code = _of_system() if choice == SYSTEM else choice
    _words.clear()
    if code == ENGLISH or code not in languages():
        return ENGLISH
    texts = _read(FOLDER / f"{code}.json").get("texts")
    _words.update({english: other for english, other in (texts if isinstance(texts, dict) else {}).items()
                   if isinstance(other, str) and other})
    return code


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
