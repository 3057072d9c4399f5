"""Albums: photos of one person gathered, recognised, judged, and made ready for learning that person."""
from __future__ import annotations

from core.album.album import Album
from core.album.coverage import BINS, Coverage, Row
from core.album.facts import ACCEPTED, CODES, REFUSED, WEAK, AlbumPhoto, Reason, Someone
from core.album.mean import robust_mean
from core.album.pictures import Pictures
from core.album.reading import read_album

__all__ = ["ACCEPTED", "BINS", "CODES", "REFUSED", "WEAK", "Album", "AlbumPhoto", "Coverage", "Pictures", "Reason", "Row",
           "Someone", "read_album", "robust_mean"]
