"""Motion: keyframes on a timeline, playing them, ready-made motions, a driving video or voice, and films made of them."""
from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QElapsedTimer, QPoint
from PySide6.QtWidgets import QMenu

from app.language import told, tr
from app.parts import Part
from app.theme import DARK
from app.timeline.desk import Desk
from app.timeline.film_dialog import FilmDialog
from app.timeline.filming import Filming, Shooting
from app.timeline.page import EASINGS, TimelinePage
from app.timeline.player import Player
from app.timeline.reading import VIDEO, VOICE, Reading
from app.timeline.source_dialog import SourceDialog
from core.film import templates
from core.film.film import Film
from core.film.timeline import Timeline
from core.rig import photo_ranges, photo_values

if TYPE_CHECKING:
    from app.window import Window

PAGE = "timeline"
_HEAD_EVERY_MS = 55  # while it plays: what is left of two cores makes pictures
HEIGHT = 250  # of the page when it opens, pixels
TEMPLATES = (("turntable", "Turn the head", "To one side, to the other and back, as far as this photo has room"),
             ("sweep", "Light sweep", "The key light goes over the face and back"),
             ("around", "Light all around", "The key light goes around the head"),
             ("idle", "Alive at rest", "Breathing, small looks, a blink now and then"),
             ("unfold", "Bring the edit about", "From the photo as it is to the edit as it stands"))
_NEEDS_PHOTO = ("play", "add-key", "auto-key", "film-from-video", "film-from-voice", *(name for name, _, _ in TEMPLATES))
_NEEDS_TRACKS = ("play", "film", "clear-timeline")


class Motion(Part):
    """Belongs to a window."""

    def __init__(self, window: Window) -> None:
        super().__init__(window)
        worker = window.thread_of_engine
        self.desk = Desk(window.document, self)
        self.filming = Filming(worker, self)
        self.player = Player(self.desk, worker, self)
        self.reading = Reading(worker, self)
        self._usable = False
        self._seconds: dict[str, float] = {}  # a picture takes, by quality, as measured last
        self._dialog: SourceDialog | None = None
        self._held = False
        self._head_cost = QElapsedTimer()
        self._make_actions()

    def _make_actions(self) -> None:
        add = self.window.actions_by_name.add
        add("timeline", tr("Timeline"), self._set_shown, "M", "timeline", check=False,
            tip=tr("Keyframes and films, under the picture"))
        add("play", tr("Play"), self.player.toggle, "P", "play", tip=tr("Play the timeline, or stop"))
        add("add-key", tr("Add key"), self.add_keys, "K", "key",
            tip=tr("A key at the playhead for everything that moves; where nothing does, for all that you changed"))
        add("auto-key", tr("Auto key"), self._set_auto_key, "Shift+K", "record", check=False,
            tip=tr("Every slider you move gets a key at the playhead. Off: only those that have keys already; the others change "
                   "the whole film"))
        add("delete-keys", tr("Delete keys"), self.desk.delete, "", "trash", tip=tr("Delete the chosen keys (Delete)"))
        add("clear-timeline", tr("Clear timeline"), self.desk.clear)
        for name, label, tip in TEMPLATES:
            add(name, tr(label), partial(self.use_template, name), tip=tr(tip))
        add("film-from-video", tr("From video …"), partial(self.ask_source, VIDEO), "Ctrl+Shift+M", "webcam",
            tip=tr("Move the face as the face in a video moves"))
        add("film-from-voice", tr("Talk to a clip …"), partial(self.ask_source, VOICE), tip=tr("Move the mouth to a voice"))
        add("film", tr("Make film …"), self.ask_film, "Ctrl+Shift+E", "film", tip=tr("Write the timeline as a film"))
        add("timeline-zoom-in", tr("Zoom in on the time"), lambda: self.page.view.zoom(1.4), "", "plus")
        add("timeline-zoom-out", tr("Zoom out of the time"), lambda: self.page.view.zoom(1 / 1.4), "", "minus")
        add("timeline-fit", tr("Whole film"), lambda: self.page.view.fit(), "", "fit")

    @property
    def making(self) -> str:
        """A frame of a film, while one is shot."""
        return tr("the film's frame") if self.filming.busy else ""

    def connect_all(self) -> None:
        """Put the page into the window."""
        window, a = self.window, self.window.actions_by_name
        menu = QMenu(window)
        menu.addActions([a[name] for name, _, _ in TEMPLATES])
        menu.addSeparator()
        menu.addAction(a["film-from-voice"])
        menu.addSeparator()
        menu.addAction(a["clear-timeline"])
        menu.setToolTipsVisible(True)
        self.page = TimelinePage(window.theme, self.desk, self.filming, a.__getitem__, menu)
        self.page.view.ready = self.player.ready
        window.bottom.add(PAGE, self.page)
        window.bottom.shown.connect(self._page_shown)
        self.page.easing_chosen.connect(self.desk.set_easing)
        self.page.length.valueChanged.connect(self.desk.set_duration)
        self.page.rate.valueChanged.connect(self.desk.set_fps)
        self.page.loop.toggled.connect(self._set_loop)
        self.page.view.menu_asked.connect(self._show_menu)
        self.desk.changed.connect(self._show)
        self.player.changed.connect(self._playing_changed)
        self.player.prepared.connect(self.page.view.viewport().update)
        self.player.prepared.connect(self._tell_ready)
        self.player.shown.connect(self._show_picture)
        self.player.passed.connect(self._show_head)
        self.filming.written.connect(self._written)
        window.live.shown.connect(self._note_seconds)
        window.document.opened.connect(self._opened)
        window.theme.changed.connect(self._playing_changed)
        self._show()

    # -- the page

    def _set_shown(self, on: bool) -> None:
        bottom = self.window.bottom
        if on != (bottom.current == PAGE):
            bottom.show_page(PAGE if on else "")

    def _page_shown(self, name: str) -> None:
        on = name == PAGE
        self.window.actions_by_name["timeline"].setChecked(on)
        if not on:
            self.player.stop()
        if on:
            self.window.show_canvas()  # what is keyed and played shows there, and not in a comparison
            sizes = self.window.rows.sizes()
            wanted = max(self.page.sizeHint().height(), HEIGHT)
            if len(sizes) == 2 and sizes[1] < wanted:
                self.window.rows.setSizes([max(sum(sizes) - wanted, 100), wanted])
        self.desk.show(on)

    def _show(self) -> None:
        a, document = self.window.actions_by_name, self.window.document
        a.enable(_NEEDS_PHOTO, self._usable)
        for name in _NEEDS_TRACKS:
            a[name].setEnabled(self._usable and bool(self.desk.timeline.tracks))
        a["delete-keys"].setEnabled(bool(self.desk.chosen))
        a["unfold"].setEnabled(self._usable and bool(document.session is not None and document.still_rig.values))

    def photo_usable(self, on: bool) -> None:
        """Nothing moves without a photo."""
        self._usable = on
        self._show()

    def engine_changed(self, engine: Any) -> None:
        """Its pictures are others."""
        self.player.clear()
        self._seconds.clear()

    def _opened(self) -> None:
        self.player.clear()
        self.desk.time = 0.0
        if self._dialog is not None:
            self._dialog.reject()
        if self.desk.shown:
            self.desk.show(True)

    def stop(self) -> bool:
        """What was made of films stays on disk."""
        self.player.stop()
        self.reading.cancel()
        self.filming.stop()
        return True

    # -- keys

    def add_keys(self) -> None:
        """Keys at the playhead; opens the page, so that they can be seen."""
        self._set_shown(True)
        if not self.desk.add_keys():
            self.window.banner.say(tr("Nothing is changed yet. Move a slider first, then press K to set its key."), "info")

    def _set_auto_key(self, on: bool) -> None:
        self.window.document.auto_key = on
        if on and self._usable:
            self._set_shown(True)
            self.desk.ensure()

    def use_template(self, name: str) -> None:
        """Put a ready-made motion over what is there."""
        document = self.window.document
        session = document.session
        if session is None:
            return
        self._set_shown(True)
        fps = self.desk.timeline.fps
        made: Timeline
        if name == "turntable":
            made = templates.turntable(photo_ranges(session.head, session.code), fps=fps)
        elif name in ("sweep", "around"):
            made = templates.sweep(photo_values(session.head, session.code), fps=fps, around=name == "around")
        elif name == "idle":
            made = templates.idle(fps=fps)
        else:
            made = templates.unfold(document.still_rig, document.base_values(), fps=fps)
        self.desk.take(made, next(tr(label) for one, label, _ in TEMPLATES if one == name))

    def _show_menu(self, at: QPoint) -> None:
        a, desk, view = self.window.actions_by_name, self.desk, self.page.view
        menu = QMenu(self.page)
        easing = menu.addMenu(tr("Easing"))
        easing.setEnabled(bool(desk.chosen))
        for name, label, tip in EASINGS:
            action = easing.addAction(tr(label), partial(desk.set_easing, name))
            action.setToolTip(tr(tip))
        menu.addAction(a["add-key"])
        menu.addAction(tr("Copy keys"), desk.copy).setEnabled(bool(desk.chosen))
        menu.addAction(tr("Paste keys at the playhead"), desk.paste)
        menu.addAction(a["delete-keys"])
        menu.addSeparator()
        track = desk.timeline.track(view.current)
        if track is not None:
            if track.goes_round:
                way = menu.addAction(tr("Take the shorter way around"))
                way.setCheckable(True)
                way.setChecked(track.shorter)
                way.toggled.connect(partial(desk.set_way, track.name))
            menu.addAction(tr("Delete this track"), partial(desk.delete_track, track.name))
        menu.addAction(a["clear-timeline"])
        menu.exec(at)

    # -- playing

    def _set_loop(self, on: bool) -> None:
        self.player.loop = on

    def _playing_changed(self) -> None:
        """While it plays, the picture's own previews wait."""
        window, playing = self.window, self.player.playing
        action = window.actions_by_name["play"]
        action.setText(tr("Stop") if playing else tr("Play"))
        action.setIcon(window.theme.icon("pause" if playing else "play"))
        if playing and not self._held and not window.models.switching.loading:
            self._held = True
            window.live.hold(True)
            window.canvas.show_split = False  # half a film is no film
            self._tell_ready()
        elif not playing and self._held:
            self._held = False
            window.canvas.show_split = window.settings.show_split
            window.live.hold(False)
            window.show_state()
            if window.document.session is not None:
                window.live.ask(window.document.request("settled"), anyway=True)

    def _tell_ready(self) -> None:
        """On the badge: that it plays, and how much of it as pictures."""
        if self.player.playing:
            ready = self.player.ready()
            done = sum(ready) / len(ready) if ready else 0.0
            words = tr("Playing") if done >= 1 else tr("Playing, {percent} % as pictures", percent=round(100 * done))
            self.window.canvas.set_status(words, DARK.accent, done)

    def _show_head(self, rig: Any) -> None:
        """The live head of a moment that goes by; left out where it would take the time that the next one needs."""
        if self._head_cost.isValid() and self._head_cost.elapsed() < _HEAD_EVERY_MS:
            return
        self.window.show_buffers(rig)
        self._head_cost.start()

    def _show_picture(self, picture: Any) -> None:
        self.window.canvas.set_result(picture, plain=self.window.document.appearance.method == "paper")

    # -- sources and films

    def ask_source(self, kind: str, clip: Path | None = None) -> None:
        """Open the dialog for a video or a voice. clip: what was dropped on the window."""
        window = self.window
        if window.document.session is None:
            return
        self._set_shown(True)
        if self._dialog is not None:
            self._dialog.reject()
        dialog = SourceDialog(kind, self.desk, self.reading, window.document.session, window.settings.folder, window)
        dialog.finished.connect(self._dialog_closed)
        self._dialog = dialog
        dialog.show()
        if clip is not None:
            dialog.take(clip)

    def _dialog_closed(self) -> None:
        if self._dialog is not None:
            self._dialog.deleteLater()
            self._dialog = None

    def ask_film(self) -> None:
        """Open the dialog that makes a film."""
        window, document = self.window, self.window.document
        timeline = self.desk.timeline
        if document.session is None or not timeline.tracks or window.models.problem:
            return
        photo = document.session.photo
        name = Path(photo.path).stem if photo.path is not None else "film"
        dialog = FilmDialog(Path(window.settings.folder or "."), name, bool(timeline.sound), self.film, self.seconds, window)
        dialog.accepted.connect(lambda: self._make_film(dialog.shooting))
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def film(self, size: str, quality: str, side: int) -> Film:
        """The film of the timeline as it is now. Needs a photo."""
        document = self.window.document
        request = replace(document.request(quality, size), rig=document.still_rig)
        prior = getattr(self.window.engine, "prior", None)
        photo = document.session.photo
        return Film(request, self.desk.timeline.fitting(document.parameters()), side,
                    {"photo": Path(photo.path).name if photo.path is not None else "", "face": document.session.face,
                     "model": getattr(prior, "name", "")})

    def seconds(self, quality: str) -> float | None:
        """How long a picture takes, as measured."""
        return self._seconds.get(quality)

    def _make_film(self, shooting: Shooting) -> None:
        session = self.window.document.session
        shooting.source, shooting.photos = getattr(session.photo, "image", None), (session, *self.window.projects.slots.held)
        self._set_shown(True)
        self.filming.add(shooting)

    def _note_seconds(self, result: Any) -> None:
        self._seconds[result.request.quality] = sum(s for name, s in result.timings.items() if name != "identity")

    def _written(self, shooting: Shooting) -> None:
        note = f" {told(shooting.problem)}" if shooting.problem else ""
        self.window.banner.say(tr("The film {path} is there.", path=str(shooting.path)) + note, "info")
