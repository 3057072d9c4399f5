"""What lamps give every pixel of a picture, with the shadows that the head throws on itself."""
from __future__ import annotations

import hashlib
import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import lru_cache, partial

import numpy as np

from core.light_lamps import Lamp, falloff
from core.render import kernels, shadow_map, shadow_rays
from core.render.numba_raster import vertex_normals
from core.render.surface import Mesh, Surface

RAYS, MAP = "rays", "map"  # how shadows are found: exactly, or fast
METHODS = (RAYS, MAP)
_KEPT = 12
_lock = threading.Lock()
_newest: OrderedDict[tuple[object, ...], np.ndarray] = OrderedDict()
_log = logging.getLogger(__name__)


def add_lamps(rendered: np.ndarray, albedo: np.ndarray, normal: np.ndarray, mesh: Mesh, surface: Surface,
              lamps: Sequence[Lamp], method: str = RAYS) -> None:
    """Add lamps to a rendering (H, W, 3) float32: albedo * sum of light * facing * (1 - shadow * (1 - visibility)).

    albedo, normal (H, W, 3); surface: what each pixel sees of the mesh. method: 'rays' for pictures (without Embree, 'map' takes
    its place), 'map' while something is dragged. Raises ValueError for another.
    """
    if method not in METHODS:
        raise ValueError(f"shadows are found by {' or '.join(METHODS)}, not {method!r}")
    if method == RAYS and not (any(lamp.shadow > 0 for lamp in lamps) and rays_available()):
        method = MAP
    shape = _digest(mesh, surface) if any(lamp.shadow > 0 for lamp in lamps) else b""
    for lamp in lamps:
        seen = surface.depth  # of a lamp without a shadow it isn't looked at
        if lamp.shadow > 0:
            key = shape, method, lamp.direction, lamp.softness
            seen = _kept(key, partial(_visibility, mesh, surface, normal, lamp, method))
        kernels.add_lamp(normal, albedo, surface.face_ids, seen, falloff(lamp.softness), np.array(lamp.direction, np.float32),
                         np.array(lamp.light, np.float32), np.float32(lamp.shadow), rendered)


def forget() -> None:
    """Let go of the visibilities that are kept, for measurements."""
    with _lock:
        _newest.clear()


def _visibility(mesh: Mesh, surface: Surface, normal: np.ndarray, lamp: Lamp, method: str) -> np.ndarray:
    """How much of a lamp each pixel sees, 0 to 1 (H, W)."""
    if method == MAP:
        return shadow_map.visibility(mesh, surface.depth, normal, lamp)
    return shadow_rays.visibility(mesh, surface.face_ids, surface.bary, normal, vertex_normals(mesh.vertices, mesh.faces), lamp)


def _digest(mesh: Mesh, surface: Surface) -> bytes:
    """What tells one posed mesh under one camera from another."""
    total = hashlib.blake2b(f"{surface.depth.shape} {mesh.faces.shape}".encode(), digest_size=16)
    for part in (mesh.vertices, mesh.camera, mesh.box):
        total.update(np.ascontiguousarray(part).tobytes())
    return total.digest()


def _kept(key: tuple[object, ...], make: Callable[[], np.ndarray]) -> np.ndarray:
    """The visibility of that key: the newest are kept, for a picture asks for those of a lamp more than once, and while one lamp
    is dragged the others stay."""
    with _lock:
        if key in _newest:
            _newest.move_to_end(key)
            return _newest[key]
    found = make()
    with _lock:
        _newest[key] = found
        while len(_newest) > _KEPT:
            _newest.popitem(last=False)
    return found


@lru_cache(maxsize=1)
def rays_available() -> bool:
    """Whether Embree is there; where it isn't, this is said once."""
    if shadow_rays.available():
        return True
    _log.warning("embreex is not installed: cast shadows are drawn by a shadow map, with less exact edges "
                 "(pip install embreex).")
    return False
