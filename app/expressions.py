"""Expression in the window: presets, neutral, copying from photos and the webcam, turning the head by hand."""
from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QRect
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QFileDialog

from app.canvas.head import outline
from app.dialogs.kinds import kinds
from app.language import tr, within
from app.panels.face_tools import PART_NAMES
from app.panels.preset_thumbs import Thumbs
from app.parts import Part
from app.picture import buffer_image
from app.webcam import Webcam
from core.film.clip import VIDEO_SUFFIXES
from core.head.parts import PARTS, belongs
from core.presets import OWNED, Preset
from core.rig import Rig, Value

if TYPE_CHECKING:
    from app.window import Window

NEEDS_PHOTO = ("neutral", "face-presets", "copy-face", "webcam", "turn-head")
THUMB = 208  # side at which a preset's head is drawn; its face is cut out of it
_FACE = 0.94  # of the head's width: half the side of what is cut out
AXES = ("pose.yaw", "pose.pitch", "pose.roll")


class Expressions(Part):
    """Belongs to a window."""

    def __init__(self, window: Window) -> None:
        super().__init__(window)
        self.panel = window.side.expression
        self._engine: Any = None
        self._start: dict[str, float] = {}
        self.webcam = Webcam(window)
        a = window.actions_by_name
        a.add("neutral", tr("&Neutral expression"), self.neutral, "N", "neutral",
              tip=tr("Take the photo's own expression away"))
        a.add("face-presets", tr("Expression presets"), self.show_presets, "E")
        a.add("copy-face", tr("&Copy expression from a photo …"), lambda: window.ask_copy("expression"), "", "copy")
        a.add("webcam", tr("Follow the &webcam"), self._toggle_webcam, "", "webcam", check=False)
        a.add("turn-head", tr("Turn head"), self._set_turning, "T", "turn", check=window.settings.turn_head,
              tip=tr("Turn the head by dragging it in the picture; Shift or the right button tilts it"))
        self.thumbs = Thumbs(window.document, self.panel.presets, self._thumb, self._look)

    def connect_all(self) -> None:
        """Once the window has all its parts and widgets."""
        window, grid, tools, canvas = self.window, self.panel.presets, self.panel.tools, self.window.canvas
        grid.chosen.connect(self.apply)
        grid.save_asked.connect(self._save)
        grid.failed.connect(window.banner.say)
        tools.neutral_asked.connect(self.neutral)
        tools.copy_asked.connect(window.ask_copy)
        tools.drop_asked.connect(window.document.drop_copy)
        tools.webcam_asked.connect(window.actions_by_name["webcam"].setChecked)
        tools.video_asked.connect(self._ask_video)
        self.panel.dropped.connect(self._dropped)
        view = self.panel.webcam
        self.webcam.running_changed.connect(self._webcam_changed)
        self.webcam.looked.connect(view.preview.show_look)
        self.webcam.said.connect(view.said.setText)
        view.parts_chosen.connect(self.webcam.choose)
        view.rest_asked.connect(self.webcam.rest)
        view.stop_asked.connect(self.webcam.end)
        canvas.turns_head = window.settings.turn_head
        canvas.head_pressed.connect(self._take_head)
        canvas.head_turned.connect(self._turn)
        canvas.head_rolled.connect(self._roll)
        canvas.head_released.connect(window.document.end)

    def photo_usable(self, on: bool) -> None:
        """Whether a photo is open that can be edited."""
        self.window.actions_by_name.enable(NEEDS_PHOTO, on)
        if not on:
            self.webcam.end()

    def engine_changed(self, engine: Any) -> None:
        """Another engine draws the thumbnails."""
        self._engine = engine
        self.webcam.end()
        self.thumbs.stale()

    def stop(self) -> bool:
        """The window closes."""
        return self.webcam.stop()

    # -- neutral, copies

    def neutral(self, part: str = "") -> None:
        """Take the photo's own expression away, or that of one part: as one step, with what was copied or set there."""
        document = self.window.document
        if document.session is None:
            return
        offered = [name.removeprefix("neutral.") for name in document.parameters() if name.startswith("neutral.")]
        parts = [part] if part else offered
        gone = ["expression" if part in ("", "face") else part]
        mine = {name: None for name, _ in document.rig.values if any(belongs(name, one) for one in gone)
                and not name.startswith("eyes.")}  # where the eyes look is no expression
        document.begin(tr("Neutral expression") if not part else tr("Neutral {part}", part=within(tr(PART_NAMES[part]))))
        for block in ("expression", *PARTS) if gone == ["expression"] else gone:
            document.drop_copy(block)
        document.update({**mine, **{f"neutral.{one}": 1.0 for one in parts}})
        document.end()

    def _dropped(self, path: str) -> None:
        self.window.copy_from(Path(path), "expression")

    # -- presets

    def apply(self, preset: Preset) -> None:
        """A preset in place of the expression that there is, as one step."""
        document = self.window.document
        if document.session is None:
            return
        document.begin(preset.name)
        for block in ("expression", *PARTS):
            document.drop_copy(block)
        document.update(preset.changes(document.rig))
        document.end()

    def show_presets(self) -> None:
        """Open the panel at its presets, with the keyboard there."""
        self.panel.set_open(True)
        tiles = self.panel.presets.tiles
        first = tiles.get(self.panel.presets.current) or next(iter(tiles.values()), None)
        if first is not None:
            self.window.side.ensureWidgetVisible(first)
            first.setFocus()

    def _save(self) -> None:
        values: dict[str, Value] = {name: value for name, value in self.window.document.rig.values
                                    if name.startswith(OWNED["expression"])}
        if values:
            self.panel.presets.keep(values)
        else:
            self.window.banner.say(tr("There is no expression to save yet. Move some sliders first."), "info")

    def _look(self) -> Hashable:
        session = self.window.document.session
        return (getattr(session, "digest", ""), id(self._engine))

    def _thumb(self, preset: Preset) -> QImage | None:
        """The photo's own head with a preset on it."""
        session = self.window.document.session
        if session is None or self._engine is None:
            return None
        rig = Rig().update(preset.changes(Rig()))
        image = buffer_image(self._engine.buffers(session, rig, THUMB), "rendered")
        x, y, half = outline(image)
        side = max(8, round(2 * _FACE * half * THUMB))
        return image.copy(QRect(round(x * THUMB - side / 2), round(y * THUMB - side / 2), side, side))

    # -- the head in the picture

    def _set_turning(self, on: bool) -> None:
        self.window.canvas.turns_head = self.window.settings.turn_head = on
        self.window._show_buffers()

    def _take_head(self) -> None:
        values = self.window.document.values()
        self._start = {name: float(values[name]) for name in AXES}  # type: ignore[arg-type]
        self.window.document.begin(tr("Turn head"))

    def _turn(self, yaw: float, pitch: float) -> None:
        # what stays at rest is not set: neither the history nor the reset buttons should speak of it
        self.window.document.update({AXES[0]: self._start[AXES[0]] + yaw or None, AXES[1]: self._start[AXES[1]] + pitch or None})

    def _roll(self, degrees: float) -> None:
        self.window.document.update({AXES[2]: self._start[AXES[2]] + degrees})

    # -- the webcam

    def _toggle_webcam(self, on: bool) -> None:
        if on:
            self.webcam.begin()
        else:
            self.webcam.end()

    def _ask_video(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self.window, tr("Follow a video file"), self.window.settings.folder,
                                              kinds((tr("Videos"), VIDEO_SUFFIXES)))
        if path:
            self.webcam.end()
            self.webcam.begin(Path(path))

    def _webcam_changed(self, running: bool) -> None:
        self.window.actions_by_name["webcam"].setChecked(running)
        self.panel.tools.webcam.setChecked(running)
        self.panel.webcam.set_running(running)
        if running:
            self.panel.set_open(True)
            self.window.side.ensureWidgetVisible(self.panel.webcam)
