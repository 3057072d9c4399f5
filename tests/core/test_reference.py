"""The paper's whole chain: photos -> codes -> mean shape -> buffers of every mode -> 20 steps of DDIM -> PNG values.

Without the stored end-to-end numbers (parity/viii_end_to_end/e2e64.npz) the photos are made here, and every link is checked
against what must hold; with them, every result is compared to them too.
"""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch

from core import reference
from core.codes import FaceCode
from core.errors import NoFaceError, ParameterError, PhotoError
from core.face_crop import face_box, face_crop, resized
from core.head.flame import FlameHead
from core.render.buffers import Buffers, posed_vertices, render_buffers
from core.render.camera import project
from models.config import DenoiserConfig
from models.face_encoder import FaceEncoder, build, split
from models.rig_model import EpsilonNetwork
from tests.flame import synthetic_flame
from tests.models.parity import recipe_encoder, recipe_model

SIZE = 64
NAMES = {"shape": "identity", "tex": "albedo", "exp": "expression", "cam": "camera", "light": "light"}
BUFFERS = {"rendered": "rendered", "normal": "normal", "albedo": "albedo"}


def points(picture: np.ndarray) -> np.ndarray:
    """What stands for the landmark detector in the stored numbers."""
    height, width = picture.shape[:2]
    rows = (0.2 + 0.62 * ((np.arange(68) * 7) % 68) / 67) * height
    return np.stack([np.linspace(0.22, 0.80, 68) * width, rows], 1).astype(np.float32)


def photo(seed: int) -> np.ndarray:
    """A picture (96, 96, 3) uint8 of waves, another for each seed."""
    y, x = np.mgrid[:96, :96] / 96
    waves = [np.sin(5 * (x * np.cos(seed + c) + y * np.sin(2 * seed + c)) + seed * c) for c in range(3)]
    return (127 + 90 * np.stack(waves, 2)).astype(np.uint8)


@dataclass(frozen=True)
class Setting:
    """What goes in: photos by name, the drawn noise, the encoder's last bias; and the stored results, if they are there."""

    photos: Mapping[str, np.ndarray]
    noise: torch.Tensor
    bias: np.ndarray
    known: Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Chain:
    """What comes out."""

    examples: Mapping[str, reference.Example]
    mean: np.ndarray
    codes: Mapping[str, FaceCode]
    buffers: Mapping[str, Buffers]
    pictures: Mapping[str, torch.Tensor]


def usual_face() -> np.ndarray:
    """The 236 numbers of a face that looks about into the camera."""
    wanted = {name: value.numpy() for name, value in split(torch.zeros(236)).items()}
    wanted["cam"][:] = 7.0, 0.01, 0.02
    wanted["light"][0], wanted["light"][3] = 2.6, 0.3
    wanted["pose"][:] = 0.05, 0.2, 0.0, 0.1, 0.0, 0.0
    return np.concatenate([value.ravel() for value in wanted.values()])


def plausible_bias(shared: Path) -> np.ndarray:
    """A last bias that puts the recipe encoder's numbers where faces are."""
    shown = torch.from_numpy(face_crop(resized(photo(0), SIZE), face_box(points(np.zeros((SIZE, SIZE))), SIZE)))
    with torch.inference_mode():
        found = build(recipe_encoder(shared, 40.0, np.zeros(236)))(shown.permute(2, 0, 1)[None])
    return usual_face() - found[0].numpy()


@pytest.fixture(scope="module")
def setting(shared: Path) -> Setting:
    stored = shared / "parity" / "viii_end_to_end" / "e2e64.npz"
    if stored.is_file():
        with np.load(stored) as file:
            known = {name: file[name] for name in file.files}
        photos = {name.removeprefix("input/"): _rgb(value) for name, value in known.items() if name.startswith("input/")}
        return Setting(photos, torch.from_numpy(known["noise"]), known["deca_bias_layers2"], known)
    photos = {"album0": photo(0), "album1": photo(1), "album2": photo(2), "target": photo(3)}
    return Setting(photos, reference.noise(SIZE, 5), plausible_bias(shared), {})


@pytest.fixture(scope="module")
def encoder(shared: Path, setting: Setting) -> FaceEncoder:
    return build(recipe_encoder(shared, 40.0, setting.bias))


@pytest.fixture(scope="module")
def network(shared: Path) -> EpsilonNetwork:
    return EpsilonNetwork(recipe_model(shared, DenoiserConfig.reference(SIZE, 32, dropout=0.0)))


@pytest.fixture(scope="module")
def head(shared: Path) -> FlameHead:
    return synthetic_flame(shared)


@pytest.fixture(scope="module")
def chain(setting: Setting, encoder: FaceEncoder, head: FlameHead, network: EpsilonNetwork) -> Chain:
    """Everything, from photos to pictures."""
    examples = {name: reference.example(encoder, picture, points, SIZE) for name, picture in setting.photos.items()}
    mean = reference.mean_identity(examples[name].code for name in sorted(examples) if name != "target")
    source, target = examples["album0"], examples["target"]
    codes, buffers, pictures = {}, {}, {}
    for number, mode in enumerate(reference.MODES):
        codes[mode] = reference.edited_code(source.code, target.code, mode, mean)
        buffers[mode] = reference.edit_buffers(head, source.code, codes[mode], SIZE)
        shown = target if mode == "latent" else source
        latent = network.encode(reference.network_picture(shown.picture))
        start = setting.noise[number:number + 1] if len(setting.noise) == len(reference.MODES) else setting.noise[:1]
        steps = reference.STEPS if setting.known or mode == "pose" else 4  # the others need not be as good to be compared
        pictures[mode] = reference.sample(network, start, buffers[mode], latent, steps)
    return Chain(examples, mean, codes, buffers, pictures)


# -- every link -----------------------------------------------------------------------------------------------------------


def test_a_photo_becomes_its_crop_and_its_code(setting: Setting, chain: Chain, encoder: FaceEncoder) -> None:
    for name, given in setting.photos.items():
        picture = resized(given, SIZE)
        box = face_box(points(picture), SIZE)
        crop = torch.from_numpy(face_crop(picture, box)).permute(2, 0, 1)[None]
        with torch.inference_mode():
            vector = encoder(crop)[0].numpy()
        found = chain.examples[name]
        assert np.array_equal(found.picture, picture)
        code = found.code
        flat = np.concatenate([code.identity, code.albedo, code.expression, code.pose, code.jaw, code.camera, code.light.ravel()])
        np.testing.assert_allclose(flat, vector, atol=1e-5)
        np.testing.assert_allclose(code.box, box, atol=1e-7)
        assert not code.neck.any() and not code.eyes.any()


def test_photos_that_the_reference_would_distort_in_silence_are_refused(encoder: FaceEncoder) -> None:
    with pytest.raises(PhotoError, match="square"):
        reference.example(encoder, np.zeros((80, 60, 3), np.uint8), points, SIZE)
    with pytest.raises(NoFaceError):
        reference.example(encoder, np.zeros((64, 64, 3), np.uint8), lambda _: np.zeros((0, 2)), SIZE)


def test_the_mean_shape_is_the_albums(chain: Chain) -> None:
    album = [chain.examples[f"album{i}"].code.identity.astype(np.float64) for i in range(3)]
    np.testing.assert_allclose(chain.mean, np.mean(album, 0), atol=1e-6)
    assert np.abs(chain.mean - album[0]).max() > 1e-3
    with pytest.raises(ParameterError, match="at least one"):
        reference.mean_identity([])


def test_modes_take_what_they_say_and_no_more(chain: Chain) -> None:
    source, target = chain.examples["album0"].code, chain.examples["target"].code
    own = source.replace(identity=chain.mean)
    assert chain.codes["pose"] == own.replace(pose=target.pose)
    assert chain.codes["light"] == own.replace(light=target.light)
    assert chain.codes["exp"] == own.replace(expression=target.expression, jaw=target.jaw)
    assert chain.codes["latent"] == own
    assert len({code.digest for code in chain.codes.values()}) == 4
    with pytest.raises(ParameterError, match="no mode 'gaze'"):
        reference.edited_code(source, target, "gaze")


def test_the_face_stays_where_the_photos_own_shape_has_it(chain: Chain, head: FlameHead) -> None:
    source = chain.examples["album0"].code
    wanted = head.centre(head.vertices_of(source), source.pose)
    for code in chain.codes.values():
        moved = posed_vertices(head, code, source)
        np.testing.assert_allclose(head.centre(moved, code.pose), wanted, atol=2e-6)


def test_buffers_change_where_their_mode_says(chain: Chain, head: FlameHead) -> None:
    still, light = chain.buffers["latent"], chain.buffers["light"]
    assert 0.05 < still.coverage.mean() < 0.95
    for name in ("normal", "albedo", "coverage"):
        assert np.array_equal(getattr(still, name), getattr(light, name))
    assert np.abs(still.rendered - light.rendered).max() > 0.01
    assert (chain.buffers["pose"].normal != still.normal).any() and (chain.buffers["exp"].normal != still.normal).any()
    source = chain.examples["album0"].code
    for code, made in ((source, None), (source.replace(identity=chain.mean), chain.mean)):
        drawn = reference.data_buffers(head, source, SIZE, made)
        assert np.array_equal(drawn.rendered, render_buffers(head, code, SIZE).rendered)


def test_pictures_follow_the_buffers_and_the_global_code(chain: Chain) -> None:
    shown = list(chain.pictures.values())
    assert all(picture.shape == (1, 3, SIZE, SIZE) and torch.isfinite(picture).all() for picture in shown)
    assert all((a - b).abs().max() > 1e-3 for i, a in enumerate(shown) for b in shown[:i])


def test_samples_depend_on_noise_alone(setting: Setting, chain: Chain, network: EpsilonNetwork) -> None:
    code = network.encode(reference.network_picture(chain.examples["album0"].picture))
    few = [reference.sample(network, reference.noise(SIZE, seed), chain.buffers["pose"], code, 4) for seed in (1, 1, 2)]
    assert torch.equal(few[0], few[1]) and not torch.equal(few[0], few[2])
    with pytest.raises(ParameterError, match="Take 10, 20, 25, 50 or 100"):
        reference.sample(network, setting.noise[:1], chain.buffers["pose"], code, 300)


def test_png_values_are_rounded_half_up() -> None:
    steps = (torch.tensor([-3.0, -0.51, -0.49, 0.0, 0.49, 0.51, 127.4, 254.49, 254.51, 300.0]) * 2 / 255 - 1).view(1, 1, 1, -1)
    assert reference.to_png(steps.expand(1, 3, 1, -1))[0, :, 0].tolist() == [0, 0, 0, 0, 0, 1, 127, 254, 255, 255]


# -- the stored numbers ---------------------------------------------------------------------------------------------------


def test_the_stored_numbers_come_out(setting: Setting, chain: Chain, head: FlameHead) -> None:
    """codes, mean shape, buffers of data and of every mode, pictures as floats and as PNG values."""
    known = setting.known
    if not known:
        pytest.skip("needs parity/viii_end_to_end/e2e64.npz")
    np.testing.assert_allclose(chain.mean, known["mean_shape"].reshape(-1), atol=1e-3)
    for owner, name in (("source", "album0"), ("target", "target")):
        _compare_code(known, f"codes/{owner}/", chain.examples[name].code)
    for mode in reference.MODES:
        _compare_buffers(_below(known, f"inference_buffers/{mode}/"), chain.buffers[mode])
        _compare_picture(known, mode, chain.pictures[mode])
    _compare_data(_below(known, "lmdb/"), chain, head)


def _below(known: Mapping[str, np.ndarray], prefix: str) -> dict[str, np.ndarray]:
    return {name.removeprefix(prefix): value for name, value in known.items() if name.startswith(prefix)}


def _compare_code(known: Mapping[str, np.ndarray], prefix: str, code: FaceCode) -> None:
    for name, field in NAMES.items():
        np.testing.assert_allclose(getattr(code, field).ravel(), known[prefix + name].ravel(), atol=2e-3, err_msg=prefix + name)
    np.testing.assert_allclose(np.concatenate([code.pose, code.jaw]), known[prefix + "pose"].ravel(), atol=2e-3)


def _compare_buffers(stored: Mapping[str, np.ndarray], buffers: Buffers) -> None:
    assert stored
    for name, value in stored.items():
        field = next((ours for word, ours in BUFFERS.items() if word in name), None)
        if field is not None:
            away = np.abs(_rgb(value.astype(np.float32)) - getattr(buffers, field)).max(-1)
            assert (away > 2e-3).mean() <= 0.005, name


def _compare_picture(known: Mapping[str, np.ndarray], mode: str, picture: torch.Tensor) -> None:
    ours = reference.to_float(picture)[0].permute(1, 2, 0).numpy()
    for prefix, made, limit in (("out_float/", ours, 3e-3), ("out_png/", reference.to_png(picture).astype(np.float32), 1.0)):
        stored = [value for name, value in _below(known, prefix).items() if mode in name]
        assert stored, f"{prefix} holds nothing of {mode}"
        for value in stored:
            away = np.abs(_rgb(value.astype(np.float32)) - made)
            assert (away > limit).mean() <= 0.005 and np.median(away) <= limit / 10, (prefix, mode, float(away.max()))


def _compare_data(stored: Mapping[str, np.ndarray], chain: Chain, head: FlameHead) -> None:
    """What was stored of a photo must be one of the things that are made of it."""
    for name, value in stored.items():
        if value.squeeze().ndim != 3:
            continue
        made: list[np.ndarray] = []
        for found in chain.examples.values():
            buffers = reference.data_buffers(head, found.code, SIZE, chain.mean)
            made += [found.picture / 255.0, buffers.rendered, buffers.normal, buffers.albedo]
        shown = _rgb(value.astype(np.float32)) / (255 if value.dtype == np.uint8 else 1)
        away = [(np.abs(shown - ours).max(-1) > 4e-3).mean() for ours in made]
        assert min(away) <= 0.005, name


def _rgb(picture: np.ndarray) -> np.ndarray:
    """(H, W, 3) of (1, 3, H, W), (3, H, W) or (H, W, 3)."""
    flat = picture.squeeze()
    return flat if flat.shape[-1] == 3 else flat.transpose(1, 2, 0)


def test_landmarks_of_the_code_land_in_the_crop(chain: Chain, head: FlameHead) -> None:
    """The head is drawn at the place the crop was taken from: its points and the buffers agree about where it is."""
    code = chain.examples["album0"].code
    place = project(head.vertices_of(code), code.camera, code.box, SIZE)[:, :2]
    rows, columns = np.nonzero(render_buffers(head, code, SIZE).coverage)
    inside = place[(place > 0).all(1) & (place < SIZE).all(1)]
    assert abs(columns.min() - inside[:, 0].min()) < 2 and abs(rows.max() + 1 - inside[:, 1].max()) < 2
