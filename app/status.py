"""The status line: where it runs, what made the picture, how long it took, how like the person it is."""
from __future__ import annotations

from typing import Any

from PySide6.QtCore import QEvent, Qt, Signal, SignalInstance
from PySide6.QtWidgets import QLabel, QStatusBar, QToolButton, QWidget

from app.elided import Elided
from app.language import tr
from app.live import State
from app.setup import head_title
from app.trust_words import advice, details, line
from core.identity import SAME_PERSON
from core.trust_reading import Reading

WORDS = {State.EMPTY: "", State.STALE: "Live", State.PREVIEW: "Live", State.REFINING: "Refining",
         State.SETTLED: "Settled", State.FAILED: "Failed", State.IMPOSSIBLE: "Live"}
IDENTITY_TIP = ("Distance between the faces of photo and picture, as a face recogniser sees them. "
                "Under {limit} it takes them for the same person.")
UNSURE = 0.5  # confidence of a fit below which the user is told
UNSURE_TIP = ("How sure the program is that the 3D head lies on this face: {percent} %.\nLook at the head over the photo (H). "
              "Where it is off, a sharper, more frontal or better lit photo helps.")
_EDGES, _GAP = 28, 6  # pixels at the ends of the line, and between its parts


def likeness(distance: float | None) -> str:
    """The identity distance in plain words, with the number."""
    if distance is None:
        return ""
    limits = ((0.3, tr("very like the original")), (0.45, tr("like the original")), (SAME_PERSON, tr("still recognisable")))
    words = next((text for limit, text in limits if distance < limit), tr("looks like somebody else"))
    return tr("Identity {distance}, {words}", distance=f"{distance:.2f}", words=words)


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
        self.photo, self.identity, self.time = Elided(), Elided(tr(IDENTITY_TIP, limit=SAME_PERSON)), Elided()
        self.reading = Elided()
        self.fit = QLabel()
        self.fit.setObjectName("unsure")
        self.steps, self.device, self.exports, self.imports = Elided(), QLabel(), Elided(), Elided()
        self.prior = self._button(tr("Models and heads  (Ctrl+M)"), self.models_asked)
        self.person = self._button(tr("People"), self.people_asked)
        self.training = self._button(tr("Show the training"), self.training_asked)
        self.queue = self._button(tr("Show the queue"), self.queue_asked)
        self.saved = Elided()
        for label in (self.state, self.photo, self.saved, self.fit):
            self.addWidget(label)
        parts: tuple[QWidget, ...] = (self.imports, self.training, self.queue, self.exports, self.reading, self.identity,
                                      self.time, self.steps, self.person, self.prior, self.device)
        for part in parts:
            self.addPermanentWidget(part)
        # what gives way where not all of it has room, the least needed first; the panels and the window's title say it too
        self._spare: tuple[QLabel | QToolButton, ...] = (self.steps, self.device, self.time, self.prior, self.person, self.photo)
        self._parts: tuple[QLabel | QToolButton, ...] = tuple(self.findChildren(QLabel)) + tuple(self.findChildren(QToolButton))

    def event(self, event: QEvent) -> bool:
        """Other texts, or another width: see what has room."""
        if event.type() in (QEvent.Type.LayoutRequest, QEvent.Type.Resize):
            self._make_room()
        return super().event(event)

    def _make_room(self) -> None:
        shown = [part for part in self._parts if not part.isHidden() or part in self._spare and part.text()]
        left = self.width() - _EDGES - sum(part.sizeHint().width() + _GAP for part in shown)
        for part in self._spare:
            if part.text():
                fits = left >= 0
                left += 0 if fits else part.sizeHint().width() + _GAP
                if part.isHidden() == fits:
                    part.setVisible(fits)

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
        self.person.setText(tr("Person {name}", name=name).replace("&", "&&") if name else "")
        self.person.setVisible(bool(name))

    def set_training(self, text: str) -> None:
        """What is being learned, or could be gone on with."""
        self.training.setText(text.replace("&", "&&"))
        self.training.setVisible(bool(text))

    def clear_photo(self) -> None:
        """None is open."""
        self.photo.setText("")
        self.fit.hide()

    def set_saved(self, text: str) -> None:
        """Whether the edit is saved, and as what; '' where there is nothing to save."""
        self.saved.setText(text)

    def set_state(self, state: State) -> None:
        """Live, refining or settled."""
        self.state.setText(tr(WORDS[state]) if WORDS[state] else "")

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
        other = head_title(head) if head and head != getattr(prior, "head", head) else ""
        name = getattr(prior, "name", tr("unknown"))
        self.prior.setText("" if prior is None else tr("Prior {name}, {head}", name=name, head=other) if other else
                           tr("Prior {name}", name=name))
        self.prior.setVisible(prior is not None)

    def set_loading(self, what: str) -> None:
        """An engine is being built."""
        self.device.setText(tr("Loading …") if what else tr("Starting …"))
        self.device.setToolTip(tr("Loading {what}", what=what) if what else "")

    def set_no_engine(self) -> None:
        """None could be built."""
        self.device.setText(tr("Engine not running"))
        self.device.setToolTip("")

    def set_result(self, result: Any) -> None:
        """How long the picture took and how like the person it is."""
        seconds = sum(result.timings.values())
        settled = result.request.quality == "settled"
        taken = f"{seconds:.1f}"
        self.time.setText(tr("Picture {seconds} s", seconds=taken) if settled else tr("Preview {seconds} s", seconds=taken))
        self.steps.setText(tr("{steps} steps", steps=result.request.steps) if settled else tr("Preview steps"))
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
        self.fit.setText(tr("Unsure fit ({percent} %)", percent=round(100 * confidence)) if unsure else "")
        self.fit.setToolTip(tr(UNSURE_TIP, percent=round(100 * confidence)) if unsure else "")
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
