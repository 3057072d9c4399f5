"""Variations as the window sees them: the action, what is varied, what becomes of a picture that is picked."""
from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QFileDialog

from app.dialogs.export import free_name
from app.dialogs.kinds import pictures
from app.history.words import in_words
from app.language import tr
from app.variations.view import VariationsView
from app.variations.work import Place, VariationWork

if TYPE_CHECKING:
    from app.history.part import History
    from app.window import Window


class Varying(QObject):
    """Shows the grid in the canvas's place, and takes it away again."""

    def __init__(self, window: Window, history: History) -> None:
        super().__init__(history)
        self._window, self._history = window, history
        self.work = VariationWork(window.thread_of_engine, self)
        self.view: VariationsView | None = None
        window.actions_by_name.add("variations", tr("Variations"), self._toggled, "V", "grid", check=False,
                                   tip=tr("Variations: a grid over seeds or values"))

    def connect_all(self) -> None:
        """Once the window is laid out."""
        self._window.document.changed.connect(self._edited)
        self._window.document.opened.connect(self._opened)
        self.work.saved.connect(self._saved)
        self._window.middle.currentChanged.connect(self._middle_changed)

    @property
    def shown(self) -> bool:
        """Whether the grid is in the canvas's place."""
        return self.view is not None and self._window.middle.currentWidget() is self.view

    # -- coming and going

    def begin(self) -> None:
        """Vary the present edit."""
        window, document = self._window, self._window.document
        if document.session is None or window.canvas.picking or window.models.problem:
            window.actions_by_name["variations"].setChecked(False)
            return
        first = self.view is None
        view = self._made_view()
        self._history.preview(None)
        self.work.stopped = False
        self.vary_present()
        if first or self.work.table is not document.parameters():
            view.across.set_table(document.parameters(), view.across.name or self._favourite())
            view.down.set_table(document.parameters(), view.down.name)
        view.take_axes()
        self._history.put_in_the_middle(view)
        view.across.what.setFocus()

    def _made_view(self) -> VariationsView:
        if self.view is None:
            view = self.view = VariationsView(self._window.theme, self.work)
            view.left.connect(self.leave)
            view.picked.connect(self.take_over)
            view.pin_asked.connect(self.pin)
            view.export_asked.connect(self.ask_export)
            view.seeded_asked.connect(self._use_seeds)
            view.again_asked.connect(self.vary_present)
            self._window.middle.addWidget(view)
        return self.view

    def _favourite(self) -> str:
        appearance = self._window.document.appearance
        return "seed" if appearance.noise == "seeded" or appearance.method == "paper" else "light.azimuth"

    def vary_present(self) -> None:
        """Take the edit as it is now for what is varied."""
        document = self._window.document
        self.work.begin(document.request("settled"), document.person, document.parameters())
        if self.view is not None:
            self.view.take_axes()
        self._edited()

    def leave(self) -> None:
        """Back to the canvas; what is being made ends."""
        if self.shown:
            self._history.put_in_the_middle(self._window.canvas)

    def _middle_changed(self, _index: int) -> None:
        on = self.shown
        self._window.actions_by_name["variations"].setChecked(on)
        if not on:
            self.work.close()

    def _toggled(self, on: bool) -> None:
        if on and not self.shown:
            self.begin()
        elif not on:
            self.leave()

    def _opened(self) -> None:
        """Another photo, or another engine: nothing that was made holds any more."""
        self.leave()
        self.work.begin(None, None, {})

    def _edited(self) -> None:
        document, base = self._window.document, self.work.base
        if document.session is None or base is None:
            return
        now = document.request("settled")
        self.work.show(now)
        if self.view is not None:
            known = now == base or any(place.request == now for place in self.work.grid.cells)
            self.view.set_changed(not known)

    # -- what is done with a picture

    def take_over(self, place: Place) -> None:
        """Make the edit of a place the document's, as one step; its picture is there at once."""
        result = self.work.result(place)
        if place.request is None or result is None:
            return
        self._window.live.remember(result)
        self._window.document.restore(place.request, tr("Take over {name}", name=place.name), person=self.work.person)

    def pin(self, place: Place) -> None:
        """Put a picture into the history, pinned."""
        result = self.work.result(place)
        if result is not None:
            self._history.pin_result(result, self.work.person)
            if self.view is not None:
                self.view.say(tr("Pinned: {words}", words=in_words(result.request, self.work.table, self.work.person)))

    def _use_seeds(self) -> None:
        """Drawn noise, so that seeds matter: a change of the edit like any other."""
        self._window.document.set_appearance(noise="seeded")
        self.vary_present()

    # -- its file

    def ask_export(self) -> None:
        """Let the user choose a file for the grid."""
        window = self._window
        photo = window.document.session.photo
        folder = Path(window.settings.export_folder or (photo.path.parent if photo.path else Path.home()))
        name = f"{photo.path.stem if photo.path else 'portrait'}-variations.png"
        text, _ = QFileDialog.getSaveFileName(window, tr("Export variations"), str(free_name(folder / name)), pictures())
        if text:
            self.export(Path(text) if Path(text).suffix else Path(text).with_suffix(".png"))

    def export(self, path: Path) -> None:
        """Write the grid as it is now as one picture."""
        photo = self._window.document.session.photo
        self.work.save(path, photo.path.name if photo.path else "")

    def _saved(self, path: Path) -> None:
        if self.view is not None:
            self.view.say(tr("Saved to {path}", path=path))
