"""Everything that a window can open, for tests that look at all of it."""
from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from PySide6.QtWidgets import QApplication, QWidget

from app.dialogs.asking import ask_leave, ask_name
from app.dialogs.quitting import ask_about_exports, ask_stop
from app.personal.dialog import DONE, HEALTH, IMPORT, LEARN, TRAIN
from app.queue.reopening import _question
from app.saving.asking import ask_about_another
from core.people.shelf import Entry
from core.reopen import Reopened
from tests.app.fakes import FakeEngine, FakePeople
from tests.app.studio import Studio, flush

# Actions that open a dialog or a page; those that ask the system for a file are left out.
OPENING = ("models", "people", "swap", "help", "shortcuts", "about", "export", "film-from-video", "film-from-voice",
           "paste-parts")


def opened(entries: tuple[Entry, ...] = ()) -> Studio:
    """A window with an edited photo."""
    studio = Studio(FakeEngine(gated=False), people=FakePeople(*entries))
    studio.open()
    studio.settle()
    studio.document.set("light.azimuth", 30.0)
    studio.document.set("expression.smile", 0.5)
    studio.settle()
    return studio


def everything(studio: Studio) -> Iterator[tuple[str, QWidget]]:
    """(name, what shows) of the window, its pages and its dialogs, one after the other."""
    window, actions = studio.window, studio.window.actions_by_name
    yield "window", window
    for page in ("history", "timeline", "queue"):
        window.bottom.show_page(page)
        flush()
        yield f"page {page}", window
    actions["turntable"].trigger()
    flush()
    yield "film", _dialog(studio, "film")
    actions["copy-rig"].trigger()
    for name in OPENING:
        yield name, _dialog(studio, name)
    _close()
    before = _showing()
    window.queue.ask_add([])
    flush()
    yield "add to the queue", _new(before, "add to the queue")
    for name in ("compare", "variations"):
        actions[name].trigger()
        flush()
        yield name, window
        actions[name].trigger()
        flush()
    window.settings.welcomed = False
    before = _showing()
    window.help.greet()
    yield "welcome", _new(before, "welcome")
    yield from _personalize(studio)
    _close()
    yield from _questions(studio)


def _personalize(studio: Studio) -> Iterator[tuple[str, QWidget]]:
    studio.window.actions_by_name["personalize"].trigger()
    dialog = studio.window.people.dialog("personalize")
    assert dialog is not None
    for page in (IMPORT, HEALTH, LEARN, TRAIN, DONE):
        dialog.go(page)  # type: ignore[attr-defined]
        flush()
        yield f"personalize {page}", dialog
    dialog.close()
    flush()


def _questions(studio: Studio) -> Iterator[tuple[str, QWidget]]:
    """Message boxes, as what they are about would ask them."""
    window, nothing = studio.window, lambda: None
    grid = window.side.light.presets
    found = Reopened(Path("exported.png"), studio.document.request("settled"), "gone.jpg")
    asked: dict[str, Callable[[], object]] = {
        "unsaved changes": lambda: window.projects.guard(nothing, "photo.png"),
        "another file": lambda: ask_about_another(window, "photo.png", "photo.png", nothing, nothing),
        "exports at closing": lambda: ask_about_exports(window, window.exports.text, nothing, nothing),
        "a training": lambda: ask_stop(window, "photo.png", nothing, nothing, nothing),
        "a training that can't be finished": lambda: ask_stop(window, "photo.png", nothing, None, nothing, quitting=True),
        "a preset to delete": lambda: grid.ask_delete(grid.presets[0]),
        "a preset to rename": lambda: grid.ask_rename(grid.presets[0]),
        "a preset to save": lambda: grid.keep({}),
        "the edit of a picture": lambda: _question(window, found, None, True).open(),
        "leave": lambda: ask_leave(window, "photo.png", "photo.png", "photo.png", nothing),
        "a name": lambda: ask_name(window, "photo.png", "photo.png", "photo.png", lambda name: None),
    }
    for name, ask in asked.items():
        before = _showing()
        ask()
        flush()
        yield name, _new(before, name)
        _close()


def _dialog(studio: Studio, name: str) -> QWidget:
    _close()
    before = _showing()
    action = studio.window.actions_by_name[name]
    assert action.isEnabled(), f"{name} can't be chosen"
    action.trigger()
    flush()
    return _new(before, name)


def _showing() -> list[QWidget]:
    return [widget for widget in QApplication.topLevelWidgets() if widget.isVisible()]


def _new(before: list[QWidget], name: str) -> QWidget:
    found = [widget for widget in _showing() if widget not in before]
    assert found, f"{name} opens nothing"
    return found[0]


def _close() -> None:
    for widget in QApplication.topLevelWidgets():
        if widget.isVisible() and widget.isWindow() and widget.parent() is not None:
            widget.close()
    flush()
