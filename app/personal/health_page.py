"""Album health: every photo with its verdict and reason, what the album covers, and what would help most."""
from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import (
    QButtonGroup,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QScrollArea,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.language import told, tr
from app.panels.section import clear_layout
from app.personal.album_view import counted, heading, points_of, shown_of, subheading, tiles_of
from app.personal.coverage import LightBall, Plot, Spread, TurnMap
from app.personal.keeper import Keeper
from app.personal.labels import label
from app.personal.light_box import LightBox
from app.personal.thumbs import ALL, GROUPS, Tiles
from app.personal.thumbs_view import TileView
from app.personal.who import WhoIsMeant
from app.theme import Theme, pixmap
from core.errors import UserError

if TYPE_CHECKING:
    from core.album.album import Album
    from core.album.facts import Someone

SAVE_MS = 400
SIDE = 308
HINT = "Click + or − on a photo, or press Space, to use it or leave it out. A double click shows it large."


class HealthPage(QWidget):
    """Shows an album and lets the user overrule it; what is overruled is saved by itself.

    changed: the album is another. opened: one was read and is shown. failed(message): it could not be read or saved.
    """

    changed = Signal()
    opened = Signal()
    failed = Signal(str)

    def __init__(self, theme: Theme, tiles: Tiles, cover: QWidget, parent: QWidget | None = None) -> None:
        """cover: the widget over which a photo is shown large."""
        super().__init__(parent)
        self._theme = theme
        self.album: Album | None = None
        self.held: tuple[str, ...] = ()
        self.tiles = tiles
        self.view = TileView(theme, tiles)
        self.large = LightBox(theme, cover)
        self.title, self.words = label("heading"), label("rowLabel")
        self.groups = QButtonGroup(self)
        self.people = WhoIsMeant()
        self.plots: tuple[Plot, ...] = (TurnMap(theme), Spread(theme), LightBall(theme))
        self.advice = QVBoxLayout()
        self._saved = True
        self._keeper = Keeper(self)
        self._save_due = QTimer(self)
        self._save_due.setSingleShot(True)
        self._save_due.setInterval(SAVE_MS)
        self._lay_out()
        self._save_due.timeout.connect(self._save_soon)
        self._keeper.loaded.connect(self._loaded)
        self._keeper.failed.connect(self.failed)
        self._keeper.changed.connect(self.changed)
        self.groups.idClicked.connect(lambda number: self.choose_group(GROUPS[number][0]))
        self.view.overruled.connect(self.overrule)
        self.view.opened.connect(self.open_large)
        self.view.current.connect(self._point_at)
        self.people.chosen.connect(self.choose_person)
        self.large.overruled.connect(self.overrule)
        self.large.stepped.connect(self._step_large)
        self.large.closed.connect(self.view.setFocus)
        for plot in self.plots:
            plot.picked.connect(self.pick)
        theme.changed.connect(self._show_advice)

    # -- building

    def _lay_out(self) -> None:
        titles = QVBoxLayout()
        titles.setSpacing(2)
        titles.addWidget(self.title)
        titles.addWidget(self.words)
        top = QHBoxLayout()
        top.addLayout(titles, 1)
        top.addWidget(self.people)
        left = QVBoxLayout()
        left.setSpacing(8)
        left.addLayout(self._filter())
        left.addWidget(self.view, 1)
        left.addWidget(label("note", tr(HINT), wrap=True))
        middle = QHBoxLayout()
        middle.setSpacing(18)
        middle.addLayout(left, 1)
        middle.addWidget(self._side())
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(12)
        column.addLayout(top)
        column.addLayout(middle, 1)

    def _filter(self) -> QHBoxLayout:
        line = QHBoxLayout()
        line.setSpacing(0)
        for number, (_group, title) in enumerate(GROUPS):
            button = QToolButton()
            button.setText(tr(title))
            button.setObjectName("segment")
            button.setProperty("edge", "left" if not number else "right" if number == len(GROUPS) - 1 else "middle")
            button.setCheckable(True)
            button.setChecked(not number)
            button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
            self.groups.addButton(button, number)
            line.addWidget(button)
        line.addStretch(1)
        return line

    def _side(self) -> QWidget:
        body = QWidget()
        body.setObjectName("listBody")
        column = QVBoxLayout(body)
        column.setContentsMargins(0, 0, 10, 0)
        column.setSpacing(6)
        column.addWidget(label("cardTitle", tr("What would help most")))
        self.advice.setSpacing(6)
        column.addLayout(self.advice)
        turns, spread, ball = self.plots
        column.addSpacing(8)
        column.addWidget(label("cardTitle", tr("Head turns")))
        column.addWidget(turns)
        column.addSpacing(8)
        pair = QGridLayout()
        pair.setHorizontalSpacing(16)
        pair.setVerticalSpacing(6)
        for i, (text, plot) in enumerate(((tr("Expressions"), spread), (tr("Light"), ball))):
            pair.addWidget(label("cardTitle", text), 0, i)
            pair.addWidget(plot, 1, i)
            pair.setColumnStretch(i, 1)
        column.addLayout(pair)
        column.addStretch(1)
        area = QScrollArea()
        area.setWidget(body)
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setFixedWidth(SIDE)
        area.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        area.setAccessibleName(tr("What the album covers"))
        return area

    # -- the album

    @property
    def busy(self) -> bool:
        """Whether an album is being read or judged."""
        return self._keeper.busy

    def open(self, folder: Path) -> None:
        """Read an album; `opened` tells when it is shown."""
        self._keeper.load(folder)

    def _loaded(self, album: Album) -> None:
        self.show_album(album)
        self.opened.emit()

    def show_album(self, album: Album) -> None:
        """Another album, or the same with another main person."""
        self.tiles.forget_images()
        self.groups.button(0).setChecked(True)
        self.tiles.group = ALL
        self._take(album)
        self.people.show_album(album, self.tiles.image)
        self.view.scrollToTop()

    def _take(self, album: Album) -> None:
        self.album = album
        self.held = album.held_out()
        self.tiles.set_tiles(tiles_of(album, self.held))
        points = points_of(album)
        for plot in self.plots:
            plot.show_points(points)
        self._show_counts()
        self._show_advice()
        self.changed.emit()

    def overrule(self, name: str, use: bool) -> None:
        """Use a photo or leave it out; back to the verdict's own where that says the same."""
        if self.album is None:
            return
        photo = next(photo for photo in self.album.photos if photo.name == name)
        own = photo.verdict != "refused" and not photo.doubtful
        self._take(self.album.overruled(name, None if use == own else use))
        self._changed_by_hand()
        if self.large.name == name:
            self.large.update_tile(next(tile for tile in self.tiles.tiles if tile.name == name))

    def choose_person(self, person: Someone) -> None:
        """Take another person of the photos for the one that is meant."""
        if self.album is not None and not person.chosen:
            self._saved = True  # what was overruled was about somebody else
            self._save_due.stop()
            self._keeper.of_person(self.album, person)

    def _changed_by_hand(self) -> None:
        self._saved = False
        self._save_due.start()

    def _save_soon(self) -> None:
        if not self._saved and self.album is not None:
            self._saved = True
            self._keeper.save(self.album)

    def save(self) -> bool:
        """Have everything written that was overruled when this returns; False when it can't be."""
        self._save_due.stop()
        try:
            self._keeper.stop()
            if not self._saved and self.album is not None:
                self.album.save()
        except UserError as error:
            self.failed.emit(told(error))
            return False
        self._saved = True
        return True

    @property
    def count(self) -> int:
        """Photos that would be trained on, those for testing included."""
        return self.tiles.count("used")

    # -- showing

    def choose_group(self, group: str) -> None:
        """Show all photos, or those of one verdict."""
        self.tiles.choose_group(group)
        self.view.scrollToTop()

    def _show_counts(self) -> None:
        tiles = self.tiles
        self.title.setText(heading(tiles.count("used"), tiles.count(ALL)))
        self.words.setText(subheading(tiles.count("weak"), tiles.count("out"), len(self.held)))
        for number, (group, text) in enumerate(GROUPS):
            self.groups.button(number).setText(f"{tr(text)}  {tiles.count(group)}")
            self.groups.button(number).setAccessibleName(f"{tr(text)}: {counted(tiles.count(group))}")

    def _show_advice(self) -> None:
        clear_layout(self.advice)
        texts = self.album.advice if self.album is not None else ()
        for text in texts or (tr("The album covers everything well."),):
            self.advice.addWidget(self._advice_row(told(text), "plus" if texts else "check"))

    def _advice_row(self, text: str, icon: str) -> QWidget:
        row = QWidget()
        mark = QLabel()
        colors = self._theme.colors
        mark.setPixmap(pixmap(icon, colors.accent if icon == "plus" else colors.good, 16, self.devicePixelRatioF()))
        line = QHBoxLayout(row)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(8)
        line.addWidget(mark, 0, Qt.AlignmentFlag.AlignTop)
        line.addWidget(label("", text, wrap=True), 1)
        return row

    def _point_at(self, name: str) -> None:
        for plot in self.plots:
            plot.point_at(name)

    def pick(self, name: str) -> None:
        """Give a photo the focus: one that another group would show needs all."""
        if not self.tiles.find(name).isValid():
            self.groups.button(0).setChecked(True)
            self.choose_group(ALL)
        self.view.choose(name)
        self.view.setFocus()

    # -- large

    def open_large(self, name: str) -> None:
        """Show a photo large."""
        if self.album is None:
            return
        photo = next(photo for photo in self.album.photos if photo.name == name)
        tile = next(tile for tile in self.tiles.tiles if tile.name == name)
        self.view.choose(name)
        self.large.open(tile, shown_of(photo), None)

    def _step_large(self, by: int) -> None:
        row = self.view.currentIndex().row() + by
        tile = self.tiles.tile(self.tiles.index(row)) if 0 <= row < self.tiles.rowCount() else None
        if tile is not None:
            self.open_large(tile.name)

    def showEvent(self, event: QShowEvent) -> None:
        """The first photo has the focus, so that keys work at once."""
        super().showEvent(event)
        if not self.view.currentIndex().isValid() and self.tiles.rowCount():
            self.view.setCurrentIndex(self.tiles.index(0))
