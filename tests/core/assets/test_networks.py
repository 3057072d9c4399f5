"""Which network a file of weights holds, and what is said when it is another."""
from __future__ import annotations

from typing import Any

import pytest

from core.assets import networks
from core.assets.problems import Unfit
from models.checkpoint import shapes_of
from models.config import DenoiserConfig
from models.face_encoder import shapes as encoder_shapes


def facts(tensors: dict[str, Any] | None = None, others: tuple[str, ...] = (), **inside: dict[str, Any]) -> dict[str, Any]:
    """A summary as `weights.summary` gives it."""
    return {"tensors": {key: list(shape) for key, shape in (tensors or {}).items()}, "inside": inside,
            "others": dict.fromkeys(others, "a list")}


SMALL = shapes_of(DenoiserConfig.reference(64, 32))
FIRST = networks.FIRST_KEY


@pytest.mark.parametrize(("size", "base"), [(64, 32), (128, 64), (256, 128), (512, 128)])
def test_a_checkpoints_size_is_read_from_its_keys(size: int, base: int) -> None:
    plan = networks.plan_checkpoint(facts(shapes_of(DenoiserConfig.reference(size, base))), "model000001", "ab")
    assert plan.what.startswith(f"DiffusionRig checkpoint, {size} pixels, base {base}")
    assert '"head": "flame"' in plan.metadata["diffusionrig"] and plan.at == [] and plan.prefix == ""


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "module.model."])
def test_a_prefix_is_taken_off_and_said(prefix: str) -> None:
    plan = networks.plan_checkpoint(facts({prefix + key: shape for key, shape in SMALL.items()}), "a", "")
    assert plan.prefix == prefix and f"without the prefix '{prefix}'" in plan.what
    assert list(plan.wanted) == list(SMALL)


def test_a_wrapped_model_is_taken_out_and_said() -> None:
    given = facts(others=("epoch",), state_dict=facts(SMALL), optimizer=facts(others=("state",)))
    plan = networks.plan_checkpoint(given, "a", "")
    assert plan.at == ["state_dict"] and "taken out of 'state_dict'" in plan.what


def test_two_models_in_one_file_are_not_guessed_between() -> None:
    with pytest.raises(Unfit, match="it holds 2 models .ema, model.: save the one that you want"):
        networks.plan_checkpoint(facts(ema=facts(SMALL), model=facts(SMALL)), "a", "")


def without(*keys: str, **changed: tuple[int, ...]) -> dict[str, Any]:
    return {key: changed.get(key, shape) for key, shape in SMALL.items() if key not in keys}


@pytest.mark.parametrize(("given", "words"), [
    (facts(without("encoder.fc.bias")), "nearest is the one for 64 pixels: 1 tensor of 534 missing, such as 'encoder.fc.bias'"),
    (facts({**SMALL, "extra": (1,)}), "1 tensor of 534 unknown, such as 'extra'"),
    (facts({**SMALL, "encoder.fc.bias": (65,)}), r"'encoder.fc.bias' has shape \(65,\), expected \(64,\)"),
    (facts({**SMALL, FIRST: (128, 33)}), "its base width is 33, expected a multiple of 32"),
    (facts(state=facts(others=("0",)), others=("param_groups",)), "the state of an optimiser, expected the model's weights"),
    (facts(E_flame=facts(), E_detail=facts()), "it holds DECA's networks, expected a DiffusionRig checkpoint"),
    (facts({"input_blocks.0.0.weight": (1,)}), "a plain diffusion model without DiffusionRig's encoder"),
    (facts({f"layer{i}": (1,) for i in range(9)}), "it holds layer0, layer1, layer2, layer3, layer4, layer5 and 3 more"),
    (facts(), "it holds nothing")])
def test_what_is_no_checkpoint_is_named(given: dict[str, Any], words: str) -> None:
    with pytest.raises(Unfit, match=words):
        networks.plan_checkpoint(given, "a", "")


def test_the_encoder_is_found_among_decas_networks() -> None:
    plan = networks.plan_encoder(facts(E_flame=facts(encoder_shapes()), E_detail=facts(), D_detail=facts()))
    assert plan.at == ["E_flame"] and {key: tuple(shape) for key, shape in plan.wanted.items()} == encoder_shapes()


@pytest.mark.parametrize(("given", "words"), [
    (facts(SMALL), "it is a DiffusionRig checkpoint, expected DECA's networks"),
    (facts(others=("epoch",), E_detail=facts()), "it holds E_detail, epoch, expected DECA's E_flame"),
    (facts(E_flame=facts({**encoder_shapes(), "layers.2.bias": (159,)})),
     r"not DECA's encoder of 236 values: 1 tensors.*'layers.2.bias' has shape \(159,\), expected \(236,\)"),
    (facts(E_flame=facts({"layers.2.weight": (236, 1024)})), "'encoder.conv1.weight' is missing"),
    (facts(E_flame=facts()), "it has no 'layers.2.weight' in it")])
def test_what_is_no_encoder_is_named(given: dict[str, Any], words: str) -> None:
    with pytest.raises(Unfit, match=words):
        networks.plan_encoder(given)
