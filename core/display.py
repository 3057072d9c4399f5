"""Whether a window could open here, found out without Qt: Qt ends the whole process when it can't reach its display."""
from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path

_HEADLESS = ("offscreen", "minimal", "minimalegl", "vnc", "linuxfb", "eglfs", "vkkhrdisplay")
_ELSE = "or use the command line: python main.py edit PHOTO --out FILE"


def connection_problem() -> str | None:
    """One line that says why the X display that DISPLAY names can't be used, and what to do; None when it can."""
    platform = os.environ.get("QT_QPA_PLATFORM", "").split(":")[0].split(";")[0]
    if not sys.platform.startswith("linux") or platform in _HEADLESS or platform != "xcb" and _wayland_runs():
        return None
    missing = _missing_packages()
    if missing:
        return f"The window needs system libraries that are missing. Run 'sudo apt-get install {' '.join(missing)}', {_ELSE}"
    display = os.environ.get("DISPLAY")
    if display and not _x_answers():
        return f"The display '{display}' (from DISPLAY) does not answer or refuses. Start it from a desktop, {_ELSE}"
    return None


def _wayland_runs() -> bool:
    """Whether the socket that WAYLAND_DISPLAY names is there."""
    name = os.environ.get("WAYLAND_DISPLAY")
    return bool(name) and (Path(os.environ.get("XDG_RUNTIME_DIR", "/")) / str(name)).exists()


def _missing_packages() -> list[str]:
    from core.doctor import is_there, library_table

    return [package for package, probe, uses in library_table() if "window" in uses and not is_there(probe)]


def _x_answers() -> bool:
    """Connect as Qt would, by the library that Qt uses, with the user's own authority."""
    try:
        xcb = ctypes.CDLL("libxcb.so.1")
    except OSError:
        return True  # no way to ask
    xcb.xcb_connect.restype = ctypes.c_void_p
    connection = ctypes.c_void_p(xcb.xcb_connect(None, None))  # never NULL, even on failure
    refused = xcb.xcb_connection_has_error(connection)
    xcb.xcb_disconnect(connection)
    return not refused
