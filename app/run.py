"""Starting the window: the application object, logging, the engine, the first photo."""
from __future__ import annotations

import logging
import logging.handlers
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.language import tr
from core import paths

if TYPE_CHECKING:
    from app.setup import Setup
    from app.window import Window
    from core.cli import Opening

log = logging.getLogger(__name__)

PICTURE_ENDINGS = (".png", ".jpg", ".jpeg", ".webp")
_FEW_CORES = 4
_HEADLESS = ("offscreen", "minimal", "vnc", "linuxfb", "eglfs", "minimalegl")


def display_problem() -> str | None:
    """One line that says why no window can be opened here and what to do; None when one can."""
    if not sys.platform.startswith("linux"):
        return None
    platform = os.environ.get("QT_QPA_PLATFORM", "").split(":")[0].split(";")[0]
    if platform in _HEADLESS or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"):
        return None
    return ("No display was found (DISPLAY and WAYLAND_DISPLAY are not set), so the window can't be opened. Start it from "
            "a desktop, or through 'xvfb-run', or use the command line: python main.py edit PHOTO --out FILE")


def open_window(opening: Opening, *, device: str | None = None, make_engine: Callable[[Setup], Any] | None = None,
                save: Callable[..., Any] | None = None, on_start: Callable[[Window], None] | None = None) -> int:
    """Open the window with a photo (None: the sample that ships) and stay until it is closed; returns the exit status.

    A prior, head or estimator in `opening` holds for this run, and then the others are their defaults; without any, what was
    used last is taken. make_engine, save: other parts in place of the real ones. on_start: called with the window once it shows.
    """
    from PySide6.QtCore import QTimer

    from app.help.languages import take
    from app.settings import Settings
    from app.setup import Setup
    from app.theme import Theme
    from app.window import Window

    set_up_log()
    # the window's thread takes the interpreter back from the worker's soon enough for a frame
    sys.setswitchinterval(0.0002)
    app = make_application()
    settings = Settings.load()
    take(settings.language, app)
    theme = Theme(settings.theme)
    theme.apply()
    asked = Setup(opening.prior, opening.head, opening.estimator)
    window = Window(make_engine or engine_maker(device), save or save_export, settings, theme,
                    setup=asked if asked != Setup() else None)
    previous = _catch_everything(window)
    signal.signal(signal.SIGINT, lambda *_: window.close())
    # Python looks at signals only when it runs; the event loop alone wouldn't let it
    heartbeat = QTimer(window)
    heartbeat.start(500)
    heartbeat.timeout.connect(lambda: None)
    window.show()
    window.start()
    window.help.greet()
    first = opening.photo or sample_photo()
    if first is not None:
        window.projects.open(first, opening.face)
    window.projects.recovering.offer()
    if on_start is not None:
        on_start(window)
    status = app.exec()
    sys.excepthook = previous
    if window.thread_of_engine.running or window.models.importing.running or window.people.shelf.running:
        # a step that never ends must not keep a closed program alive, and Qt aborts when its thread is torn down
        log.error("the engine's thread, the import's or that of the people did not stop; leaving without it")
        logging.shutdown()
        os._exit(status)
    return status


def make_application() -> Any:
    """The one QApplication, with fonts and names set."""
    from PySide6.QtGui import QGuiApplication
    from PySide6.QtWidgets import QApplication

    from app.theme import load_fonts

    app = QApplication.instance()
    if app is None:
        if (os.cpu_count() or 1) <= _FEW_CORES:  # a painter that waits for Qt's other threads waits for the worker's too
            os.environ.setdefault("QT_NO_GUI_THREADPOOL", "1")
        QGuiApplication.setDesktopFileName("diffusionrig-studio")
        app = QApplication(sys.argv[:1])
        app.setApplicationName("DiffusionRig Studio")
        app.setStyle("Fusion")
        load_fonts()
    return app


def engine_maker(device: str | None) -> Callable[[Setup], Any]:
    """Builds Engines. Their import takes seconds (torch), so it happens where they are built: in the worker."""
    def make(setup: Setup) -> Any:
        from core.engine import Engine

        return Engine(setup.prior, setup.device or device, setup.head, setup.estimator)
    return make


def save_export(engine: Any, result: Any, path: Path, *, buffers: Path | None = None, mesh: Path | None = None,
                **options: Any) -> str:
    """Write a result (`core.export_picture.write_result`); returns what the user should know of it, '' if nothing.

    buffers: a folder for the buffers too; mesh: a file for the edited head. options: fields of `ExportOptions`.
    """
    from core.export_buffers import save_buffers
    from core.export_picture import ExportOptions, write_result
    from core.mesh_files import save_mesh

    request = result.request
    session = engine.session(request.photo)
    note = write_result(session.photo, result, path, ExportOptions(**options), model=engine.prior.name)
    if buffers is not None:
        save_buffers(engine.buffers(session, request.rig, identity=request.identity), buffers)
    if mesh is not None:
        save_mesh(mesh, engine.head, engine.edited_code(session, request.rig, request.identity, request.method))
    return note


def sample_photo() -> Path | None:
    """The picture that a first start opens."""
    found = sorted(p for p in (paths.RESOURCES / "samples").glob("*") if p.suffix.lower() in PICTURE_ENDINGS)
    return found[0] if found else None


def set_up_log() -> Path:
    """Log to a file of the user's, kept small; a folder that can't be written only means no file."""
    path = paths.data_dir() / "logs" / "studio.log"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handler = logging.handlers.RotatingFileHandler(path, maxBytes=1 << 20, backupCount=2, encoding="utf-8", delay=True)
    except OSError as error:
        log.warning("no log file: %s", error)
        return path
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger()
    if not any(isinstance(h, logging.handlers.RotatingFileHandler) for h in root.handlers):
        root.addHandler(handler)
        root.setLevel(min(root.level or logging.INFO, logging.INFO))
    return path


def _catch_everything(window: Window) -> Callable[..., Any]:
    """Errors in the window's own code are logged and told, and the window goes on. Returns the hook that was there."""
    previous = sys.excepthook

    def hook(kind: type[BaseException], error: BaseException, trace: Any) -> None:
        if issubclass(kind, KeyboardInterrupt):
            window.close()
            return
        from app.worker import explain

        window.banner.say(explain(error, tr("doing that")) if isinstance(error, Exception) else str(error))
        previous(kind, error, trace)

    sys.excepthook = hook
    return previous
