"""The Appearance panel: how the picture is made, and what is taken from other photos."""
from __future__ import annotations

from dataclasses import replace
from functools import partial

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QHBoxLayout,
    QLabel,
    QMenu,
    QPushButton,
    QSpinBox,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.document import Document
from app.edit import Appearance
from app.language import tr, within
from app.names import block_name
from app.panels.choice import choice, labelled, seed_row
from app.panels.section import Section, clear_layout
from app.panels.slider import ParameterRow
from app.theme import Theme
from core.request import DEFAULT_STEPS, MAX_GUIDANCE, PAPER_STEPS
from core.rig import COPY_BLOCKS, Copy, Parameter

_STEPS = Parameter("appearance.steps", "Steps", "Appearance", 4, 50, None, "", 1,
                   "Denoising steps of the settled picture: more take longer")
_STRENGTH = Parameter("appearance.strength", "Strength", "Appearance", 0, 1, None, "", 0.01,
                      "How far the model may go from the photo where the edit changes it")
_GUIDANCE = Parameter("appearance.guidance", "Emphasis", "Appearance", 0, MAX_GUIDANCE, None, "", 0.05,
                      "How much of the edit the model follows: 1 as the controls say, more exaggerates it, "
                      "0 only moves and relights the photo's own pixels")
_REACH = Parameter("appearance.reach", "Reach", "Appearance", 0, 1, None, "", 0.01,
                   "How far from the head the change may go: 0 the head alone, 0.5 its hair, neck and shoulders too, "
                   "1 everything around it")
_BLEND = Parameter("appearance.blend", "Blend", "Appearance", 0, 1, 1.0, "", 0.01,
                   "How far the appearance goes from the photo's own (0) to the copied one (1)")
NOISES = (("inverted", "From photo", "Keep everything of the photo that the edit doesn't touch"),
          ("seeded", "From seed", "Start from drawn noise: more is made anew"))
METHODS = (("studio", "Studio", "The picture starts from the photo's own pixels: what the edit doesn't touch stays as it is"),
           ("paper", "As in the paper", "The whole face crop is made anew from drawn noise, as the published system does it.\n"
            "The seed draws the noise; strength, emphasis, background and reach have no part in it."))
METHOD_STEPS = {"studio": DEFAULT_STEPS, "paper": PAPER_STEPS}


class AppearancePanel(Section):
    """Method, noise, seed, steps, strength, guidance, background, reach, and copies from other photos.

    copy_asked(block): the user wants to choose a photo to copy that block from.
    """

    copy_asked = Signal(str)

    def __init__(self, theme: Theme, document: Document, parent: QWidget | None = None) -> None:
        super().__init__(theme, tr("Appearance"), parent=parent)
        self.document = document
        self.method: dict[str, QToolButton] = {}
        self.noise: dict[str, QToolButton] = {}
        self.seed = QSpinBox()
        self.dice = QToolButton()
        self.background = QCheckBox(tr("Keep the background"))
        self.steps = self._slider(_STEPS, "steps", whole=True)
        self.strength = self._slider(_STRENGTH, "strength")
        self.guidance = self._slider(_GUIDANCE, "guidance")
        self.reach = self._slider(_REACH, "reach")
        self.copies = QVBoxLayout()
        self.blend: ParameterRow | None = None
        self.copy_button = QPushButton(tr("Copy from another photo"))
        self._build()
        self.reset_asked.connect(self._reset_appearance)
        document.followed.connect(self.refresh)
        document.opened.connect(self.refresh)
        theme.changed.connect(self._recolor_all)
        self._recolor_all()
        self.refresh()

    def _build(self) -> None:
        self.noise_row = labelled(tr("Noise"), choice(NOISES, self.noise, lambda name: self.document.set_appearance(noise=name)))
        self.add(labelled(tr("Method"), choice(METHODS, self.method, self._choose_method)))
        self.add(self.noise_row)
        for button in (*self.method.values(), *self.noise.values()):
            button.setMinimumWidth(40)  # long words of a language must not make the panel wider than its column
        self.add(labelled(tr("Seed"), seed_row(self.seed, self.dice, lambda value: self.document.set_appearance(seed=value))))
        self.add(self.steps)
        self.add(self.strength)
        self.add(self.guidance)
        self.background.setToolTip(tr("Leave the photo's own pixels where the edit changes nothing"))
        self.background.toggled.connect(lambda on: self.document.set_appearance(hold_background=on))
        self.add(self.background)
        self.add(self.reach)
        menu = QMenu(self.copy_button)
        for block in COPY_BLOCKS:
            menu.addAction(f"{block_name(block)} …").triggered.connect(partial(self._ask_copy, block))
        self.copy_button.setMenu(menu)
        self.copy_button.setObjectName("wide")
        self.rows.addSpacing(8)
        self.add(self.copy_button)
        self.rows.addLayout(self.copies)

    def _ask_copy(self, block: str, _checked: bool = False) -> None:
        self.copy_asked.emit(block)

    def _choose_method(self, name: str) -> None:
        """Each method starts with its own number of steps, unless another was chosen."""
        look = self.document.appearance
        if name != look.method:
            steps = METHOD_STEPS[name] if look.steps == METHOD_STEPS[look.method] else look.steps
            self.document.set_appearance(method=name, steps=steps)

    def _slider(self, parameter: Parameter, name: str, whole: bool = False) -> ParameterRow:
        row = ParameterRow(self._theme, parameter)
        row.began.connect(lambda _: self.document.begin(tr(parameter.label)))
        row.moved.connect(lambda _, value: self.document.set_appearance(**{name: round(value) if whole else value}))
        row.ended.connect(self.document.end)
        row.reset_asked.connect(lambda _: self.document.set_appearance(**{name: getattr(self._plain(), name)}))
        return row

    def refresh(self) -> None:
        """Show the document's values."""
        look, plain = self.document.appearance, self._plain()
        self.method[look.method].setChecked(True)
        self.noise[look.noise].setChecked(True)
        for unused_by_paper in (self.noise_row, self.strength, self.guidance, self.background):
            unused_by_paper.setEnabled(look.method == "studio")
        self.reach.setEnabled(look.method == "studio" and look.hold_background)
        for widget, value in ((self.seed, look.seed), (self.background, look.hold_background)):
            blocked = widget.blockSignals(True)
            if isinstance(widget, QSpinBox):
                widget.setValue(int(value))
            else:
                widget.setChecked(bool(value))
            widget.blockSignals(blocked)
        self.steps.show_value(look.steps, plain.steps, look.steps != plain.steps)
        self.strength.show_value(look.strength, plain.strength, look.strength != plain.strength)
        self.guidance.show_value(look.guidance, plain.guidance, look.guidance != plain.guidance)
        self.reach.show_value(look.reach, plain.reach, look.reach != plain.reach)
        self.reset.setVisible(look != Appearance())
        self._show_copies()

    def _plain(self) -> Appearance:
        """What nothing was changed of, for the present method."""
        method = self.document.appearance.method
        return Appearance(method=method, steps=METHOD_STEPS[method])

    def _show_copies(self) -> None:
        shown = [self.copies.itemAt(i).widget().property("copy") for i in range(self.copies.count())]  # type: ignore[union-attr]
        wanted = [f"{c.block}|{c.label}" for c in self.document.rig.copies]
        if shown != wanted:
            clear_layout(self.copies)
            self.blend = None
            for copy, key in zip(self.document.rig.copies, wanted, strict=True):
                self.copies.addWidget(self._copied(copy, key))
        appearance = self.document.rig.copied("appearance")
        if appearance is not None and self.blend is not None:
            self.blend.show_value(appearance.amount, 1.0, appearance.amount != 1.0)

    def _copied(self, copy: Copy, key: str) -> QWidget:
        """What was copied, and for the appearance how much of it."""
        box = QWidget()
        box.setProperty("copy", key)
        column = QVBoxLayout(box)
        column.setContentsMargins(0, 4, 0, 0)
        column.setSpacing(1)
        column.addWidget(self._copy_row(copy.block, copy.label or tr("another photo")))
        if copy.block == "appearance":
            self.blend = self._blend_row()
            column.addWidget(self.blend)
        return box

    def _blend_row(self) -> ParameterRow:
        row = ParameterRow(self._theme, _BLEND)
        row.began.connect(lambda _: self.document.begin(tr(_BLEND.label)))
        row.moved.connect(lambda _, value: self._set_blend(value))
        row.ended.connect(self.document.end)
        row.reset_asked.connect(lambda _: self._set_blend(1.0))
        return row

    def _set_blend(self, amount: float) -> None:
        copy = self.document.rig.copied("appearance")
        if copy is not None:
            self.document.copy(replace(copy, amount=amount))

    def _copy_row(self, block: str, label: str) -> QWidget:
        row = QWidget()
        layout = QHBoxLayout(row)
        layout.setContentsMargins(0, 0, 0, 0)
        text = QLabel(tr("{block} from {photo}", block=block_name(block), photo=label))
        text.setObjectName("note")
        text.setTextInteractionFlags(Qt.TextInteractionFlag.NoTextInteraction)
        drop = QToolButton()
        drop.setObjectName("rowReset")
        drop.setIcon(self._theme.icon("close"))
        drop.setIconSize(QSize(14, 14))
        drop.setToolTip(tr("Use the photo's own {block} again", block=within(block_name(block))))
        drop.setAccessibleName(tr("Remove copied {block}", block=within(block_name(block))))
        drop.clicked.connect(lambda: self.document.drop_copy(block))
        layout.addWidget(text, 1)
        layout.addWidget(drop)
        return row

    def _reset_appearance(self) -> None:
        self.document.set_appearance(**vars(Appearance()))

    def _recolor_all(self) -> None:
        self.recolor()
        self.dice.setIcon(self._theme.icon("dice"))
        self.copy_button.setIcon(self._theme.icon("copy"))
        self.steps.recolor()
        self.strength.recolor()
        self.guidance.recolor()
        self.reach.recolor()
        if self.blend is not None:
            self.blend.recolor()
