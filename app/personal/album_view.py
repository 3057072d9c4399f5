"""An album as the pages show it: tiles, points of the plots, words. No widgets."""
from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from app.language import told, tr
from app.personal.coverage import Point
from app.personal.light_box import Shown
from app.personal.reading import short_words
from app.personal.thumbs import Tile

MOST_PEOPLE = 5

if TYPE_CHECKING:
    from core.album.album import Album
    from core.album.facts import AlbumPhoto, Someone


def tiles_of(album: Album, held: Collection[str]) -> list[Tile]:
    """One a photo, in the album's order. held: names of those that are kept out."""
    return [_tile(album, photo, photo.name in held) for photo in album.photos]


def _tile(album: Album, photo: AlbumPhoto, held: bool) -> Tile:
    codes = ["doubtful" if photo.doubtful and reason.code == "other-person" else reason.code for reason in photo.reasons]
    return Tile(photo.name, Path(photo.path).name, photo.verdict, short_words(codes),
                " ".join(told(reason.text) for reason in photo.reasons), album.thumb(photo.name), photo.used, photo.choice, held,
                photo.code is not None)


def points_of(album: Album) -> list[Point]:
    """One a photo with a fitted face."""
    titles = {photo.name: (Path(photo.path).name, photo.used) for photo in album.photos}
    return [Point(row.name, titles[row.name][0], row.yaw, row.pitch, row.smile, row.jaw, row.azimuth, row.elevation,
                  titles[row.name][1]) for row in album.coverage.rows]


def shown_of(photo: AlbumPhoto) -> Shown:
    """A photo for the large view."""
    return Shown(Path(photo.path), photo.size, tuple(photo.boxes), photo.face)


def people_of(album: Album) -> list[Someone]:
    """Whom the album may be of: those seen more than once, and whom it is taken to be of."""
    return [person for person in album.people if person.chosen or person.photos > 1][:MOST_PEOPLE]


def face_file(album: Album, person: Someone) -> Path | None:
    """A small picture of somebody's face."""
    files = (read.thumb_file(album.folder, person.face) for read in album.read if read.name == person.photo)
    return next(files, None)


def heading(used: int, total: int) -> str:
    """'17 of 23 photos are used'."""
    if not used:
        return tr("None of {total} photos can be used", total=total) if total != 1 else tr("The photo can't be used")
    return (tr("1 of {total} photos is used", total=total) if used == 1 else
            tr("{used} of {total} photos are used", used=used, total=total))


def subheading(weak: int, out: int, held: int) -> str:
    """'2 weak, 4 left out, 3 kept for testing'."""
    parts = [tr("{count} weak", count=weak) if weak else "", tr("{count} left out", count=out) if out else "",
             tr("{count} kept for testing", count=held) if held else ""]
    return ", ".join(filter(None, parts)) or tr("Nothing is wrong with any of them")


def counted(count: int) -> str:
    """'1 photo', '3 photos'."""
    return tr("1 photo") if count == 1 else tr("{count} photos", count=count)
