"""An album's photos as training pictures: what `core.train_data.Maker` takes in place of shards."""
from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from core.codes import FaceCode
from core.errors import UserError
from core.photo import load_image


class Pictures:
    """Aligned crops and codes of some photos of one person, with the person's identity in place of each photo's own."""

    def __init__(self, names: Sequence[str], files: Sequence[Path], codes: Sequence[FaceCode], identity: np.ndarray) -> None:
        """files: the crops, (S, S, 3) pictures. identity (K,). Raises UserError when there are none."""
        if not names:
            raise UserError("No photo of the album is left to learn from. Include some, or add photos.")
        self.names, self.identity = list(names), np.asarray(identity, np.float32)
        self._files, self._codes = list(files), [code.replace(identity=self.identity) for code in codes]
        self._kept: dict[int, np.ndarray] = {}

    def __len__(self) -> int:
        return len(self.names)

    def photo(self, index: int) -> np.ndarray:
        """(S, S, 3) uint8, not writable. Raises PhotoError when its file has gone or is damaged."""
        if index not in self._kept:
            self._kept[index] = load_image(self._files[index]).pixels
        return self._kept[index]

    def code(self, index: int) -> FaceCode:
        """The fitted parameters with the person's identity."""
        return self._codes[index]

    def odds(self, mix: dict[str, float]) -> np.ndarray:
        """Probability (N,) of each picture: all alike; an album has no groups to mix."""
        return np.full(len(self), 1 / len(self))

    def facts(self) -> dict[str, Any]:
        """What a model card says of these pictures."""
        return {"pictures": {"album": len(self)}, "mean_identity": [float(v) for v in self.identity]}
