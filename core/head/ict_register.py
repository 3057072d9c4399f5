"""From the landmarks the ICT kit documents to all that OpenHead knows of a head: MediaPipe's places, joints, soft masks.

The kit's head is turned and moved onto OpenHead by the 51 inner landmarks and the chin (Kabsch 1976), keeping its own size.
Then OpenHead is bent onto the kit's mean head by a thin-plate spline (Bookstein 1989) through the same points, and each of its
places is looked up on the nearest surface of the part it belongs to.
"""
from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.interpolate import RBFInterpolator
from scipy.spatial import cKDTree

from core.errors import AssetError
from core.head.ict_files import Kit, Layout
from core.head.open_head import OpenHead
from core.head.skin import HAIR, SkinModel, coded

ANCHORS = np.array([8, *range(17, 68)])  # of the 68 points; along the jaw the two conventions mark different things
IRISES = 468  # the landmarks from here on lie on the eyes
MOST_ERROR = 0.008  # metres between a documented landmark and MediaPipe's: a wrong layout is centimetres off
_SMOOTHING = 1e-8
_NEAREST = 16
# Display RGB of what is no skin; later ones lie over earlier ones. OpenHead's colours carry over to the skin.
COLOURS = {"sockets": (0.45, 0.25, 0.22), "mouth": (0.20, 0.08, 0.07), "teeth": (0.66, 0.61, 0.55), "eyes": (0.78, 0.75, 0.73),
           "iris": (0.22, 0.15, 0.11), "pupil": (0.03, 0.03, 0.03)}
MASKS = ("lips", "brows", "scalp", "ears", "neck", "lids", "depth")


def registered(kit: Kit, layout: Layout, guide: OpenHead) -> dict[str, np.ndarray]:
    """Arrays of a `core.head.ict.IctHead` from the kit. Raises AssetError when its landmarks are not where a face has them."""
    documented = np.array(layout.landmarks)[ANCHORS]
    target = guide.landmarks68(guide.mean, np.zeros(3))[ANCHORS].astype(np.float64)
    turn, offset = kabsch(kit.mesh.vertices[documented].astype(np.float64), target)
    mean = kit.mesh.vertices @ turn.T + offset
    bend = RBFInterpolator(target, mean[documented], smoothing=_SMOOTHING, kernel="thin_plate_spline")
    bent = bend(guide.mean.astype(np.float64))
    faces, bary = _places(mean, kit.mesh.faces, layout, bend(guide.landmarks(guide.mean).astype(np.float64)))
    arrays = {
        "mean": mean, "faces": kit.mesh.faces, "identity": kit.identity @ turn.T, "expression": kit.expression @ turn.T,
        "landmark_faces": faces, "landmark_bary": bary, "landmark_weight": guide.landmark_weight,
        "landmark_depth_bias": guide.landmark_depth_bias, "jaw_pivot": bend(guide.jaw_pivot[None].astype(np.float64))[0]}
    arrays |= _painted(mean, bent, layout, guide)
    if kit.mesh.uv_faces is not None:
        arrays |= {"uv": kit.mesh.uv, "uv_faces": kit.mesh.uv_faces}
    off = np.linalg.norm(np.einsum("lkc,lk->lc", mean[faces], bary)[guide_ids()] - mean[documented], axis=1).mean()
    if not off < MOST_ERROR:
        raise AssetError(f"The landmarks of the ICT head lie {1e3 * off:.0f} mm from where a face has them: "
                         "the files don't fit together. Copy the kit's own files again.")
    return {name: array.astype(np.int32 if array.dtype.kind in "iu" else np.float32) for name, array in arrays.items()}


def guide_ids() -> np.ndarray:
    """MediaPipe's numbers of the anchors."""
    from core.landmarks import IBUG68

    return IBUG68[ANCHORS]


def kabsch(points: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rotation (3, 3) and offset (3,) that bring points (n, 3) nearest to target (n, 3): x -> R x + t."""
    a, b = points - points.mean(0), target - target.mean(0)
    u, _, vt = np.linalg.svd(b.T @ a)
    turn = u @ np.diag([1.0, 1.0, np.sign(np.linalg.det(u @ vt))]) @ vt
    return turn, target.mean(0) - turn @ points.mean(0)


def _places(mean: np.ndarray, faces: np.ndarray, layout: Layout, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    skin = (faces < layout.face[1]).all(1)
    eyes = (faces >= layout.eyes[0][0]).all(1)
    parts = [closest(mean, faces[skin], wanted[:IRISES]), closest(mean, faces[eyes], wanted[IRISES:])]
    return np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts])


def closest(vertices: np.ndarray, faces: np.ndarray, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The corners (n, 3) and weights (n, 3) of the nearest places on a mesh, among the triangles with the nearest middles."""
    tree = cKDTree(vertices[faces].mean(1))
    near = tree.query(points, k=min(_NEAREST, len(faces)))[1].reshape(len(points), -1)
    corners = vertices[faces[near]]
    weights = _clamped_weights(corners, points[:, None])
    distance = np.linalg.norm(np.einsum("nfkc,nfk->nfc", corners, weights) - points[:, None], axis=2)
    best = distance.argmin(1)
    rows = np.arange(len(points))
    return faces[near[rows, best]], weights[rows, best]


def _clamped_weights(corners: np.ndarray, point: np.ndarray) -> np.ndarray:
    """Barycentric weights (..., 3) of the nearest point of triangles (..., 3, 3): the plane's, else the nearest edge's."""
    a, b, c = corners[..., 0, :], corners[..., 1, :], corners[..., 2, :]
    ab, ac, ap = b - a, c - a, point - a
    dot = {key: (x * y).sum(-1) for key, x, y in (("bb", ab, ab), ("bc", ab, ac), ("cc", ac, ac), ("pb", ap, ab), ("pc", ap, ac))}
    area = np.maximum(dot["bb"] * dot["cc"] - dot["bc"] ** 2, 1e-20)
    v = (dot["cc"] * dot["pb"] - dot["bc"] * dot["pc"]) / area
    w = (dot["bb"] * dot["pc"] - dot["bc"] * dot["pb"]) / area
    inside = np.stack([1 - v - w, v, w], -1)
    along = [_on_edge(p, q, point) for p, q in ((a, b), (b, c), (c, a))]
    zero = np.zeros_like(v)
    edges = np.stack([np.stack([1 - along[0], along[0], zero], -1), np.stack([zero, 1 - along[1], along[1]], -1),
                      np.stack([along[2], zero, 1 - along[2]], -1)], -2)
    gaps = np.linalg.norm(np.einsum("...ek,...kc->...ec", edges, corners) - point[..., None, :], axis=-1)
    nearest = np.take_along_axis(edges, gaps.argmin(-1)[..., None, None], -2)[..., 0, :]
    within = np.asarray((inside >= 0).all(-1))
    return np.where(within[..., None], inside, nearest)


def _on_edge(start: np.ndarray, end: np.ndarray, point: np.ndarray) -> np.ndarray:
    edge = end - start
    return np.clip(((point - start) * edge).sum(-1) / np.maximum((edge * edge).sum(-1), 1e-20), 0, 1)


def _painted(mean: np.ndarray, bent: np.ndarray, layout: Layout, guide: OpenHead) -> dict[str, np.ndarray]:
    """Joint weights and masks (V,): what the layout says where it says something, else OpenHead's at the nearest skin."""
    skin = guide.regions["skin"] > 0.5
    distance, near = cKDTree(bent[skin]).query(mean, k=4)
    share = 1 / (distance + 1e-4)
    share /= share.sum(1, keepdims=True)

    def carried(values: np.ndarray) -> np.ndarray:
        return np.asarray(np.einsum("vk...,vk->v...", values[skin][near].astype(np.float64), share))

    def part(*spans: tuple[int, int]) -> np.ndarray:
        mask = np.zeros(len(mean))
        for start, end in spans:
            mask[start:end] = 1
        return mask

    outside, lower, upper = part(layout.face, layout.neck), part(layout.lower_teeth), part(layout.upper_teeth)
    eyes, mouth = part(*layout.eyes), part(layout.mouth, layout.gums)
    masks = {name: carried(guide.masks[name]) * outside for name in MASKS if name in guide.masks}
    masks |= {"skin": outside, "eyes": eyes, "teeth": lower + upper, "lower_teeth": lower, "mouth": mouth,
              "sockets": part(layout.sockets)}
    jaw = carried(guide.weight_jaw[:, 0]) * (1 - eyes) * (1 - upper)
    masks |= _irises(mean, layout)
    arrays = {f"mask_{name}": values for name, values in masks.items()}
    arrays |= {"weight_neck": carried(guide.weight_neck[:, 0]), "weight_jaw": np.where(lower > 0, 1.0, jaw)}
    return arrays | _coloured(guide.skin, masks, carried)


def _coloured(skin: SkinModel, masks: dict[str, np.ndarray],
              carried: Callable[[np.ndarray], np.ndarray]) -> dict[str, np.ndarray]:
    """The albedo model's arrays (see `core.head.skin.SkinModel`)."""
    mean, modes = carried(skin.mean), np.stack([carried(mode) for mode in skin.modes])
    for name, colour in COLOURS.items():
        mean[masks[name] > 0.5] = coded(np.array(colour))
    bare = masks["skin"] > 0.5
    return {"albedo_mean": mean, "albedo_modes": modes * bare[:, None], "albedo_modes_scale": np.ones(len(modes)),
            "albedo_hair": 255 * carried(skin.hair[:, 0]) * bare, "albedo_default_hair": skin.default[-HAIR:]}


def ball_centre(points: np.ndarray) -> np.ndarray:
    """The centre (3,) of the sphere that points (n, 3) lie on, by linear least squares: |p|^2 = 2 p.c + k."""
    rows = np.column_stack([2 * points, np.ones(len(points))]).astype(np.float64)
    return np.asarray(np.linalg.lstsq(rows, (points.astype(np.float64) ** 2).sum(1), rcond=None)[0][:3])


def _irises(mean: np.ndarray, layout: Layout) -> dict[str, np.ndarray]:
    """Masks of iris and pupil by angle from the eye's axis: the kit's iris lies behind a clear cornea, which is opaque here."""
    iris: np.ndarray = np.zeros(len(mean))
    pupil: np.ndarray = np.zeros(len(mean))
    for (start, end), (first, last) in zip(layout.eyes, layout.irises, strict=True):
        centre = ball_centre(mean[start:first])
        arms, axis = mean[start:end] - centre, mean[first:last].mean(0) - centre
        cosine = (arms @ axis) / np.maximum(np.linalg.norm(arms, axis=1) * np.linalg.norm(axis), 1e-12)
        angle = np.degrees(np.arccos(np.clip(cosine, -1, 1)))
        iris[start:end] = angle < 29
        pupil[start:end] = angle < 11
    return {"iris": iris, "pupil": pupil}
