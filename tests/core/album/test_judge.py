"""Verdicts, their reasons, copies, coverage, advice, held-out photos and the mean identity, on photos made of numbers."""
from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from core.album.coverage import BINS, advice, coverage
from core.album.facts import CODES, AlbumPhoto, ReadPhoto
from core.album.hold import count_for, held_out
from core.album.judge import alone, judge
from core.album.mean import robust_mean
from core.album.similar import groups, likeness
from core.errors import PhotoError
from tests.core.album.made import GOOD, SIZE, photo, seen


def _album(count: int = 6) -> list[ReadPhoto]:
    return [photo(f"own{n}", seen(0, n)) for n in range(count)]


def _judged(*photos: ReadPhoto) -> dict[str, AlbumPhoto]:
    return {p.name: p for p in judge([*_album(), *photos], SIZE).photos}


@pytest.mark.parametrize(("facts", "verdict", "code"), [
    ({}, "accepted", None),
    ({"side": 90.0}, "weak", "too-small"), ({"side": 60.0}, "refused", "too-small"),
    ({"blur": 1.8}, "weak", "blurred"), ({"blur": 2.5}, "refused", "blurred"),
    ({"side": 75.0, "blur": 1.8}, "weak", "too-small"),  # soft for being small: said once
    ({"yaw": -52.0}, "weak", "extreme-pose"), ({"pitch": 50.0}, "refused", "extreme-pose"),
    ({"blink_left": 0.6, "blink_right": 0.5}, "weak", "eyes-hidden"), ({"blink_left": 0.7}, "accepted", None),  # a wink
    ({"eyes_left": 0.3, "eyes_right": 0.2}, "refused", "eyes-hidden"),
    ({"eyes_left": 0.3}, "accepted", None),  # half-lit: the other side is bare skin
    ({"eyes_left": 0.6, "eyes_right": 0.6}, "weak", "eyes-hidden"),
    ({"eyes_left": 0.6, "eyes_right": 0.6, "eyes_colour": 14.0}, "refused", "eyes-hidden"),
    ({"confidence": 0.6}, "weak", "bad-fit"), ({"confidence": 0.3}, "refused", "bad-fit"),
    ({"brightness": 35.0}, "weak", "dark"), ({"dark": 0.9}, "refused", "dark"), ({"sides": 3.0}, "accepted", None),
])
def test_each_fault_has_a_limit_and_a_reason(facts: dict[str, float], verdict: str, code: str | None) -> None:
    judged = _judged(photo("odd", seen(0, 99, **facts)))["odd"]
    assert judged.verdict == verdict
    assert [reason.code for reason in judged.reasons] == ([] if code is None else [code])
    assert all(reason.code in CODES and reason.text.endswith(".") for reason in judged.reasons)
    assert judged.used == (verdict != "refused")


def test_strangers_are_left_out_and_the_right_face_of_a_group_is_taken() -> None:
    judged = _judged(photo("stranger", seen(1, 0)), photo("group", seen(2, 0, side=900.0), seen(0, 50), seen(3, 0)),
                     photo("others", seen(4, 0), seen(5, 0)))
    assert not judged["stranger"].used and judged["stranger"].reasons[0].code == "other-person"
    assert judged["group"].used and judged["group"].face == 1 and judged["group"].faces == 3
    assert judged["group"].box == judged["group"].boxes[1]
    assert not judged["others"].used


def test_a_doubtful_face_is_weak_and_waits_for_the_user() -> None:
    judged = _judged(photo("child", seen(0, 77, scatter=0.5)))["child"]
    assert judged.verdict == "weak" and judged.doubtful and not judged.used
    assert "same person" in judged.reasons[0].text
    assert replace(judged, choice=True).used


def test_files_that_show_nothing_say_why() -> None:
    judged = _judged(photo("broken", problem="broken.jpg is damaged."), photo("empty"),
                     photo("copy", same_as="own0"),
                     photo("tiny", replace(seen(0, 5), problem="is too small: 12 pixels.", embedding=None, code=None)))
    assert {n: judged[n].reasons[0].code for n in ("broken", "empty", "copy", "tiny")} == {
        "broken": "unreadable", "empty": "no-face", "copy": "duplicate", "tiny": "too-small"}
    assert not any(judged[n].used or replace(judged[n], choice=True).used for n in ("broken", "empty", "copy", "tiny"))


def test_of_one_moment_the_best_photo_is_kept() -> None:
    face = seen(0, 30)
    shot = np.clip(face.look.astype(int) + 3, 0, 255).astype(np.uint8)  # type: ignore[union-attr]
    judged = _judged(photo("a-coarse", replace(face, facts={**face.facts, "detail": 120.0})), photo("b-fine", face),
                     photo("c-shut", replace(face, look=shot, facts={**face.facts, "blink_left": 0.9, "blink_right": 0.9})),
                     photo("d-mirror", replace(face, look=face.look[:, ::-1])),  # type: ignore[index]
                     photo("e-same", face, pixels=photo("b-fine").pixels))
    assert judged["b-fine"].used
    assert {judged[n].reasons[-1].code for n in ("a-coarse", "c-shut", "d-mirror")} == {"near-duplicate"}
    assert judged["e-same"].reasons[-1].code == "duplicate"
    assert "b-fine" in judged["a-coarse"].reasons[-1].text


def test_likeness_ignores_brightness_and_sees_other_faces() -> None:
    one, other = seen(0, 1).look, seen(0, 2).look
    assert one is not None and other is not None
    flat = np.zeros((32, 32), np.uint8)
    alike = likeness([one, (one * 0.5 + 40).astype(np.uint8), one[:, ::-1], other, flat])
    assert (alike[0, 1:3] > 0.99).all() and alike[0, 3] < 0.5 and alike[4, 4] == 0
    np.testing.assert_allclose(alike, alike.T, atol=1e-5)
    assert groups([one, other, one, flat, flat]) == [[0, 2]] and groups([]) == []


def test_a_photo_alone_is_judged_by_itself() -> None:
    assert alone(photo("x", seen(3, 3)), SIZE).verdict == "accepted"
    assert alone(photo("x", seen(3, 3, side=50.0)), SIZE).verdict == "refused"
    assert judge([], SIZE).photos == ()


def test_the_person_can_be_told() -> None:
    read = [*_album(4), *(photo(f"her{n}", seen(1, n)) for n in range(4))]
    judged = judge(read, SIZE, ("her2", 0))
    assert [p.name for p in judged.photos if p.used] == ["her0", "her1", "her2", "her3"]
    assert sum(someone.chosen for someone in judged.people) == 1
    assert [someone.photos for someone in judged.people] == [4, 4]


def test_copies_of_a_photo_do_not_outvote_the_person() -> None:
    again = [replace(seen(1, 0), look=np.clip(seen(1, 0).look.astype(int) + n, 0, 255).astype(np.uint8))  # type: ignore[union-attr]
             for n in range(8)]
    judged = judge([*_album(4), *(photo(f"her{n}", face) for n, face in enumerate(again))], SIZE)
    assert [someone.photos for someone in judged.people] == [4, 1] and judged.people[0].chosen
    assert len(judged.people[1].names) == 8
    assert [p.name for p in judged.photos if p.used] == ["own0", "own1", "own2", "own3"]
    hers = judge([*_album(4), *(photo(f"her{n}", face) for n, face in enumerate(again))], SIZE, ("her5", 0))
    assert hers.people[1].chosen and sum(p.used for p in hers.photos) == 1


# -- what follows from the verdicts -----------------------------------------------------------------------------------------


def test_coverage_counts_used_photos_and_clips_to_the_outer_bins() -> None:
    photos = list(_judged(photo("left", seen(0, 40, yaw=-80.0)), photo("stranger", seen(1, 0))).values())
    found = coverage(photos)
    assert len(found.rows) == 7 and not next(row for row in found.rows if row.name == "left").used
    assert sum(found.histograms["yaw"]) == 6 and found.histograms["yaw"][3] == 6
    assert {name: len(counts) + 1 for name, counts in found.histograms.items()} == {name: len(v) for name, v in BINS.items()}


def test_advice_names_what_is_missing() -> None:
    photos = [AlbumPhoto(f"p{n}", photo("p").path, "", "accepted", facts=dict(GOOD), code=seen(0, 0).code) for n in range(4)]
    said = advice(photos, SIZE)
    assert "4 are used" in said[0]
    assert any("right" in text for text in said) and any("left" in text for text in said)
    assert "No photo can be used" in advice([], SIZE)[0]
    varied = [replace(p, facts=GOOD | {"yaw": yaw, "smile": smile, "jaw": jaw, "azimuth": light, "pitch": pitch})
              for p, yaw, smile, jaw, light, pitch in zip(photos * 5, [-30, -15, 0, 5, 30] * 4, [0.0, 0.9] * 10, [0.0, 0.3] * 10,
                                                           [0.0, 60.0, -60.0, 10.0] * 5, [0.0, 15.0] * 10, strict=True)]
    assert advice(varied, SIZE) == ()
    frontal = [replace(p, facts=p.facts | {"azimuth": 0.0}) for p in varied]
    assert any("light from the side" in text for text in advice(frontal, SIZE))


@pytest.mark.parametrize(("used", "held"), [(0, 0), (1, 0), (2, 1), (7, 1), (8, 2), (12, 3), (16, 4), (60, 4)])
def test_how_many_are_held_out(used: int, held: int) -> None:
    assert count_for(used) == held
    photos = list(judge(_album(used), SIZE).photos)
    assert len(held_out(photos)) == held
    assert len(held_out(photos, 100)) == used // 2


def test_held_out_photos_are_good_apart_and_not_the_only_ones_of_their_kind() -> None:
    facts = [{"yaw": 25.0 * (n % 3 - 1) + n % 2} for n in range(12)]
    read = [photo(f"own{n:02}", seen(0, n, **f)) for n, f in enumerate(facts)]
    read += [photo("only-profile", seen(0, 20, yaw=58.0, azimuth=90.0)), photo("soft", seen(0, 21, blur=1.9))]
    photos = list(judge(read, SIZE).photos)
    held = held_out(photos, 3)
    assert held == held_out(photos[::-1], 3)
    assert not {"only-profile", "soft"} & set(held)
    assert {round(facts[int(name[3:])]["yaw"] / 25) for name in held} == {-1, 0, 1}


def test_the_mean_identity_leaves_bad_fits_out() -> None:
    rng = np.random.default_rng(3)
    good = list(2 + 0.7 * rng.standard_normal((12, 56)))
    bad = [*good, -4 * rng.standard_normal(56)]
    np.testing.assert_allclose(robust_mean(bad), robust_mean(good), atol=0.12)
    np.testing.assert_allclose(robust_mean(good), np.mean(good, 0), atol=0.12)
    np.testing.assert_array_equal(robust_mean([good[0]] * 4), good[0].astype(np.float32))
    np.testing.assert_allclose(robust_mean(good[:2]), np.mean(good[:2], 0), atol=1e-6)
    assert robust_mean(good[:1]).dtype == np.float32
    with pytest.raises(PhotoError, match="at least one photo"):
        robust_mean([])
