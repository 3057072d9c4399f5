"""The menu of the right button over the history: what can be done with the pictures that are chosen."""
from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QMenu

from app.history.shelf import Item
from app.language import tr

if TYPE_CHECKING:
    from app.history.part import History


def menu_for(history: History, items: list[Item]) -> QMenu:
    """What fits these items; without any, what concerns the whole history."""
    menu = QMenu(history.strip)

    def add(text: str, keys: str, run: Callable[[], object], on: bool = True) -> None:
        action = menu.addAction(text + (f"\t{keys}" if keys else ""))
        action.setEnabled(on)
        action.triggered.connect(lambda _=False: run())
    one = len(items) == 1
    if items:
        pinned = all(item.pinned for item in items)
        add(tr("Go back to it"), tr("Enter"), lambda: history.restore(items[0]), one)
        add(tr("Loosen") if pinned else tr("Pin"), "P", lambda: history.pin(items))
        add(tr("Name …"), "F2", lambda: history.strip.rename(items[0]), one)
        menu.addSeparator()
        add(tr("Compare"), "", lambda: history.comparing.begin(items), len(items) <= 4)
        add(tr("Copy picture"), "Ctrl+C", lambda: history.copy_picture(items[0]), one)
        add(tr("Export …"), "", lambda: history.export(items[0]), one and not history.window.models.problem)
        menu.addSeparator()
        add(tr("Take out"), tr("Del"), lambda: history.delete(items))
    add(tr("Clear, keep what is pinned"), "", history.clear, any(not item.pinned for item in history.shelf.items))
    return menu
