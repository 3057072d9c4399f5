"""Help: pages, keys, the first start, the guided first minute."""
from __future__ import annotations

import re

import pytest
from PySide6.QtCore import QRect, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel

from app import language
from app.help.pages import FOLDER, HelpDialog, pages, title_of
from app.help.tour import STEPS
from app.help.welcome import Welcome
from app.settings import Settings
from tests.app.fakes import FakeEngine
from tests.app.studio import Studio, flush


def words(widget: object) -> str:
    return " ".join(label.text() for label in widget.findChildren(QLabel))  # type: ignore[attr-defined]


def test_pages_have_titles_and_links_that_lead_somewhere() -> None:
    assert len(pages()) >= 8
    for path in pages():
        text = path.read_text(encoding="utf-8")
        assert title_of(text) and len(text) > 400, path.name
        for link in re.findall(r"\]\(([^)]+)\)", text):
            assert (FOLDER / link).is_file(), f"{path.name} leads to {link}"


@pytest.mark.parametrize("spoken", sorted(path.name for path in FOLDER.iterdir() if path.is_dir()))
def test_translated_pages_are_those_there_are(spoken: str) -> None:
    english = {path.name: path.read_text(encoding="utf-8") for path in pages()}
    try:
        assert language.use(spoken) == spoken
        own = {path.name: path.read_text(encoding="utf-8") for path in pages()}
    finally:
        language.use(language.ENGLISH)
    assert own.keys() == english.keys()
    for name, text in own.items():
        assert text != english[name] and title_of(text) and len(text) > 0.7 * len(english[name]), name
        links = [re.findall(r"\]\(([^)]+)\)", one) for one in (text, english[name])]
        assert links[0] == links[1], name
    assert [path.parent for path in pages()] == [FOLDER] * len(english)


def test_help_opens_searches_and_follows_links(studio: Studio) -> None:
    studio.window.actions_by_name["help"].trigger()
    dialog = studio.window.help.dialog("help")
    assert isinstance(dialog, HelpDialog) and dialog.isVisible()
    assert title_of(pages()[0].read_text()) in dialog.page.toPlainText()
    dialog.search.setText("Rembrandt")
    shown = [dialog.list.item(row).text() for row in range(dialog.list.count()) if not dialog.list.item(row).isHidden()]
    assert 0 < len(shown) < dialog.list.count() and "Rembrandt" in dialog.page.toPlainText()
    dialog.search.setText("no such word anywhere")
    dialog.search.clear()
    dialog.show_page(pages()[2].stem)
    assert title_of(pages()[2].read_text()) in dialog.page.toPlainText()
    studio.window.actions_by_name["help"].trigger()
    assert studio.window.help.dialog("help") is dialog, "there is one"
    dialog.close()
    flush()
    assert studio.window.help.dialog("help") is None


def test_every_key_of_the_window_is_listed(studio: Studio) -> None:
    studio.window.actions_by_name["shortcuts"].trigger()
    dialog = studio.window.help.dialog("keys")
    assert dialog is not None
    said = words(dialog)
    for name, action in studio.window.actions_by_name.by_name.items():
        for key in action.shortcuts():
            assert key.toString() in said, name
    dialog.filter.setText("undo")  # type: ignore[attr-defined]
    shown = [left.text() for left, _ in dialog._rows if left.isVisible()]  # type: ignore[attr-defined]
    assert "Ctrl+Z" in shown and len(shown) < 6
    dialog.close()


def test_no_key_means_two_things(studio: Studio) -> None:
    keys: dict[str, str] = {}
    for name, action in studio.window.actions_by_name.by_name.items():
        for key in action.shortcuts():
            assert key.toString() not in keys, f"{key.toString()} is {keys.get(key.toString())} and {name}"
            keys[key.toString()] = name


def test_the_first_start_tells_and_asks_once(studio: Studio) -> None:
    studio.window.help.greet()
    page = studio.window.help.dialog("welcome")
    assert isinstance(page, Welcome)
    said = words(page)
    for part in ("stays on this computer", "consent", "metadata"):
        assert part in said
    page.mark.setChecked(not page.mark.isChecked())
    assert studio.window.settings.export_credentials is page.mark.isChecked() or not page.mark.isEnabled()
    page.close()
    flush()
    assert Settings.load().welcomed
    studio.window.help.greet()
    assert studio.window.help.dialog("welcome") is None


def test_the_first_minute_goes_on_by_doing_and_by_next(studio: Studio) -> None:
    studio.window.help.start_tour()
    tour = studio.window.help.tour
    assert tour is not None and tour.step is STEPS[0]
    studio.document.update({"light.azimuth": 33.0}, "Move light")
    assert "That's it" in tour.bubble.count.text()
    for step in STEPS[1:]:
        QTest.mouseClick(tour.bubble.next, Qt.MouseButton.LeftButton)
        assert tour.step is step and tour.bubble.title.text() == step.title
        inside = studio.window.rect().contains(tour.bubble.geometry())
        assert inside, f"{step.title}: {tour.bubble.geometry()}"
    studio.window.resize(900, 640)
    flush()
    assert studio.window.rect().contains(tour.bubble.geometry())
    QTest.mouseClick(tour.bubble.next, Qt.MouseButton.LeftButton)
    assert studio.window.help.tour is None
    flush()


@pytest.mark.parametrize("key", [Qt.Key.Key_Escape])
def test_the_first_minute_can_be_left(studio: Studio, key: Qt.Key) -> None:
    studio.window.help.start_tour()
    QTest.keyClick(studio.window, key)
    assert studio.window.help.tour is None
    flush()


def test_the_first_minute_waits_for_a_photo() -> None:
    studio = Studio(FakeEngine(gated=False))
    studio.window.help.start_tour()
    assert studio.window.help.tour is None
    studio.open()
    assert studio.window.help.tour is not None
    places = [step.place(studio.window) for step in STEPS]
    assert all(isinstance(place, QRect) for place in places)
    studio.close()
