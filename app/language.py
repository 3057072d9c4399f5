"""Words in the user's language: every text that the window shows goes through `tr`, at the moment it is shown."""
from __future__ import annotations

_words: dict[str, str] = {}


def tr(text: str, /, **values: object) -> str:
    """The text in the language in use, with its {names} filled in; the English text itself where there is no other.

    text: a literal, so that it can be found in the source; never an f-string. Not for module constants: those are made before a
    language is chosen.
    """
    found = _words.get(text, text)
    return found.format(**values) if values else found
