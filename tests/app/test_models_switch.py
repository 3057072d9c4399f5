"""Another model, head or estimator under an open photo: what stays, what is set aside, and what a failure leaves behind."""
from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.live import State
from app.settings import Settings
from app.setup import Setup
from core.errors import AssetError
from tests.app.fakes import FakeEngine
from tests.app.studio import Studio, flush, until

FLAME = Setup(prior="faces-512")
NO_PICTURE = "The model 'fake' was trained on another head."


class Garage:
    """Builds fake engines by setup. `gate` holds the building of all but the first; `error` lets it fail."""

    def __init__(self) -> None:
        self.gate = threading.Semaphore(1000)
        self.error: Callable[[Setup], Exception | None] = lambda setup: None
        self.built: list[tuple[Setup, FakeEngine]] = []
        self.closing = False

    def __call__(self, setup: Setup) -> FakeEngine:
        while self.built and not self.closing and not self.gate.acquire(timeout=0.02):
            pass
        error = self.error(setup)
        if error is not None:
            raise error
        head = setup.head or ("flame" if setup.prior else "open")
        engine = FakeEngine(gated=False, head=head, prior=setup.prior or "fake")
        if setup.head and setup.head != ("flame" if setup.prior else "open"):
            engine.render_problem = NO_PICTURE
        self.built.append((setup, engine))
        return engine

    @property
    def last(self) -> FakeEngine:
        return self.built[-1][1]


@pytest.fixture
def garage() -> Garage:
    return Garage()


@pytest.fixture
def two(garage: Garage) -> Iterator[Studio]:
    """A window that can switch between an OpenHead engine and a FLAME one, with a photo open and settled."""
    made = Studio(FakeEngine(gated=False), make=garage)
    made.open()
    made.settle()
    yield made
    garage.closing = True
    for _, engine in garage.built:
        engine.allow_all()
    made.close()


def switch(studio: Studio, setup: Setup) -> None:
    switching = studio.window.models.switching
    assert switching.ask(setup)
    until(lambda: switching.loading is None, "it is loaded")


def test_photo_and_common_values_stay_and_the_rest_comes_back(two: Studio, garage: Garage) -> None:
    document = two.document
    document.update({"jaw.open": 0.9, "expression.smile": 0.4, "pose.yaw": 12.0, "light.azimuth": 30.0})
    document.set("expression.blink", 0.5)
    switch(two, FLAME)
    assert two.window.engine is garage.last and document.session.photo.path.name == "photo.png"
    assert dict(document.rig.values) == {"jaw.open": 0.5, "pose.yaw": 12.0, "light.azimuth": 30.0}  # 0.5: FLAME's range
    assert "FLAME can't do Blink and Smile" in two.window.banner.text
    two.settle()
    assert garage.last.finished[-1].rig == document.rig and garage.last.finished[-1].prior == "faces-512"
    switch(two, Setup())
    assert document.rig.get("expression.smile") == 0.4 and document.rig.get("jaw.open") == 0.9 and not document.set_aside
    two.settle()


def test_undo_goes_on_across_the_switch(two: Studio) -> None:
    document = two.document
    document.set("expression.smile", 0.4)
    document.set("pose.yaw", 12.0)
    switch(two, FLAME)
    document.set("expression.03", 1.5)
    two.window.undo()
    two.window.undo()
    assert not document.rig.values
    two.window.undo()  # the smile, which FLAME lacks: nothing breaks
    assert not document.set_aside and not document.undo_stack.canUndo()
    for _ in range(3):
        two.window.redo()
    assert dict(document.rig.values) == {"pose.yaw": 12.0, "expression.03": 1.5}
    switch(two, Setup())
    assert dict(document.rig.values) == {"pose.yaw": 12.0, "expression.smile": 0.4}
    two.settle()


def test_panels_are_those_of_the_new_head(two: Studio) -> None:
    side = two.window.side
    assert "expression.smile" in side.expression.sliders
    switch(two, FLAME)
    flush()
    assert set(side.expression.sliders) == {f"expression.{i:02d}" for i in range(12)}
    assert set(side.jaw.sliders) == {"jaw.open", "jaw.roll"} and "eyes.yaw" not in side.pose.sliders
    shown = {label for label in _labels(side) if "Smile" in label or "Blink" in label}
    assert not shown, "sliders of the head before are left"
    assert side.expression.sliders["expression.02"].label.text() == "Mode 3"
    side.expression.filter.setText("mode 12")
    visible = [name for name, row in side.expression.sliders.items() if row.isVisible()]
    assert visible == ["expression.11"]
    two.settle()


def _labels(side: object) -> list[str]:
    from PySide6.QtWidgets import QLabel

    return [label.text() for label in side.findChildren(QLabel)]  # type: ignore[attr-defined]


def test_edits_go_on_while_it_loads_and_no_request_meets_the_wrong_engine(two: Studio, garage: Garage) -> None:
    document, window = two.document, two.window
    garage.gate = threading.Semaphore(0)
    assert window.models.switching.ask(FLAME)
    assert not window.models.switching.ask(Setup(head="flame")), "one at a time"
    assert "Loading faces-512" in two.canvas.status[0] and "Loading" in window.status.device.text()
    calls = len(garage.last.buffer_calls)
    document.set("jaw.open", 0.3)
    flush()
    assert len(garage.last.buffer_calls) > calls and window.live.state is State.STALE
    garage.gate.release()
    two.settle()
    assert [r.prior for r in garage.last.started] == ["faces-512"] * 2 and garage.last.finished[-1].rig.get("jaw.open") == 0.3
    assert "Loading" not in two.canvas.status[0] and window.status.prior.text() == "Prior faces-512"


def test_a_failure_keeps_the_engine_that_was_there(two: Studio, garage: Garage) -> None:
    document, window, first = two.document, two.window, garage.last
    garage.error = lambda setup: AssetError("DECA's face encoder is not there.") if setup.estimator else None
    document.set("expression.smile", 0.4)
    switch(two, Setup(estimator="deca"))
    assert window.engine is first and not first.closed and window.models.switching.setup == Setup()
    assert "encoder is not there" in window.banner.text and "stays" in window.banner.text
    assert document.rig.get("expression.smile") == 0.4 and window.settings.estimator == ""
    two.settle()
    garage.error = lambda setup: RuntimeError("bug")
    switch(two, FLAME)
    assert "Something went wrong while loading faces-512" in window.banner.text
    document.set("expression.smile", 0.5)
    two.settle()
    assert first.finished[-1].rig.get("expression.smile") == 0.5


def test_a_photo_that_the_new_engine_cannot_open_is_a_failed_switch(two: Studio, garage: Garage,
                                                                    monkeypatch: pytest.MonkeyPatch) -> None:
    def no_open(self: FakeEngine, source: Path, face: int | None = None) -> object:
        raise AssetError("DECA's encoder found nothing in photo.png.")

    first = garage.last
    monkeypatch.setattr(FakeEngine, "open", no_open)
    switch(two, FLAME)
    assert two.window.engine is first and garage.last.closed and not first.closed
    assert "found nothing" in two.window.banner.text
    two.settle()


def test_the_engine_before_is_closed_but_not_before_its_exports(two: Studio, garage: Garage, tmp_path: Path) -> None:
    window, first = two.window, garage.last
    first.gated = True
    window.export(tmp_path / "a.png")
    window.export(tmp_path / "b.png")
    until(lambda: any(r.size == "full" for r in first.started), "the first export runs")
    window.models.switching.ask(FLAME)
    first.allow(1)
    until(lambda: window.models.switching.loading is None, "switched between two steps of the export")
    assert window.engine is garage.last is not first and not first.closed
    first.allow_all()
    until(lambda: window.exports.count == 0, "both are written")
    assert [r.prior for r in first.finished if r.size == "full"] == ["fake", "fake"]
    until(lambda: first.closed, "closed when nothing needs it")
    two.settle()


def test_copies_are_fitted_again_with_the_new_head(two: Studio, garage: Garage) -> None:
    document = two.document
    two.window.copy_from(Path("other.png"), "expression")
    until(lambda: document.rig.copies, "copied")
    two.window.copy_from(Path("lamp.png"), "light")
    until(lambda: len(document.rig.copies) == 2, "copied")
    switch(two, FLAME)
    assert [copy.code.head for copy in document.rig.copies] == ["flame", "flame"] and not document.set_aside
    assert {path.name for path, _ in garage.last.opened} == {"photo.png", "other.png", "lamp.png"}
    two.settle()


def test_a_copy_that_cannot_be_fitted_again_is_named(two: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    document = two.document
    two.window.copy_from(Path("other.png"), "expression")
    until(lambda: document.rig.copies, "copied")
    whole = FakeEngine.open

    def open_some(self: FakeEngine, source: Path, face: int | None = None) -> object:
        if Path(source).name == "other.png":
            raise AssetError("gone")
        return whole(self, source, face)

    monkeypatch.setattr(FakeEngine, "open", open_some)
    switch(two, FLAME)
    assert not document.rig.copies and "expression from other.png" in two.window.banner.text
    assert two.window.side.appearance.copies.count() == 0
    two.settle()
    switch(two, Setup())
    assert len(document.rig.copies) == 1
    two.settle()


def test_a_head_that_does_not_belong_to_the_model_says_so(two: Studio, garage: Garage) -> None:
    window = two.window
    switch(two, Setup(head="flame"))
    notice = window.models.notice
    assert notice.isVisible() and notice.text.text() == NO_PICTURE and window.live.state is State.IMPOSSIBLE
    assert two.canvas.status[0] == "No picture" and not two.canvas.busy_text
    assert not window.actions_by_name["export"].isEnabled()
    calls = len(garage.last.buffer_calls)
    two.document.set("jaw.open", 0.3)
    flush()
    assert len(garage.last.buffer_calls) > calls and not garage.last.started, "buffers follow, no picture is asked for"
    notice.head_asked.emit()
    assert two.canvas.mode.buffer == "rendered" and not notice.isVisible()
    window.actions_by_name["view-0"].trigger()
    assert notice.isVisible()
    switch(two, Setup())
    assert not notice.isVisible() and window.actions_by_name["export"].isEnabled()
    two.settle()


def test_the_choice_is_remembered(two: Studio, tmp_path: Path) -> None:
    switch(two, Setup("faces-512", "flame", "fit"))
    two.settle()
    assert Setup.remembered(Settings.load()) == Setup("faces-512", "flame", "fit")


def test_a_remembered_model_that_is_gone_is_told(garage: Garage) -> None:
    settings = Settings(prior="faces-512", head="flame")
    garage.error = lambda setup: AssetError("There is no model faces-512.") if setup.prior else None
    made = Studio(FakeEngine(gated=False), make=garage, settings=settings)
    assert "no model faces-512" in made.window.banner.text and "default model is used" in made.window.banner.text
    made.open()
    made.settle()
    assert (settings.prior, settings.head) == ("", "") and made.window.models.switching.setup == Setup()
    made.close()


def test_a_model_named_for_this_run_only_does_not_touch_what_is_remembered(garage: Garage) -> None:
    settings = Settings(prior="faces-512")
    garage.error = lambda setup: AssetError("There is no model typo.") if setup.prior == "typo" else None
    made = Studio(FakeEngine(gated=False), make=garage, settings=settings, setup=Setup(prior="typo"))
    assert "no model typo" in made.window.banner.text and settings.prior == "faces-512"
    made.close()


def test_without_any_engine_another_choice_may_bring_one(garage: Garage) -> None:
    from app.theme import Theme
    from app.window import Window
    from tests.app.fakes import FakeLibrary, save
    from tests.app.studio import WINDOWS

    garage.error = lambda setup: None if setup.prior else AssetError("The default model is damaged.")
    window = Window(garage, save, Settings(), Theme("dark"), 0, library=FakeLibrary())
    WINDOWS.append(window)
    window.show()
    window.start()
    window.open_photo(Path("photo.png"))
    until(lambda: "damaged" in window.banner.text, "a message")
    assert window.models.switching.ask(FLAME)
    until(lambda: window.document.session is not None and window.live.state is State.SETTLED, "it works")
    window.close()


def test_switching_before_a_photo_is_open(garage: Garage) -> None:
    made = Studio(FakeEngine(gated=False), make=garage)
    switch(made, FLAME)
    assert made.window.engine is garage.last and made.window.live.state is State.EMPTY
    made.open()
    made.settle()
    made.close()


def test_an_unsure_fit_is_shown(two: Studio, garage: Garage) -> None:
    assert not two.window.status.fit.isVisible()
    garage.last.confidence = 0.31
    two.open("blurred.png")
    assert two.window.status.fit.text() == "Unsure fit (31 %)" and "sharper" in two.window.status.fit.toolTip()
    garage.last.confidence = 0.9
    two.open("sharp.png")
    assert not two.window.status.fit.isVisible()
    two.settle()


def test_previews_and_photos_go_between_the_steps_of_an_export(gated: Studio, tmp_path: Path) -> None:
    engine, window = gated.engine, gated.window
    window.export(tmp_path / "a.png")
    until(lambda: any(r.size == "full" for r in engine.started), "the export runs")
    gated.document.set("jaw.open", 0.4)
    engine.allow(2)  # a step of the export, and the preview's
    until(lambda: window.live.state is State.PREVIEW, "the preview shows")
    assert window.exports.count == 1 and not any(r.size == "full" for r in engine.finished)
    window.open_photo(Path("next.png"))
    engine.allow(1)
    until(lambda: gated.document.session.photo.path.name == "next.png", "it opens")
    assert window.exports.count == 1
    engine.allow_all()
    until(lambda: window.exports.count == 0, "written")
    gated.settle()
