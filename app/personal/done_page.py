"""The last page: what learning the person brought, measured on the photos it never saw."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QFont, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QLabel, QSizePolicy, QVBoxLayout, QWidget

from app.canvas.paint import font
from app.language import tr
from app.personal.labels import label
from app.theme import Theme, pixmap
from core.identity import SAME_PERSON

ROW = 92
_BAR = 12.0
SEEN = 1.0  # CIE Lab units: about what an eye can see side by side


@dataclass(frozen=True)
class Gain:
    """One measure. limit: where its mark stands, None for none."""

    title: str
    note: str
    before: float
    after: float
    limit: float | None = None

    @property
    def words(self) -> str:
        """How much better it got."""
        if not self.before:
            return ""
        share = round(100 * (self.before - self.after) / self.before)
        return (tr("{share} % closer", share=share) if share > 0 else tr("no change") if not share else
                tr("{share} % farther", share=-share))


def gains(before: Mapping[str, float], after: Mapping[str, float]) -> list[Gain]:
    """The measures that both have, in the order they matter to people."""
    said = (("identity", tr("Likeness"), tr("How far a face recognition network puts the picture from the photo: up to {limit} "
                                            "is the same person", limit=f"{SAME_PERSON:g}"), SAME_PERSON),
            ("face", tr("Detail of the face"), tr("How different the face looks from the photo"), None),
            ("perceptual", tr("Detail of the picture"), tr("How different the whole picture looks from the photo"), None))
    return [Gain(title, note, before[name], after[name], limit) for name, title, note, limit in said
            if name in before and name in after]


def drift_words(before: Mapping[str, float], after: Mapping[str, float], held: int) -> str:
    """What is to be said of the colours; '' where nothing was measured. Few photos tell a cast only so far from chance."""
    drift, first, error = after.get("drift"), before.get("drift"), after.get("drift_error")
    if drift is None:
        return ""
    if first is None:
        words = tr("The mean colour is {drift} CIE Lab units off; less than 1 can't be seen.", drift=f"{drift:.1f}")
    else:
        words = tr("The mean colour is {drift} CIE Lab units off ({before} before); less than 1 can't be seen.",
                   drift=f"{drift:.1f}", before=f"{first:.1f}")
    if drift > SEEN and held and (error is None or drift - error < SEEN):
        words += " " + (tr("One photo can't tell that from chance.") if held == 1 else
                        tr("{count} photos can't tell that from chance.", count=held))
    return words


class GainView(QWidget):
    """Bars before and after, one pair a measure: shorter is better."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._gains: list[Gain] = []
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(tr("Measured before and after"))
        theme.changed.connect(self.update)

    def show_gains(self, found: list[Gain]) -> None:
        """What was measured."""
        self._gains = found
        self.setFixedHeight(ROW * len(found))
        self.setAccessibleDescription(". ".join(
            tr("{measure}: {before} before, {after} after", measure=g.title, before=f"{g.before:.3f}", after=f"{g.after:.3f}")
            for g in found))
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """All pairs."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for i, gain in enumerate(self._gains):
            self._row(painter, QRectF(0, ROW * i, self.width(), ROW), gain)
        painter.end()

    def _row(self, painter: QPainter, box: QRectF, gain: Gain) -> None:
        colors = self._theme.colors
        better = gain.after < gain.before
        painter.setFont(font(13, QFont.Weight.DemiBold))
        painter.setPen(QColor(colors.text))
        painter.drawText(box, Qt.AlignmentFlag.AlignLeft, gain.title)
        painter.setPen(QColor(colors.good if better else colors.dim))
        painter.drawText(box, Qt.AlignmentFlag.AlignRight, gain.words)
        painter.setFont(font(12, QFont.Weight.Normal))
        painter.setPen(QColor(colors.faint))
        painter.drawText(box.adjusted(0, 18, 0, 0), Qt.AlignmentFlag.AlignLeft, gain.note)
        full = 1.15 * max(gain.before, gain.after, gain.limit or 0.0)
        lane = QRectF(56, box.top() + 40, box.width() - 116, _BAR)
        for k, (text, value, color) in enumerate(((tr("Before"), gain.before, colors.groove),
                                                (tr("Now"), gain.after, colors.accent))):
            bar = lane.translated(0, 19 * k)
            painter.setPen(QColor(colors.dim))
            painter.drawText(QRectF(0, bar.top() - 3, 52, 18), Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, text)
            bar.setWidth(max(_BAR, lane.width() * value / full))
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(color))
            painter.drawRoundedRect(bar, _BAR / 2, _BAR / 2)
            painter.setPen(QColor(colors.text))
            painter.drawText(QRectF(bar.right() + 8, bar.top() - 3, 60, 18), Qt.AlignmentFlag.AlignVCenter, f"{value:.3f}")
        if gain.limit is not None:
            x = lane.left() + lane.width() * gain.limit / full
            painter.setPen(QPen(QColor(colors.text), 1.2, Qt.PenStyle.DotLine))
            painter.drawLine(round(x), round(lane.top() - 4), round(x), round(lane.top() + 36))


class DonePage(QWidget):
    """Says what came of it."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.mark, self.title, self.words = QLabel(), label("heading"), label("rowLabel", wrap=True)
        self.drift, self.short = label("note", wrap=True), label("warnNote", wrap=True)
        self.view = GainView(theme)
        column = QVBoxLayout(self)
        column.setContentsMargins(60, 26, 60, 0)
        column.setSpacing(8)
        for part in (self.mark, self.title, self.words):
            part.setAlignment(Qt.AlignmentFlag.AlignCenter)
            column.addWidget(part)
        column.addSpacing(18)
        column.addWidget(self.view)
        column.addWidget(self.drift)
        column.addWidget(self.short)
        column.addStretch(1)
        theme.changed.connect(self._recolor)
        self._recolor()

    def show_result(self, name: str, before: Mapping[str, float], after: Mapping[str, float], held: int, short: int = 0) -> None:
        """The measures at the beginning and at the end, of the photos kept out. short: its steps if too few, else 0."""
        found = gains(before, after)
        self.title.setText(tr("{name} is learned", name=name))
        if not found or not held:
            self.words.setText(tr("No photo was kept out, so nothing could be measured."))
        elif held == 1:
            self.words.setText(tr("Measured on the photo it never saw; shorter bars are better."))
        else:
            self.words.setText(tr("Measured on the {count} photos it never saw; shorter bars are better.", count=held))
        self.view.show_gains(found)
        self.drift.setText(drift_words(before, after, held))
        self.short.setText("" if not short else tr("Only {count} steps fitted into the time, so invented parts may be blurred. "
                                                   "Learn again while the computer has little else to do.", count=short))
        self.short.setVisible(bool(short))

    def _recolor(self) -> None:
        self.mark.setPixmap(pixmap("check", self._theme.colors.good, 44, self.devicePixelRatioF()))
