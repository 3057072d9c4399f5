"""Faces of one person found among those of others."""
from __future__ import annotations

import numpy as np

from core.album.people import Face, group, limit, middle
from tests.core.album.made import person, seen


def _faces(*who: int, scatter: float = 0.33) -> list[Face]:
    embeddings = [seen(w, n, scatter).embedding for n, w in enumerate(who)]
    return [Face(n, 0, e, 1.0) for n, e in enumerate(embeddings) if e is not None]


def test_one_person_among_many_strangers_is_the_largest_group() -> None:
    groups = group(_faces(*[0] * 6, *range(1, 31)))
    assert groups[0] == [0, 1, 2, 3, 4, 5]
    assert all(len(members) == 1 for members in groups[1:])


def test_strangers_may_outnumber_the_person() -> None:
    assert group(_faces(*range(1, 41), 0, 0))[0] == [40, 41]


def test_two_people_are_two_groups_the_one_in_more_photos_first() -> None:
    groups = group(_faces(1, 0, 1, 0, 0, 1, 0))
    assert [sorted(members) for members in groups] == [[1, 3, 4, 6], [0, 2, 5]]


def test_nobody_is_twice_in_one_photo() -> None:
    """A picture of a picture, or twins: the nearer face is the person's."""
    faces = _faces(0, 0, 0, 0)
    twin = Face(1, 1, (person(0) + 0.02).astype(np.float32), 1.0)
    groups = group([*faces, twin])
    photos = [[*faces, twin][i].photo for i in groups[0]]
    assert sorted(photos) == [0, 1, 2, 3]
    assert 4 in groups[0]


def test_a_subgroup_in_another_light_is_joined() -> None:
    shift = np.zeros(128, np.float32)
    shift[3] = 0.3
    faces = _faces(*[0] * 12)
    faces += [Face(20 + n, 0, face.embedding + shift, 1.0) for n, face in enumerate(_faces(*[0] * 16)[12:])]
    assert len(group(faces)[0]) == 16


def test_the_order_of_reading_does_not_matter() -> None:
    faces = _faces(*[0] * 7, *[1] * 3, 2, 3, 4)
    back = [faces[i] for i in (5, 11, 0, 7, 2, 12, 9, 1, 10, 3, 8, 6, 4)]
    first = {tuple(sorted(faces[i].photo for i in members)) for members in group(faces)}
    second = {tuple(sorted(back[i].photo for i in members)) for members in group(back)}
    assert first == second


def test_the_middle_is_hardly_moved_by_one_wrong_face() -> None:
    right = np.stack([face.embedding for face in _faces(*[0] * 9)])
    wrong = np.concatenate([right, person(5)[None] * 3])
    assert np.linalg.norm(middle(wrong) - middle(right)) < 0.6 * np.linalg.norm(wrong.mean(0) - right.mean(0))


def test_limits_are_wider_around_few_faces() -> None:
    assert limit(1) > limit(2) > limit(5) > limit(20) > 0.45
    assert limit(1) < 0.6
    assert group([]) == []
