"""The export dialog: where to, which format, the crop or the whole photo."""
from __future__ import annotations

from pathlib import Path

from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from app.settings import Settings

FORMATS = {"PNG": ".png", "JPEG": ".jpg", "TIFF": ".tif", "WebP": ".webp"}
ENDINGS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".tif": "TIFF", ".tiff": "TIFF", ".webp": "WebP"}
LOSSY = ("JPEG", "WebP")
DEEP = ("PNG", "TIFF")
SIZES = (("full", "Whole photo"), ("crop", "Face crop only"))


class ExportDialog(QDialog):
    """Asks for a file; `path`, `area_size`, `quality` and `deep` hold the answer. The choices are remembered in `settings`.

    deep: whether the photo has 16 bits a channel.
    """

    def __init__(self, settings: Settings, photo: Path | None, parent: QWidget | None = None, *, deep: bool = False) -> None:
        super().__init__(parent)
        self.setWindowTitle("Export picture")
        self.setMinimumWidth(480)
        self._settings = settings
        self._photo = photo
        self.file = QLineEdit()
        self.format = QComboBox()
        self.format.addItems(list(FORMATS))
        self.area = QComboBox()
        for value, label in SIZES:
            self.area.addItem(label, value)
        self.quality_box = QSpinBox()
        self.quality_box.setRange(1, 100)
        self.quality_box.lineEdit().setTextMargins(5, 0, 5, 0)
        self.quality_label = QLabel("Quality")
        self.deep_box = QCheckBox("Keep the photo's 16 bits a channel")
        self.deep_box.setToolTip("PNG and TIFF of the whole photo. What the edit doesn't touch stays bit for bit.")
        self.deep_box.setVisible(deep)
        self.deep_box.setChecked(deep)
        self.problem = QLabel()
        self.problem.setObjectName("note")
        self.problem.setWordWrap(True)
        self.ok = QPushButton("Export")
        self.ok.setDefault(True)
        self._lay_out()
        self._fill()
        self.format.currentTextChanged.connect(self._format_chosen)
        self.area.currentIndexChanged.connect(self._show_quality)
        self.file.textChanged.connect(self._check)
        self.ok.clicked.connect(self.accept)

    def _lay_out(self) -> None:
        browse, cancel = QPushButton("Browse …"), QPushButton("Cancel")
        browse.setAutoDefault(False)
        cancel.setAutoDefault(False)
        browse.clicked.connect(self._browse)
        cancel.clicked.connect(self.reject)
        grid = QGridLayout()
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(10)
        for row, (text, field) in enumerate((("File", self.file), ("Format", self.format), ("Area", self.area))):
            label = QLabel(text)
            label.setObjectName("rowLabel")
            label.setBuddy(field)
            field.setAccessibleName(text)
            grid.addWidget(label, row, 0)
            grid.addWidget(field, row, 1)
        grid.addWidget(browse, 0, 2)
        self.quality_label.setObjectName("rowLabel")
        grid.addWidget(self.quality_label, 3, 0)
        grid.addWidget(self.quality_box, 3, 1)
        grid.addWidget(self.deep_box, 4, 1)
        grid.setColumnStretch(1, 1)
        buttons = QHBoxLayout()
        buttons.addWidget(self.problem, 1)
        buttons.addWidget(cancel)
        buttons.addWidget(self.ok)
        column = QVBoxLayout(self)
        column.setContentsMargins(22, 20, 22, 18)
        column.setSpacing(18)
        column.addLayout(grid)
        column.addLayout(buttons)

    def _fill(self) -> None:
        settings = self._settings
        folder = Path(settings.export_folder or (self._photo.parent if self._photo else Path.home()))
        stem = self._photo.stem if self._photo else "portrait"
        self.format.setCurrentText(settings.export_format)
        self.area.setCurrentIndex([value for value, _ in SIZES].index(settings.export_size))
        self.quality_box.setValue(settings.export_quality)
        self.file.setText(str(free_name(folder / f"{stem}-edited{FORMATS[settings.export_format]}")))
        self._show_quality()
        self._check()

    def _show_quality(self) -> None:
        lossy = self.format.currentText() in LOSSY
        self.quality_box.setEnabled(lossy)
        self.quality_label.setEnabled(lossy)
        self.deep_box.setEnabled(self.format.currentText() in DEEP and self.area_size == "full")

    def _format_chosen(self, name: str) -> None:
        self.file.setText(str(Path(self.file.text()).with_suffix(FORMATS[name])))
        self._show_quality()

    def _browse(self) -> None:
        path, _ = QFileDialog.getSaveFileName(self, "Export picture", self.file.text(),
                                              "Pictures (*.png *.jpg *.jpeg *.tif *.tiff *.webp)")
        if path:
            self.set_file(Path(path))

    def set_file(self, path: Path) -> None:
        """Write there; the name's ending chooses the format, one is added where it has none."""
        name = ENDINGS.get(path.suffix.lower())
        blocked = self.format.blockSignals(True)
        if name is None:
            path = path.with_name(path.name + FORMATS[self.format.currentText()])
        else:
            self.format.setCurrentText(name)
        self.format.blockSignals(blocked)
        self.file.setText(str(path))
        self._show_quality()

    def _check(self) -> None:
        text = ""
        path = Path(self.file.text().strip() or ".")
        if path.suffix.lower() not in ENDINGS:
            text = f"The name must end in {', '.join(FORMATS.values())}."
        elif not path.parent.is_dir():
            text = "That folder doesn't exist."
        elif path.is_dir():
            text = "That is a folder."
        self.ok.setEnabled(not text)
        if not text and path.exists():
            text = "The file that is there will be replaced."
        self.problem.setText(text)

    @property
    def path(self) -> Path:
        """The chosen file."""
        return Path(self.file.text().strip())

    @property
    def area_size(self) -> str:
        """'crop' or 'full'."""
        return str(self.area.currentData())

    @property
    def quality(self) -> int:
        """1 to 100, for JPEG and WebP."""
        return self.quality_box.value()

    @property
    def deep(self) -> bool:
        """Whether to write 16 bits a channel."""
        return not self.deep_box.isHidden() and self.deep_box.isEnabled() and self.deep_box.isChecked()

    def accept(self) -> None:
        """Remember the choices."""
        settings = self._settings
        settings.export_folder = str(self.path.parent)
        settings.export_format = ENDINGS[self.path.suffix.lower()]
        settings.export_size = self.area_size
        settings.export_quality = self.quality
        super().accept()


def free_name(path: Path) -> Path:
    """The path, or the first of 'name-2', 'name-3', ... that doesn't exist."""
    number, result = 2, path
    while result.exists() and number < 1000:
        result = path.with_name(f"{path.stem}-{number}{path.suffix}")
        number += 1
    return result
