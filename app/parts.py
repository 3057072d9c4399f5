"""Parts of the window: each is a feature of its own, with its actions, widgets and work, that the window only has to know of.

A part is made before the window is laid out, adds its actions then (`app.actions.MENUS` says where they go), and is asked and
told what concerns every part: a photo was opened, the engine is another, the window wants to close, it closes.
"""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject

if TYPE_CHECKING:
    from app.window import Window


class Part(QObject):
    """Belongs to a window. Every method may be left as it is."""

    def __init__(self, window: Window) -> None:
        super().__init__(window)
        self.window = window

    def connect_all(self) -> None:
        """Once the window has all its parts and widgets."""

    def photo_usable(self, on: bool) -> None:
        """Whether a photo is open that can be edited."""

    def engine_changed(self, engine: Any) -> None:
        """Another engine is in use."""

    @property
    def making(self) -> str:
        """What of its own the engine is making now, which the picture of an edit waits for; '' for nothing."""
        return ""

    def may_close(self) -> bool:
        """Whether the window may close now, as far as this part goes; else the part asks the user and closes it again."""
        return True

    def stop(self) -> bool:
        """The window closes: end what runs, save what is to be saved. False when it didn't stop in time."""
        return True
