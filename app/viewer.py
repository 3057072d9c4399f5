"""The window's picture: what the worker and the engine's buffers make of the edit, put onto the canvas and told below it."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Signal

from app.badge import badge, progress
from app.canvas.stage import Mode
from app.frame import Frame
from app.language import tr
from app.picture import buffer_image
from core.rig import Rig

if TYPE_CHECKING:
    from app.exports import Exports
    from app.lighting import Lighting
    from app.live import Live
    from app.models import Models
    from app.parts import Part

VIEW_BUFFER = 512  # side of the buffers that fill the canvas; the inset's are smaller
INSET_BUFFER = 176


class Viewer(Frame):
    """Shows; `Window` makes the parts that it reads from. buffers_shown: live buffers of the present edit are on the canvas."""

    buffers_shown = Signal()
    engine: Any
    live: Live
    exports: Exports
    models: Models
    lighting: Lighting
    parts: tuple[Part, ...]

    def _show_buffers(self) -> None:
        if self.document.session is None or self.engine is None:
            return
        self.models.show_problem()
        self.lighting.show()  # here, and not with the edit itself: one repaint for both
        self.show_buffers(self.document.rig)
        self.buffers_shown.emit()

    def show_buffers(self, rig: Rig) -> None:
        """Draw the buffers of an edit of the open photo, where they are looked at."""
        session, canvas = self.document.session, self.canvas
        large = canvas.mode is not Mode.PHOTO or canvas.overlay or canvas.turning
        if large or canvas.show_inset or canvas.turns_head:
            small = INSET_BUFFER if canvas.devicePixelRatioF() <= 1 else 2 * INSET_BUFFER
            person = self.document.person
            buffers = self.engine.buffers(session, rig, VIEW_BUFFER if large else small,
                                          identity=person.identity if person is not None else ())
            canvas.set_live(buffer_image(buffers, canvas.mode.buffer or "rendered"))

    def show_session(self) -> None:
        """What depends on the fit and not on the edit."""
        self.status.set_confidence(float(getattr(getattr(self.document.session, "fit", None), "confidence", 1.0)))

    def _show_result(self, result: Any) -> None:
        self.canvas.set_result(result.crop, plain=result.request.method == "paper")
        self.status.set_result(result)
        if note := getattr(result, "note", ""):
            self._tell_note(note)

    def _tell_note(self, note: str) -> None:
        """What had to be given up, for want of memory: another number format or device, perhaps."""
        self.banner.say(note, "info")
        self.status.set_engine(self.engine)

    def _show_estimate(self, crop: Any) -> None:
        self.canvas.set_result(crop, plain=self.document.appearance.method == "paper")

    def show_state(self) -> None:
        """The badge over the picture and the status line: how the picture stands to the edit, or what is being loaded."""
        self.status.set_state(self.live.state)
        waits = tr("the export") if self.exports.count else next(filter(None, (part.making for part in self.parts)), "")
        self.canvas.set_status(*badge(self.live.state, self.models.switching.loading, waits))

    def _show_progress(self, step: int, steps: int, left: float | None) -> None:
        self.canvas.set_status(*progress(step, steps, left))
