"""What keys do on the light ball."""
from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent

if TYPE_CHECKING:
    from app.canvas.ball import LightBall

WHEEL_STEP = 0.05  # of intensity or softness, for a notch of the wheel as for a key
ARROW_STEP = 5.0  # degrees; with Shift FINE_STEP
FINE_STEP = 1.0


def action(ball: LightBall, event: QKeyEvent) -> Callable[[], object] | None:
    """What a key asks for; None for one that is not the ball's."""
    keys, key, lamp = Qt.Key, event.key(), ball.selected
    other = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier | Qt.KeyboardModifier.MetaModifier
    if event.modifiers() & other or not ball.lamps:
        return None
    step = FINE_STEP if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else ARROW_STEP
    steps = {keys.Key_Left: {"azimuth": -step}, keys.Key_Right: {"azimuth": step}, keys.Key_Up: {"elevation": step},
             keys.Key_Down: {"elevation": -step}, keys.Key_Plus: {"intensity": WHEEL_STEP},
             keys.Key_Equal: {"intensity": WHEEL_STEP}, keys.Key_Minus: {"intensity": -WHEEL_STEP},
             keys.Key_PageUp: {"softness": WHEEL_STEP}, keys.Key_PageDown: {"softness": -WHEEL_STEP}}
    if key in steps:
        return lambda: ball.stepped.emit(lamp, steps[Qt.Key(key)])
    if key in (keys.Key_Delete, keys.Key_Backspace):
        return lambda: ball.remove_asked.emit(lamp)
    if key == keys.Key_Home:
        return lambda: ball.reset_asked.emit(lamp)
    if key == keys.Key_Insert:
        return ball.add_asked.emit
    number = key - keys.Key_0
    if any(one.number == number for one in ball.lamps):
        return lambda: ball.chosen.emit(number)
    return None
