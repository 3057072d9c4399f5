"""What the reference numbers hold beside what the tests of each part check; and that no array of theirs is left out."""
from __future__ import annotations

from collections.abc import Callable, Iterator
from fnmatch import fnmatch
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from core import reference
from core.codes import FaceCode
from core.diffusion import ancestral, ddim, full_schedule, respaced
from core.face_crop import crop_transform
from core.render.camera import project_ndc
from core.render.numba_raster import NumbaRasterizer
from models.config import DenoiserConfig
from models.rig_model import EpsilonNetwork
from tests.core.test_render_parity import code_of
from tests.flame import arrays as flame_arrays
from tests.flame import synthetic_flame
from tests.models.parity import arrays, recipe, recipe_model

# A box whose picture is the crop itself: the points that come out are the camera's own (s (X + tx), -s (Y + ty)).
CROP_ONLY = np.array([223 / 224, 223 / 448, 223 / 448])

# Every array of the folder (fnmatch) and where it is compared. A new one that nobody compares fails the last test.
COMPARED = {
    "ii_model/ddim20_64:*": "test_diffusion, and here", "ii_model/ddim20_eta1_64:*": "test_diffusion, and here",
    "ii_model/ddim20_reverse_64:*": "test_diffusion", "ii_model/ddpm20_64:*": "test_diffusion, and here",
    "ii_model/forward*": "models/test_denoiser, and here", "ii_model/train64:*": "test_train",
    "iii_schedule/tables:*": "test_diffusion, models/test_denoiser, and here",
    "iv_flame/flame_io:*": "test_flame",
    "v_render_math/deca_encoder_io:*": "models/test_face_encoder", "v_render_math/texture_io:*": "test_flame",
    "v_render_math/render_math:sh_*": "test_light", "v_render_math/render_math:*vert*": "test_render, and here",
    "v_render_math/render_math:faces": "test_render", "v_render_math/render_math:cam": "test_render, and here",
    "v_render_math/render_math:tform*": "test_render, and here", "v_render_math/render_math:transformed_points": "test_render",
    "v_render_math/render_math:orth_proj": "here", "v_render_math/render_math:uv*": "here",
    "v_render_math/render_math:lights": "here", "v_render_math/render_math:*light": "here",
    "vi_buffers/buffers:code?/*": "test_render_parity", "vi_buffers/buffers:mean_shape": "test_render_parity",
    "vi_buffers/buffers:tform_size_cx_cy_256": "test_render_parity", "vi_buffers/buffers:*_images": "test_render_parity",
    "vi_buffers/buffers:*/alpha": "test_render_parity", "vi_buffers/buffers:*/verts": "test_render_parity, test_render",
    "vi_buffers/buffers:*ffhq_center": "test_render_parity, and here",
    "vi_buffers/buffers:*/landmarks2d_ndc_crop": "here", "vi_buffers/buffers:raster*": "test_render",
    "vi_buffers/buffers:world2uv_none_stride4": "here",
    "vii_crop_align/testdata_crop:*": "test_face_crop", "vii_crop_align/ffhq_align:inner/*": "test_align",
    "vii_crop_align/ffhq_align:border_pad/*": "test_align",
    "vii_crop_align/ffhq_align:shrink/*": "nowhere: its photo is not stored, only its result",
    "viii_end_to_end/e2e64:*": "test_reference",
}


@pytest.fixture(scope="module")
def parity(shared: Path) -> Path:
    return shared / "parity"


@pytest.fixture(scope="module")
def drawn(parity: Path) -> Iterator[np.lib.npyio.NpzFile]:
    with np.load(parity / "v_render_math" / "render_math.npz") as stored:
        yield stored


@pytest.fixture(scope="module")
def buffers(parity: Path) -> Iterator[np.lib.npyio.NpzFile]:
    with np.load(parity / "vi_buffers" / "buffers.npz") as stored:
        yield stored


# -- camera, texture coordinates, other lights ----------------------------------------------------------------------------


def test_the_camera_alone(drawn: np.lib.npyio.NpzFile) -> None:
    for vertices, camera, flat, flipped in zip(*(drawn[n] for n in ("vertices", "cam", "orth_proj", "trans_verts")), strict=True):
        seen = project_ndc(vertices, camera, CROP_ONLY)
        seen[:, 2] -= 10
        np.testing.assert_allclose(seen, flipped, atol=3e-6)
        np.testing.assert_allclose(seen * (1, -1, -1), flat, atol=3e-6)


def test_the_crops_transform_and_its_inverse(drawn: np.lib.npyio.NpzFile) -> None:
    for transform, back in zip(drawn["tform"], drawn["tform_inv_T"], strict=True):
        size = 223 / float(transform[0, 0])
        centre = size / 2 - transform[:2, 2].astype(np.float64) / float(transform[0, 0])
        found = crop_transform(np.array([size, *centre]) / 256, 256)
        np.testing.assert_allclose(found, transform, rtol=1e-6, atol=1e-4)
        np.testing.assert_allclose(np.linalg.inv(found).T, back, rtol=1e-5, atol=1e-4)


def test_texture_coordinates_run_to_the_right_and_down(drawn: np.lib.npyio.NpzFile, shared: Path) -> None:
    given = flame_arrays(shared)
    np.testing.assert_allclose(given["uv"] * (2, -2) + (-1, 1), drawn["uvcoords_ndc"][:, :2], atol=1e-6)
    assert np.array_equal(given["uv_faces"], drawn["uvfaces"])


def test_lamps_near_and_far(drawn: np.lib.npyio.NpzFile) -> None:
    for i, lights in enumerate(drawn["lights"]):
        vertices, normals = drawn["vertices"][i], drawn["vertex_normals"][i]
        np.testing.assert_allclose(reference.directional_shading(normals, lights), drawn["directionlight"][i], atol=1e-6)
        np.testing.assert_allclose(reference.point_shading(vertices, normals, lights), drawn["pointlight"][i], atol=1e-6)


# -- buffers --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [256, 512])
def test_landmarks_in_the_crop(buffers: np.lib.npyio.NpzFile, shared: Path, size: int) -> None:
    head = synthetic_flame(shared)
    code: FaceCode = code_of(buffers, "code1")
    points = head.landmarks68(head.vertices_of(code), code.pose)
    seen = project_ndc(points, code.camera, CROP_ONLY)[:, :2]
    np.testing.assert_allclose(seen, buffers[f"{size}/none/landmarks2d_ndc_crop"], atol=5e-6)


@pytest.mark.parametrize("size", [256, 512])
def test_the_centre_is_that_of_the_photos_own_shape(buffers: np.lib.npyio.NpzFile, shared: Path, size: int) -> None:
    """With a mean shape too: it is worked out before that is put in."""
    head = synthetic_flame(shared)
    code: FaceCode = code_of(buffers, "code1")
    centre = head.centre(head.vertices_of(code), code.pose)
    for name in ("ffhq_center", "mean_ffhq_center"):
        np.testing.assert_allclose(centre, buffers[f"{size}/{name}"][0], atol=2e-6)


def test_vertices_spread_over_the_texture(buffers: np.lib.npyio.NpzFile, shared: Path) -> None:
    """The rasterizer's faces and weights on the flat uv mesh, which has a seam and corners on texel centres."""
    given = flame_arrays(shared)
    flat = np.column_stack([given["uv"] * 2 - 1, np.ones(len(given["uv"]))]).astype(np.float32)
    flat[:, 1] *= -1
    surface = NumbaRasterizer().surface(flat, given["uv_faces"], 256)
    corners = buffers["256/none/verts"][given["f"][np.maximum(surface.face_ids, 0)]]
    picture = (corners * surface.bary[..., None]).sum(2) * (surface.face_ids >= 0)[..., None]
    away = np.abs(picture[::4, ::4].transpose(2, 0, 1) - buffers["world2uv_none_stride4"]).max(0)
    assert (away > 1e-4).mean() <= 0.005


# -- schedules and samplers -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["full1000", "respaced/ddim20", "respaced/ddim50", "respaced/20"])
def test_roots_and_logarithms_of_the_schedule(parity: Path, name: str) -> None:
    made = full_schedule() if name == "full1000" else respaced(name.split("/")[1])
    variance = np.append(made.posterior_variance[1], made.posterior_variance[1:])
    wanted = {"sqrt_alphas_cumprod": made.bar ** 0.5, "sqrt_one_minus_alphas_cumprod": (1 - made.bar) ** 0.5,
              "sqrt_recip_alphas_cumprod": made.bar ** -0.5, "sqrt_recipm1_alphas_cumprod": (1 / made.bar - 1) ** 0.5,
              "posterior_log_variance_clipped": np.log(variance)}
    with np.load(parity / "iii_schedule" / "tables.npz") as tables:
        for key, value in wanted.items():
            np.testing.assert_allclose(value, tables[f"{name}/{key}"], rtol=1e-9, err_msg=key)


class Recorder:
    """A network that keeps what it is asked."""

    def __init__(self, network: EpsilonNetwork) -> None:
        self.network = network
        self.seen: list[torch.Tensor] = []
        self.times: list[int] = []

    def __call__(self, x: torch.Tensor, t: torch.Tensor, condition: torch.Tensor, code: torch.Tensor | None) -> torch.Tensor:
        self.seen.append(x)
        self.times.append(int(t[0]))
        return self.network(x, t, condition, code)


@pytest.fixture(scope="module")
def network(shared: Path) -> EpsilonNetwork:
    return EpsilonNetwork(recipe_model(shared, DenoiserConfig.reference(64, 32, dropout=0.0)))


@pytest.fixture
def recorder(network: EpsilonNetwork) -> Recorder:
    return Recorder(network)


def test_every_step_of_ddim(shared: Path, recorder: Recorder) -> None:
    """Not the last picture alone: what goes into each step is what came out of the reference's step before."""
    given, want = arrays(shared, "forward64"), arrays(shared, "ddim20_64")
    out = ddim(recorder, want["noise"], respaced("ddim20"), given["physic_cond"][:1], given["latent"][:1])
    assert recorder.times == want["timestep_map"].tolist()[::-1]
    steps = [*recorder.seen[1:], out]
    for k, (ours, theirs) in enumerate(zip(steps, want["samples"], strict=True)):
        torch.testing.assert_close(ours[0].float(), theirs, atol=1e-3 if k < 10 else 3e-3, rtol=0)


def test_the_middle_of_sampling_with_noise(shared: Path, recorder: Recorder) -> None:
    given = arrays(shared, "forward64")
    runs: dict[str, tuple[str, Callable[..., torch.Tensor]]] = {
        "ddim20_eta1_64": ("ddim20", partial(ddim, eta=1.0)), "ddpm20_64": ("20", ancestral)}
    for name, (spacing, sampler) in runs.items():
        want = arrays(shared, name)
        recorder.seen.clear()
        recorder.times.clear()
        sampler(recorder, want["noise"], respaced(spacing), given["physic_cond"][:1], given["latent"][:1],
                step_noise=want["step_noises"].split(1).__getitem__)
        between = torch.cat(recorder.seen[1:])
        for key in {"mid", "samples_mid", "samples_first"} & set(want):
            away = (between - want[key]).abs().amax((1, 2, 3))
            assert away.min() <= 2e-3, (name, key)
            assert 0 < int(away.argmin()) + 1 < 20 and (key != "samples_first" or int(away.argmin()) == 0)
        if "timestep_map" in want:
            assert recorder.times == want["timestep_map"].tolist()[::-1]


@pytest.mark.parametrize("size", [256, 512])
def test_inputs_of_the_full_size_forwards(shared: Path, size: int) -> None:
    want, make = arrays(shared, f"forward{size}"), recipe(shared)
    for name, draw, key in (("x", make.gauss, "x_head"), ("img", make.usym, "img_head")):
        drawn_here = draw(f"in.{name}{size}", (1, 3, size, size)).astype(np.float32).reshape(-1)[:8]
        np.testing.assert_allclose(drawn_here, want[key], rtol=1e-6)
    shown = want["eps_strided"]
    assert abs(float(shown.mean() - want["eps_mean"])) < 0.01 and abs(float(shown.std() - want["eps_std"])) < 0.01


def test_no_array_is_left_out(parity: Path) -> None:
    names = []
    for file in sorted(parity.glob("*/*.npz")):
        with np.load(file) as stored:
            names += [f"{file.parent.name}/{file.stem}:{name}" for name in stored.files]
    left = [name for name in names if not any(fnmatch(name, pattern) for pattern in COMPARED)]
    assert not left and len(names) > 250
