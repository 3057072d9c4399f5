"""What many tests of pictures share: an engine with a tiny model, and the sample photo open in it."""
from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.engine import Engine
from core.session import Session
from tests.tiny import tiny_engine


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    with tiny_engine(tmp_path_factory.mktemp("prior")) as engine:
        yield engine


@pytest.fixture(scope="module")
def session(engine: Engine, sample_photo: Path) -> Session:
    return engine.open(sample_photo)
