"""The In use page: which model, head and estimator the window works with."""
from __future__ import annotations

from pathlib import Path

from PySide6.QtWidgets import QComboBox, QFileDialog, QGridLayout, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from app.dialogs.kinds import kinds
from app.importing import Importing
from app.language import tr
from app.library import HEAD, PRIOR, estimator_choices, problem
from app.settings import Settings
from app.setup import Setup, estimator_title, head_title, prior_title
from app.switching import Switching

FILE = "file …"  # stands for choosing one; no imported model has this name
HELP = {
    "Model": "The network that paints the picture",
    "Head": "The 3D head that is fitted to the photo. Its sliders are those of the panels.",
    "Estimator": "How the head is found in the photo",
}


class SetupChoice(QWidget):
    """Three choices, what stands against them, and a button that loads them."""

    def __init__(self, importing: Importing, switching: Switching, settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._importing, self._switching, self._settings = importing, switching, settings
        self.model, self.head, self.estimator = QComboBox(), QComboBox(), QComboBox()
        self.wanted = switching.loading or switching.setup
        self.note = QLabel()
        self.note.setObjectName("warnNote")
        self.note.setWordWrap(True)
        self.use = QPushButton(tr("Use these"))
        self.use.setObjectName("primary")
        self.use.setAutoDefault(False)
        self._lay_out()
        self.model.activated.connect(self._model_chosen)
        self.head.activated.connect(self._head_chosen)
        self.estimator.activated.connect(self._estimator_chosen)
        self.use.clicked.connect(lambda: self._switching.ask(self.wanted))
        importing.changed.connect(self.refresh)
        switching.changed.connect(self._switched)
        self.refresh()

    def _lay_out(self) -> None:
        grid = QGridLayout()
        grid.setHorizontalSpacing(14)
        grid.setVerticalSpacing(6)
        for i, (name, box) in enumerate((("Model", self.model), ("Head", self.head), ("Estimator", self.estimator))):
            label, tip = QLabel(tr(name)), QLabel(tr(HELP[name]))
            label.setObjectName("rowLabel")
            label.setBuddy(box)
            tip.setObjectName("note")
            tip.setWordWrap(True)
            box.setAccessibleName(tr(name))
            box.setToolTip(tr(HELP[name]))
            box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
            box.setMinimumContentsLength(20)
            grid.addWidget(label, 3 * i, 0)
            grid.addWidget(box, 3 * i, 1)
            grid.addWidget(tip, 3 * i + 1, 1)
            grid.setRowMinimumHeight(3 * i + 2, 8)
        grid.setColumnStretch(1, 1)
        line = QHBoxLayout()
        line.addStretch(1)
        line.addWidget(self.use)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 18, 0, 4)
        column.setSpacing(12)
        column.addLayout(grid)
        column.addWidget(self.note)
        column.addLayout(line)
        column.addStretch(1)

    def refresh(self) -> None:
        """Fill the boxes for what is there and what is chosen."""
        shelf, wanted = self._importing.shelf, self.wanted
        priors: list[tuple[str, str | None]] = [(tr("Default model"), None)]
        priors += [(item.title, item.name) for item in shelf.of(PRIOR) if item.present and item.name]
        if wanted.prior is not None and all(name != wanted.prior for _, name in priors):
            priors.append((prior_title(wanted.prior), wanted.prior))
        _fill(self.model, [*priors, (tr("Choose a file …"), FILE)], wanted.prior)
        own = shelf.head_of(wanted.prior)
        heads: list[tuple[str, str | None]] = [
            (tr("The model's own ({head})", head=head_title(own)) if own else tr("The model's own"), None)]
        heads += [(item.title if item.present else tr("{title} (not here)", title=item.title), item.name)
                  for item in shelf.of(HEAD)]
        _fill(self.head, heads, wanted.head)
        names = estimator_choices(wanted.head or own or "open")
        usual = tr("The usual one ({name})", name=estimator_title(names[0]))
        _fill(self.estimator, [(usual, None), *((estimator_title(name), name) for name in names)], wanted.estimator)
        self._say()

    def _say(self) -> None:
        text, loads = problem(self.wanted, self._importing.shelf)
        loading = self._switching.loading
        if loading is not None:
            text = tr("Loading {what} …", what=loading.words)
        elif not text:
            text = self._switching.message
        self.note.setText(text)
        used = self.wanted == self._switching.setup and self._switching.running
        self.use.setText(tr("In use") if used else tr("Use these"))
        self.use.setEnabled(loads and loading is None and not used)

    def _choose(self, prior: str | None, head: str | None, estimator: str | None) -> None:
        own = self._importing.shelf.head_of(prior)
        fits = estimator in estimator_choices(head or own or "open")
        self.wanted = Setup(prior, head, estimator if fits else None)
        self.refresh()

    def _model_chosen(self, _index: int) -> None:
        prior = self.model.currentData()
        if prior == FILE:
            path, _ = QFileDialog.getOpenFileName(self, tr("Model"), self._settings.assets_folder,
                                                  kinds((tr("Models"), (".safetensors", ".pt"))))
            prior = path or self.wanted.prior
            self._settings.assets_folder = str(Path(path).parent) if path else self._settings.assets_folder
        self._choose(prior, self.wanted.head, self.wanted.estimator)

    def _head_chosen(self, _index: int) -> None:
        self._choose(self.wanted.prior, self.head.currentData(), self.wanted.estimator)

    def _estimator_chosen(self, _index: int) -> None:
        self._choose(self.wanted.prior, self.wanted.head, self.estimator.currentData())

    def _switched(self) -> None:
        if self._switching.loading is None:
            self.wanted = self._switching.setup
        self.refresh()


def _fill(box: QComboBox, choices: list[tuple[str, str | None]], chosen: str | None) -> None:
    box.clear()
    for title, value in choices:
        box.addItem(title, value)
    values = [value for _, value in choices]
    box.setCurrentIndex(values.index(chosen) if chosen in values else 0)
