"""The command line: its arguments, its one-line errors and statuses, and what `edit` asks of the engine and writes."""
from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

import main
from core import cli, credentials, edit_arguments
from core.codes import FaceCode
from core.errors import NoFaceError, ParameterError, UserError
from core.export import read_request
from core.head import load_head
from core.photo import LoadedImage, load_image
from core.request import RenderRequest
from core.rig import Copy, Rig, apply
from tests.core.people.kit import installed, put_person, tiny_prior

REPOSITORY = Path(__file__).resolve().parent.parent
HEAD = load_head("open")


@dataclass
class FakeEngine:
    """An engine that paints the number of its steps, and remembers what it was asked."""

    prior: Any = None
    faces: int = 1
    head: Any = HEAD
    device: str = "cpu"
    dtype: str = "torch.float32"
    opened: list[tuple[str, int | None]] = field(default_factory=list)
    requests: list[RenderRequest] = field(default_factory=list)
    closed: bool = False
    made_with: dict[str, Any] = field(default_factory=dict)
    render_problem: str | None = None
    estimator: str = "fit"
    aligned: bool = False

    def __post_init__(self) -> None:
        self.prior = SimpleNamespace(name="fake", head="open", size=32, digest="d1", licence="none")

    def open(self, source: Path, face: int | None = None, aligned: bool = False) -> Any:
        self.aligned = aligned
        if source.name == "nobody.png":
            raise NoFaceError("No face was found in nobody.png.")
        self.opened.append((source.name, face))
        image = LoadedImage(np.zeros((40, 60, 3), np.uint8), path=source)
        return SimpleNamespace(
            photo=SimpleNamespace(image=image, path=source, pixels=image.pixels, index=face or 0, alignment=None),
            digest=f"digest of {source.name}", face=face or 0,
            faces=tuple(range(self.faces)), code=HEAD.zero_code(), fit=SimpleNamespace(landmark_error=0.01, light_residual=0.1))

    def copy_from(self, session: Any, block: str) -> Copy:
        return Copy(block, session.code, session.digest, session.photo.path.name)

    def buffers(self, session: Any, rig: Rig, size: int | None = None, identity: tuple[float, ...] = (),
                shadows: str = "map") -> Any:
        shades = np.full((8, 8, 3), 0.5, np.float32)
        return SimpleNamespace(normal=shades * 0, albedo=shades, rendered=shades * 4, coverage=np.ones((8, 8), np.float32))

    def edited_code(self, session: Any, rig: Rig, identity: tuple[float, ...] = (), method: str = "studio") -> FaceCode:
        code = apply(rig, HEAD, session.code)
        return code.replace(identity=np.array(identity)) if identity else code

    def render(self, request: RenderRequest, on_step: Any = None, cancelled: Any = None) -> Any:
        self.requests.append(request)
        image = np.full((40, 60, 3), request.steps, np.uint8)
        for step in range(request.steps):
            if on_step:
                on_step(step + 1, request.steps, image)
        return SimpleNamespace(image=image, crop=image, request=request, timings={"diffusion": 1.5}, identity_distance=0.25)

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> FakeEngine:
    """What `edit` gets for an engine."""
    fake = FakeEngine()

    def make(**options: Any) -> FakeEngine:
        fake.made_with = options
        return fake

    module = ModuleType("core.engine")
    module.Engine = make  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "core.engine", module)
    return fake


class Window:
    """A window that closes at once, with status 7."""

    def __init__(self) -> None:
        self.opened: list[cli.Opening] = []

    def __call__(self, opening: cli.Opening) -> int:
        self.opened.append(opening)
        return 7


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """A file to name as the photo."""
    path = tmp_path / "photo.png"
    path.write_bytes(b"a photo")
    return path


def edit(*words: object) -> int:
    return main.main(["edit", *map(str, words)])


def error_line(capsys: pytest.CaptureFixture[str]) -> str:
    """The single line on stderr, without 'error: '."""
    text = capsys.readouterr().err
    assert text.count("\n") == 1 and text.startswith("error: "), text
    return text.removeprefix("error: ").strip()


# -- the whole command line ---------------------------------------------------------------------------------------------


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["--help"]) == 0
    shown = capsys.readouterr().out
    assert all(f"  {name} " in shown for name in cli.COMMANDS)


@pytest.mark.parametrize("name", sorted(cli.COMMANDS))
def test_every_command_has_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main([name, "--help"]) == 0
    assert f"usage: main.py {name}" in capsys.readouterr().out


@pytest.mark.parametrize("words", [["--nonsense"], ["a.jpg", "b.jpg"], ["edit"], ["edit", "a.jpg", "--out"],
                                   ["edit", "a.jpg", "--out", "b.png", "--method", "magic"],
                                   ["edit", "a.jpg", "--ou", "b.png"], ["edit", "a.jpg", "--out", "b.png", "--steps", "many"]])
def test_wrong_arguments_are_one_line(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(words) == cli.WRONG_USE
    assert "--help' shows the usage" in error_line(capsys)


def test_a_file_that_looks_like_an_option(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
                                          engine: FakeEngine) -> None:
    monkeypatch.chdir(tmp_path)
    Path("-x.png").write_bytes(b"a photo")
    assert edit("-x.png", "--out", "made.png") == cli.WRONG_USE
    assert "write ./-x.png" in error_line(capsys)
    assert edit("./-x.png", "--out", "made.png") == cli.OK and engine.opened == [("-x.png", None)]


def test_a_tilde_is_home_wherever_a_path_may_stand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine: FakeEngine) -> None:
    """Shells unfold it only at the beginning of a word, and not in quotes."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(REPOSITORY)
    for name in ("me.png", "an other ä.png"):
        (tmp_path / name).write_bytes(b"a photo")
    assert edit("~/me.png", "--out=~/made.png", "--copy", "eyes:~/an other ä.png") == cli.OK
    assert (tmp_path / "made.png").is_file() and [name for name, _ in engine.opened] == ["me.png", "an other ä.png"]
    assert edit("~nobody/me.png", "--out", tmp_path / "b.png") == cli.WRONG_USE


def test_a_terminal_without_the_signs_gets_others() -> None:
    """LANG=C, or an old code page: a name in another script is written with other signs, and is no defect."""
    done = subprocess.run([sys.executable, str(REPOSITORY / "main.py"), "edit", "fräulein°.png", "--out", "x.png"], timeout=100,
                          env={**os.environ, "PYTHONIOENCODING": "ascii:strict"}, capture_output=True, stdin=subprocess.DEVNULL)
    assert done.returncode == cli.WRONG_USE and b"There is no file fr\\xe4ulein\\xb0.png" in done.stderr


@pytest.mark.parametrize("words", [["batch", "a.png", "--out", "o"], ["prepare", "a", "--out", "o"],
                                   ["evaluate", "fit", "a", "--report", "r"]])
@pytest.mark.parametrize("count", ["0", "-1", "1.5", "two"])
def test_workers_are_at_least_one(words: list[str], count: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main([*words, "--workers", count]) == cli.WRONG_USE
    assert f"--workers: a whole number from 1 on, not '{count}'" in error_line(capsys)


def test_a_misspelt_command_is_no_photo(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["edti"]) == cli.WRONG_USE
    assert ", ".join(cli.COMMANDS) in error_line(capsys)


def test_no_display_is_one_line_and_its_own_status(capsys: pytest.CaptureFixture[str]) -> None:
    window = Window()
    assert cli.run([], window, lambda: "no display; do this") == cli.NO_DISPLAY
    assert not window.opened
    assert error_line(capsys) == "no display; do this"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems always have a display")
@pytest.mark.parametrize("display", [None, ":4711"])
def test_the_real_program_without_a_display(display: str | None) -> None:
    """Neither a missing nor a dead display may end in Qt's abort."""
    kept = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")}
    done = subprocess.run([sys.executable, str(REPOSITORY / "main.py")], env=kept | ({"DISPLAY": display} if display else {}),
                          capture_output=True, text=True, timeout=100)
    assert done.returncode == cli.NO_DISPLAY, done.stderr
    assert done.stderr.count("\n") == 1 and "main.py edit" in done.stderr


def test_the_window_gets_the_photo(photo: Path) -> None:
    window = Window()
    assert cli.run([str(photo)], window, lambda: None) == 7
    assert cli.run(["--face", "1", "--prior", "other.safetensors", "--head", "flame", "--estimator", "deca"], window,
                   lambda: None) == 7
    assert window.opened == [cli.Opening(photo), cli.Opening(None, 1, "other.safetensors", "flame", "deca")]


@pytest.mark.parametrize(("error", "status", "words"), [
    (UserError("Said to the user."), cli.WRONG_USE, "Said to the user."),
    (KeyboardInterrupt(), cli.INTERRUPTED, "stopped"),
    (ModuleNotFoundError("No module named 'torch'", name="torch"), cli.DEFECT, "'torch' is not installed; run 'make setup'"),
    (RuntimeError("two\nlines"), cli.DEFECT, "RuntimeError: two lines"),
])
def test_errors_are_one_line(error: BaseException, status: int, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    def fail(*_: object) -> int:
        raise error

    assert cli.run([], fail, lambda: None) == status
    assert words in error_line(capsys)


@pytest.fixture
def own_stops() -> Iterator[None]:
    """SIGTERM as a fresh program has it: what other tests load, as Ray, takes it for itself."""
    before = signal.signal(signal.SIGTERM, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.mark.usefixtures("own_stops")
@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, cli.TERMINATED), (signal.SIGINT, cli.INTERRUPTED)])
def test_a_stop_from_outside_leaves_nothing_half_done(engine: FakeEngine, photo: Path, monkeypatch: pytest.MonkeyPatch,
                                                      number: int, status: int, capsys: pytest.CaptureFixture[str]) -> None:
    """In the middle of writing: the file that was there stays, the hidden one goes, the engine is closed."""
    made = photo.with_name("made.png")
    made.write_bytes(b"the old one")

    def stopped(handle: int) -> None:
        signal.raise_signal(number)
        raise AssertionError("went on")

    monkeypatch.setattr("core.files.os.fsync", stopped)
    assert edit(photo, "--out", made) == status
    assert error_line(capsys) == "stopped" and engine.closed
    assert made.read_bytes() == b"the old one" and sorted(photo.parent.iterdir()) == [made, photo]
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


@pytest.mark.usefixtures("own_stops")
def test_a_stop_that_a_destructor_swallows_comes_again(engine: FakeEngine, photo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "_AGAIN", 0.05)

    def swallowed(handle: int) -> None:
        try:
            signal.raise_signal(signal.SIGTERM)
        except KeyboardInterrupt:
            threading.Event().wait(60)

    monkeypatch.setattr("core.files.os.fsync", swallowed)
    assert edit(photo, "--out", photo.with_name("made.png")) == cli.TERMINATED


@pytest.mark.parametrize("error", [UserError("for the user"), RuntimeError("a defect")])
def test_debug_shows_where(error: Exception) -> None:
    def fail(*_: object) -> int:
        raise error

    with pytest.raises(type(error)):
        cli.run(["--debug"], fail, lambda: None)


# -- edit: values -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("text", "value"), [
    ("0.5", 0.5), ("-20", -20.0), ("1e-1", 0.1), ("#ff8000", (1.0, 128 / 255, 0.0)), ("1,0.5,0", (1.0, 0.5, 0.0))])
def test_values(text: str, value: object) -> None:
    assert edit_arguments.parse_value("light.color", text) == value


@pytest.mark.parametrize(("text", "unit", "value"), [
    ("15°", "°", 15.0), ("-15 °", "°", -15.0), ("15deg", "°", 15.0), ("1.5e1 degrees", "°", 15.0), ("\u221215°", "°", -15.0),
    ("15", "°", 15.0), ("80%", "", 0.8), ("-12.5 %", "", -0.125), ("0.8", "", 0.8)])
def test_values_with_their_unit(text: str, unit: str, value: float) -> None:
    assert edit_arguments.parse_value("any.name", text, unit) == pytest.approx(value, abs=1e-12)


@pytest.mark.parametrize(("text", "unit"), [
    ("80%", "°"), ("15°", ""), ("15deg", ""), ("15°°", "°"), ("°", "°"), ("%", ""), ("80%%", ""), ("8 0%", ""),
    ("0,5", ""), ("15°", "rgb")])
def test_units_that_do_not_fit(text: str, unit: str) -> None:
    with pytest.raises(ParameterError, match="takes a number, not"):
        edit_arguments.parse_value("any.name", text, unit)


def test_units_reach_the_request(engine: FakeEngine, photo: Path, tmp_path: Path) -> None:
    out = tmp_path / "a.png"
    assert edit(photo, "--out", out, "--set", "pose.yaw=-15°", "light.azimuth=60deg", "expression.smile=80%") == cli.OK
    assert dict(engine.requests[-1].rig.values) == {"pose.yaw": -15.0, "light.azimuth": 60.0, "expression.smile": 0.8}


@pytest.mark.parametrize("text", ["red", "#ff80", "#gg0000", "1,2", "1,2,3,4", "1,,2", ""])
def test_values_that_are_none(text: str) -> None:
    with pytest.raises(ParameterError, match=r"light\.color takes #rrggbb or r,g,b"):
        edit_arguments.parse_value("light.color", text)


@pytest.mark.parametrize(("given", "words"), [
    ("expression.smil=0.5", "nearest is 'expression.smile'"),
    ("expression.smil=much", "nearest is 'expression.smile'"),
    ("light.azimut=3", "nearest is 'light.azimuth'"),
    ("light.azimuth=200", "nearest valid value is 180"),
    ("expression.mouthSmileLeft=1.5", "nearest valid value is"),
    ("pose.yaw=left", "pose.yaw takes a number, not 'left'"),
    ("pose.yaw=nan", "pose.yaw takes a number"),
    ("pose.yaw=1,2,3", "one number"),
    ("light.color=0.5", "three numbers"),
    ("light.color=1,2,0", "nearest valid value is 1"),
])
def test_wrong_values_name_the_nearest(given: str, words: str, engine: FakeEngine, photo: Path, tmp_path: Path,
                                       capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out.png"
    assert edit(photo, "--out", out, "--set", given) == cli.WRONG_USE
    assert words in error_line(capsys)
    assert not out.exists() and not engine.requests and engine.closed


# -- edit: the request and what is written ------------------------------------------------------------------------------


def test_no_option_asks_for_the_defaults(engine: FakeEngine, photo: Path, tmp_path: Path) -> None:
    assert edit(photo, "--out", tmp_path / "out.png") == 0
    assert engine.requests == [RenderRequest(photo="digest of photo.png", prior="d1")]
    assert engine.opened == [("photo.png", None)] and engine.closed and not engine.aligned
    assert engine.made_with == {"prior": None, "head": None, "estimator": None, "rasterizer": "numba"}
    assert load_image(tmp_path / "out.png").pixels.shape == (40, 60, 3)


def test_all_options_arrive(engine: FakeEngine, photo: Path, tmp_path: Path) -> None:
    other = tmp_path / "other:2.jpg"
    other.write_bytes(b"another")
    assert edit(photo, "--out", tmp_path / "out.jpg", "--set", "pose.yaw=-20", "jaw.open=0.6", "--set", "light.color=#ff0000",
                "pose.yaw=10", "--copy", f"light:{other}", f"expression:{other}", "--prior", "w.safetensors", "--face", 1,
                "--seed", 9, "--steps", 3, "--noise", "seeded", "--strength", 0.5, "--guidance", 1.5, "--size", "crop",
                "--head", "flame", "--estimator", "fit", "--rasterizer", "torch", "--aligned") == 0
    request = engine.requests[0]
    assert dict(request.rig.values) == {"pose.yaw": 10.0, "jaw.open": 0.6, "light.color": (1.0, 0.0, 0.0)}
    assert [copy.block for copy in request.rig.copies] == ["expression", "light"]
    assert {copy.photo for copy in request.rig.copies} == {"digest of other:2.jpg"}
    assert (request.seed, request.steps, request.noise, request.strength, request.size) == (9, 3, "seeded", 0.5, "crop")
    assert request.guidance == 1.5
    assert engine.made_with == {"prior": "w.safetensors", "head": "flame", "estimator": "fit", "rasterizer": "torch"}
    assert engine.opened[0] == ("photo.png", 1) and engine.aligned
    assert load_image(tmp_path / "out.jpg").pixels.mean() == pytest.approx(3, abs=1)


def test_the_papers_method(engine: FakeEngine, photo: Path, tmp_path: Path) -> None:
    assert edit(photo, "--out", tmp_path / "out.png", "--method", "paper") == 0
    assert edit(photo, "--out", tmp_path / "out.png", "--method", "paper", "--steps", 50, "--seed", 4) == 0
    first, second = engine.requests
    assert (first.method, first.steps, first.noise, first.strength) == ("paper", 20, "seeded", 1.0)
    assert (second.steps, second.seed) == (50, 4)


def test_a_mean_identity_from_an_album_and_from_a_file(engine: FakeEngine, photo: Path, tmp_path: Path,
                                                       capsys: pytest.CaptureFixture[str]) -> None:
    album, kept = tmp_path / "album", tmp_path / "mean.json"
    album.mkdir()
    for name in ("one.png", "two.jpg", "nobody.png", "notes.txt"):
        (album / name).write_bytes(b"a photo")
    out = tmp_path / "out.png"
    assert edit(photo, "--out", out, "--mean-identity", album, "--save-mean-identity", kept, "--report", tmp_path / "r.json") == 0
    assert "left out: No face was found in nobody.png" in capsys.readouterr().err
    assert [name for name, _ in engine.opened] == ["photo.png", "one.png", "two.jpg"]
    assert engine.requests[0].identity == tuple(HEAD.zero_code().identity.tolist())
    assert json.loads(kept.read_text())["photos"] == 2
    assert edit(photo, "--out", out, "--mean-identity", kept) == 0
    assert engine.requests[1] == engine.requests[0]
    engine.head = SimpleNamespace(name="flame", controls=dict)
    assert edit(photo, "--out", out, "--mean-identity", kept) == cli.WRONG_USE
    assert "of the 'open' head and can't be used with the 'flame' head" in error_line(capsys)


def test_the_picture_holds_its_request(engine: FakeEngine, photo: Path, tmp_path: Path) -> None:
    edit(photo, "--out", tmp_path / "out.png", "--set", "expression.smile=0.8")
    found = read_request(tmp_path / "out.png")
    assert found is not None and RenderRequest.from_json(found) == engine.requests[0]


def test_report(engine: FakeEngine, photo: Path, tmp_path: Path) -> None:
    assert edit(photo, "--out", tmp_path / "out.png", "--set", "pose.yaw=20", "--report", tmp_path / "r.json") == 0
    found = json.loads((tmp_path / "r.json").read_text())
    assert RenderRequest.from_json(found["request"]) == engine.requests[0]
    source, edited = (FaceCode.from_json(found["codes"][name]) for name in ("source", "edited"))
    assert source == HEAD.zero_code() and edited == apply(engine.requests[0].rig, HEAD, source) != source
    assert found["model"] == {"name": "fake", "head": "open", "size": 32, "digest": "d1", "licence": "none"}
    assert (found["device"], found["dtype"], found["identity_distance"]) == ("cpu", "float32", 0.25)
    assert set(found["seconds"]) == {"load", "open", "diffusion", "write"} and found["seconds"]["diffusion"] == 1.5
    assert found["versions"]["python"] and found["photo"]["face"] == 0


def test_buffers(engine: FakeEngine, photo: Path, tmp_path: Path) -> None:
    folder = tmp_path / "new" / "folder"
    assert edit(photo, "--out", tmp_path / "out.png", "--save-buffers", folder) == 0
    levels = {path.stem: load_image(path).pixels[0, 0, 0] for path in folder.glob("*.png")}
    assert levels == {"normals": 128, "albedo": 128, "rendered": 255, "coverage": 255}
    with np.load(folder / "buffers.npz") as arrays:
        assert arrays["rendered"].max() == 2.0 and arrays["coverage"].shape == (8, 8)


def test_buffers_alone_need_no_picture_and_no_fitting_prior(engine: FakeEngine, photo: Path, tmp_path: Path,
                                                            capsys: pytest.CaptureFixture[str]) -> None:
    engine.render_problem = "The model was trained on another head."
    assert edit(photo, "--save-buffers", tmp_path / "b", "--report", tmp_path / "r.json") == 0
    assert not engine.requests and (tmp_path / "b" / "buffers.npz").is_file()
    assert json.loads((tmp_path / "r.json").read_text())["output"] is None
    assert edit(photo, "--save-buffers", tmp_path / "b", "--out", tmp_path / "out.png") == cli.WRONG_USE
    assert error_line(capsys) == "The model was trained on another head. Without --out, --save-buffers still works."


def test_several_faces_are_mentioned(engine: FakeEngine, photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    engine.faces = 3
    assert edit(photo, "--out", tmp_path / "out.png") == 0
    assert "3 faces" in capsys.readouterr().err
    assert edit(photo, "--out", tmp_path / "out.png", "--face", "0") == 0
    assert capsys.readouterr().err == ""


def test_progress_only_on_a_terminal(engine: FakeEngine, photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str],
                                     monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    assert edit(photo, "--out", tmp_path / "out.png", "--steps", "2") == 0
    assert capsys.readouterr().err == "\rstep 1 of 2\rstep 2 of 2\n"


# -- edit: what can't be done -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("options", "words"), [
    (["--out", "out.bmp"], "'.bmp' is no picture format"),
    (["--out", "none/out.png"], "none/out.png: its folder does not exist"),
    (["--out", "out.png", "--report", "none/r.json"], "none/r.json: its folder does not exist"),
    (["--out", "photo.png"], "would overwrite the photo itself"),
    (["--out", "out.png", "--steps", "0"], "steps goes from 1"),
    ([], "Nothing to write: give --out FILE"),
    (["--out", "out.png", "--method", "paper", "--noise", "inverted"], "--method paper has no --noise"),
    (["--out", "out.png", "--method", "paper", "--strength", "1"], "--method paper has no --strength"),
    (["--out", "out.png", "--mean-identity", "nowhere"], "no folder or file nowhere for --mean-identity"),
    (["--out", "out.png", "--save-mean-identity", "m.json"], "--save-mean-identity needs --mean-identity"),
    (["--out", "out.png", "--strength", "1.5"], "strength goes from 0 to 1"),
    (["--out", "out.png", "--guidance", "4"], "guidance goes from 0 to 3"),
    (["--out", "out.png", "--seed", "-1"], "seed is a whole number"),
    (["--out", "out.png", "--noise", "none"], "invalid choice: 'none'"),
    (["--out", "out.png", "--set", "other.png"], "'other.png' is not of the form NAME=VALUE"),
    (["--out", "out.png", "--copy", "other.png"], "not of the form BLOCK:PHOTO2"),
    (["--out", "out.png", "--copy", "lihgt:photo.png"], "the nearest is 'light'"),
    (["--out", "out.png", "--copy", "light:none.png"], "There is no file none.png"),
    (["--out", "out.png", "--person", "Ann"], "There is no person 'Ann'. There are none in"),
])
def test_found_out_before_any_work(options: list[str], words: str, engine: FakeEngine, photo: Path, own_home: Path,
                                   capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(photo.parent)
    assert edit("photo.png", *options) == cli.WRONG_USE
    assert words in error_line(capsys)
    assert not engine.opened and [path.name for path in photo.parent.iterdir()] == ["photo.png"]


def test_a_missing_photo(engine: FakeEngine, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert edit(tmp_path / "none.jpg", "--out", tmp_path / "out.png") == cli.WRONG_USE
    assert "no file" in error_line(capsys) and not engine.opened


def test_no_face(engine: FakeEngine, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "nobody.png").write_bytes(b"")
    assert edit(tmp_path / "nobody.png", "--out", tmp_path / "out.png") == cli.WRONG_USE
    assert "No face was found in nobody.png" in error_line(capsys) and engine.closed


def test_known_people_are_listed(engine: FakeEngine, photo: Path, own_home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    put_person(installed(tiny_prior(photo.parent / "tiny.safetensors")), "Bea")
    assert edit(photo, "--out", photo.parent / "out.png", "--person", "Ann") == cli.WRONG_USE
    assert "Known people: Bea." in error_line(capsys)


# -- with everything real -----------------------------------------------------------------------------------------------


def test_edit_for_real(sample_photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The shipped prior and head on the shipped photo, in few steps and without the timing of number formats."""
    import torch

    monkeypatch.setattr("core.backends.pick_dtype", lambda *_: torch.float32)
    out, report = tmp_path / "out.png", tmp_path / "r.json"
    assert edit(sample_photo, "--out", out, "--set", "light.azimuth=60", "--steps", 1, "--report", report,
                "--save-buffers", tmp_path / "buffers") == 0
    before, after = load_image(sample_photo).pixels.astype(int), load_image(out).pixels.astype(int)
    assert after.shape == before.shape
    changed = np.abs(after - before).max(-1) > 8
    assert changed.any() and not changed[-40:].any()  # the face is in the upper part: the rest is the photo's own
    found = json.loads(report.read_text())
    assert found["model"]["head"] == "open" and found["seconds"]["diffusion"] > 0
    with np.load(tmp_path / "buffers" / "buffers.npz") as arrays:
        assert 0.2 < arrays["coverage"].mean() < 0.95


def test_what_is_written_beside_the_picture_and_how(engine: FakeEngine, photo: Path, tmp_path: Path) -> None:
    words = photo, "--out", tmp_path / "out.tif", "--set", "jaw.open=0.5"
    assert edit(*words, "--mesh", tmp_path / "head.glb", "--long-side", "30") == 0
    assert (tmp_path / "head.glb").read_bytes()[:4] == b"glTF"
    written = load_image(tmp_path / "out.tif")
    assert written.pixels.shape == (20, 30, 3)
    found = credentials.read(tmp_path / "out.tif")
    assert found is not None and found.source_type == credentials.EDITED_WITH_AI and found.edit["values"] == {"jaw.open": 0.5}
    assert edit(*words, "--no-credentials") == 0 and credentials.read(tmp_path / "out.tif") is None
    assert edit(photo, "--mesh", tmp_path / "head.obj") == 0 and (tmp_path / "head.mtl").exists()
    assert edit(*words, "--mesh", tmp_path / "head.stl") == cli.WRONG_USE
    assert edit(*words, "--long-side", "3") == cli.WRONG_USE and edit(*words, "--quality", "0") == cli.WRONG_USE


@pytest.mark.parametrize(("words", "said"), [
    (["--out", "a.png", "--report", "./a.png"], "would be written twice"),
    (["--out", "a.png", "--mesh", "head.stl"], ".glb or .obj"),
    (["--out", "a.jpg", "--quality", "0"], "quality goes from 1 to 100"),
    (["--out", "a.png", "--long-side", "3"], "longer side"),
    (["--out", "a.png", "--save-buffers", "photo.png"], "it is a file"),
])
def test_what_can_not_be_written_is_said_before_the_work(engine: FakeEngine, photo: Path, monkeypatch: pytest.MonkeyPatch,
                                                         words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(photo.parent)
    assert edit(photo, *words) == cli.WRONG_USE
    assert said in error_line(capsys) and not engine.requests and not engine.opened and list(photo.parent.iterdir()) == [photo]
