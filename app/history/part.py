"""History: every settled picture in a strip, comparing them, and variations."""
from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QEvent, QMimeData, QObject, QPoint, Qt, QTimer, Signal
from PySide6.QtGui import QDropEvent, QGuiApplication
from PySide6.QtWidgets import QWidget

from app.compare.part import Comparing
from app.history.menu import menu_for
from app.history.outgoing import MIME, items_of, mime_of
from app.history.page import HistoryPage
from app.history.pictures import Keeper
from app.history.shelf import Item, Shelf
from app.language import tr
from app.parts import Part
from app.picture import to_image
from app.variations.part import Varying
from core.people.header import About
from core.project.snapshot import Snapshot

if TYPE_CHECKING:
    from app.window import Window

PAGE = "history"


class History(Part):
    """Gathers what the live edit settles to, and goes back to it.

    changed: what `snapshots` returns is another.
    """

    changed = Signal()

    def __init__(self, window: Window) -> None:
        super().__init__(window)
        self.keeper = Keeper()
        self.shelf = Shelf(self.keeper, self)
        self._waiting: Any = None  # settled within a drag that goes on
        self._last: tuple[Any, bool] | None = None  # what the canvas shows of the live edit
        self._previewed: Item | None = None
        a = window.actions_by_name
        a.add("history", tr("History"), self._set_shown, "Y", "history", check=window.settings.show_history,
              tip=tr("Finished pictures, under the canvas"))
        self.comparing = Comparing(window, self)
        self.varying = Varying(window, self)
        self._sizing = QTimer(self)  # once the window is laid out
        self._sizing.setSingleShot(True)
        self._sizing.timeout.connect(self._take_height)
        self.page: HistoryPage

    def connect_all(self) -> None:
        """Put the strip into the window."""
        window, shelf = self.window, self.shelf
        shelf.table = window.document.parameters
        shelf.mime = self._mime
        self.page = HistoryPage(window.theme, shelf, [window.actions_by_name[name] for name in ("compare", "variations")])
        self.strip = self.page.strip
        window.bottom.add(PAGE, self.page)
        window.bottom.shown.connect(self._page_shown)
        window.rows.splitterMoved.connect(self._note_height)
        window.canvas.installEventFilter(self)
        window.live.recall = shelf.recall
        window.live.shown.connect(self._shown)
        window.live.estimate.connect(self._estimated)
        window.thread_of_engine.worker.judged.connect(self._judged)
        window.document.opened.connect(self._opened)
        window.document.followed.connect(self._edited)
        window.document.undo_stack.indexChanged.connect(self._step_ended)
        shelf.edited.connect(self._shelf_edited)
        strip = self.strip
        strip.restore_asked.connect(self.restore)
        strip.looked_at.connect(self.preview)
        strip.pin_asked.connect(self.pin)
        strip.delete_asked.connect(self.delete)
        strip.copy_asked.connect(self.copy_picture)
        strip.menu_asked.connect(self._show_menu)
        self.page.clear.clicked.connect(self.clear)
        self.comparing.connect_all()
        self.varying.connect_all()
        for i in range(4):
            window.actions_by_name[f"view-{i}"].triggered.connect(self.show_canvas)
        if window.settings.show_history:
            window.bottom.show_page(PAGE)
        self._shelf_edited()

    # -- for projects

    def snapshots(self) -> tuple[Snapshot, ...]:
        """The history of the opened photo, the oldest first. A snapshot stays the same object until something of it changes; its
        picture and `png` may come from disk, and raise ValueError where that fails."""
        return self.shelf.snapshots()

    def load(self, snapshots: Sequence[Snapshot]) -> None:
        """Take over the history of a project, in place of those of the photos that it names."""
        self.shelf.load(snapshots)
        self._shelf_edited()

    # -- what comes in

    def engine_changed(self, engine: Any) -> None:
        """Pictures of another engine are no answer to its requests."""
        prior = getattr(engine, "prior", None)
        self.shelf.engine = (str(getattr(prior, "digest", "")), str(getattr(getattr(engine, "head", None), "name", "")),
                             str(getattr(engine, "estimator", "")))
        self._last = None
        self.comparing.set_live(None, False)

    def _opened(self) -> None:
        session = self.window.document.session
        if self.shelf.photo != session.digest:
            self._last = self._waiting = self._previewed = None
            self.comparing.set_live(None, False)
            self.shelf.open(session.digest)
            self._shelf_edited()

    def _edited(self) -> None:
        document = self.window.document
        if document.session is not None:
            self.shelf.show(document.request("settled"))

    def _estimated(self, crop: Any) -> None:
        self._note_live(crop, self.window.document.appearance.method == "paper")

    def _shown(self, result: Any) -> None:
        self._note_live(result.crop, result.request.method == "paper")
        if result.request.quality == "settled":
            self._waiting = result
            self._step_ended()

    def _judged(self, result: Any) -> None:
        """Comes after the picture, and also for one that is no longer on screen."""
        if self._waiting is not None and self._waiting.request == result.request:
            self._waiting = result
        self.shelf.judge(result)

    def _note_live(self, crop: Any, plain: bool) -> None:
        self._last, self._previewed = (crop, plain), None
        self.comparing.set_live(crop, plain)

    def _step_ended(self, *_: Any) -> None:
        """A picture that settled while the mouse rested in a drag counts when the drag ends there."""
        document, result = self.window.document, self._waiting
        if result is None or document.session is None or document.in_gesture:
            return
        self._waiting = None
        if result.request != document.request("settled"):
            return
        item = self.add(result)
        if item is not None:
            self.strip.reveal(item)

    def add(self, result: Any) -> Item | None:
        """Put a settled result of the opened photo in; None where it is there already."""
        person = self.window.document.person
        item = self.shelf.take(result, person if person is not None and person.digest == result.request.person else None)
        self.shelf.show(self.shelf.shown)
        return item

    def pin_result(self, result: Any, person: About | None) -> None:
        """Put a settled result in, pinned."""
        item = self.shelf.take(result, person) or self.shelf.find(result.request)
        if item is not None:
            self.shelf.pin([item], True)
            self.strip.reveal(item)

    # -- what stands in the canvas's place

    def put_in_the_middle(self, widget: QWidget) -> None:
        """The canvas, or what takes its place for a while; the foot bar belongs to the canvas."""
        window = self.window
        if widget is window.canvas:
            window.show_canvas()
        else:
            window.middle.setCurrentWidget(widget)
            window.foot.hide()

    def show_canvas(self) -> None:
        """Leave a comparison or a grid."""
        self.window.show_canvas()

    # -- going back

    def restore(self, item: Item) -> None:
        """Take over the parameters of a picture, as one step; where the same engine made it, it is there at once."""
        self._previewed = None
        document = self.window.document
        if document.session is None:
            return
        before = document.request("settled")
        document.restore(item.request, tr("Go back to {name}", name=self.shelf.caption(item)), person=item.person)
        if document.request("settled") == before:
            self.window.ask_again()
            self._back()

    def preview(self, item: Item | None) -> None:
        """Show a picture on the canvas as long as it is looked at; None: the live one again."""
        window = self.window
        if item is None:
            if self._previewed is not None:
                self._previewed = None
                self._back()
            return
        pixels = item.picture.pixels()
        if pixels is None or window.canvas.picking or window.middle.currentWidget() is not window.canvas:
            return
        self._previewed = item
        window.canvas.set_result(pixels, plain=item.request.method == "paper")
        window.canvas.set_status(tr("History: {name}", name=_short(self.shelf.caption(item))), window.theme.colors.dim)

    def _back(self) -> None:
        crop, plain = self._last or (None, False)
        self.window.canvas.set_result(crop, plain)
        self.window.show_state()

    # -- what is done with pictures

    @property
    def picked(self) -> list[Item]:
        """The items that were chosen for something: several, or one that isn't shown already."""
        chosen = self.strip.chosen
        return chosen if len(chosen) > 1 or chosen and chosen[0].request != self.shelf.shown else []

    def pin(self, items: Sequence[Item]) -> None:
        """Pin them; loosen them where all are pinned."""
        self.shelf.pin(items, not all(item.pinned for item in items))

    def delete(self, items: Sequence[Item]) -> None:
        """Take them out; a message offers to put them back."""
        row = self.strip.currentIndex().row()
        rows, photo = self.shelf.remove(items), self.shelf.photo
        if not rows:
            return
        self.preview(None)
        left = self.shelf.rowCount()
        if left:
            self.strip.setCurrentIndex(self.shelf.index(min(max(row, 0), left - 1)))

        def put_back() -> None:
            if self.shelf.photo == photo:
                self.shelf.insert(rows)
        text = tr("One picture was taken out of the history.") if len(rows) == 1 else \
            tr("{count} pictures were taken out of the history.", count=len(rows))
        self.window.banner.say(text, "info", tr("Undo"), put_back)

    def clear(self) -> None:
        """Take out all that are not pinned."""
        self.delete([item for item in self.shelf.items if not item.pinned])

    def copy_picture(self, item: Item) -> None:
        """Put the picture onto the clipboard."""
        pixels = item.picture.pixels()
        if pixels is not None:
            QGuiApplication.clipboard().setImage(to_image(pixels))

    def export(self, item: Item) -> None:
        """Let the user choose file, format and area for this picture."""
        self.window.ask_export(item.request)

    def _show_menu(self, items: list[Item], where: QPoint) -> None:
        menu = menu_for(self, items)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(where)

    # -- dragging

    def _mime(self, items: Sequence[Item]) -> QMimeData:
        session = self.window.document.session
        return mime_of(items, [self.shelf.caption(item) for item in items], session.photo, self._folder())

    def _folder(self) -> Path | None:
        return self.keeper.folder

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """A picture of the history that is dropped on the canvas is gone back to, not opened as a photo."""
        if isinstance(event, QDropEvent) and event.mimeData().hasFormat(MIME):
            if event.type() == QEvent.Type.Drop:
                for item in items_of(event.mimeData(), self.shelf.items)[:1]:
                    self.restore(item)
            event.acceptProposedAction()
            return True
        return super().eventFilter(watched, event)

    # -- the page

    def _set_shown(self, on: bool) -> None:
        bottom = self.window.bottom
        if on != (bottom.current == PAGE):
            bottom.show_page(PAGE if on else "")

    def _page_shown(self, name: str) -> None:
        on = name == PAGE
        self.window.actions_by_name["history"].setChecked(on)
        if on or not name:
            self.window.settings.show_history = on
        if on:
            self._take_height()
            self._sizing.start(0)

    def _take_height(self) -> None:
        if self.window.bottom.current == PAGE:
            total, height = sum(self.window.rows.sizes()), self.window.settings.history_height
            self.window.rows.setSizes([max(1, total - height), height])

    def _note_height(self, *_: Any) -> None:
        if self.window.bottom.current == PAGE:
            self.window.settings.history_height = min(600, max(84, self.window.bottom.height()))

    def _shelf_edited(self) -> None:
        self.page.clear.setEnabled(any(not item.pinned for item in self.shelf.items))
        self.changed.emit()

    def stop(self) -> bool:
        """Take the folder of older pictures away."""
        stopped = self.comparing.stop()
        self.keeper.close()
        return stopped


def _short(text: str) -> str:
    return text if len(text) <= 44 else f"{text[:43].rstrip(' ,')} …"
