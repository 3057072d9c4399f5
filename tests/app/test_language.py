"""Translations: each file fits the source, every text that shows goes through `tr`, the window speaks the language chosen."""
from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QAbstractButton, QGroupBox, QLabel, QLineEdit, QMenu, QTabWidget, QWidget

from app import language
from app.core_texts import of_source, templates
from app.language import told, tr
from app.texts import literals, placeholders, problems, texts
from core.errors import UserError
from core.files import atomic_write, read_file
from core.photo import load_image
from core.presets import import_file
from tests.app.fakes import FakeEngine
from tests.app.studio import Studio, flush
from tests.app.walk import everything, opened

FILES = sorted(language.FOLDER.glob("*.json"))
ENOUGH = 0.95


class _Marked(dict[str, str]):
    """A language in which every text stands in brackets."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []

    def get(self, text: str, _default: Any = None) -> str:  # type: ignore[override]
        if "⟦" not in text:
            self.asked.append(text)
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


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_messages_translated_are_those_of_core(path: Path) -> None:
    """A message that core/ says otherwise now is English until somebody looks; most must fit."""
    messages = json.loads(path.read_text(encoding="utf-8")).get("messages", {})
    gone = set(messages) - set(templates())
    assert len(gone) <= (1 - ENOUGH) * len(messages), f"python -m app.texts --update takes out: {sorted(gone)}"


def test_a_message_is_found_by_its_template() -> None:
    source = ('raise E(f"{path.name} has {count} {\'faces\' if many else \'face of its own\'}.")\n'
              'x = {"a b {c}": f"{n} or {n}: {f(n)} {9}"}')
    assert list(of_source(source)) == ["{name} has {count} {x}.", "face of its own", "a b {{c}}", "{n} or {n2}: {x} {x2}"]


def _raised(act: Any, *arguments: Any) -> str:
    with pytest.raises(UserError) as caught:
        act(*arguments)
    return str(caught.value)


def test_errors_are_told_in_the_language_chosen(back: None, tmp_path: Path) -> None:
    text, empty = tmp_path / "a {b}.jpg", tmp_path / "empty.png"
    text.write_text("no picture")
    empty.touch()
    (tmp_path / "list.json").write_text("[")
    said = [_raised(load_image, text), _raised(load_image, tmp_path / "gone.png"), _raised(load_image, empty),
            _raised(atomic_write, tmp_path / "none" / "x", b""), _raised(read_file, tmp_path, 10),
            _raised(import_file, tmp_path / "list.json", None)]
    assert [told(message) for message in said] == said
    assert language.use("de") == "de"
    german = [told(message) for message in said]
    assert not set(german) & set(said)
    assert german[0].startswith("a {b}.jpg ist kein Bild, das dieses Programm lesen kann. Eine JPEG-, PNG-")
    assert german[1] == f"Die Datei {tmp_path / 'gone.png'} gibt es nicht. Den Namen prüfen."
    assert "Den Ordner gibt es nicht." in german[3], "a reason inside a message"
    assert told("Something nobody translated.") == "Something nobody translated."


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
PLAIN = ("DiffusionRig Studio", "photo.png", "fake", "OpenHead", "FLAME", "ICT-FaceKit", "English", "Deutsch", "PNG", "JPEG",
         "CPU", "GPU", "qt_", "RGB", "SH", "x²−y²", "3z²−1",
         "Scroll Left", "Scroll Right",  # Qt's own
         "Default model", "Default model's file", "how to get",  # of the fakes
         "Check the path.")  # a message of core, which `told` knows by its template


def untold(text: str) -> bool:
    """Whether a text has words and none of them went through `tr`."""
    # the names of parameters, as the command line has them; colours; keys
    text = re.sub(r"\b[a-z]+(\.\w+)+\b|#[0-9a-f]{6}|\b(Ctrl|Shift|Alt)\+\S+", "", text)
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


def test_everything_that_opens_can_be_translated(marked: None) -> None:
    studio = opened()
    found = {(name, where, text) for name, root in everything(studio) for where, text in shown(root) if untold(text)}
    studio.close()
    assert not found, f"{len(found)} texts: {sorted(found)[:60]}"
    asked = set(language._words.asked)  # type: ignore[attr-defined]
    lost = {text for text in asked if any(c.isalpha() for c in text)} - set(texts())
    assert not lost, f"not found in the source: {sorted(lost)[:60]}"
