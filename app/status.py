"""The status line: where it runs, what made the picture, how long it took, how like the person it is."""
from __future__ import annotations

from typing import Any

from PySide6.QtCore import QSize, Qt, Signal, SignalInstance
from PySide6.QtGui import QPainter, QPaintEvent, QPalette
from PySide6.QtWidgets import QLabel, QStatusBar, QStyleOption, QToolButton, QWidget

from app.language import tr
from app.live import State
from app.setup import head_title
from app.trust_words import advice, details, line
from core.identity import SAME_PERSON
from core.trust_reading import Reading

WORDS = {State.EMPTY: "", State.STALE: "Live", State.PREVIEW: "Live", State.REFINING: "Refining",
         State.SETTLED: "Settled", State.FAILED: "Failed", State.IMPOSSIBLE: "Live"}
IDENTITY_TIP = ("Distance between the faces of photo and picture, as a face recogniser sees them. "
                f"Under {SAME_PERSON} it takes them for the same person.")
UNSURE = 0.5  # confidence of a fit below which the user is told
UNSURE_TIP = ("How sure the program is that the 3D head lies on this face: {percent} %.\nLook at the head over the photo (H). "
              "Where it is off, a sharper, more frontal or better lit photo helps.")


def likeness(distance: float | None) -> str:
    """The identity distance in plain words, with the number."""
    if distance is None:
        return ""
    limits = ((0.3, "very like the original"), (0.45, "like the original"), (SAME_PERSON, "still recognisable"))
    words = next((text for limit, text in limits if distance < limit), "looks like somebody else")
    return f"Identity {distance:.2f}, {words}"


class Elided(QLabel):
    """A label that gives way: what doesn't fit is cut with an ellipsis, and can be read in full in its tooltip."""

    def __init__(self, tip: str = "") -> None:
        super().__init__()
        self._tip = tip

    def minimumSizeHint(self) -> QSize:
        """As narrow as it must be."""
        return QSize(0 if not self.text() else 34, super().minimumSizeHint().height())

    def setText(self, text: str) -> None:
        """Also the name that screen readers read: all of it."""
        super().setText(text)
        self.setToolTip("\n".join(filter(None, (text if self._tip == "" else "", self._tip))))

    def paintEvent(self, _event: QPaintEvent) -> None:
        """The text, cut where the room ends."""
        option = QStyleOption()
        option.initFrom(self)
        painter = QPainter(self)
        rect = self.contentsRect()
        text = self.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideRight, rect.width())
        self.style().drawItemText(painter, rect, int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft), option.palette,
                                  self.isEnabled(), text, QPalette.ColorRole.WindowText)
        painter.end()


class StatusLine(QStatusBar):
    """Labels that are set from results and states. models_asked, people_asked, training_asked: that part was clicked."""

    models_asked = Signal()
    people_asked = Signal()
    training_asked = Signal()
    queue_asked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizeGripEnabled(False)
        self.state = QLabel()
        self.state.setObjectName("state")
        self.photo, self.identity, self.time = Elided(), Elided(IDENTITY_TIP), Elided()
        self.reading = Elided()
        self.fit = QLabel()
        self.fit.setObjectName("unsure")
        self.steps, self.device, self.exports, self.imports = Elided(), QLabel(), Elided(), Elided()
        self.prior = self._button("Models and heads  (Ctrl+M)", self.models_asked)
        self.person = self._button("People", self.people_asked)
        self.training = self._button("Show the training", self.training_asked)
        self.queue = self._button("Show the queue", self.queue_asked)
        for label in (self.state, self.photo, self.fit):
            self.addWidget(label)
        parts: tuple[QWidget, ...] = (self.imports, self.training, self.queue, self.exports, self.reading, self.identity, self.time,
                                      self.steps, self.person, self.prior, self.device)
        for part in parts:
            self.addPermanentWidget(part)

    @staticmethod
    def _button(tip: str, clicked: SignalInstance) -> QToolButton:
        """A part that can be clicked; hidden while it has no text."""
        button = QToolButton()
        button.setObjectName("statusButton")
        button.setToolTip(tip)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        button.hide()
        button.clicked.connect(clicked)
        return button

    def set_person(self, name: str) -> None:
        """Whose pictures are made; '' for the model's own."""
        self.person.setText(f"Person {name}".replace("&", "&&"))
        self.person.setVisible(bool(name))

    def set_training(self, text: str) -> None:
        """What is being learned, or could be gone on with."""
        self.training.setText(text.replace("&", "&&"))
        self.training.setVisible(bool(text))

    def set_state(self, state: State) -> None:
        """Live, refining or settled."""
        self.state.setText(WORDS[state])

    def set_engine(self, engine: Any) -> None:
        """Device, prior, and the head where it is not the prior's own."""
        device = str(getattr(engine, "device", "cpu"))
        number = str(getattr(engine, "dtype", "")).removeprefix("torch.")
        short = {"bfloat16": "bf16", "float32": "fp32", "float16": "fp16"}.get(number, number)
        name = {"cpu": "CPU", "cuda": "GPU", "mps": "Apple GPU"}.get(device.split(":")[0], device)
        self.device.setText(f"{name} {short}".strip())
        self.device.setToolTip("")
        prior = getattr(engine, "prior", None)
        head = getattr(getattr(engine, "head", None), "name", "")
        other = f", {head_title(head)}" if head and head != getattr(prior, "head", head) else ""
        self.prior.setText(f"Prior {getattr(prior, 'name', 'unknown')}{other}" if prior is not None else "")
        self.prior.setVisible(prior is not None)

    def set_loading(self, what: str) -> None:
        """An engine is being built."""
        self.device.setText("Loading …" if what else "Starting …")
        self.device.setToolTip(f"Loading {what}" if what else "")

    def set_no_engine(self) -> None:
        """None could be built."""
        self.device.setText("Engine not running")
        self.device.setToolTip("")

    def set_result(self, result: Any) -> None:
        """How long the picture took and how like the person it is."""
        seconds = sum(result.timings.values())
        settled = result.request.quality == "settled"
        self.time.setText(f"{'Picture' if settled else 'Preview'} {seconds:.1f} s")
        self.steps.setText(f"{result.request.steps} steps" if settled else "Preview steps")
        self.identity.setText(likeness(result.identity_distance))
        self._set_reading(getattr(result, "reading", None))

    def _set_reading(self, reading: Reading | None) -> None:
        said = line(reading) if reading is not None else ""
        warned = reading is not None and reading.beyond
        self.reading.setText(f"⚠ {said or tr('Beyond the model')}" if warned else said)
        self.reading.setObjectName("unsure" if warned else "")
        self.reading.style().polish(self.reading)
        if reading is not None:
            self.reading.setToolTip("\n".join(filter(None, (*details(reading), advice(reading)))))

    def set_photo(self, name: str, width: int, height: int) -> None:
        """The opened file."""
        self.photo.setText(f"{name}  {width} × {height}")

    def set_confidence(self, confidence: float) -> None:
        """How sure the fit is, 0 to 1; said only when it is unsure."""
        unsure = confidence < UNSURE
        self.fit.setText(f"Unsure fit ({100 * confidence:.0f} %)" if unsure else "")
        self.fit.setToolTip(UNSURE_TIP.format(percent=round(100 * confidence)) if unsure else "")
        self.fit.setVisible(unsure)

    def clear_result(self) -> None:
        """Another photo: nothing has been made of it yet."""
        for label in (self.time, self.steps, self.identity, self.reading):
            label.clear()

    def set_import(self, text: str) -> None:
        """What is being imported."""
        self.imports.setText(text)

    def set_queue(self, text: str) -> None:
        """How far the queue of pictures is; '' while nothing waits."""
        self.queue.setText(text)
        self.queue.setVisible(bool(text))

    def set_exports(self, text: str) -> None:
        """What the export queue does."""
        self.exports.setText(text)
