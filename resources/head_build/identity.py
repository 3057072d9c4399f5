"""Mean head and the prior covariance of its shape, from MakeHuman's sliders."""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from resources.head_build.source import Source

FOLDERS = ("head", "forehead", "eyebrows", "eyes", "nose", "mouth", "cheek", "chin", "ears", "neck")
OPPOSITES = (("incr", "decr"), ("up", "down"), ("forward", "backward"), ("out", "in"), ("convex", "concave"),
             ("uncompress", "compress"))
# Whole-part shifts in or out sideways are lopsided; the neck's posture is pose, not identity.
LEFT_OUT = ("head-trans-in", "head-trans-out", "nose-trans-in", "nose-trans-out", "mouth-trans-in", "mouth-trans-out",
            "neck-trans", "head-angle")
RACES, GENDERS = ("african", "asian", "caucasian"), ("female", "male")
LOCAL_SD, SHAPE_SD, BODY_SD, LOOSE_SD, DETAIL_SD = 0.3, 0.25, 0.25, 0.15, 0.08
LOPSIDED_SD = 0.12
SIDEWAYS = ("mouth/mouth-trans", "nose/nose-trans")
OLD_SHARE = 0.25


@dataclass
class Slider:
    """One direction of shape (N, 3) in decimetres per unit and the standard deviation of its setting."""

    name: str
    delta: np.ndarray
    deviation: float


@dataclass(frozen=True, eq=False)
class Directions:
    """Directions of shape on the head (n, V, 3) in metres and the standard deviations (n,) of their settings."""

    directions: np.ndarray
    deviations: np.ndarray


def side_by_side(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Two mixings (k, n) and (l, m) as one (k + l, n + m) over the directions of both."""
    return np.block([[first, np.zeros((len(first), second.shape[1]))], [np.zeros((len(second), first.shape[1])), second]])


def macro(source: Source, race: str, gender: str, age: str) -> np.ndarray:
    """Displacement of one race, gender and age."""
    return source.target(f"mpfb2/targets/macrodetails/{race}-{gender}-{age}.target.gz")


def body(source: Source, gender: str, age: str, muscle: str, weight: str) -> np.ndarray:
    """Displacement of one build."""
    return source.target(f"mpfb2/targets/macrodetails/universal-{gender}-{age}-{muscle}muscle-{weight}weight.target.gz")


def local_sliders(source: Source) -> list[Slider]:
    """One symmetric slider a pair of opposite targets, left and right summed; single targets stay one-sided."""
    folder = source.folder / "mpfb2/targets"
    paths = [path for part in FOLDERS for path in sorted((folder / part).glob("*.target.gz"))]
    names = {path.name.removesuffix(".target.gz"): path for path in paths}
    sliders: list[Slider] = []
    used: set[str] = set()
    for name, path in names.items():
        if name in used or name.startswith("r-") or any(name.startswith(left) for left in LEFT_OUT):
            continue
        other = _opposite(name, names)
        used.update({name, other} if other else {name})
        deltas = [source.target(path)] + ([-source.target(names[other])] if other else [])
        if name.startswith("l-"):
            deltas = [delta + mirrored(source, delta) for delta in deltas]
        sliders.append(Slider(name, symmetric(source, np.mean(deltas, 0)), _deviation(path.parent.name, name)))
    return sliders


def lopsided_sliders(source: Source) -> list[Slider]:
    """What makes left and right differ: the asymmetry targets, one-sided targets less their mirror image, sideways shifts."""
    folder = source.folder / "mpfb2/targets"
    left = sorted((folder / "asym").glob("asym-*-l.target.gz"))
    found = [(path, path.with_name(path.name.replace("-l.target", "-r.target"))) for path in left]
    found += [(folder / f"{stem}-in.target.gz", folder / f"{stem}-out.target.gz") for stem in SIDEWAYS]
    sliders = [Slider(one.name, (source.target(one) - source.target(other)) / 2, LOPSIDED_SD) for one, other in found]
    for part in ("forehead", "eyebrows", "eyes", "nose", "mouth", "cheek"):
        for path in sorted((folder / part).glob("l-*.target.gz")):
            sliders.append(Slider(path.name, source.target(path), LOPSIDED_SD))
    return [Slider(slider.name, (slider.delta - mirrored(source, slider.delta)) / 2, slider.deviation) for slider in sliders]


def _opposite(name: str, names: dict) -> str | None:
    for first, second in OPPOSITES:
        for one, two in ((first, second), (second, first)):
            if name.endswith("-" + one) and name.removesuffix(one) + two in names:
                return name.removesuffix(one) + two
    return None


def _deviation(folder: str, name: str) -> float:
    if folder in ("neck", "ears") or name.startswith(("head-scale", "head-back", "head-trans")):
        return LOOSE_SD
    if folder == "head":
        return SHAPE_SD
    return LOCAL_SD


def global_sliders(source: Source, mean: np.ndarray) -> list[Slider]:
    """Race, gender, age and build, as differences from the mean person."""
    sliders = []
    ages = {}
    for race in RACES:
        for gender in GENDERS:
            young = macro(source, race, gender, "young")
            ages[race, gender] = macro(source, race, gender, "old") - young
            sliders.append(Slider(f"{race}-{gender}", young - mean, SHAPE_SD))
    age = np.mean(list(ages.values()), 0)
    sliders.append(Slider("old", age, SHAPE_SD))
    sliders += [Slider(f"{race}-{gender}-old", delta - age, DETAIL_SD) for (race, gender), delta in ages.items()]
    child = np.mean([macro(source, race, gender, "child") for race in RACES for gender in GENDERS], 0)
    sliders.append(Slider("child", child - mean, LOOSE_SD))
    for muscle, weight in (("average", "max"), ("average", "min"), ("max", "average"), ("min", "average")):
        builds = [body(source, gender, age_name, muscle, weight) for gender in GENDERS for age_name in ("young", "old")]
        sliders.append(Slider(f"{muscle}-{weight}", np.mean(builds, 0), BODY_SD))
    return [Slider(slider.name, symmetric(source, slider.delta), slider.deviation) for slider in sliders]


def mean_person(source: Source) -> np.ndarray:
    """Displacement (N, 3) of the average adult from the base mesh."""
    ages = (("young", 1 - OLD_SHARE), ("old", OLD_SHARE))
    people = [share * (macro(source, race, gender, age) + 0.5 * body(source, gender, age, "average", "average"))
              for race in RACES for gender in GENDERS for age, share in ages]
    return symmetric(source, np.sum(people, 0) / (len(RACES) * len(GENDERS)))


def mirrored(source: Source, delta: np.ndarray) -> np.ndarray:
    """The displacement of the mirror image."""
    return delta[source.mirror] * [-1, 1, 1]


def symmetric(source: Source, delta: np.ndarray) -> np.ndarray:
    """The mirror-symmetric half of a displacement."""
    return (delta + mirrored(source, delta)) / 2


def without_similarity(points: np.ndarray, delta: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """A displacement less its best small rigid motion and growth over the weighted points.

    Where the head is, is pose; how large, is the camera's scale: one photo can't tell, so neither may be identity.
    """
    centre = (points * weight[:, None]).sum(0) / weight.sum()
    arm = points - centre
    zero = np.zeros(len(arm))
    turn = np.stack([np.stack([zero, -arm[:, 2], arm[:, 1]], 1), np.stack([arm[:, 2], zero, -arm[:, 0]], 1),
                     np.stack([-arm[:, 1], arm[:, 0], zero], 1)], 2)
    basis = np.concatenate([np.broadcast_to(np.eye(3), (len(arm), 3, 3)), turn, arm[:, :, None]], 2)
    heavy = weight > 0
    root = np.sqrt(weight[heavy])[:, None]
    rows, values = (basis[heavy] * root[..., None]).reshape(-1, 7), (delta[heavy] * root).reshape(-1)
    motion = np.linalg.lstsq(rows, values, rcond=None)[0]
    return delta - basis @ motion


def principal_modes(directions: np.ndarray, deviations: np.ndarray, weight: np.ndarray, count: int) -> tuple[np.ndarray, float]:
    """Mixing (count, n) of the directions into modes of one standard deviation each, and the share of variance kept.

    directions (n, V, 3), deviations (n,), weight (V,): how much a vertex counts (its area, less away from the face).
    """
    scaled = directions * deviations[:, None, None]
    rows = (scaled * np.sqrt(weight)[:, None]).reshape(len(scaled), -1)
    mixing, strength, _ = np.linalg.svd(rows @ rows.T)
    return (mixing[:, :count] * deviations[:, None]).T, float(strength[:count].sum() / strength.sum())
