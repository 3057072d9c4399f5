"""What `edit --report` writes: the request, the codes, the model, the device, the times and the versions."""
from __future__ import annotations

import importlib.metadata
import platform
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.align import Alignment
from core.request import RenderRequest

if TYPE_CHECKING:
    from core.engine import Engine
    from core.people.person import Person
    from core.result import Result
    from core.session import Session

_PACKAGES = ("torch", "numpy", "numba", "scipy", "mediapipe", "opencv-contrib-python", "pillow", "dlib-bin")


def report(engine: Engine, session: Session, request: RenderRequest, result: Result | None, times: dict[str, float],
           out: Path | None, person: Person | None = None) -> dict[str, Any]:
    """What `--report` writes: plain values only. result, out: None where only buffers were asked for. person: whose model it was;
    None for the prior itself."""
    prior = engine.prior
    height, width = session.photo.image.pixels.shape[:2]
    return {
        "format": 1,
        "request": request.to_json(),
        "photo": {"path": str(session.photo.path), "width": width, "height": height,
                  "faces": len(session.faces), "face": session.face,
                  "aligned": session.photo.alignment == Alignment.whole(width, height)},
        "output": str(out) if out else None,
        "codes": {"source": session.code.to_json(),
                  "edited": engine.edited_code(session, request.rig, request.identity, request.method).to_json()},
        "fit": {"estimator": engine.estimator, "landmark_error": float(session.fit.landmark_error),
                "light_residual": float(session.fit.light_residual)},
        "model": {"name": prior.name, "head": prior.head, "size": prior.size, "digest": prior.digest, "licence": prior.licence},
        "person": {"name": person.name, "digest": person.digest, "file": str(person.path), "licence": person.licence}
        if person else None,
        "device": str(engine.device),
        "dtype": str(engine.dtype).removeprefix("torch."),
        "seconds": {name: round(seconds, 4) for name, seconds in times.items()},
        "identity_distance": result.identity_distance if result else None,
        "versions": versions(),
    }


def versions() -> dict[str, str]:
    """Python's and the main packages' versions; a package that is not installed is left out."""
    found = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
