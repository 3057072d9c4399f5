"""Errors whose message is written for the user: what happened, to which file, what to do."""
from __future__ import annotations


class UserError(Exception):
    """Base of every error that the window and the command line show as it is."""


class PhotoError(UserError):
    """A photo that can't be read or used."""


class NoFaceError(PhotoError):
    """No usable face in a photo."""


class AssetError(UserError):
    """A missing, damaged or unfitting model or head file."""


class ParameterError(UserError):
    """An unknown parameter name, or a value out of its range."""


class Cancelled(Exception):
    """Raised by a step callback to stop a render. A normal outcome, never shown as an error."""


NO_MEMORY = "There is not enough free memory for this. Close other programs, or export the crop only."
_MEMORY_WORDS = ("out of memory", "allocate memory", "insufficient memory", "failed to allocate", "bad_alloc")


def ran_out(error: BaseException) -> bool:
    """Whether an error says that memory ran out: Python's, torch's on any device, OpenCV's, the C++ library's."""
    said = str(error).lower()
    return isinstance(error, MemoryError) or isinstance(error, Exception) and any(words in said for words in _MEMORY_WORDS)
