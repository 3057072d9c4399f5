"""The export dialog: what it offers, remembers and asks; and edits opened again from what it wrote."""
from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtWidgets import QMessageBox, QPushButton

from app.dialogs.export import ExportDialog
from app.dialogs.export_choices import Subject
from app.run import save_export
from app.settings import Settings
from core import credentials
from core.export import save_image
from core.export_blocks import has_place
from core.project.places import note_photo
from core.request import RenderRequest
from core.rig import Rig
from tests.app.studio import Studio, flush, until

WHOLE = Subject(4000, 3000, 512)


@pytest.mark.usefixtures("app")
def test_it_shows_how_large_the_picture_will_be(tmp_path: Path) -> None:
    dialog = ExportDialog(Settings(), tmp_path / "me.jpg", subject=WHOLE)
    assert dialog.choices.pixels.text() == "4,000 × 3,000 pixels"
    dialog.choices.smaller.setChecked(True)
    dialog.choices.side.setValue(1000)
    assert dialog.choices.pixels.text() == "1,000 × 750 pixels" and dialog.options["long_side"] == 1000
    dialog.area.setCurrentIndex(1)
    assert dialog.choices.pixels.text() == "512 × 512 pixels" and dialog.area_size == "crop"


@pytest.mark.usefixtures("app")
def test_depth_colours_and_place_are_offered_where_they_matter(tmp_path: Path) -> None:
    plain = ExportDialog(Settings(), tmp_path / "me.jpg", subject=WHOLE)
    assert plain.choices.own_box.isHidden() and plain.choices.place_box.isHidden() and not plain.options["deep"]
    assert plain.deep_box.isEnabled() and not plain.quality_box.isEnabled()
    plain.deep_box.setChecked(True)
    assert plain.options["deep"]
    plain.format.setCurrentText("JPEG")
    assert not plain.options["deep"] and not plain.deep_box.isEnabled() and plain.quality_box.isEnabled()
    rich = Subject(40, 30, 8, deep=True, colours="Display P3", place=True)
    dialog = ExportDialog(Settings(), tmp_path / "me.tif", subject=rich)
    assert dialog.options["deep"] and "Display P3" in dialog.choices.own_box.text()
    assert dialog.options["own_colours"] and not dialog.options["place"]
    dialog.choices.place_box.setChecked(True)
    dialog.choices.own_box.setChecked(False)
    assert dialog.options["place"] and not dialog.options["own_colours"]


@pytest.mark.usefixtures("app")
def test_it_remembers_its_choices(tmp_path: Path) -> None:
    settings = Settings()
    dialog = ExportDialog(settings, tmp_path / "me.jpg", subject=WHOLE)
    dialog.set_file(tmp_path / "a.webp")
    dialog.quality_box.setValue(70)
    dialog.choices.smaller.setChecked(True)
    dialog.choices.side.setValue(900)
    dialog.choices.credentials_box.setChecked(False)
    dialog.buffers_box.setChecked(True)
    dialog.mesh_box.setChecked(True)
    dialog.mesh_kind.setCurrentIndex(1)
    assert dialog.buffers == tmp_path / "a-buffers" and dialog.mesh == tmp_path / "a.obj"
    dialog.accept()
    settings.save(tmp_path)
    again = ExportDialog(Settings.load(tmp_path), tmp_path / "me.jpg", subject=WHOLE)
    assert (again.path, again.options) == (tmp_path / "me-edited.webp", {
        "quality": 70, "deep": False, "own_colours": True, "long_side": 900, "place": False, "credentials": False})
    assert again.buffers is not None and again.mesh == tmp_path / "me-edited.obj"


@pytest.mark.usefixtures("app")
def test_without_the_library_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings()
    monkeypatch.setattr(credentials, "problem", lambda: credentials.MISSING)
    dialog = ExportDialog(settings, tmp_path / "me.jpg", subject=WHOLE)
    assert not dialog.choices.credentials_box.isEnabled() and not dialog.options["credentials"]
    assert "not installed" in dialog.choices.note.text() and not dialog.choices.note.isHidden()
    dialog.accept()
    assert settings.export_credentials  # nobody chose to leave them out


@pytest.mark.usefixtures("app")
def test_nothing_is_replaced_unasked(tmp_path: Path) -> None:
    there = tmp_path / "there.png"
    there.write_bytes(b"x")
    dialog = ExportDialog(Settings(), tmp_path / "me.png", subject=WHOLE)
    dialog.show()
    dialog.set_file(there)
    assert "will be replaced" in dialog.problem.text()
    for answer, accepted in (("Cancel", False), ("Replace", True)):
        dialog.accept()
        box = dialog.findChild(QMessageBox)
        assert box is not None and "there.png is there already" in box.text() and dialog.isVisible()
        next(button for button in box.findChildren(QPushButton) if button.text().replace("&", "") == answer).click()
        flush()
        assert dialog.isVisible() is not accepted
    (tmp_path / "me.png").write_bytes(b"the photo")
    other = ExportDialog(Settings(), tmp_path / "me.png", subject=WHOLE)
    other.set_file(tmp_path / "me.png")
    assert not other.ok.isEnabled() and "photo itself" in other.problem.text()


def test_what_is_written_beside_the_picture(tmp_path: Path) -> None:
    from core.engine import Engine
    from tests.tiny import save_tiny_prior

    engine = Engine(prior=save_tiny_prior(tmp_path / "tiny.safetensors"))
    try:
        session = engine.open(Path(__file__).resolve().parents[2] / "resources" / "samples" / "astronaut.png")
        request = RenderRequest(session.digest, Rig().set("jaw.open", 0.4), prior=engine.prior.digest, size="crop", steps=1)
        result = engine.render(request)
        note = save_export(engine, result, tmp_path / "a.png", buffers=tmp_path / "a-buffers", mesh=tmp_path / "a.glb")
    finally:
        engine.close()
    assert note == "" and (tmp_path / "a.png").exists() and (tmp_path / "a.glb").stat().st_size > 100_000
    assert sorted(path.name for path in (tmp_path / "a-buffers").iterdir()) == [
        "albedo.png", "buffers.npz", "coverage.png", "normals.png", "rendered.png"]
    assert not has_place(session.photo.image)


def test_what_the_user_should_know_of_a_file_is_told(studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def noted(engine: Any, result: Any, path: Path, **options: Any) -> str:
        path.write_bytes(b"x")
        return "a.png was written. Content Credentials were left out."

    monkeypatch.setattr(studio.window.thread_of_engine.worker, "_save", noted)
    studio.window.export(tmp_path / "a.png")
    until(lambda: "left out" in studio.window.banner.text, "it is told")


# -- opening edits again --------------------------------------------------------------------------------------------------


def exported(folder: Path, photo: str = "photo.png", **changes: Any) -> Path:
    request = RenderRequest(f"{photo}#0", Rig().set("jaw.open", 0.3), seed=9, prior="fake", **changes)
    return save_image(np.zeros((8, 8, 3), np.uint8), folder / "made.png", request_json=request.to_json(),
                      made_from={"photo": photo, "face": 0, "model": "fake"})


def press(box: QMessageBox, text: str) -> None:
    next(button for button in box.buttons() if button.text().replace("&", "") == text).click()


def test_an_exported_picture_opens_as_its_edit(studio: Studio, tmp_path: Path) -> None:
    (tmp_path / "other.png").write_bytes(b"x")
    note_photo("other.png#0", tmp_path / "other.png")
    box = studio.window.queue.reopening.open(exported(tmp_path, "other.png"))
    assert box is not None and "made.png was made with DiffusionRig Studio" in box.text()
    assert "Jaw open" in box.informativeText() and "other.png" in box.informativeText()
    press(box, "Open its edit")
    until(lambda: studio.document.rig.get("jaw.open") == 0.3, "the edit is there")
    assert studio.document.session.photo.path == tmp_path / "other.png" and studio.document.appearance.seed == 9
    assert studio.document.undo_stack.undoText() == "Open the edit of made.png"
    studio.window.undo()
    assert studio.document.rig == Rig()


def test_what_is_missing_gives_a_choice(studio: Studio, tmp_path: Path) -> None:
    file = exported(tmp_path, "gone.png", person="somebody")
    box = studio.window.queue.reopening.open(file)
    assert box is not None and "'gone.png' was not found" in box.informativeText() and "People" in box.informativeText()
    assert [button.text() for button in box.buttons() if "Find the photo" in button.text()]
    press(box, "Use it on the open photo")
    assert studio.document.rig.get("jaw.open") == 0.3 and studio.document.session.photo.path.name == "photo.png"
    assert "the model alone paints it" in studio.window.banner.text and studio.document.person is None
    studio.document.mark_saved(studio.document.edit)
    again = studio.window.queue.reopening.open(file)
    assert again is not None
    press(again, "Open the picture itself")
    until(lambda: studio.document.session.photo.path == file, "it is a photo now")


def test_files_without_an_edit_are_photos(studio: Studio, tmp_path: Path) -> None:
    save_image(np.zeros((8, 8, 3), np.uint8), tmp_path / "plain.png")
    assert not studio.window.queue.offers(tmp_path / "plain.png") and not studio.window.queue.offers(tmp_path / "none.png")
    assert studio.window.queue.reopening.open(tmp_path / "plain.png") is None
    assert "holds no edit" in studio.window.banner.text
    assert studio.window.queue.offers(exported(tmp_path))
    box = studio.window.findChild(QMessageBox)
    assert box is not None
    press(box, "Cancel")


def test_another_photo_than_the_one_it_was_made_from_is_said(studio: Studio, tmp_path: Path) -> None:
    (tmp_path / "other.png").write_bytes(b"x")
    file = exported(tmp_path, "photo2.png")
    note_photo("photo2.png#0", tmp_path / "other.png")
    box = studio.window.queue.reopening.open(file)
    assert box is not None
    press(box, "Open its edit")
    until(lambda: "not 'photo2.png'" in studio.window.banner.text, "it is said")
    assert studio.document.rig.get("jaw.open") == 0.3
