"""How a picture is written: format, area, size, depth, colours and marks. For the export dialog and for the queue's."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QComboBox, QGridLayout, QHBoxLayout, QLabel, QSpinBox, QWidget

from app.language import told, tr
from app.settings import Settings
from core import credentials
from core.export import DEEP_FORMATS, LOSSY_FORMATS
from core.export_picture import size_of

FORMATS = {"PNG": ".png", "JPEG": ".jpg", "TIFF": ".tif", "WebP": ".webp"}
AREAS = (("full", "Whole photo"), ("crop", "Face crop only"))
_LEAST, _MOST, _USUAL = 64, 20_000, 2048


@dataclass(frozen=True)
class Subject:
    """What is known of the photo that is written. width, height: of it, 0 where there are several; crop: side of its face crop.
    deep: whether it has 16 bits a channel. colours: the name of its colour space where that is wider than sRGB. place: whether it
    says where it was taken. many: it stands for several photos, of which nothing is known."""

    width: int = 0
    height: int = 0
    crop: int = 0
    deep: bool = False
    colours: str = ""
    place: bool = False
    many: bool = False

    @classmethod
    def of(cls, photo: Any) -> Subject:
        """Of an opened photo (`core.photo.Photo`)."""
        from core.colour_profile import wide_space
        from core.export_blocks import has_place

        image = getattr(photo, "image", None)
        height, width = photo.pixels.shape[:2]
        space = wide_space(image.icc) if image is not None and image.own is not None else None
        deep = image is not None and (image.deep is not None or image.own is not None and image.bits == 16)
        return cls(width, height, photo.native_size, deep, space.name if space is not None else "", has_place(image))


class ExportChoices(QWidget):
    """Rows of choices; `options` are the keywords of `core.export_picture.ExportOptions`. changed: one of them is another."""

    changed = Signal()

    def __init__(self, settings: Settings, subject: Subject, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._settings, self._subject = settings, subject
        self.format, self.area = QComboBox(), QComboBox()
        self.format.addItems(list(FORMATS))
        for value, text in AREAS:
            self.area.addItem(tr(text), value)
        self.pixels = QLabel()
        self.quality_box, self.quality_label = QSpinBox(), QLabel(tr("Quality"))
        self.smaller, self.side = QCheckBox(tr("Longer side at most")), QSpinBox()
        self.deep_box = QCheckBox(tr("16 bits a channel"))
        self.own_box, self.place_box, self.credentials_box = QCheckBox(), QCheckBox(), QCheckBox()
        self.note = QLabel()
        self._dress()
        self._lay_out()
        self._fill()
        self.format.currentTextChanged.connect(self._show)
        self.area.currentIndexChanged.connect(self._show)
        self.side.valueChanged.connect(self._show)
        for box in (self.smaller, self.deep_box, self.own_box, self.place_box, self.credentials_box):
            box.toggled.connect(self._show)
        self._show()

    def _dress(self) -> None:
        for box, low, high in ((self.quality_box, 1, 100), (self.side, _LEAST, _MOST)):
            box.setRange(low, high)
            box.lineEdit().setTextMargins(5, 0, 5, 0)
        self.quality_box.setToolTip(tr("Of JPEG and WebP: 1 is small and coarse, 100 is large and fine"))
        self.quality_box.setAccessibleName(tr("Quality"))
        self.side.setSuffix(" px")
        self.side.setAccessibleName(tr("Longer side at most"))
        self.smaller.setToolTip(tr("Bring large pictures down to this size; smaller ones stay as they are"))
        self.pixels.setObjectName("note")
        self.deep_box.setToolTip(tr("In PNG and TIFF: finer steps of light and colour for later work. What the edit doesn't "
                                    "touch keeps the photo's own 16 bits, where it has them."))
        space = self._subject.colours
        self.own_box.setText(tr("Keep the photo's colours ({space})", space=space) if space else
                             tr("Keep each photo's own colour space"))
        self.own_box.setToolTip(tr("Colours that sRGB doesn't hold stay. Without it, the picture is written in sRGB."))
        self.own_box.setVisible(bool(space) or self._subject.many)
        self.place_box.setText(tr("Keep where it was taken"))
        self.place_box.setToolTip(tr("The photo's GPS position would go into the file. Author, camera and date are kept anyway."))
        self.place_box.setVisible(self._subject.place or self._subject.many)
        self.credentials_box.setText(tr("Content Credentials: say that it was edited with AI"))
        said = tr("A signed note in the file that names this program, the photo's file and the kind of edit.")
        self.credentials_box.setToolTip(f"{said} {tr(credentials.UNKNOWN_SIGNER)}")
        self.note.setObjectName("note")
        self.note.setWordWrap(True)

    def _lay_out(self) -> None:
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(8)
        for row, (text, field) in enumerate(((tr("Format"), self.format), (tr("Area"), self.area))):
            label = QLabel(text)
            label.setObjectName("rowLabel")
            label.setBuddy(field)
            label.setMinimumWidth(56)
            field.setAccessibleName(text)
            grid.addWidget(label, row, 0)
            grid.addWidget(field, row, 1)
        self.quality_label.setObjectName("rowLabel")
        beside = QHBoxLayout()
        beside.setSpacing(10)
        beside.addWidget(self.quality_label)
        beside.addWidget(self.quality_box)
        grid.addLayout(beside, 0, 2)
        grid.addWidget(self.pixels, 1, 2)
        size = QHBoxLayout()
        size.setSpacing(10)
        size.addWidget(self.smaller)
        size.addWidget(self.side)
        size.addStretch(1)
        grid.addLayout(size, 2, 1, 1, 2)
        for row, box in enumerate((self.deep_box, self.own_box, self.place_box, self.credentials_box, self.note), 3):
            grid.addWidget(box, row, 1, 1, 2)
        grid.setColumnStretch(1, 1)

    def _fill(self) -> None:
        settings, missing = self._settings, credentials.problem()
        self.format.setCurrentText(settings.export_format)
        self.area.setCurrentIndex([value for value, _ in AREAS].index(settings.export_size))
        self.quality_box.setValue(settings.export_quality)
        self.smaller.setChecked(settings.export_long_side >= _LEAST)
        self.side.setValue(settings.export_long_side if settings.export_long_side >= _LEAST else _USUAL)
        self.deep_box.setChecked(settings.export_deep or self._subject.deep)
        self.own_box.setChecked(settings.export_own_colours)
        self.place_box.setChecked(settings.export_place)
        self.credentials_box.setChecked(settings.export_credentials and not missing)
        self.credentials_box.setEnabled(not missing)
        self.note.setText(told(missing) if missing else "")
        self.note.setVisible(bool(missing))

    def _show(self, *_: Any) -> None:
        lossy = self.format.currentText() in LOSSY_FORMATS
        self.quality_box.setEnabled(lossy)
        self.quality_label.setEnabled(lossy)
        self.deep_box.setEnabled(self.format.currentText() in DEEP_FORMATS)
        self.side.setEnabled(self.smaller.isChecked())
        subject = self._subject
        if not subject.many:
            whole = (subject.width, subject.height) if self.area_size == "full" else (subject.crop, subject.crop)
            width, height = size_of(*whole, self.long_side)
            self.pixels.setText(tr("{width} × {height} pixels", width=f"{width:,}", height=f"{height:,}") if width else "")
        self.changed.emit()

    @property
    def ending(self) -> str:
        """Of the chosen format, as '.png'."""
        return FORMATS[self.format.currentText()]

    @property
    def area_size(self) -> str:
        """'crop' or 'full'."""
        return str(self.area.currentData())

    @property
    def long_side(self) -> int | None:
        """Pixels of the longer side at most; None for no limit."""
        return self.side.value() if self.smaller.isChecked() else None

    @property
    def deep(self) -> bool:
        """Whether to write 16 bits a channel."""
        return self.deep_box.isEnabled() and self.deep_box.isChecked()

    @property
    def options(self) -> dict[str, Any]:
        """Keywords of ExportOptions."""
        return {"quality": self.quality_box.value(), "deep": self.deep, "own_colours": self.own_box.isChecked(),
                "long_side": self.long_side, "place": self.place_box.isChecked() and not self.place_box.isHidden(),
                "credentials": self.credentials_box.isChecked()}

    def remember(self) -> None:
        """Take the choices over into the settings."""
        settings = self._settings
        settings.export_format = self.format.currentText()
        settings.export_size = self.area_size
        settings.export_quality = self.quality_box.value()
        settings.export_long_side = self.long_side or 0
        if not self._subject.deep and self.deep_box.isEnabled():  # a deep photo's own bits are no habit
            settings.export_deep = self.deep_box.isChecked()
        if not self.own_box.isHidden():
            settings.export_own_colours = self.own_box.isChecked()
        if not self.place_box.isHidden():
            settings.export_place = self.place_box.isChecked()
        if self.credentials_box.isEnabled():
            settings.export_credentials = self.credentials_box.isChecked()
