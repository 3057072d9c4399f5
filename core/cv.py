"""OpenCV, imported in one place.

Importing ``cv2`` points Qt at OpenCV's own (Qt 5) plug-in and font folders, which breaks PySide6 windows started
afterwards. Everything in this project takes ``cv2`` from here, where those variables are put back.
"""
from __future__ import annotations

import os

_QT_VARIABLES = ("QT_QPA_PLATFORM_PLUGIN_PATH", "QT_QPA_FONTDIR")
_before = {name: os.environ.get(name) for name in _QT_VARIABLES}

import cv2  # noqa: E402

for _name, _value in _before.items():
    if _value is None:
        os.environ.pop(_name, None)
    else:
        os.environ[_name] = _value

cv2.setNumThreads(1)  # two threads beside torch make interactive frames jump; each call here is a few ms on one

__all__ = ["cv2"]
