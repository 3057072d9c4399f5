"""2,000 random actions: no traceback, no Qt warning, no thread left (see conftest), and nothing that piles up."""
from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtWidgets import QApplication

from tests.app.fakes import FakeEngine
from tests.app.monkey import Monkey
from tests.app.studio import Studio, flush, until

ACTIONS = 500  # of each seed


@pytest.fixture
def files(tmp_path: Path) -> Path:
    folder = tmp_path / "files"
    folder.mkdir()
    for name in ("one.png", "two.jpg"):
        Image.fromarray(np.full((64, 64, 3), 120, np.uint8)).save(folder / name)
    (folder / "broken.drig").write_bytes(b"PK\x03\x04 broken")
    (folder / "rig.json").write_text('{"light.azimuth": 30}')
    (folder / "light.hdr").write_bytes(b"#?RADIANCE\n broken")
    return folder


@pytest.mark.timeout(240)
@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_random_actions(seed: int, files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = FakeEngine(gated=False)
    studio = Studio(engine)
    studio.open("one.png")
    studio.settle()
    monkey = Monkey(studio, files, seed, monkeypatch)
    widgets: list[Counter[str]] = []
    try:
        for k in range(ACTIONS):
            monkey.act()
            if k in (ACTIONS // 2, ACTIONS - 1):
                monkey.close_dialogs()
                widgets.append(Counter(type(w).__name__ for w in QApplication.allWidgets()))
    except BaseException:
        print(f"after {sum(monkey.done.values())} actions, last {monkey.last}")
        raise
    finally:
        engine.fail = lambda _: None
        monkey.stop()
    grown = {name: (widgets[0][name], count) for name, count in widgets[1].items() if count > 2 * widgets[0][name] + 40}
    assert not grown, f"widgets pile up: {grown}"
    until(lambda: studio.window.models.switching.loading is None, "no engine is being loaded")
    flush()
    studio.close()
