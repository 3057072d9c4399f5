"""How the person is to be learned: which preset, and the consent without which nothing starts."""
from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import (
    QButtonGroup,
    QCheckBox,
    QFrame,
    QHBoxLayout,
    QRadioButton,
    QVBoxLayout,
    QWidget,
)

from app.language import tr
from app.names import listing
from app.personal.album_view import counted
from app.personal.labels import label
from app.spans import span
from core.personalize.presets import CONSENT, DEFAULT, Preset, estimate, load_presets

FEW = 8  # photos below which a personal model is not much better than the generic one


class PresetCard(QFrame):
    """A preset to choose: its radio button, what it means and how long it takes."""

    def __init__(self, preset: Preset, device: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("card")
        self.preset = preset
        self.button = QRadioButton(tr(preset.title))
        self.button.setObjectName("cardTitle")
        time = label("rowLabel", _time(preset, device))
        text = label("note", tr(preset.text), wrap=True)
        self.button.setAccessibleDescription(f"{time.text()}. {text.text()}")
        line = QHBoxLayout()
        line.addWidget(self.button, 1)
        line.addWidget(time)
        column = QVBoxLayout(self)
        column.setContentsMargins(14, 10, 16, 12)
        column.setSpacing(4)
        column.addLayout(line)
        below = QHBoxLayout()
        below.setContentsMargins(26, 0, 0, 0)
        below.addWidget(text)
        column.addLayout(below)
        self.button.toggled.connect(self._mark)

    def _mark(self, chosen: bool) -> None:
        self.setProperty("chosen", chosen)
        self.style().unpolish(self)
        self.style().polish(self)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """All of the card is the button."""
        if event.button() == Qt.MouseButton.LeftButton:
            self.button.setFocus(Qt.FocusReason.MouseFocusReason)
            self.button.setChecked(True)


class LearnPage(QWidget):
    """changed: the consent was given or taken back, or another preset chosen."""

    changed = Signal()

    def __init__(self, device: str = "cpu", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.title, self.words = label("heading"), label("rowLabel", wrap=True)
        self.group = QButtonGroup(self)
        self.cards = [PresetCard(preset, device) for preset in load_presets().values()]
        self.consent = QCheckBox(tr("Yes, this is so"))
        self._lay_out()
        self.group.buttonToggled.connect(lambda _button, on: self.changed.emit() if on else None)
        self.consent.toggled.connect(lambda _on: self.changed.emit())

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(10)
        column.addWidget(self.title)
        column.addWidget(self.words)
        column.addSpacing(4)
        for card in self.cards:
            self.group.addButton(card.button)
            card.button.setChecked(card.preset.name == DEFAULT)
            column.addWidget(card)
        column.addSpacing(8)
        column.addWidget(self._consent())
        column.addStretch(1)

    def _consent(self) -> QFrame:
        box = QFrame()
        box.setObjectName("card")
        heading, statement = label("cardTitle", tr("Consent")), label("", tr(CONSENT), wrap=True)
        self.consent.setAccessibleDescription(tr(CONSENT))
        note = label("note", tr("It is stored in the person's file with today's date. All stays on this computer."), wrap=True)
        column = QVBoxLayout(box)
        column.setContentsMargins(14, 10, 16, 12)
        column.setSpacing(4)
        for part in (heading, statement, self.consent, note):
            column.addWidget(part)
        return box

    @property
    def preset(self) -> str:
        """Name of the chosen preset."""
        return next(card.preset.name for card in self.cards if card.button.isChecked())

    @property
    def agreed(self) -> bool:
        """Whether the consent was given."""
        return self.consent.isChecked()

    def show_person(self, name: str, used: int, held: tuple[str, ...]) -> None:
        """What is going to be learned; the consent is asked anew for each person. held: file names."""
        self.title.setText(tr("Learn {name}", name=name))
        text = tr("{photos} to learn from", photos=counted(used - len(held)))
        if held:
            names = listing(list(held), 4)
            text += "; " + (tr("{name} is kept out, to measure how good it gets", name=names) if len(held) == 1 else
                            tr("{names} are kept out, to measure how good it gets", names=names))
        text = f"{text}. {tr('You can go on editing meanwhile, and stop at any time.')}"
        if used < FEW:
            text += " " + tr("With fewer than {count} photos, expect less: more photos of other sides and light help most.",
                             count=FEW)
        self.words.setText(text)
        self.consent.setChecked(False)


def _time(preset: Preset, device: str) -> str:
    """As `estimate` says it, in the user's language."""
    seconds, _ = estimate(preset, device)
    if preset.minutes:
        return tr("About {count} minutes", count=round(preset.minutes))
    if not seconds:
        return tr("As long as its steps take on this device")
    return tr("About {time} on two processor cores", time=span(seconds))


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
