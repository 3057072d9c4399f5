"""Pictures of the history on their way to other programs, and to other parts of the window."""
from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PySide6.QtCore import QMimeData, QUrl

from app.history.shelf import Item
from app.picture import to_image
from core.errors import UserError
from core.export import save_image
from core.people.names import slug

log = logging.getLogger(__name__)

MIME = "application/x-diffusionrig-history"  # ids of items of this run


def mime_of(items: Sequence[Item], captions: Sequence[str], photo: Any, folder: Path | None) -> QMimeData:
    """Items as what is dragged: their ids, the first one's picture, and PNG files with the requests that made them.

    photo: the opened one; what its file says of the camera goes along. folder: where the files are written; None: there are none.
    """
    data = QMimeData()
    data.setData(MIME, " ".join(str(id(item)) for item in items).encode("ascii"))
    files: list[Path] = []
    for item, caption in zip(items, captions, strict=True):
        pixels = item.picture.pixels()
        if pixels is None:
            continue
        if not data.hasImage():
            data.setImageData(to_image(pixels))
        if folder is not None:
            stem = photo.path.stem if photo.path is not None else "portrait"
            file = folder / f"{stem}-{slug(caption)[:48]}-{len(files) + 1}.png"
            try:
                files.append(save_image(pixels, file, source=getattr(photo, "image", None), request_json=item.request.to_json()))
            except UserError as error:
                log.warning("no file to drag: %s", error)
    data.setUrls([QUrl.fromLocalFile(str(file)) for file in files])
    return data


def items_of(data: QMimeData, items: Sequence[Item]) -> list[Item]:
    """The items that are dragged, of those of the opened photo."""
    ids = bytes(data.data(MIME).data()).decode("ascii", "ignore").split() if data.hasFormat(MIME) else []
    return [item for number in ids for item in items if str(id(item)) == number]
