"""The parts of the Personalize dialog by themselves: grid, large view, plots, chips, steps, results."""
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, QSize, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from app.canvas.paint import font
from app.personal.coverage import LightBall, Plot, Point, Spread, TurnMap
from app.personal.dialog_steps import STEPS, Steps
from app.personal.done_page import gains
from app.personal.drop_field import Flow
from app.personal.health_page import HealthPage
from app.personal.import_page import count_photos
from app.personal.labels import tip
from app.personal.light_box import LightBox, Shown
from app.personal.thumbs import ALL, OUT, USED, WEAK, Tile, Tiles
from app.personal.thumbs_view import TileView, two_lines
from app.theme import Theme
from core.album.album import Album
from tests.app.personal_album import Made, ordinary, write_album
from tests.app.studio import flush, until

POINTS = [Point("a", "a.jpg", -30, 0, 0.0, 0.0, -60, 10), Point("b", "b.jpg", 0, 10, 0.9, 0.5, 0, 40),
          Point("c", "c.jpg", 35, -20, 0.5, 0.1, 120, 0, used=False)]


def tile(name: str, verdict: str = "accepted", **more: object) -> Tile:
    return Tile(name, f"{name}.jpg", verdict, used=verdict != "refused", **more)  # type: ignore[arg-type]


def test_words_and_signs_of_a_tile() -> None:
    assert (tile("a").word, tile("a").icon, tile("a").action) == ("Used", "check", "Leave out")
    assert (tile("a", "weak").word, tile("a", "weak").icon) == ("Weak", "warning")
    assert (tile("a", "refused").word, tile("a", "refused").icon, tile("a", "refused").action) == ("Left out", "minus", "Use")
    assert tile("a", "refused", can_use=False).action == "", "there is nothing to use"
    own = Tile("a", "a.jpg", "refused", used=True, choice=True)
    assert own.word == "Used, by you" and own.icon == "check"
    assert tile("a", held=True, detail="Soft.").spoken == "a.jpg. Used. Soft. kept for testing"


def test_groups_of_the_grid() -> None:
    tiles = Tiles()
    tiles.set_tiles([tile("a"), tile("b", "weak"), tile("c", "refused")])
    assert [tiles.count(group) for group in (ALL, USED, WEAK, OUT)] == [3, 2, 1, 1]
    tiles.choose_group(OUT)
    assert tiles.rowCount() == 1 and not tiles.find("a").isValid()
    tiles.set_tiles([tile("a"), tile("b", "weak"), Tile("c", "c.jpg", "refused", used=True, choice=True)])
    assert tiles.rowCount() == 1 and tiles.count(OUT) == 0, "what was overruled stays in sight"
    tiles.choose_group(OUT)
    assert tiles.rowCount() == 0
    tiles.choose_group(ALL)
    tiles.add(tile("d"))
    tiles.add(tile("d", "weak"))
    assert tiles.rowCount() == 4 and tiles.count(WEAK) == 2, "a name is there once"


def test_the_grid_fills_its_width_and_moves_by_arrows(app: QApplication) -> None:
    tiles = Tiles()
    tiles.set_tiles([tile(f"{i:03d}") for i in range(200)])
    view = TileView(Theme("dark"), tiles)
    view.resize(720, 500)
    view.show()
    flush()
    seen: list[str] = []
    view.current.connect(seen.append)
    cell = view.gridSize().width()
    assert 4 * cell <= view.viewport().width() < 4 * cell + 8
    view.setCurrentIndex(tiles.index(0))
    QTest.keyClick(view, Qt.Key.Key_Down)
    QTest.keyClick(view, Qt.Key.Key_Right)
    assert seen[-2:] == ["004", "005"]
    QTest.keyClick(view, Qt.Key.Key_End)
    assert seen[-1] == "199" and view.verticalScrollBar().value() > 1000
    opened: list[str] = []
    view.opened.connect(opened.append)
    QTest.keyClick(view, Qt.Key.Key_Return)
    QTest.mouseDClick(view.viewport(), Qt.MouseButton.LeftButton, pos=view.visualRect(view.currentIndex()).center())
    assert opened == ["199", "199"]
    assert tiles.data(tiles.index(0), Qt.ItemDataRole.AccessibleTextRole) == "000.jpg. Used"


def test_thumbnails_are_read_when_they_are_drawn(app: QApplication, tmp_path: Path) -> None:
    files = []
    for i in range(60):
        files.append(tmp_path / f"{i}.png")
        QImage(168, 168, QImage.Format.Format_RGB32).save(str(files[-1]))
    tiles = Tiles()
    tiles.set_tiles([tile(f"{i}", thumb=file) for i, file in enumerate(files)])
    view = TileView(Theme("light"), tiles)
    view.resize(540, 400)
    view.show()
    view.grab()
    assert 0 < len(tiles._images) < 30
    files[0].unlink()
    tiles.forget_images()
    assert tiles.image(files[0]) is None and tiles.image(files[1]) is not None


def test_long_reasons_take_two_lines(app: QApplication) -> None:
    metrics = QFontMetricsF(font(11))
    assert two_lines("Blurred", metrics, 140) == ["Blurred"]
    lines = two_lines("Face is small, eyes closed or hidden, nearly the same as another", metrics, 140)
    assert len(lines) == 2 and lines[1].endswith("…") and all(metrics.horizontalAdvance(line) <= 141 for line in lines)
    assert len(two_lines("x" * 200, metrics, 140)) == 1


@pytest.mark.parametrize("kind", [TurnMap, LightBall])
def test_dots_point_at_photos(app: QApplication, kind: Callable[[Theme], Plot]) -> None:
    plot = kind(Theme("dark"))
    plot.resize(260, plot.height())
    plot.show_points(POINTS)
    plot.show()
    picked: list[str] = []
    plot.picked.connect(picked.append)
    for point in POINTS:
        at = plot.where(point)
        assert plot.rect().contains(at.toPoint())
        QTest.mouseClick(plot, Qt.MouseButton.LeftButton, pos=at.toPoint())
    QTest.mouseClick(plot, Qt.MouseButton.LeftButton, pos=QPoint(1, 1))
    assert picked == ["a", "b", "c"]
    plain = plot.grab().toImage()
    plot.point_at("b")
    assert plot.grab().toImage() != plain
    assert plot.where(POINTS[0]).x() < plot.where(POINTS[1]).x() < plot.where(POINTS[2]).x()
    plot.close()


def test_plots_in_words() -> None:
    theme = Theme("dark")
    kinds: tuple[tuple[Callable[[Theme], Plot], str], ...] = (
        (TurnMap, "1 turned to the left, 1 from the front, 0 turned to the right"),
        (Spread, "1 of 2 smile, 1 have the mouth open"),
        (LightBall, "1 lit from the left, 1 from the front, 0 from the right"))
    for kind, words in kinds:
        plot = kind(theme)
        plot.show_points(POINTS)
        assert plot.accessibleDescription() == words
        plot.grab()


def test_large_view(app: QApplication, tmp_path: Path) -> None:
    file = tmp_path / "p.png"
    image = QImage(300, 200, QImage.Format.Format_RGB32)
    image.fill(QColor("#c02020"))
    image.save(str(file))
    cover = QWidget()
    cover.resize(900, 640)
    cover.show()
    box = LightBox(Theme("dark"), cover)
    overruled: list[tuple[str, bool]] = []
    steps: list[int] = []
    box.overruled.connect(lambda name, use: overruled.append((name, use)))
    box.stepped.connect(steps.append)
    box.open(tile("p"), Shown(file, (300, 200), ((100, 50, 200, 150), (0, 0, 20, 20)), 0), None)
    until(lambda: box._image is not None and not box._tasks, "it is read")
    face, picture = box.face_box(0), box.picture_box
    assert picture.contains(face) and abs(face.width() / picture.width() - 1 / 3) < 1e-6
    shot = box.grab().toImage()
    ratio = shot.devicePixelRatio()
    inside, beside = (shot.pixelColor((p * ratio).toPoint()) for p in (face.center(), picture.topRight() + QPoint(-30, 30)))
    assert inside.red() > 170 > beside.red(), "what is not the face is darker"
    for key in (Qt.Key.Key_Space, Qt.Key.Key_Left, Qt.Key.Key_Right):
        QTest.keyClick(box, key)
    assert overruled == [("p", False)] and steps == [-1, 1]
    seen = set()
    for _ in range(6):
        QTest.keyClick(QApplication.focusWidget() or box, Qt.Key.Key_Tab)
        seen.add(QApplication.focusWidget())
    assert {box.toggle, box.close_button, box.before, box.after} <= seen
    cover.resize(700, 500)
    flush()
    assert box.size() == cover.size()
    QTest.keyClick(box, Qt.Key.Key_Escape)
    assert box.isHidden() and box.name == ""
    box.open(tile("q"), Shown(tmp_path / "gone.jpg"), None)
    until(lambda: box._message, "it is told")
    assert "gone.jpg" in box._message
    QTest.mouseClick(box, Qt.MouseButton.LeftButton, pos=QPoint(5, 200))
    assert box.isHidden()
    box.stop()


def test_dots_tiles_and_the_large_view_go_together(app: QApplication, tmp_path: Path) -> None:
    album = write_album(tmp_path / "made", ordinary())
    cover = QWidget()
    cover.resize(1000, 700)
    page = HealthPage(Theme("light"), Tiles(), cover, cover)
    page.resize(cover.size())
    cover.show()
    page.show_album(album)
    page.choose_group(OUT)
    page.pick("good2")
    assert page.tiles.group == ALL and page.view.currentIndex().data() == "good2.jpg"
    assert page.plots[0]._hot == "good2"
    page.view.opened.emit("good2")
    assert page.large.name == "good2"
    QTest.keyClick(page.large, Qt.Key.Key_Right)
    assert page.large.name == "good3"
    QTest.keyClick(page.large, Qt.Key.Key_Space)
    assert page.album is not None and page.album.photo("good3").choice is False
    assert page.large.toggle.text() == "Use it anyway"
    QTest.keyClick(page.large, Qt.Key.Key_Escape)
    assert page.view.currentIndex().data() == "good3.jpg"
    page.large.stop()
    assert page.save() and Album.load(album.folder).choices == {"good3": False}


def test_an_album_that_cannot_be_written(app: QApplication, tmp_path: Path) -> None:
    album = write_album(tmp_path / "made", [Made("one"), Made("two")])
    page = HealthPage(Theme("light"), Tiles(), QWidget())
    page.show_album(album)
    page.overrule("one", False)
    (album.folder / "album.json").unlink()
    (album.folder / "album.json").mkdir()
    told: list[str] = []
    page.failed.connect(told.append)
    assert not page.save() and len(told) == 1 and "album.json" in told[0]
    page.deleteLater()


def test_chips_break_into_lines(app: QApplication) -> None:
    host, flow = QWidget(), Flow(8)
    host.setLayout(flow)
    for _ in range(5):
        chip = QWidget()
        chip.setFixedSize(QSize(100, 30))
        flow.addWidget(chip)
    assert flow.heightForWidth(1000) == 30 and flow.heightForWidth(330) == 68 and flow.heightForWidth(50) == 5 * 30 + 4 * 8
    host.deleteLater()


def test_photos_in_folders_are_counted_by_name(tmp_path: Path) -> None:
    (tmp_path / "deep" / "deeper").mkdir(parents=True)
    for name in ("a.JPG", "deep/b.heic", "deep/deeper/c.png", "deep/notes.txt"):
        (tmp_path / name).touch()
    assert count_photos(tmp_path) == 3 and count_photos(tmp_path / "a.JPG") == 1


def test_steps_and_results(app: QApplication) -> None:
    steps = Steps(Theme("dark"))
    for i, name in enumerate(STEPS):
        steps.show_step(i)
        steps.grab()
        assert steps.accessibleName() == f"Step {i + 1} of {len(STEPS)}: {name}"
    found = gains({"identity": 0.6, "face": 0.5, "perceptual": 0.4}, {"identity": 0.45, "perceptual": 0.44, "drift": 0.2})
    assert [gain.title for gain in found] == ["Likeness", "Detail of the picture"], "those measured both times"
    assert [gain.words for gain in found] == ["25 % closer", "10 % farther"]


def test_names_of_files_are_no_markup() -> None:
    assert tip("plain & simple.jpg") == "plain & simple.jpg"
    assert "<img" not in tip("<img src=x>.jpg")
