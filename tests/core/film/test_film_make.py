"""Films made: equal frames once, the same seed in all, and going on where it stopped; the command from photo to file."""
from __future__ import annotations

import argparse
import json
import os
import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from core import cli
from core.cv import cv2
from core.errors import Cancelled, ParameterError, UserError
from core.film import command, templates
from core.film.encode import read_about
from core.film.files import read_timeline
from core.film.film import Film, Frames, cache_folder, make_frame, make_frames, tidy
from core.film.timeline import Key, Timeline, Track
from core.head import load_head
from core.photo import load_image
from core.project import NamedModel, NamedPhoto, Project, write_project
from core.request import RenderRequest
from core.rig import Rig, parameters, photo_ranges, photo_values
from tests.core.film.made import save_sound, save_video, vowel
from tests.tiny import save_tiny_prior

HEAD = load_head("open")
TABLE = parameters(HEAD)
MOVING = Timeline(1.0, 8.0, (Track("jaw.open", (Key(0, 0.0, "linear"), Key(0.5, 0.4, "hold"))),))


class Engine:
    """Paints the jaw's opening."""

    def __init__(self, stop_after: int = 10**6) -> None:
        self.requests: list[RenderRequest] = []
        self.stop_after = stop_after

    def render(self, request: RenderRequest, on_step: Any = None, cancelled: Any = None, measure: bool = True) -> Any:
        if len(self.requests) >= self.stop_after:
            raise Cancelled
        assert not measure  # nobody looks at a frame's distance
        self.requests.append(request)
        value = round(100 * float(request.rig.get("jaw.open", 0.0)))  # type: ignore[arg-type]
        return SimpleNamespace(image=np.full((65, 81, 3), value, np.uint8))


def film(**changes: Any) -> Film:
    return Film(RenderRequest("ab" * 32, Rig().set("pose.yaw", 5.0), seed=7, size="crop"), replace(MOVING, **changes), 64)


def test_every_frame_is_a_request_with_the_same_seed(tmp_path: Path) -> None:
    engine, kept = Engine(), Frames(tmp_path)
    make_frames(engine, film(), kept)  # type: ignore[arg-type]
    assert {request.seed for request in engine.requests} == {7}
    assert all(request.rig.get("pose.yaw") == 5.0 for request in engine.requests)
    assert len(engine.requests) == 5  # the jaw rests from the middle on: those frames are one
    picture = kept.read(film().keys[2])
    assert picture is not None and picture.shape == (50, 64, 3) and picture[0, 0, 0] == 20
    assert np.array_equal(make_frame(engine, film(), 2, kept), picture) and len(engine.requests) == 5  # type: ignore[arg-type]


def test_it_goes_on_where_it_stopped(tmp_path: Path) -> None:
    first, kept, told = Engine(stop_after=3), Frames(tmp_path), []
    with pytest.raises(Cancelled):
        make_frames(first, film(), kept)  # type: ignore[arg-type]
    assert len(kept.missing(film())) == 2
    kept.path(film().keys[0]).write_bytes(b"")  # cut short by a crash
    kept.read(film().keys[0])
    second = Engine()
    make_frames(second, film(), kept, report=lambda done, count: told.append((done, count)))  # type: ignore[arg-type]
    assert len(second.requests) == 3 and told[-1] == (8, 8)
    changed = film(tracks=(Track("jaw.open", (Key(0, 0.0, "linear"), Key(0.5, 0.4, "linear"), Key(1, 0.05))),))
    assert len(kept.missing(changed)) == 3  # of an edited timeline only what is different


def test_what_decides_a_frame_is_in_its_key() -> None:
    one = film()
    assert len({one.keys[0], replace(one, side=80).keys[0], replace(one, request=replace(one.request, seed=8)).keys[0],
                replace(one, request=replace(one.request, quality="preview")).keys[0]}) == 4
    assert replace(one, made_from={"photo": "a.jpg"}).keys == one.keys
    with pytest.raises(ParameterError, match="64 to 3840"):
        replace(one, side=10)


def test_old_frames_are_tidied_away(own_home: Path) -> None:
    kept = Frames(cache_folder(film()))
    for age, name in ((40, "a"), (1, "b")):
        path = kept.write(name * 40, np.zeros((4, 4, 3), np.uint8))
        when = path.stat().st_mtime - age * 86_400
        os.utime(path, (when, when))
    tidy()
    assert [path.stem[0] for path in kept.folder.glob("*.png")] == ["b"]


@pytest.mark.parametrize("name", ["turntable", "sweep", "around", "idle", "unfold"])
def test_templates_are_in_range_and_loop(name: str) -> None:
    code = HEAD.zero_code()
    values = photo_values(HEAD, code)
    made = {"turntable": lambda: templates.turntable(photo_ranges(HEAD, code)),
            "sweep": lambda: templates.sweep(values, amount=2.0),
            "around": lambda: templates.sweep(values, around=True),
            "idle": lambda: templates.idle(12, seed=3),
            "unfold": lambda: templates.unfold(Rig().update({"expression.smile": 0.5, "light.azimuth": 40.0}), values)}[name]()
    made.check(TABLE)
    assert made.tracks and made.frames > 20
    if name != "unfold":
        for track in made.tracks:
            start, end = track.at(0), track.at(made.duration)
            assert start == end or track.goes_round and abs(float(start)) == abs(float(end)) == 180  # type: ignore[arg-type]


def test_a_turned_photo_turns_only_as_far_as_it_has_room() -> None:
    made = templates.turntable({"pose.yaw": (-40.0, 8.0)})
    values = [key.value for key in made.tracks[0].keys]
    assert max(values) == 8.0 and min(values) == -28.0  # type: ignore[type-var]


def arguments(*words: str) -> argparse.Namespace:
    parser = cli.Parser()
    command.add_arguments(parser)
    return parser.parse_args(list(words))


@pytest.mark.parametrize(("words", "said"), [
    (["p.png", "--out", "x.mp4"], "What shall move"), (["p.png", "--template", "idle"], "Nothing to write"),
    (["p.png", "--template", "talk", "--out", "x.mp4"], "--clip"), (["--template", "idle", "--out", "x.mp4"], "Which photo"),
    (["p.png", "--template", "idle", "--out", "x.avi"], ".webm"), (["p.png", "--template", "idle", "--out", "x.mp4"], "no file"),
    (["p.png", "--template", "idle", "--out", "x.mp4", "--fps", "900"], "--fps"),
    (["p.png", "--drive", "none.mp4", "--out", "x.mp4"], "none.mp4"),
    (["p.png", "--drive", "n.mp4", "--take", "ears=1", "--out", "x.mp4"], "mouth, brows"),
    (["p.png", "--template", "idle", "--amount", "3", "--out", "x.mp4"], "--amount"),
    (["p.png", "--template", "idle", "--long-side", "5", "--out", "x.mp4"], "64 to 3840"),
    (["p.png", "--drive", "one.wav", "--start", "9", "--out", "x.mp4"], "0.5 seconds long"),
    (["p.png", "--drive", "one.wav", "--neutral", "0.5", "--out", "x.mp4"], "up to 0.5 seconds"),
    (["p.png", "--drive", "one.wav", "--neutral", "-1", "--out", "x.mp4"], "--neutral -1"),
    (["p.png", "--timeline", "odd.json", "--out", "x.mp4"], "is [time, value, easing]"),
    (["p.png", "--timeline", "none.json", "--duration", "0", "--out", "x.mp4"], "--duration"),
])
def test_what_contradicts_itself_is_said_before_the_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str],
                                                         said: str) -> None:
    monkeypatch.chdir(tmp_path)
    save_sound(tmp_path / "one.wav", vowel("a", 0.5))
    Path("p.png").write_bytes(b"looked at last" if "one.wav" in words or "odd.json" in words else b"")
    if "no file" in said:
        Path("p.png").unlink()
    Path("odd.json").write_text('{"duration": 1, "fps": 12, "tracks": [{"name": "pose.yaw", "keys": [{"time": 0, "value": 1}]}]}')
    with pytest.raises(UserError, match=re.escape(said)):
        command.run(arguments(*words))


def test_from_a_photo_to_a_film_and_on_from_its_timeline(tmp_path: Path, own_home: Path, sample_photo: Path,
                                                         capsys: pytest.CaptureFixture[str]) -> None:
    prior = save_tiny_prior(tmp_path / "tiny.safetensors")
    voice = save_sound(tmp_path / "voice.wav", np.concatenate([vowel("-", 0.1), vowel("a", 0.2), vowel("-", 0.1)]))
    common = [str(sample_photo), "--prior", str(prior), "--preview", "--size", "crop", "--long-side", "96", "--no-credentials"]
    out = tmp_path / "talk.mp4"
    words = [*common, "--template", "talk", "sweep", "--clip", str(voice), "--duration", "0.4", "--fps", "10", "--set",
             "expression.smile=0.3", "--save-timeline", str(tmp_path / "motion.json"), "--out", str(out)]
    assert command.run(arguments(*words)) == 0
    about = read_about(out)
    assert about is not None and about["request"]["rig"]["values"] == {"expression.smile": 0.3}
    assert "4 frames" in capsys.readouterr().out
    plain = json.loads((tmp_path / "motion.json").read_text())
    assert {"jaw.open", "light.azimuth"} <= {track["name"] for track in plain["tracks"]} and plain["sound"] == str(voice)
    again = tmp_path / "frames"
    assert command.run(arguments(*common, "--set", "expression.smile=0.3", "--timeline", str(out), "--out", str(again))) == 0
    assert len(list(again.glob("*.png"))) == 4
    assert " s each" not in capsys.readouterr().out  # every frame was there


def test_a_project_under_another_environment(tmp_path: Path, own_home: Path, sample_photo: Path) -> None:
    """Photo, edit and timeline come from the project, what the command says goes over the edit, and the window is not needed."""
    prior = save_tiny_prior(tmp_path / "tiny.safetensors")
    panorama = tmp_path / "pano@90.png"
    Image.fromarray(np.repeat(np.linspace(0, 255, 64).astype(np.uint8)[None, :, None], 32, 0).repeat(3, 2)).save(panorama)
    moving = Timeline(0.3, 10.0, (Track("jaw.open", (Key(0, 0.0, "linear"), Key(0.2, 0.4))),))
    request = RenderRequest("", Rig().update({"expression.smile": 0.3, "pose.yaw": 4.0}), seed=5, size="crop")
    photo = NamedPhoto("mine.png", tmp_path / "gone.png", data=sample_photo.read_bytes())
    write_project(tmp_path / "mine.drig", Project(request, photo, timeline=moving, model=NamedModel(prior=str(prior))))
    out = tmp_path / "mine.gif"
    words = ["--project", str(tmp_path / "mine.drig"), "--preview", "--long-side", "96", "--set", "pose.yaw=-6°", "--environment",
             f"{panorama}@40", "--out", str(out)]
    assert command.run(arguments(*words)) == 0
    about = read_about(out)
    assert about is not None and len(about["timeline"]["tracks"]) == 1
    made = RenderRequest.from_json(about["request"])
    assert (made.seed, made.size, made.quality) == (5, "crop", "preview")
    assert dict(made.rig.values) == {"expression.smile": 0.3, "pose.yaw": -6.0, "environment.turn": 40.0}
    assert made.rig.environment is not None


def test_a_driver_that_tilts_its_head(tmp_path: Path, own_home: Path, sample_photo: Path) -> None:
    """A photo tilted by a known angle, as a video: that is what the timeline says, and nothing else."""
    picture = load_image(sample_photo).pixels[:448, :448]
    middle = (222.0, 160.0)
    tilted = [cv2.warpAffine(picture, cv2.getRotationMatrix2D(middle, -angle, 1.0), (448, 448), borderMode=cv2.BORDER_REFLECT)
              for angle in (0, 0, 6, 12, 12, 6, 0, 0)]
    driver = save_video(tmp_path / "driver.mp4", tilted, 12)
    motion = tmp_path / "motion.json"
    words = [str(sample_photo), "--prior", str(save_tiny_prior(tmp_path / "tiny.safetensors")), "--drive", str(driver),
             "--take", "smoothing=0", "--save-timeline", str(motion)]
    assert command.run(arguments(*words)) == 0
    timeline = read_timeline(motion)
    roll = timeline.track("pose.roll")
    assert roll is not None and [roll.at(t) for t in (0, 3 / 12, 4 / 12, 7 / 12)] == pytest.approx([0, 12, 12, 0], abs=1.5)
    others = {track.name: max(abs(float(key.value)) for key in track.keys) for track in timeline.tracks}  # type: ignore[arg-type]
    assert others.get("jaw.open", 0) < 0.1 and others.get("pose.yaw", 0) < 4
