"""Album photos made of numbers, for tests of what follows the reading."""
from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from core.album.facts import ReadPhoto, SeenFace
from core.head import load_head

SIZE = 256
GOOD = {"side": 400.0, "yaw": 0.0, "pitch": 0.0, "roll": 0.0, "smile": 0.1, "jaw": 0.0, "blink_left": 0.1, "blink_right": 0.1,
        "azimuth": 0.0, "elevation": 20.0, "lamp": 0.5, "brightness": 120.0, "dark": 0.0, "sides": 1.2, "blur": 0.9,
        "detail": 380.0, "eyes_left": 1.0, "eyes_right": 1.0, "eyes_colour": 2.0, "confidence": 0.99, "landmark_error": 0.01,
        "light_residual": 0.03}
CODE = load_head("open").zero_code()


def person(number: int) -> np.ndarray:
    """The middle (128,) of a person's embeddings; two people's are about .75 apart."""
    direction = np.random.default_rng([7, number]).standard_normal(128)
    return 0.53 * direction / np.linalg.norm(direction)


def seen(who: int, number: int, scatter: float = 0.33, identity: Any = None, **facts: float) -> SeenFace:
    """A usable face of a person; each number gives another embedding, `scatter` from the middle, and another picture."""
    rng = np.random.default_rng([who, number])
    away = rng.standard_normal(128)
    code = CODE if identity is None else CODE.replace(identity=identity)
    side = facts.get("side", GOOD["side"])
    return SeenFace((10.0, 20.0, 10 + side / 2, 20 + side / 2), "",
                    (person(who) + scatter * away / np.linalg.norm(away)).astype(np.float32), code, {**GOOD, **facts},
                    rng.integers(0, 256, (32, 32), np.uint8))


def photo(name: str, *faces: SeenFace, **changes: Any) -> ReadPhoto:
    """A photo with these faces."""
    digest = "".join(f"{ord(c):02x}" for c in name)
    return ReadPhoto(**{"name": name, "path": Path(f"/photos/{name}.jpg"), "digest": digest, "size": (1000, 800),
                        "faces": faces, "pixels": digest, "bytes": 100_000, **changes})
