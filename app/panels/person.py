"""The Person panel: whose pictures are made, what is known of them, and the ways to learn and keep people."""
from __future__ import annotations

from html import escape

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QStandardItemModel, QWheelEvent
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QPushButton, QWidget

from app.document import Document
from app.language import told, tr
from app.panels.section import Section
from app.personal.shelf import PeopleShelf, unfit
from app.personal.words import facts, gain
from app.theme import Theme

ANYONE = "Anyone"
NOBODY = "The model paints every face from what it has seen of others. Show it about 20 photos of one person to learn that face."


class _Choice(QComboBox):
    def wheelEvent(self, event: QWheelEvent) -> None:
        """The wheel scrolls the panels: nobody becomes another person by it."""
        event.ignore()


class PersonPanel(Section):
    """Who: the model alone, or a person. chosen(file, or '' for nobody), personalize_asked, people_asked."""

    chosen = Signal(str)
    personalize_asked = Signal()
    people_asked = Signal()

    def __init__(self, theme: Theme, document: Document, parent: QWidget | None = None) -> None:
        super().__init__(theme, tr("Person"), parent=parent)
        self.document = document
        self.shelf: PeopleShelf | None = None
        self.who = _Choice()
        self.facts = QLabel()
        self.personalize, self.people = QPushButton(tr("Personalize …")), QPushButton(tr("People …"))
        self.loading = ""
        self._build()
        self.who.activated.connect(self._chosen)
        self.personalize.clicked.connect(self.personalize_asked)
        self.people.clicked.connect(self.people_asked)
        self.reset_asked.connect(lambda: self.chosen.emit(""))
        document.followed.connect(self.refresh)
        document.opened.connect(self.refresh)
        theme.changed.connect(self._recolor_all)
        self._recolor_all()
        self.refresh()

    def _build(self) -> None:
        self.who.setAccessibleName(tr("Person"))
        self.who.setToolTip(tr("Whose face the pictures are made for"))
        self.who.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.who.setMinimumContentsLength(12)
        self.facts.setObjectName("note")
        self.facts.setWordWrap(True)
        self.facts.setTextFormat(Qt.TextFormat.PlainText)
        self.facts.setContentsMargins(0, 4, 0, 6)
        line = QWidget()
        row = QHBoxLayout(line)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        for button in (self.personalize, self.people):
            button.setObjectName("wide")
            row.addWidget(button, 1)
        for widget in (self.who, self.facts, line):
            self.add(widget)

    def watch(self, shelf: PeopleShelf) -> None:
        """Offer the people of a shelf."""
        self.shelf = shelf
        shelf.changed.connect(self.refresh)
        self.refresh()

    def set_loading(self, name: str) -> None:
        """Somebody's model is being made ready; '' when it is."""
        self.loading = name
        self.refresh()

    def refresh(self) -> None:
        """Show the document's person, and who else there is."""
        person = self.document.person
        self._fill()
        if self.loading:
            self.facts.setText(tr("Loading {name} …", name=self.loading))
        elif person is None:
            aside = self.document.person_set_aside
            self.facts.setText(tr(NOBODY) if aside is None else
                               f"{unfit(aside, self.document.prior_digest, self._head)} {tr('It comes back with that model.')}")
        else:
            known = facts(person.photos, str(person.card.get("preset", "")), person.created)
            self.facts.setText("\n".join(filter(None, (known, gain(person)))))
        self.reset.setVisible(person is not None)

    @property
    def _head(self) -> str:
        session = self.document.session
        return session.head.name if session is not None else ""

    def _fill(self) -> None:
        """'Anyone', the people of the shelf, and the document's own where it isn't on the shelf: one still in training."""
        document, person = self.document, self.document.person
        rows: list[tuple[str, str, str, str]] = [(tr(ANYONE), "", "", "")]  # title, digest, file, why not
        for entry in self.shelf.entries if self.shelf is not None else ():
            why = told(entry.problem) or unfit(entry, document.prior_digest, self._head)
            rows.append((entry.name, entry.digest or "?", str(entry.file), why))
        if person is not None and all(digest != person.digest for _, digest, _, _ in rows):
            rows.append((tr("{name}, still being learned", name=person.name), person.digest, "", ""))
        if [self.who.itemData(i) for i in range(self.who.count())] != rows:
            self.who.clear()
            model = self.who.model()
            assert isinstance(model, QStandardItemModel)
            for i, row in enumerate(rows):
                self.who.addItem(row[0], row)
                self.who.setItemData(i, f"<span>{escape(row[3])}</span>" if row[3] else "", Qt.ItemDataRole.ToolTipRole)
                model.item(i).setEnabled(not row[3])
        digest = person.digest if person is not None else ""
        self.who.setCurrentIndex([row[1] for row in rows].index(digest))

    def _chosen(self, index: int) -> None:
        _, digest, file, _ = self.who.itemData(index)
        present = self.document.person.digest if self.document.person is not None else ""
        if digest != present:
            self.refresh()  # what is chosen shows when it is there
            self.chosen.emit(file)

    def _recolor_all(self) -> None:
        self.recolor()
        self.personalize.setIcon(self._theme.icon("person"))
        self.people.setIcon(self._theme.icon("faces"))
