"""Albedo model of the head: mean and principal components of what skin reflects, learned from evenly lit photos.

Each photo is laid on its fitted mesh, divided by a colourless spherical-harmonics shading, and mirrored; the mean and the
principal components over people (standard deviations included) become the model, coded as in `core.head.skin`. What no photo
shows (scalp, neck, ears, the back) is filled smoothly; eyes, teeth, tongue and the mouth's inside are painted.
"""
from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.sparse import coo_matrix, csc_matrix, diags
from scipy.sparse.linalg import spsolve

from core.cv import cv2
from core.errors import NoFaceError
from core.estimate import fit_shape
from core.head.base import HeadModel
from core.head.skin import coded
from core.landmarks import FaceFinder
from core.light import mean_shading, sh_basis
from core.photo import Photo, load_image
from core.render.buffers import Buffers, render_buffers
from core.train_data import person_key
from resources.head_build.mesh import vertex_areas

Arrays = dict[str, np.ndarray]

SOURCES = ("londonneutral", "londonsmile")  # one studio, one exposure: differences between people are differences of skin
SIZE = 512
MODES = 12
# Mean shading RGB of a face in that studio: the studio's light is cooler than that of most portraits.
LEVEL = np.array([0.92, 1.015, 1.09])
DARKEST = 0.02  # of grey, for logarithms

# Display RGB of what is not learned.
SKIN, LIPS, HAIR, LASHES = (0.66, 0.51, 0.44), (0.57, 0.38, 0.345), (0.20, 0.155, 0.13), (0.12, 0.07, 0.06)
SCLERA, IRIS, PUPIL = (0.66, 0.62, 0.60), (0.22, 0.15, 0.11), (0.03, 0.03, 0.03)
TEETH, LOWER_TEETH, TONGUE = (0.66, 0.61, 0.55), (0.50, 0.45, 0.41), (0.40, 0.19, 0.175)
CAVITY, CAVITY_DEEP = (0.25, 0.10, 0.09), (0.06, 0.025, 0.025)
BROW_STRENGTH, SCALP_STRENGTH, LID_SHADE = 0.65, 0.9, 0.2
LID_BARE = 0.7  # how much of a lid's colour is that of bare skin

_INNER = ("mouth", "tongue", "teeth", "lower_teeth", "eyes")  # painted, not learned


@dataclass(frozen=True, eq=False)
class Fields:
    """Coded colours (P, V, 3) of people on the mesh, and how well each vertex was seen (P, V)."""

    colours: np.ndarray
    weight: np.ndarray


def painted(masks: Arrays) -> np.ndarray:
    """Display RGB (V, 3) of a head that nothing was learned for: skin, brows and lips, and what `_inner` paints."""
    colour = np.tile(np.array(SKIN), (len(masks["skin"]), 1))
    layers = ((masks["brows"] * BROW_STRENGTH, HAIR), (masks["lips"], LIPS), (masks["lids"] * LID_SHADE, LASHES))
    for mask, paint in layers:
        colour += mask[:, None] * (np.array(paint) - colour)
    return _inner(masks, colour)


def _inner(masks: Arrays, colour: np.ndarray) -> np.ndarray:
    """The colours (V, 3) with eyes and the mouth's inside painted over."""
    deep = masks["depth"]
    layers = ((masks["mouth"], CAVITY), (masks["mouth"] * deep, CAVITY_DEEP), (masks["tongue"], TONGUE),
              (masks["tongue"] * deep, CAVITY_DEEP), (masks["teeth"], TEETH), (masks["lower_teeth"], LOWER_TEETH),
              (masks["teeth"] * deep, CAVITY_DEEP), (masks["eyes"], SCLERA), (masks["iris"], IRIS), (masks["pupil"], PUPIL))
    colour = colour.copy()
    for mask, paint in layers:
        colour += mask[:, None] * (np.array(paint) - colour)
    return colour


def plain_arrays(masks: Arrays) -> Arrays:
    """The albedo arrays of a head file before anything is learned."""
    return _packed(coded(painted(masks)), np.zeros((0, len(masks["skin"]), 3)), masks)


def albedo_arrays(masks: Arrays, prior: Arrays) -> Arrays:
    """The albedo arrays of a head file: albedo_mean (V, 3) coded display RGB, albedo_modes (K, V, 3) int8 with a scale each, in
    standard deviations, albedo_hair (V,) share of the hair's colour, albedo_default_hair (3,). masks: (V,) in [0, 1]; prior:
    the arrays that `learn` made."""
    inner = np.clip(sum(masks[name] for name in _INNER), 0, 1)[:, None]
    mean = _with_bare_lids(prior["mean"].astype(np.float64), masks)
    mean = mean + inner * (coded(painted(masks)) - mean)
    modes = _with_bare_lids(prior["modes"].astype(np.float64) * prior["scale"][:, None, None], masks)
    return _packed(mean, modes * (1 - inner), masks)


def _with_bare_lids(values: np.ndarray, masks: Arrays) -> np.ndarray:
    """Values (..., V, 3) whose lids are mostly like bare skin: open eyes fold them away, so photos showed lashes and shadow,
    and a shut eye would look made up."""
    others = sum(masks[name] for name in ("brows", "lips", "lids", "eyes", "mouth", "teeth", "scalp", "ears", "neck"))
    bare = (masks["skin"] > 0.9) & (others < 0.05)
    share = LID_BARE * np.clip(4 * masks["lids"], 0, 1)[:, None]
    return values + share * (values[..., bare, :].mean(-2, keepdims=True) - values)


def _packed(mean: np.ndarray, modes: np.ndarray, masks: Arrays) -> Arrays:
    scale = np.maximum(np.abs(modes).max((1, 2), initial=0), 1e-9) / 127
    return {"albedo_mean": mean.astype(np.float16), "albedo_modes": np.rint(modes / scale[:, None, None]).astype(np.int8),
            "albedo_modes_scale": scale.astype(np.float32), "albedo_default_hair": np.array(HAIR, np.float32),
            "albedo_hair": np.rint(255 * np.clip(masks["scalp"] * SCALP_STRENGTH, 0, 1)).astype(np.uint8)}


def learn(head: HeadModel, mirror: np.ndarray, photos: Path, modes: int = MODES) -> Arrays:
    """mean (V, 3) float16 coded display RGB, modes (modes, V, 3) int8 and scale (modes,) of the people in photos-256.tar.

    head: the fitted head with `regions`; mirror (V,): each vertex's image. People of whom a photo is kept back are left out.
    """
    fields = _people(head, mirror, photos)
    graph = _edges(head.faces, len(mirror))
    filled = np.stack([_filled(colours, weight, graph) for colours, weight in zip(fields.colours, fields.weight, strict=True)])
    mean = _without_shadows(head, np.median(filled, axis=0), graph)
    weight = _importance(head, fields.weight)
    deviation = (filled - np.median(filled, axis=0)).reshape(len(filled), -1)
    root = np.sqrt(np.repeat(weight, 3))
    _, strength, rows = np.linalg.svd(deviation * root, full_matrices=False)
    share = (strength[:modes] ** 2).sum() / (strength**2).sum()
    print(f"albedo: {len(filled)} people, {modes} modes hold {share:.3f} of the variance")
    scores = (deviation * root) @ rows[:modes].T / strength[:modes] * np.sqrt(len(filled) - 1)
    basis = np.linalg.lstsq(scores, deviation, rcond=None)[0].reshape(modes, -1, 3)  # also where the importance is small
    basis *= np.sign((basis * weight[:, None]).sum((1, 2)))[:, None, None]
    basis = np.stack([_filled(mode, np.clip(fields.weight.mean(0), 0, 1), graph, 0.08) for mode in basis])
    mean, basis = (mean + mean[mirror]) / 2, (basis + basis[:, mirror]) / 2
    packed = _packed(mean, basis, head.regions)
    return {"mean": packed["albedo_mean"], "modes": packed["albedo_modes"], "scale": packed["albedo_modes_scale"]}


def held_back(name: str) -> bool:
    """Whether a photo is kept for measuring: by its name's or its person's hash."""
    return any(int(hashlib.sha256(key.encode()).hexdigest(), 16) % 10 == 0 for key in (name, person_key(name)))


def _people(head: HeadModel, mirror: np.ndarray, photos: Path) -> Fields:
    """Every person's colours, mirrored and averaged over the person's photos."""
    sums: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {}
    out: set[str] = set()
    for name, photo in _read(photos):
        source, number = name.split("_", 1)
        person = number.split("-")[0]
        if held_back(name):
            out.add(person)
            continue
        depth = photo.face.depth * (256 / photo.alignment.side)
        code = fit_shape(head, photo.points(256), depth, photo.face.blendshapes, 256)[0]
        colours, weight = lay_on_mesh(head, photo.crop(256), render_buffers(head, code, SIZE))
        for index in (slice(None), mirror):
            sums.setdefault(person, []).append((coded(colours)[index], weight[index]))
    kept = [parts for person, parts in sums.items() if person not in out]
    total = np.stack([sum(weight for _, weight in parts) for parts in kept])
    mean = np.stack([sum(colours * weight[:, None] for colours, weight in parts) for parts in kept])
    return Fields(mean / np.maximum(total, 1e-6)[..., None], total / 4)


def _read(folder: Path) -> Iterator[tuple[str, Photo]]:
    with FaceFinder() as finder, tarfile.open(folder / "photos-256.tar") as tar:
        for member in sorted(tar.getmembers(), key=lambda m: m.name):
            name = Path(member.name).stem
            if member.isfile() and name.split("_")[0] in SOURCES:
                file = tar.extractfile(member)
                assert file is not None
                try:
                    yield name, Photo.aligned_already(load_image(file.read()), finder)
                except NoFaceError:
                    continue


def lay_on_mesh(head: HeadModel, crop: np.ndarray, buffers: Buffers) -> tuple[np.ndarray, np.ndarray]:
    """Reflectance (V, 3) of every vertex that a crop (S, S, 3) uint8 shows, and its weight (V,), 0 where it is not seen."""
    assert buffers.face_ids is not None and buffers.bary is not None
    image = cv2.resize(crop, (SIZE, SIZE), interpolation=cv2.INTER_CUBIC).astype(np.float64) / 255
    seen = buffers.face_ids >= 0
    normals = buffers.normal[seen].astype(np.float64)
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-6)
    corners, bary, colours = head.faces[buffers.face_ids[seen]], buffers.bary[seen].astype(np.float64), image[seen]
    regions = {name: np.einsum("nk,nk->n", np.asarray(mask)[corners], bary) for name, mask in head.regions.items()}
    places = np.einsum("nkc,nk->nc", head.vertices_of(head.zero_code())[corners], bary)
    shading = _shading(normals, colours, regions)
    reflectance = colours / LEVEL / np.maximum(shading, 0.2)[:, None]
    weight = np.clip((normals[:, 2] - 0.3) / 0.35, 0, 1) * (1 - _hair(reflectance, regions, places))
    weight *= 1 - np.clip(regions["ears"] + regions["neck"], 0, 1)
    return _splat(corners, bary, reflectance, weight, len(head.regions["skin"]))


def _bare(regions: Arrays) -> np.ndarray:
    other = sum(regions[name] for name in ("brows", "lips", "lids", "eyes", "mouth", "teeth", "scalp", "ears", "neck"))
    return (regions["skin"] > 0.9) & (other < 0.2)


def _shading(normals: np.ndarray, colours: np.ndarray, regions: Arrays) -> np.ndarray:
    """Colourless shading (n,), 1 on average over a face, by robust least squares over bare skin."""
    basis, grey = sh_basis(normals), colours @ [0.3, 0.5, 0.2]
    use = _bare(regions) & (normals[:, 2] > 0.2)
    rows, values = basis[use], grey[use]
    weight = np.ones(len(values))
    for _ in range(8):
        level = (weight * values).sum() / weight.sum()
        gram = (rows * weight[:, None]).T @ rows / weight.sum()
        ridge = np.diag([0, *[2e-2] * 3, *[6e-2] * 5])
        light = np.linalg.solve(gram + ridge, (rows * weight[:, None]).T @ (values / level) / weight.sum())
        error = values / level - rows @ light
        scale = max(2.0 * float(np.median(np.abs(error))), 0.04)
        weight = 1 / (1 + (error / scale) ** 2) ** 2
    return basis @ light / mean_shading(np.repeat(light[:, None], 3, 1))[0]


def _hair(reflectance: np.ndarray, regions: Arrays, places: np.ndarray) -> np.ndarray:
    """1 where hair, lashes of shadow or a bright spot hide the skin, (n,): much darker than the face's middle above the brows and
    at the sides (a beard stays), or much brighter anywhere."""
    grey = np.log(np.maximum(reflectance @ [0.3, 0.5, 0.2], DARKEST))
    bare = _bare(regions)
    middle = np.median(grey[bare & (np.abs(places[:, 0]) < 0.045)])
    outer = (places[:, 1] > 0.02) & (regions["brows"] < 0.1) & (regions["lids"] < 0.3) | (np.abs(places[:, 0]) > 0.056)
    dark = outer & (grey < middle - 0.35) & (regions["eyes"] < 0.5)
    bright = bare & (grey > middle + 0.28)
    return (dark | bright | (regions["scalp"] > 0.25)).astype(np.float64)


def _splat(corners: np.ndarray, bary: np.ndarray, colours: np.ndarray, weight: np.ndarray,
           count: int) -> tuple[np.ndarray, np.ndarray]:
    """Pixels gathered at the corners of their triangles: colours (V, 3) and how much was gathered, (V,) in [0, 1]."""
    share = (bary**2 * weight[:, None]).ravel()
    index = corners.ravel()
    total = np.bincount(index, share, count)
    each = np.repeat(colours, 3, axis=0)
    summed = np.stack([np.bincount(index, share * each[:, c], count) for c in range(3)], 1)
    return summed / np.maximum(total, 1e-9)[:, None], np.clip(total / 2, 0, 1)


def _edges(faces: np.ndarray, count: int) -> csc_matrix:
    """Graph Laplacian (V, V) of the mesh."""
    pairs = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    links = coo_matrix((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(count, count)).tocsr()
    links = ((links + links.T) > 0).astype(float)
    return csc_matrix(diags(np.asarray(links.sum(1)).ravel()) - links)


def _filled(values: np.ndarray, weight: np.ndarray, graph: csc_matrix, smooth: float = 0.02) -> np.ndarray:
    """Values (V, 3) with the least change along edges, held where they were seen."""
    system = csc_matrix(diags(weight + 1e-6) + smooth * graph)
    middle = (values * weight[:, None]).sum(0) / weight.sum()
    return middle + spsolve(system, (values - middle) * weight[:, None])


def _without_shadows(head: HeadModel, mean: np.ndarray, graph: csc_matrix) -> np.ndarray:
    """The mean without what is dark because little light gets there (nostrils) and without bright spots: skin vertices that stand
    out from a smooth version of the skin around them are filled from it."""
    regions = head.regions
    plain = (_bare(regions) | (np.asarray(regions["scalp"]) > 0.2)).astype(float)
    smooth = _filled(mean, plain, graph, 3.0)
    grey = (mean - smooth) @ [0.3, 0.5, 0.2]
    places = head.vertices_of(head.zero_code())
    low = (places[:, 1] < 0.0) & (np.abs(places[:, 0]) < 0.025) & (np.asarray(regions["lips"]) < 0.05)  # round the nostrils
    odd = plain * np.where(low, np.abs(grey) > 0.07, np.abs(grey) > 0.15)
    spread = np.clip(odd + (abs(graph) @ odd > 0) * plain, 0, 1)
    return _filled(mean, 1 - spread, graph)


def _importance(head: HeadModel, seen: np.ndarray) -> np.ndarray:
    """How much each vertex counts in the components, (V,): its area where it was seen, brows and lips four times."""
    area = vertex_areas(head.vertices_of(head.zero_code()), head.faces)
    inner = np.clip(sum(np.asarray(head.regions[name]) for name in _INNER), 0, 1)
    detail = np.clip(head.regions["brows"] + head.regions["lips"], 0, 1)
    return np.asarray(area * np.clip(seen.mean(0), 0, 1) * (1 - inner) * (1 + 3 * detail))


