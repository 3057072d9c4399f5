"""People in the window: choosing one, undo, exports, other models, the training beside the edits, closing."""
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMessageBox

from app.jobs import EngineJob
from app.live import State
from app.personal.dialog import PersonalizeDialog
from app.setup import Setup
from core.people.header import About
from core.personalize.runs import Run
from tests.app.fakes import FakeEngine, FakePeople, entry_of, person_of
from tests.app.studio import Studio, flush, until

ANN, BOB = person_of("Ann"), person_of("Bob & Co")
CAT = person_of("Cat", prior="faces-512", head="flame")


def make(engine: FakeEngine | None = None) -> Studio:
    engine = engine or FakeEngine(gated=False)
    engine.people = {str(person.path): person for person in (ANN, BOB, CAT)}
    made = Studio(engine, people=FakePeople(entry_of(ANN), entry_of(BOB), entry_of(CAT)))
    made.open()
    made.settle()
    until(lambda: made.window.people.shelf.known, "the people are known")
    return made


@pytest.fixture
def crowd() -> Iterator[Studio]:
    """A window with three people on the shelf, one of them of another model."""
    made = make()
    yield made
    for process in made.processes:
        process.end()
    made.close()


def choose(studio: Studio, title: str) -> None:
    box = studio.window.side.person.who
    index = box.findText(title)
    assert index >= 0, title
    box.setCurrentIndex(index)
    box.activated.emit(index)


def use(studio: Studio, title: str) -> None:
    choose(studio, title)
    until(lambda: studio.document.person is not None and studio.document.person.name == title, f"{title} is there")
    studio.settle()


def who(studio: Studio) -> str:
    person = studio.document.person
    return person.digest if person is not None else ""


def shown(studio: Studio) -> str:
    return str(studio.window.side.person.who.currentText())


# -- whose pictures

def test_choosing_somebody(crowd: Studio) -> None:
    panel, engine = crowd.window.side.person, crowd.engine
    assert shown(crowd) == "Anyone" and "photos of one person" in panel.facts.text()
    assert not crowd.window.status.person.isVisible()
    use(crowd, "Ann")
    request = engine.finished[-1]
    assert request.person == ANN.digest and request.identity == ANN.identity and request.quality == "settled"
    assert engine.identities[-1] == ANN.identity, "the buffers follow"
    assert shown(crowd) == "Ann" and "18 photos, quick" in panel.facts.text() and "0.54" in panel.facts.text()
    assert crowd.window.status.person.text() == "Person Ann" and crowd.window.status.person.isVisible()
    assert type(crowd.document.person) is About, "undo steps don't keep weights"
    use(crowd, "Bob & Co")
    assert crowd.window.status.person.text() == "Person Bob && Co", "no mnemonic"


def test_undo_and_reset(crowd: Studio) -> None:
    use(crowd, "Ann")
    crowd.document.set("jaw.open", 0.3)
    crowd.settle()
    assert crowd.window.actions_by_name["undo"].text() == "Undo open"
    crowd.window.undo()
    crowd.window.undo()
    crowd.settle()
    assert crowd.document.person is None and shown(crowd) == "Anyone" and crowd.document.request().person is None
    crowd.window.redo()
    crowd.settle()
    assert who(crowd) == ANN.digest and crowd.document.undo_stack.undoText() == "Person Ann"
    crowd.window.side.person.reset.click()
    crowd.settle()
    assert crowd.document.person is None and crowd.document.undo_stack.undoText() == "No person"
    crowd.document.reset_all()
    assert crowd.document.undo_stack.undoText() == "No person", "a reset of the edit leaves the person alone"


def test_the_next_photo_keeps_the_person(crowd: Studio) -> None:
    use(crowd, "Ann")
    crowd.open("other.png")
    crowd.settle()
    assert who(crowd) == ANN.digest and crowd.engine.finished[-1].person == ANN.digest


def test_somebody_the_engine_let_go_of_is_loaded_again(crowd: Studio) -> None:
    use(crowd, "Ann")
    crowd.engine.loaded.clear()
    crowd.document.set("jaw.open", 0.4)
    crowd.settle()
    assert crowd.engine.taken == [ANN.path, ANN.path] and crowd.engine.finished[-1].person == ANN.digest


def test_weights_that_are_gone_are_told(crowd: Studio) -> None:
    use(crowd, "Ann")
    crowd.engine.loaded.clear()
    crowd.engine.people[str(ANN.path)] = person_of("Ann", version=2)
    crowd.document.set("jaw.open", 0.4)
    until(lambda: crowd.window.live.state is State.FAILED and crowd.window.banner.text, "no picture can be made")
    assert "Ann.safetensors has changed" in crowd.window.banner.text
    crowd.document.set_person(None)
    crowd.settle()


def test_a_file_that_cannot_be_used(crowd: Studio) -> None:
    del crowd.engine.people[str(ANN.path)]
    choose(crowd, "Ann")
    assert "Loading Ann" in crowd.window.side.person.facts.text() and shown(crowd) == "Anyone"
    until(lambda: "There is no person" in crowd.window.banner.text, "it is told")
    assert crowd.document.person is None and "Loading" not in crowd.window.side.person.facts.text()
    assert crowd.window.live.state is State.SETTLED


def test_the_last_choice_wins(crowd: Studio) -> None:
    choose(crowd, "Ann")
    choose(crowd, "Bob & Co")
    until(lambda: who(crowd) == BOB.digest, "it is there")
    assert crowd.document.undo_stack.count() == 1, "who was passed over makes no step"
    crowd.settle()


def test_exports_keep_their_person(tmp_path: Path) -> None:
    studio = make()
    use(studio, "Ann")
    studio.engine.gated = True
    studio.window.export(tmp_path / "a.png")
    until(lambda: studio.engine.started[-1].size == "full", "it runs")
    studio.document.set_person(None)
    studio.engine.allow_all()
    until(lambda: (tmp_path / "a.png").exists(), "written")
    assert [r.person for r in studio.engine.finished if r.size == "full"] == [ANN.digest]
    studio.settle()
    studio.close()


def test_those_of_another_model_are_listed_but_not_offered(crowd: Studio) -> None:
    box = crowd.window.side.person.who
    index = box.findText("Cat")
    assert not box.model().flags(box.model().index(index, 0)) & Qt.ItemFlag.ItemIsEnabled
    assert "faces-512" in box.itemData(index, Qt.ItemDataRole.ToolTipRole)


def test_another_model_sets_the_person_aside() -> None:
    engines: dict[Setup, FakeEngine] = {}

    def engine_of(setup: Setup) -> FakeEngine:
        made = FakeEngine(gated=False, prior=setup.prior or "fake", head="flame" if setup.prior else "open")
        made.people = {str(person.path): person for person in (ANN, CAT)}
        engines[setup] = made
        return made

    studio = Studio(FakeEngine(), make=engine_of, people=FakePeople(entry_of(ANN), entry_of(CAT)))
    studio.open()
    studio.settle()
    until(lambda: studio.window.people.shelf.known, "the people are known")
    use(studio, "Ann")
    other = Setup(prior="faces-512")
    assert studio.window.models.switching.ask(other)
    until(lambda: studio.window.models.switching.setup == other, "switched")
    studio.settle()
    assert studio.document.person is None and studio.document.person_set_aside.digest == ANN.digest
    assert "Ann was learned with the model 'fake' on OpenHead" in studio.window.banner.text
    assert engines[other].finished[-1].person is None and shown(studio) == "Anyone"
    assert "comes back" in studio.window.side.person.facts.text() and not studio.window.status.person.isVisible()
    use(studio, "Cat")
    studio.window.undo()
    studio.settle()
    assert studio.document.person is None
    assert studio.window.models.switching.ask(Setup())
    until(lambda: studio.window.models.switching.setup == Setup(), "switched back")
    studio.settle()
    assert who(studio) == ANN.digest and studio.window.live.request.person == ANN.digest  # type: ignore[union-attr]
    studio.close()


# -- parts of grids

def test_parts_of_grids_come_last_and_can_be_cancelled(gated: Studio) -> None:
    worker = gated.window.thread_of_engine
    done: list[tuple[object, object]] = []
    told: list[object] = []
    ended: list[object] = []
    worker.worker.made.connect(lambda job, result: done.append((job, result)))
    worker.worker.reported.connect(lambda job, value: told.append(value))
    worker.worker.stopped.connect(ended.append)

    def paint(engine: FakeEngine, report: object) -> str:
        report(0.5)  # type: ignore[operator]
        report(None)  # type: ignore[operator]
        return engine.prior.name

    first, second = EngineJob(paint), EngineJob(paint)
    gated.document.set("jaw.open", 0.2)
    until(lambda: gated.engine.started, "a preview runs")
    worker.put(first)
    worker.put(second)
    worker.inbox.cancel_work(second)
    flush()
    assert not done
    gated.engine.allow_all()
    gated.settle()
    until(lambda: done and ended, "one is made, one cancelled")
    assert done == [(first, "fake")] and told == [0.5] and second in ended and gated.engine.finished[-1].quality == "settled"


def test_an_edit_gets_through_between_the_steps_of_a_grid(crowd: Studio) -> None:
    """The part of the grid goes on until the edit's preview has been made: it would never end without."""
    engine, ended = crowd.engine, []
    crowd.window.thread_of_engine.worker.made.connect(lambda job, result: ended.append(result))
    before = len(engine.finished)

    def paint(_engine: FakeEngine, report: object) -> str:
        while len(engine.finished) == before:
            report(None)  # type: ignore[operator]
        return engine.finished[before].quality

    crowd.window.thread_of_engine.put(EngineJob(paint))
    crowd.document.set("jaw.open", 0.25)
    until(lambda: ended, "the part is made")
    assert ended == ["preview"]
    crowd.settle()


def test_a_part_of_a_grid_that_fails_is_left_to_its_dialog(crowd: Studio) -> None:
    failures: list[str] = []
    crowd.window.thread_of_engine.worker.failed.connect(lambda job, text: failures.append(text))

    def fail(engine: object, report: object) -> None:
        raise ValueError("bug")

    crowd.window.thread_of_engine.put(EngineJob(fail, "painting Ann"))
    until(lambda: failures, "it fails")
    assert "while painting Ann" in failures[0] and crowd.window.banner.text == ""


# -- training

def test_an_album_is_read_for_the_model_in_use() -> None:
    studio = Studio(FakeEngine(gated=False, prior="faces-512"), setup=Setup(prior="faces-512"))
    studio.window.actions_by_name["personalize"].trigger()
    dialog = studio.window.people.dialog("personalize")
    assert isinstance(dialog, PersonalizeDialog)
    dialog.reading.start([Path("/photos")], "Ann")
    assert studio.processes[-1].arguments == ["personalize", "/photos", "--name=Ann", "--prior=faces-512", "--check", "--events"]
    studio.processes[-1].end()
    studio.close()


def train(studio: Studio) -> None:
    assert studio.window.people.training.start("Ann", "quick")
    process = studio.processes[-1]
    process.tell("started", run="/runs/ann", preset="quick", steps=100)
    process.tell("step", step=12, steps=100, phase="student", loss=0.1, seconds=24, left=176)


def test_the_status_line_shows_a_training(crowd: Studio) -> None:
    line = crowd.window.status.training
    assert not line.isVisible()
    train(crowd)
    assert line.isVisible() and line.text() == "Learning Ann 12 %, 3 minutes left"
    crowd.document.set("jaw.open", 0.4)
    crowd.settle()
    line.click()
    dialog = crowd.window.people.dialog("personalize")
    assert dialog is not None
    dialog.close()
    flush()
    assert crowd.window.people.training.active, "it goes on"
    crowd.processes[-1].tell("done", name="Ann", file=str(ANN.path), before={}, after={}, seconds=200)
    crowd.processes[-1].end()
    assert not line.isVisible() and crowd.window.banner.text == "Ann is learned."
    crowd.window.banner._button.click()
    until(lambda: who(crowd) == ANN.digest, "used")
    crowd.settle()


def test_the_newest_weights_give_way_to_the_finished_ones(crowd: Studio, tmp_path: Path) -> None:
    draft = person_of("Ann", tmp_path / "run", version=0)
    draft = replace(draft, path=tmp_path / "draft.safetensors")
    crowd.engine.people[str(draft.path)] = draft
    train(crowd)
    crowd.window.people.use(draft.path)
    until(lambda: who(crowd) == draft.digest, "the draft is used")
    crowd.settle()
    assert shown(crowd) == "Ann, still being learned"
    crowd.processes[-1].tell("done", name="Ann", file=str(ANN.path), before={}, after={}, seconds=200)
    crowd.processes[-1].end()
    until(lambda: who(crowd) == ANN.digest, "the finished one")
    crowd.settle()
    assert shown(crowd) == "Ann"


def test_a_training_that_fails_is_told(crowd: Studio) -> None:
    train(crowd)
    crowd.processes[-1].end(2, "The disk is full. Free some space.")
    assert crowd.window.banner.text == "Learning Ann stopped: The disk is full. Free some space."


def test_an_interrupted_training_is_offered() -> None:
    run = Run.begin("Ann")
    run.save(state="training", step=43, steps=100, preset="quick")
    studio = Studio(FakeEngine(gated=False))
    banner, line = studio.window.banner, studio.window.status.training
    assert banner.text == "Training of Ann was interrupted at 43 %." and line.text() == "Ann is learned to 43 %: go on"
    studio.open()
    studio.settle()
    assert line.isVisible(), "a photo takes the message's place, but not the offer"
    line.click()
    until(lambda: studio.window.people.dialog("personalize") is not None, "the dialog opens")
    assert studio.processes[-1].arguments[:2] == ["personalize", "--resume=Ann"]
    assert studio.window.people.training.progress.step == 43
    assert line.text() == "Learning Ann 43 %"
    studio.window.people.training.keep()
    studio.processes[-1].end()
    assert line.text() == "Ann is learned to 43 %: go on"
    studio.close()


def test_an_offer_goes_when_it_was_taken_elsewhere() -> None:
    run = Run.begin("Ann")
    run.save(state="training", step=43, steps=100, preset="quick")
    studio = Studio(FakeEngine(gated=False))
    assert "interrupted" in studio.window.banner.text
    studio.window.people.training.resume("Ann")
    assert not studio.window.banner.text
    studio.window.people.training.keep()
    studio.processes[-1].end()
    studio.close()


@pytest.mark.parametrize(("answer", "said", "left"),
                         [("Keep for later", ["closed"], True), ("Give up", ["cancel", "closed"], False)])
def test_closing_asks_what_becomes_of_a_training(crowd: Studio, answer: str, said: list[str], left: bool) -> None:
    run = Run.begin("Ann")
    run.save(state="training", step=12, steps=100, preset="quick")
    train(crowd)
    crowd.window.close()
    assert crowd.window.isVisible()
    box = crowd.window.findChild(QMessageBox)
    assert box is not None
    next(button for button in box.buttons() if button.text() == "Stay").click()
    flush()
    assert crowd.window.isVisible() and crowd.window.people.training.active
    crowd.window.close()
    box = crowd.window.findChild(QMessageBox)
    assert box is not None
    next(button for button in box.buttons() if button.text() == answer).click()
    flush()
    assert not crowd.window.isVisible() and not crowd.window.people.training.active
    assert crowd.processes[-1].said == said and run.folder.exists() is left


def test_closing_with_a_paused_training_asks_nothing(crowd: Studio) -> None:
    train(crowd)
    crowd.window.people.training.pause()
    crowd.processes[-1].tell("paused")
    crowd.window.close()
    assert not crowd.window.isVisible() and crowd.processes[-1].said == ["pause", "closed"]


def test_every_dialog_opens_once_and_goes_with_the_window(crowd: Studio) -> None:
    people, a = crowd.window.people, crowd.window.actions_by_name
    for name in ("personalize", "people", "swap"):
        a[name].trigger()
        first = people.dialog(name)
        a[name].trigger()
        assert first is not None and people.dialog(name) is first and first.isVisible()
    until(lambda: people.shelf.known and not people.shelf.busy, "the shelf is idle")
    crowd.window.close()
    flush()
    assert not any(people.dialog(name) for name in ("personalize", "people", "swap"))
