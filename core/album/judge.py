"""What each photo of an album is good for: verdicts with reasons, once it is known whose album it is."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from core.album import faults, people, similar
from core.album.facts import ACCEPTED, REFUSED, WEAK, AlbumPhoto, ReadPhoto, SeenFace, Someone
from core.album.faults import Fault, fault

Choice = tuple[str, int]  # a photo's name and a face in it


@dataclass(frozen=True, eq=False)
class Judged:
    """photos: in the order of reading. people: everybody seen in the album, the one in most photos first. centre (128,): the
    person's mean embedding, None where there is no usable face."""

    photos: tuple[AlbumPhoto, ...]
    people: tuple[Someone, ...]
    centre: np.ndarray | None


@dataclass(eq=False)
class _Case:
    """A photo while it is judged. index: the person's face in it, or the nearest; away: its distance from the person's mean."""

    photo: ReadPhoto
    index: int | None
    away: float
    faults: list[Fault]
    doubtful: bool = False

    @property
    def face(self) -> SeenFace | None:
        return None if self.index is None else self.photo.faces[self.index]


def judge(read: Sequence[ReadPhoto], size: int, main: Choice | None = None) -> Judged:
    """Verdicts over all photos, the user's choices left out. size: side of the network's pictures, pixels. main: a face of the
    person the album is of; None: the person in most photos."""
    faces = [people.Face(number, index, face.embedding, face.area)
             for number, photo in enumerate(read) for index, face in enumerate(photo.faces) if face.embedding is not None]
    copies = _copies(read, faces)
    firsts = [i for i in range(len(faces)) if i not in copies]
    alone = [[firsts[i] for i in members] for members in people.group([faces[i] for i in firsts])]
    groups = [_with_copies(faces, members, copies) for members in alone]
    chosen = _chosen(read, faces, groups, main)
    own = [faces[i] for i in alone[chosen]] if groups else []
    centre = people.middle(np.stack([face.embedding for face in own])) if own else None
    members = {faces[i].photo: faces[i].index for i in groups[chosen]} if groups else {}
    cases = [_case(photo, members.get(number), centre, len(own), size) for number, photo in enumerate(read)]
    _mark_copies([case for case in cases if case.face is not None])
    seen = tuple(_someone(read, [faces[i] for i in g], len(alone[number]), number == chosen) for number, g in enumerate(groups))
    return Judged(tuple(_finished(case) for case in cases), seen, centre)


def _copies(read: Sequence[ReadPhoto], faces: Sequence[people.Face]) -> dict[int, int]:
    """Faces of copied photos, each with the face that it is a copy of, the largest: a photo that is there twice says no more of
    whose album it is than once."""
    order = sorted(range(len(faces)), key=lambda i: -faces[i].size)
    found = similar.groups([read[faces[i].photo].faces[faces[i].index].look for i in order])  # type: ignore[misc]
    return {order[copy]: order[members[0]] for members in found for copy in members[1:]}


def _with_copies(faces: Sequence[people.Face], members: Sequence[int], copies: Mapping[int, int]) -> list[int]:
    """A person's faces with the copies of them, one of each photo."""
    photos = {faces[i].photo for i in members}
    found = list(members)
    for copy, first in copies.items():
        if first in members and faces[copy].photo not in photos:
            photos.add(faces[copy].photo)
            found.append(copy)
    return sorted(found)


def _chosen(read: Sequence[ReadPhoto], faces: Sequence[people.Face], groups: Sequence[Sequence[int]], main: Choice | None) -> int:
    named = (number for number, members in enumerate(groups)
             if any((read[faces[i].photo].name, faces[i].index) == main for i in members))
    return next(named, 0)


def _case(photo: ReadPhoto, own: int | None, centre: np.ndarray | None, count: int, size: int) -> _Case:
    alone = faults.of_photo(photo)
    if alone is not None or centre is None:
        return _Case(photo, None, 0.0, [alone] if alone else [])
    away = {i: float(np.linalg.norm(face.embedding - centre)) for i, face in enumerate(photo.faces) if face.embedding is not None}
    index = min(away, key=lambda i: away[i]) if own is None else own
    case = _Case(photo, index, away[index], list(faults.of_face(photo.faces[index], size)))
    if own is None:
        case.doubtful = away[index] <= people.limit(count) + people.DOUBT
        case.faults.insert(0, _stranger(case, len(away)))
    return case


def _stranger(case: _Case, faces: int) -> Fault:
    if case.doubtful:
        return fault("other-person", "Does it show the same person? The face is unlike those of the other photos, so this one is "
                                     "left out unless you include it.", False)
    whom = "another person" if faces == 1 else "other people"
    return fault("other-person", f"It shows {whom}.")


def _mark_copies(cases: Sequence[_Case]) -> None:
    """Adds the fault to all photos of a moment but the best."""
    order = sorted(cases, key=_merit)
    for members in similar.groups([case.face.look for case in order]):  # type: ignore[union-attr,misc]
        best = order[members[0]].photo
        for case in (order[m] for m in members[1:]):
            case.faults.append(
                fault("duplicate", f"The same picture as {best.name}.") if case.photo.pixels == best.pixels else
                fault("near-duplicate", f"Nearly the same picture as {best.name}, which is as good or better."))


def _merit(case: _Case) -> tuple[float, ...] | tuple[float | str, ...]:
    """Smaller is better: graver faults, more faults, less detail in steps of a fifth, fewer bytes a pixel, name."""
    assert case.face is not None
    photo, (width, height) = case.photo, case.photo.size
    return (any(found.severe for found in case.faults), case.doubtful, len(case.faults),
            -round(float(np.log(max(case.face.facts["detail"], 1.0))) / 0.2), -photo.bytes / max(width * height, 1), photo.name)


def _finished(case: _Case) -> AlbumPhoto:
    photo, face = case.photo, case.face
    verdict = REFUSED if any(found.severe for found in case.faults) else WEAK if case.faults else ACCEPTED
    facts = {} if face is None else face.facts | {"distance": case.away}
    return AlbumPhoto(photo.name, photo.path, photo.digest, verdict, tuple(found.reason for found in case.faults), case.index,
                      len(photo.faces), facts, None if face is None else face.code, None, case.doubtful, photo.size,
                      tuple(seen.box for seen in photo.faces))


def _someone(read: Sequence[ReadPhoto], members: Sequence[people.Face], moments: int, chosen: bool) -> Someone:
    best = max(members, key=lambda face: face.size)
    photo = read[best.photo]
    return Someone(moments, photo.name, best.index, photo.faces[best.index].box,
                   tuple(read[face.photo].name for face in members), chosen)


def alone(photo: ReadPhoto, size: int) -> AlbumPhoto:
    """A photo judged by itself, its largest usable face taken, before it is known whose album it is."""
    return judge([photo], size).photos[0]
