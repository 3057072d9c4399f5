"""The status line: where it runs, what made the picture, how long it took, how like the person it is."""
from __future__ import annotations

from typing import Any

from PySide6.QtWidgets import QLabel, QStatusBar, QWidget

from app.live import State

SAME_PERSON = 0.6  # dlib's own threshold between the same person and another one
WORDS = {State.EMPTY: "", State.STALE: "Live", State.PREVIEW: "Live", State.REFINING: "Refining",
         State.SETTLED: "Settled", State.FAILED: "Failed"}


def likeness(distance: float | None) -> str:
    """The identity distance in plain words, with the number."""
    if distance is None:
        return ""
    limits = ((0.3, "very like the original"), (0.45, "like the original"), (SAME_PERSON, "still recognisable"))
    words = next((text for limit, text in limits if distance < limit), "looks like somebody else")
    return f"Identity {distance:.2f}, {words}"


class StatusLine(QStatusBar):
    """Labels that are set from results and states."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizeGripEnabled(False)
        self.state = QLabel()
        self.state.setObjectName("state")
        self.photo, self.identity, self.time = QLabel(), QLabel(), QLabel()
        self.steps, self.prior, self.device, self.exports = QLabel(), QLabel(), QLabel(), QLabel()
        self.identity.setToolTip("Distance between the faces of photo and picture, as a face recogniser sees them. "
                                 f"Under {SAME_PERSON} it takes them for the same person.")
        for label in (self.state, self.photo):
            self.addWidget(label)
        for label in (self.exports, self.identity, self.time, self.steps, self.prior, self.device):
            self.addPermanentWidget(label)

    def set_state(self, state: State) -> None:
        """Live, refining or settled."""
        self.state.setText(WORDS[state])

    def set_engine(self, engine: Any) -> None:
        """Device and prior."""
        device = str(getattr(engine, "device", "cpu"))
        number = str(getattr(engine, "dtype", "")).removeprefix("torch.")
        short = {"bfloat16": "bf16", "float32": "fp32", "float16": "fp16"}.get(number, number)
        name = {"cpu": "CPU", "cuda": "GPU", "mps": "Apple GPU"}.get(device.split(":")[0], device)
        self.device.setText(f"{name} {short}".strip())
        prior = getattr(engine, "prior", None)
        self.prior.setText(f"Prior {getattr(prior, 'name', 'unknown')}" if prior is not None else "")

    def set_result(self, result: Any) -> None:
        """How long the picture took and how like the person it is."""
        seconds = sum(result.timings.values())
        settled = result.request.quality == "settled"
        self.time.setText(f"{'Picture' if settled else 'Preview'} {seconds:.1f} s")
        self.steps.setText(f"{result.request.steps} steps" if settled else "Preview steps")
        self.identity.setText(likeness(result.identity_distance))

    def set_photo(self, name: str, width: int, height: int) -> None:
        """The opened file."""
        self.photo.setText(f"{name}  {width} × {height}")

    def clear_result(self) -> None:
        """Another photo: nothing has been made of it yet."""
        for label in (self.time, self.steps, self.identity):
            label.clear()

    def set_exports(self, text: str) -> None:
        """What the export queue does."""
        self.exports.setText(text)
