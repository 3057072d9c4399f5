"""Light in the window: what the ball and the panel ask for is done to the document, set-ups and environments are taken in."""
from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtCore import QPoint
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QFileDialog, QMenu

from app.canvas.ball import SIZES
from app.canvas.sphere import sphere
from app.dialogs.kinds import kinds
from app.lamps import FIELDS, KEY, lamp_name, parameter
from app.language import tr, within
from app.light_pictures import map_picture, relit_picture, studio_code
from app.panels.light import ENVIRONMENT
from app.panels.light_color import sources_menu
from app.panels.light_environment import wrapped
from app.panels.preset_grid import shown_name
from app.panels.preset_thumbs import Thumbs
from app.parts import Part
from app.tasks import Chores
from core.environment import Environment, radiance, read_environment
from core.light_rig import LIGHT_PREFIXES, apply_light
from core.panorama import read_panorama
from core.presets import Preset
from core.rig import Rig, Value

if TYPE_CHECKING:
    from app.window import Window

THUMB = 128  # side of the buffers that a set-up's picture is cut from
MAPS = (".hdr", ".exr", ".pic")
FILES = (".hdr", ".exr", ".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp")
_KEPT_MAPS = 8
_SIZE_WORDS = {"auto": "Large under the mouse", "small": "Small", "large": "Large"}


class Lighting(Part):
    """Belongs to a window."""

    def __init__(self, window: Window) -> None:
        super().__init__(window)
        self.document = window.document
        self.ball = window.canvas.ball
        self.panel = window.side.light
        self.lamps = self.panel.lamps
        self.reading = Chores(self)
        self._maps: dict[str, QImage] = {}  # of environments, by digest
        self._turn_from = 0.0
        self._own: tuple[str, Any] | None = None  # the photo's digest, and its buffers in its own light
        self.setups = QMenu()
        add = window.actions_by_name.add
        add("light-presets", tr("Set-ups"), lambda: None, tip=tr("Everyday light set-ups")).setMenu(self.setups)
        add("environment", tr("Environment map …"), self.ask_environment, "Shift+E", "environment",
            tip=tr("Light the face with an HDR or EXR map, or any panorama"))
        add("add-lamp", tr("Add lamp"), lambda: self.lamps.add(), "Shift+L", "plus")
        add("cast-shadow", tr("Cast shadow"), self._cast, "Shift+S", "shadow", check=False,
            tip=tr("Whether the key light throws shadows"))

    def connect_all(self) -> None:
        """The ball's and the panel's wishes."""
        ball, lamps, panel = self.ball, self.lamps, self.panel
        ball.set_size(self.window.settings.ball_size)
        ball.pressed.connect(lamps.begin)
        ball.dragged.connect(lamps.aim)
        ball.released.connect(lamps.end)
        ball.stepped.connect(lamps.step)
        ball.chosen.connect(lamps.select)
        ball.reset_asked.connect(lamps.reset)
        ball.remove_asked.connect(lamps.remove)
        ball.add_asked.connect(lambda: lamps.add())
        ball.menu_asked.connect(self.open_menu)
        strip = panel.environment.strip
        for pressed, turned, released in ((ball.turn_pressed, ball.turned, ball.turn_released),
                                          (strip.pressed, strip.turned, strip.released)):
            pressed.connect(self._turn_begins)
            turned.connect(self._turn)
            released.connect(self.document.end)
        strip.stepped.connect(self._turn_step)
        strip.reset_asked.connect(lambda: self.document.set("environment.turn", None, tr("Turn environment back")))
        panel.environment.import_asked.connect(self.ask_environment)
        panel.environment.remove_asked.connect(self.remove_environment)
        panel.environment.photo_asked.connect(lambda: self.window.ask_copy("light"))
        panel.dropped.connect(lambda path: self.take_file(Path(path)))
        panel.presets.chosen.connect(self.use)
        panel.presets.save_asked.connect(self.save)
        panel.presets.failed.connect(self.window.banner.say)
        panel.presets.changed.connect(self._fill_menu)
        self.thumbs = Thumbs(self.document, panel.presets, self._draw, self._look)
        panel.presets.show_presets()
        lamps.chosen.connect(self._show_lamps)
        self.document.followed.connect(self._edited)
        self.window.live.shown.connect(self.thumbs.stale)

    def photo_usable(self, on: bool) -> None:
        """Without a photo there is no light to set."""
        self.window.actions_by_name.enable(("light-presets", "environment", "add-lamp", "cast-shadow"), on)
        self.setups.setEnabled(on)

    def engine_changed(self, engine: Any) -> None:
        """Its head is drawn in the pictures of the set-ups."""
        self.thumbs.stale()

    def stop(self) -> bool:
        """Nothing is read any more."""
        self.thumbs.timer.stop()
        return self.reading.stop()

    # -- showing

    def show(self) -> None:
        """Put the edit's light and lamps onto the ball; called with the buffers, so that both are painted at once. While
        something else is dragged, the ball follows more slowly."""
        if self.ball.held or not self.document.in_gesture:
            self._show_light()

    def _show_light(self) -> None:
        if self.document.session is not None:
            code = self.document.code()
            self.ball.set_light(code.light, code.lamps)
            self._show_lamps()

    def _show_lamps(self) -> None:
        if self.document.session is not None:
            turn = self.document.values()["environment.turn"] if self.document.rig.environment is not None else None
            assert not isinstance(turn, tuple)
            self.ball.set_lamps(self.lamps.all(), self.lamps.selected, turn)

    def _edited(self) -> None:
        if self.document.session is None:
            return
        self._show_light()
        environment, values = self.document.rig.environment, self.document.values()
        image = self._map(environment) if environment is not None else None
        self.panel.environment.show_environment(environment.label or tr("Environment") if environment is not None else "", image,
                                                float(values["environment.turn"]))  # type: ignore[arg-type]
        actions = self.window.actions_by_name
        cast = actions["cast-shadow"]
        blocked = cast.blockSignals(True)
        cast.setChecked(self.lamps.get(KEY).shadow > 0)
        cast.blockSignals(blocked)
        actions["add-lamp"].setEnabled(self.lamps.can_add)

    # -- lamps

    def _cast(self, on: bool) -> None:
        if self.document.session is not None:
            self.lamps.set_cast(KEY, on)

    def open_menu(self, number: int, azimuth: float, elevation: float, where: QPoint) -> None:
        """What can be done with a lamp of the ball (0: with none), or with a new one at this place."""
        menu = self.menu_of(number, azimuth, elevation)
        self.ball.menu_open = True
        menu.aboutToHide.connect(self.ball.menu_closed)
        menu.popup(where)

    def menu_of(self, number: int, azimuth: float, elevation: float) -> QMenu:
        """The menu of `open_menu`."""
        menu, lamps = QMenu(self.ball), self.lamps
        if number:
            self._lamp_menu(menu, number)
        add = menu.addAction(self.window.theme.icon("plus"), tr("Add lamp here"))
        add.setEnabled(lamps.can_add)
        add.triggered.connect(lambda: lamps.add(azimuth, elevation))
        if not number:
            menu.addSeparator()
            self._lamp_menu(menu.addMenu(lamp_name(lamps.selected)), lamps.selected)
        menu.addSeparator()
        sizes = menu.addMenu(tr("Size of the ball"))
        for choice in SIZES:
            action = sizes.addAction(tr(_SIZE_WORDS[choice]))
            action.setCheckable(True)
            action.setChecked(choice == self.ball.size_choice)
            action.triggered.connect(lambda _=False, choice=choice: self._set_ball_size(choice))
        return menu

    def _lamp_menu(self, menu: QMenu, number: int) -> None:
        lamps, title = self.lamps, lamp_name(number)
        lamps.select(number)
        menu.addAction(tr("Colour …")).triggered.connect(lambda: self.panel.pick_color(number))
        sources = sources_menu(menu, lambda color: lamps.set(number, "color", color, tr("{lamp} colour", lamp=title)))
        sources.setTitle(tr("Light source"))
        menu.addMenu(sources)
        cast = menu.addAction(tr("Cast shadow"))
        cast.setCheckable(True)
        cast.setChecked(lamps.get(number).shadow > 0)
        cast.triggered.connect(lambda on: lamps.set_cast(number, on))
        menu.addAction(tr("Reset {lamp}", lamp=within(title))).triggered.connect(lambda: lamps.reset(number))
        if number != KEY:
            menu.addAction(tr("Remove {lamp}", lamp=within(title))).triggered.connect(lambda: lamps.remove(number))
        menu.addSeparator()

    def _set_ball_size(self, choice: str) -> None:
        self.window.settings.ball_size = choice
        self.ball.set_size(choice)

    # -- set-ups

    def use(self, preset: Preset) -> None:
        """Light the face as a set-up does; the environment gives way. One undo step."""
        if self.document.session is not None:
            self.document.set_environment(None, preset.changes(self.document.rig), shown_name(preset))
            self.panel.refresh()

    def save(self) -> None:
        """Ask for a name for the present light."""
        if self.document.session is not None:
            self.panel.presets.keep(self.present())

    def present(self) -> dict[str, Value]:
        """The light as it is, as values that make the same of another photo, as far as lamps go."""
        values = self.document.values()
        names = [parameter(lamp.number, field) for lamp in self.lamps.all() for field in FIELDS]
        raw = [name for name, _ in self.document.rig.values if name.startswith("sh.")]
        return {name: values[name] for name in (*names, "light.ambient", "light.rest", *raw)}

    def import_preset(self, path: Path) -> None:
        """Take in a set-up from a file."""
        self.panel.presets.import_file(path)

    def _fill_menu(self) -> None:
        self.setups.clear()
        for preset in self.panel.presets.presets:
            self.setups.addAction(shown_name(preset)).triggered.connect(lambda _=False, preset=preset: self.use(preset))
        self.setups.addSeparator()
        self.setups.addAction(tr("Save this light …")).triggered.connect(self.save)

    def _look(self) -> Hashable:
        session = self.document.session
        if session is None or self.window.engine is None:
            return None
        return session.digest, session.head.name, _matte(session) is not None

    def _draw(self, preset: Preset) -> QImage | None:
        """The photo as it was opened, under a set-up; without one, a ball. Other edits don't count: it is seldom drawn anew."""
        session, engine = self.document.session, self.window.engine
        if session is None or engine is None:
            code = apply_light(studio_code(), preset.values)
            return sphere(code.light, THUMB, code.lamps)
        if self._own is None or self._own[0] != session.digest:
            self._own = (session.digest, engine.buffers(session, Rig(), THUMB))
        wanted = engine.buffers(session, Rig().update(dict(preset.values)), THUMB)
        return relit_picture(session.photo.crop(THUMB), self._own[1], wanted, _matte(session))

    # -- environments

    def ask_environment(self) -> None:
        """Let the user choose a map of surroundings."""
        path, _ = QFileDialog.getOpenFileName(self.window, tr("Environment map"), self.window.settings.folder,
                                              kinds((tr("Environments"), FILES), everything=True))
        if path:
            self.import_environment(Path(path))

    def take_file(self, path: Path) -> None:
        """A file that was dropped on the panel: a set-up, else an environment."""
        if path.suffix.lower() == ".json":
            self.import_preset(path)
        else:
            self.import_environment(path)

    def import_environment(self, path: Path) -> None:
        """Read a map of surroundings and light the face with it."""
        if self.document.session is None:
            return
        started = self.reading.start(lambda say, cancelled: _read(path), tr("reading {name}", name=path.name),
                                     self._environment_read, self._environment_failed)
        if not started:
            return
        self.window.canvas.set_busy(tr("Reading {name} …", name=path.name))

    def _environment_read(self, found: tuple[Environment, np.ndarray]) -> None:
        self.window.canvas.set_busy("")
        environment, panorama = found
        if self.document.session is not None:
            self._keep_map(environment.digest, map_picture(panorama))
            self.use_environment(environment)

    def _environment_failed(self, message: str) -> None:
        self.window.canvas.set_busy("")
        self.window.banner.say(message)

    def use_environment(self, environment: Environment) -> None:
        """Light the face with surroundings alone; what was set of the light before gives way. One undo step."""
        names = [name for name, _ in self.document.rig.values if name.startswith(LIGHT_PREFIXES)]
        self.document.set_environment(environment, dict.fromkeys(names), tr("Environment"))

    def remove_environment(self) -> None:
        """Back to the photo's own light; lamps stay."""
        self.document.set_environment(None, dict.fromkeys(ENVIRONMENT), tr("Remove environment"))

    def _map(self, environment: Environment) -> QImage:
        key = environment.digest or str(hash(environment))
        if key not in self._maps:
            # the file is elsewhere: what is known of it, in linear light as a map is
            self._keep_map(key, map_picture(radiance(environment) ** 2.2))
        return self._maps[key]

    def _keep_map(self, key: str, image: QImage) -> None:
        self._maps[key] = image
        while len(self._maps) > _KEPT_MAPS:
            self._maps.pop(next(iter(self._maps)))

    def _turn_begins(self) -> None:
        self._turn_from = float(self.document.values()["environment.turn"])  # type: ignore[arg-type]
        self.document.begin(tr("Turn environment"))

    def _turn(self, by: float) -> None:
        self.document.set("environment.turn", wrapped(self._turn_from + by))

    def _turn_step(self, by: float) -> None:
        now = float(self.document.values()["environment.turn"])  # type: ignore[arg-type]
        self.document.set("environment.turn", wrapped(now + by), tr("Turn environment"))


def _matte(session: Any) -> np.ndarray | None:
    """The person's outline, once the first picture has needed it: finding it takes too long here."""
    found: np.ndarray | None = vars(session).get("matte")
    return found


def _read(path: Path) -> tuple[Environment, np.ndarray]:
    return read_environment(path), read_panorama(path)

