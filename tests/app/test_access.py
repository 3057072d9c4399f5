"""For everybody: each control has a name that is read out, can be reached by keys, and every text stands out from its ground."""
from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtWidgets import QAbstractButton, QComboBox, QLabel, QLineEdit, QMenuBar, QScrollArea, QTabBar, QWidget

from app.theme import DARK, LIGHT, Colors
from tests.app.walk import everything, opened

READ, SHOWN_OFF = 4.5, 3.0  # of WCAG 2: small text; what is switched off


def luminance(color: str) -> float:
    """Of '#rrggbb', 0 to 1 (WCAG 2)."""
    channels = [int(color[k:k + 2], 16) / 255 for k in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(a: str, b: str) -> float:
    """1 to 21 (WCAG 2)."""
    low, high = sorted((luminance(a), luminance(b)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("colors", (DARK, LIGHT), ids=("dark", "light"))
def test_texts_stand_out(colors: Colors) -> None:
    weak = [(name, ground, round(contrast(getattr(colors, name), getattr(colors, ground)), 2))
            for name in ("text", "dim", "faint", "accent", "good", "warn", "bad") for ground in ("window", "panel", "raised")
            if contrast(getattr(colors, name), getattr(colors, ground)) < READ]
    weak += [(text, ground, round(contrast(getattr(colors, text), getattr(colors, ground)), 2))
             for text, ground in (("on_accent", "accent"), ("on_accent", "accent_hover"), ("on_badge", "badge"),
                                  ("text", "banner"), ("text", "hover"), ("dim", "hover"), ("accent", "raised"))
             if contrast(getattr(colors, text), getattr(colors, ground)) < READ]
    weak += [("off", ground, round(contrast(colors.off, getattr(colors, ground)), 2)) for ground in ("window", "panel", "raised")
             if contrast(colors.off, getattr(colors, ground)) < SHOWN_OFF]
    assert not weak


def name_of(widget: QWidget) -> str:
    """What is read out of a control."""
    if widget.accessibleName():
        return widget.accessibleName()
    if isinstance(widget, QAbstractButton):
        return widget.text()
    if isinstance(widget, QTabBar):
        return "".join(widget.tabText(k) for k in range(widget.count()))
    buddies = [label.text() for label in widget.window().findChildren(QLabel) if label.buddy() is widget]
    return "".join(buddies)


def nameless(root: QWidget) -> list[str]:
    """The controls that keys reach and that have no name."""
    found = []
    for widget in root.findChildren(QWidget):
        reached = widget.focusPolicy() & Qt.FocusPolicy.TabFocus and widget.isVisible() and widget.isEnabled()
        inner = isinstance(widget, QMenuBar | QScrollArea) or isinstance(widget, QLineEdit) and isinstance(
            widget.parent(), QComboBox) or widget.objectName().startswith("qt_")
        if reached and not inner and not name_of(widget).strip():
            found.append(f"{type(widget).__name__} {widget.objectName()} in {type(widget.parent()).__name__}")
    return found


def chain(root: QWidget) -> list[QWidget]:
    """What Tab goes through, from the first."""
    stops: list[QWidget] = []
    widget: QWidget | None = root.nextInFocusChain()
    while widget is not None and widget is not root:
        if widget.focusPolicy() & Qt.FocusPolicy.TabFocus and widget.isVisible() and widget.window() is root.window():  # type: ignore[union-attr]
            stops.append(widget)
        widget = widget.nextInFocusChain()  # type: ignore[union-attr]
    return stops  # type: ignore[return-value]


def order(root: QWidget) -> list[tuple[str, QRect]]:
    """What Tab goes through, with where it is."""
    return [(name_of(stop) or type(stop).__name__, QRect(stop.mapTo(root, QPoint(0, 0)), stop.size())) for stop in chain(root)]


def above(one: tuple[str, QRect], other: tuple[str, QRect]) -> bool:
    """Whether the one is wholly above the other, and not beside it in another column."""
    a, b = one[1], other[1]
    return a.bottom() < b.top() and a.left() < b.right() and b.left() < a.right()


def test_every_control_has_a_name_and_is_in_sight() -> None:
    studio = opened()
    problems: dict[str, list[str]] = {}
    for name, root in everything(studio):
        wrong = nameless(root)
        wrong += [f"{type(stop).__name__} {name_of(stop)} has no size" for stop in chain(root)
                  if stop.width() < 4 or stop.height() < 4]
        if root.isModal() or root is not studio.window:
            wrong += [f"{a} comes after {b}" for a, b in zip(order(root), order(root)[1:], strict=False) if above(b, a)]
        if wrong:
            problems[name] = sorted(set(wrong))
    studio.close()
    assert not problems
