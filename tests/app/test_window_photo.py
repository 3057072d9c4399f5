"""Opening, faces, broken photos, copies, exports, closing while it works."""
from __future__ import annotations

import threading
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QMessageBox

from app.dialogs.export import ExportDialog, free_name
from app.live import State
from app.run import save_export
from app.settings import Settings
from core.align import Alignment
from core.export import save_image
from core.photo import Photo, load_image
from core.request import RenderRequest
from tests.app.fakes import FakeEngine
from tests.app.studio import WINDOWS, Studio, drag, flush, until


def test_open_shows_the_photo_and_its_name(studio: Studio) -> None:
    assert studio.window.windowTitle().startswith("photo.png")
    assert "400 × 300" in studio.window.status.photo.text()
    assert studio.canvas.photo is not None and not studio.canvas.busy_text
    assert studio.slider("light.azimuth").number.value() != 0  # the photo's own light
    assert studio.window.status.prior.text() == "Prior fake"


def test_drop_opens(studio: Studio, tmp_path: Path) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(tmp_path / "dropped.jpg"))])
    event = QDropEvent(QPointF(50, 50), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier)
    studio.canvas.dropEvent(event)
    until(lambda: studio.document.session.photo.path.name == "dropped.jpg", "it opens")


def test_broken_photo_is_told_and_the_open_one_stays(studio: Studio) -> None:
    studio.document.set("jaw.open", 0.3)
    studio.window.open_photo(Path("notes.txt"))
    until(lambda: studio.window.banner.text, "a message")
    assert "notes.txt is not a picture" in studio.window.banner.text
    assert studio.document.session.photo.path.name == "photo.png"
    studio.settle()
    studio.window.open_photo(Path("crash.png"))
    until(lambda: "Something went wrong while opening crash.png" in studio.window.banner.text, "a message")
    assert not studio.canvas.busy_text


def test_a_new_photo_forgets_edit_and_history(studio: Studio) -> None:
    studio.document.set("jaw.open", 0.3)
    studio.open("other.png")
    assert not studio.document.rig.values and not studio.document.undo_stack.canUndo()
    studio.settle()


def test_an_opened_photo_is_read_ahead_of_the_first_drag(studio: Studio) -> None:
    studio.open("one.png")
    until(lambda: studio.engine.read and studio.engine.read[-1] is studio.document.session, "the reading")
    studio.settle()


def test_faces_are_picked_by_a_click(studio: Studio) -> None:
    studio.engine.faces = 3
    studio.open("group.png")
    assert studio.canvas.picking and "3 faces" in studio.window.banner.text
    box = studio.canvas._face_rects()[2]
    QTest.mouseClick(studio.canvas, Qt.MouseButton.LeftButton, pos=box.center().toPoint())
    until(lambda: studio.document.session.face == 2, "the third face")
    assert not studio.canvas.picking and studio.engine.opened[-1] == (Path("group.png"), 2)
    studio.settle()
    assert studio.window.actions_by_name["faces"].isVisible()


def test_escape_keeps_the_largest_face(studio: Studio) -> None:
    studio.engine.faces = 2
    studio.open("pair.png")
    QTest.keyClick(studio.canvas, Qt.Key.Key_Escape)
    assert not studio.canvas.picking and studio.document.session.face == 0


def test_copy_from_another_photo_and_back(studio: Studio) -> None:
    studio.document.set("light.azimuth", -40.0)
    studio.window.copy_from(Path("lamp-photo.png"), "light")
    until(lambda: studio.document.rig.copies, "copied")
    copy = studio.document.rig.copied("light")
    assert copy is not None and copy.label == "lamp-photo.png" and studio.document.rig.get("light.azimuth") is None
    assert studio.window.side.appearance.copies.count() == 1
    studio.window.undo()
    assert not studio.document.rig.copies and studio.document.rig.get("light.azimuth") == -40.0
    assert studio.window.side.appearance.copies.count() == 0


def test_a_waiting_export_holds_its_photo(gated: Studio, tmp_path: Path) -> None:
    first = gated.document.session
    gated.document.set("jaw.open", 0.2)
    gated.window.export(tmp_path / "0.png")
    gated.engine.allow(2)  # the edit's preview, and the export's first step
    gated.open("other.png")
    (waiting,) = gated.window.exports._jobs.values()
    assert waiting.photos == (first,) and first is not gated.document.session, "an engine forgets what nobody holds"
    gated.engine.allow_all()
    until(lambda: gated.window.exports.count == 0, "written")
    gated.settle()


def test_exports_queue_and_none_is_dropped(gated: Studio, tmp_path: Path) -> None:
    engine, window = gated.engine, gated.window
    for i in range(3):
        gated.document.set("jaw.open", 0.1 * (i + 1))
        window.export(tmp_path / f"{i}.png", "full" if i else "crop", 80)
    assert window.exports.count == 3 and "and 2 more" in window.status.exports.text()
    for i in range(4):  # edits go on and come first
        gated.document.set("pose.yaw", float(i))
    engine.allow_all()
    until(lambda: window.exports.count == 0, "all written")
    assert [(tmp_path / f"{i}.png").read_text() for i in range(3)] == ["(64, 64, 3) 80", "(300, 400, 3) 80", "(300, 400, 3) 80"]
    assert window.status.exports.text() == "" and "Exported to" in window.banner.text
    gated.settle()


def test_export_failure_offers_another_try(studio: Studio, tmp_path: Path) -> None:
    studio.window.export(tmp_path / "gone" / "x.png")
    until(lambda: studio.window.banner.text, "a message")
    assert studio.window.exports.count == 0
    (tmp_path / "gone").mkdir()
    studio.window.banner._button.click()
    until(lambda: (tmp_path / "gone" / "x.png").exists(), "written at the second try")


def test_messages_from_the_worker_arrive_in_the_windows_thread(studio: Studio, tmp_path: Path) -> None:
    threads: set[int] = set()
    studio.window.exports.changed.connect(lambda: threads.add(threading.get_ident()))
    studio.window.live.state_changed.connect(lambda: threads.add(threading.get_ident()))
    studio.window.export(tmp_path / "gone" / "x.png")
    until(lambda: studio.window.exports.count == 0, "it fails")
    studio.document.set("jaw.open", 0.5)
    studio.settle()
    assert threads == {threading.get_ident()}


def test_cancelled_export_writes_nothing(gated: Studio, tmp_path: Path) -> None:
    gated.window.export(tmp_path / "a.png")
    until(lambda: any(r.size == "full" for r in gated.engine.started), "it runs")
    gated.window.actions_by_name["cancel-exports"].trigger()
    until(lambda: gated.window.exports.count == 0, "cancelled")
    assert not (tmp_path / "a.png").exists() and gated.window.banner.text == ""


def test_close_while_it_works(gated: Studio) -> None:
    gated.document.set("jaw.open", 0.4)
    until(lambda: gated.engine.started, "a preview runs and waits")
    gated.window.projects.close_anyway()
    assert not gated.window.thread_of_engine.running and gated.engine.closed


def test_close_with_exports_asks(gated: Studio, tmp_path: Path) -> None:
    gated.window.export(tmp_path / "late.png")
    gated.window.close()
    assert gated.window.isVisible()
    box = gated.window.findChild(QMessageBox)
    assert box is not None
    next(b for b in box.buttons() if b.text() == "Quit when written").click()
    assert gated.window.isVisible()
    gated.engine.allow_all()
    until(lambda: not gated.window.isVisible(), "it closes")
    assert (tmp_path / "late.png").exists()


def test_quit_now_gives_exports_up(gated: Studio, tmp_path: Path) -> None:
    gated.window.export(tmp_path / "never.png")
    gated.window.close()
    box = gated.window.findChild(QMessageBox)
    assert box is not None
    next(b for b in box.buttons() if b.text() == "Quit now").click()
    until(lambda: not gated.window.isVisible(), "it closes")
    assert not (tmp_path / "never.png").exists()


def test_engine_that_cannot_start_is_told(tmp_path: Path) -> None:
    from app.theme import Theme
    from app.window import Window
    from core.errors import AssetError

    def broken(_setup: object) -> object:
        raise AssetError("The prior default.safetensors is damaged. Install it again.")

    window = Window(broken, lambda *a, **k: None, Settings(), Theme("dark"))
    WINDOWS.append(window)
    window.show()
    window.start()
    window.open_photo(Path("photo.png"))
    until(lambda: "damaged" in window.banner.text, "a message")
    assert not window.canvas.busy_text
    window.close()


def test_export_dialog_follows_name_and_format(tmp_path: Path, app: object) -> None:
    settings = Settings(export_format="PNG")
    dialog = ExportDialog(settings, tmp_path / "me.jpg")
    assert dialog.path == tmp_path / "me-edited.png" and dialog.ok.isEnabled() and not dialog.quality_box.isEnabled()
    dialog.format.setCurrentText("JPEG")
    assert dialog.path.name == "me-edited.jpg" and dialog.quality_box.isEnabled()
    dialog.set_file(tmp_path / "out.webp")
    assert dialog.format.currentText() == "WebP"
    dialog.set_file(tmp_path / "plain")
    assert dialog.path.name == "plain.webp"
    dialog.file.setText(str(tmp_path / "none" / "x.png"))
    assert not dialog.ok.isEnabled() and "folder" in dialog.problem.text()
    dialog.file.setText(str(tmp_path / "x.gif"))
    assert not dialog.ok.isEnabled()
    dialog.set_file(tmp_path / "y.tif")
    dialog.accept()
    assert settings.export_format == "TIFF" and settings.export_folder == str(tmp_path)
    (tmp_path / "y.tif").touch()
    assert free_name(tmp_path / "y.tif").name == "y-2.tif"


def test_an_export_keeps_sixteen_bits(tmp_path: Path) -> None:
    deep = np.random.default_rng(0).integers(0, 65535, (64, 64, 3)).astype(np.uint16)
    source = load_image(save_image(deep, tmp_path / "in.tif"))
    photo = Photo(source, (), 0, None, Alignment((32.0, 32.0), (16.0, 0.0), (0.0, 16.0)))  # type: ignore[arg-type]
    crop = photo.crop(32).copy()
    crop[12:20, 12:20] = 255 - crop[12:20, 12:20]
    engine = SimpleNamespace(session=lambda digest: SimpleNamespace(photo=photo), prior=SimpleNamespace(name="fake"))
    result = SimpleNamespace(fine=None, image=photo.paste(crop), crop=crop, request=RenderRequest("x"))
    save_export(engine, result, tmp_path / "out.tif", deep=True)
    written = load_image(tmp_path / "out.tif").deep
    assert written is not None and np.array_equal(written[:10], deep[:10]) and (written != deep).any()


def test_without_a_photo_nothing_can_be_set() -> None:
    made = Studio(FakeEngine(gated=False))
    assert not made.window.actions_by_name["export"].isEnabled()
    assert made.window.live.state is State.EMPTY
    drag(made.canvas, QPoint(100, 100), QPoint(150, 150))
    made.window.grab()
    flush()
    made.close()
