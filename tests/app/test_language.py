"""Translations: every file fits the source, every text that shows goes through `tr`, and the window speaks the language chosen."""
from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QAbstractButton, QGroupBox, QLabel, QLineEdit, QMenu, QTabWidget, QWidget

from app import language
from app.language import tr
from app.texts import literals, placeholders, problems, texts
from tests.app.fakes import FakeEngine
from tests.app.studio import Studio, flush

FILES = sorted(language.FOLDER.glob("*.json"))
ENOUGH = 0.95


class _Marked(dict[str, str]):
    """A language in which every text stands in brackets."""

    def get(self, text: str, _default: Any = None) -> str:  # type: ignore[override]
        return f"⟦{text}⟧"


@pytest.fixture
def marked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(language, "_words", _Marked())


@pytest.fixture
def back() -> Iterator[None]:
    yield
    language.use(language.ENGLISH)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_translation_fits_the_source(path: Path) -> None:
    plain = json.loads(path.read_text(encoding="utf-8"))
    assert not problems(plain)
    wanted = texts()
    assert not set(plain["texts"]) - set(wanted), "texts that are gone: python -m app.texts --update"
    there = sum(bool(plain["texts"].get(text)) for text in wanted)
    assert there >= ENOUGH * len(wanted), f"{there} of {len(wanted)} texts"


def test_what_is_found_in_the_source() -> None:
    source = 'x = tr("Open {name}", name=n)\nlabel(tr("a" "b") if y else tr("Cd" if z else "Ef"))\ntr(row.label)'
    assert list(literals(source)) == ["Open {name}", "ab", "Cd", "Ef"]
    assert placeholders("{a} of {b:.2f} {{c}}") == {"a", "b"}
    assert problems({"language": "x", "texts": {"{a}": "{b}", "ok": "", "n": 3}}) != []


def test_the_language_chosen_is_spoken(back: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "xx.json").write_text(json.dumps({"language": "Xish", "texts": {"Open": "Xopen", "{n} of it": "of it {n}"}}))
    (tmp_path / "bad.json").write_text("{")
    monkeypatch.setattr(language, "FOLDER", tmp_path)
    language.languages.cache_clear()
    assert language.languages() == {"en": "English", "xx": "Xish", "bad": "bad"}
    assert language.use("xx") == "xx" and tr("Open") == "Xopen" and tr("{n} of it", n=3) == "of it 3" and tr("Other") == "Other"
    assert language.use("bad") == "bad" and tr("Open") == "Open"
    assert language.use("gone") == "en" and tr("Open") == "Open"
    assert language.use(language.SYSTEM) in language.languages()
    language.languages.cache_clear()


def shown(root: QWidget) -> Iterator[tuple[str, str]]:
    """(where, text) of everything that a window says."""
    for widget in (root, *root.findChildren(QWidget)):
        name = f"{type(widget).__name__} {widget.objectName()}"
        if isinstance(widget, QLabel | QAbstractButton):
            yield name, widget.text()
        elif isinstance(widget, QGroupBox | QMenu):
            yield name, widget.title()
        elif isinstance(widget, QLineEdit):
            yield f"{name} placeholder", widget.placeholderText()
        elif isinstance(widget, QTabWidget):
            yield from ((f"{name} tab", widget.tabText(k)) for k in range(widget.count()))
        yield f"{name} tooltip", widget.toolTip()
        yield f"{name} accessible name", widget.accessibleName()
        yield f"{name} accessible description", widget.accessibleDescription()
    for action in root.findChildren(QAction):
        yield "action", action.text()


# What is no language: names that others gave, numbers, units, names of formats and of the program.
PLAIN = ("DiffusionRig Studio", "photo.png", "fake", "OpenHead", "FLAME", "ICT-FaceKit", "English", "Deutsch", "PNG", "JPEG", "CPU",
         "GPU", "qt_", "RGB", "SH", "x²−y²", "3z²−1")


def untold(text: str) -> bool:
    """Whether a text has words and none of them went through `tr`."""
    letters = "".join(c for c in text if c.isalpha())
    return len(letters) > 2 and "⟦" not in text and not any(word in text for word in PLAIN) and not letters.isupper()


def test_everything_the_window_says_can_be_translated(marked: None) -> None:
    studio = Studio(FakeEngine(gated=False))
    studio.open()
    studio.settle()
    flush()
    found = sorted({(where, text) for where, text in shown(studio.window) if untold(text)})
    studio.close()
    assert not found, f"{len(found)} texts: {found[:60]}"
