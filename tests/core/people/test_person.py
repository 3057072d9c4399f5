"""A person's file: what is written comes back, and nothing that others may send gets through."""
from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from core.errors import AssetError
from core.people.header import ENTRY, read_about
from core.people.names import clean_name, same, slug
from core.people.person import read_person, renamed
from core.prior import Prior, load_prior
from models.changes import NETWORK, STUDENT, apply, store_full
from tests.core.people.kit import CARD, IDENTITY, changes_of, drawn, put_person, tiny_prior


@pytest.fixture(scope="module")
def prior(tmp_path_factory: pytest.TempPathFactory) -> Prior:
    return tiny_prior(tmp_path_factory.mktemp("prior") / "tiny.safetensors")


@pytest.fixture
def ann(prior: Prior, tmp_path: Path) -> Path:
    return put_person(prior, path=tmp_path / "ann.safetensors")


def test_what_is_written_comes_back(prior: Prior, ann: Path) -> None:
    person = read_person(ann)
    assert (person.name, person.identity, person.head, person.size, person.path) == ("Ann", IDENTITY, "open", 256, ann)
    assert (person.prior_digest, person.prior_name, person.licence) == (prior.digest, prior.name, prior.licence)
    assert person.card == CARD and person.photos == 16 and person.consent == "Ann agrees. (2026-11-23)"
    assert read_about(ann).digest == person.digest and len(person.digest) == 64


def test_the_network_is_the_priors_with_the_changes(prior: Prior, ann: Path) -> None:
    state, wanted = prior.checkpoint.state, drawn(prior.checkpoint.state, 1)
    for key, value in read_person(ann).build(prior).state_dict().items():
        torch.testing.assert_close(value, wanted.get(key, state[key]).to(value.dtype), atol=1e-4, rtol=1e-3)


def test_a_student_of_its_own_or_the_priors_difference(prior: Prior, ann: Path, tmp_path: Path) -> None:
    own = prior.checkpoint.student_state()
    assert own is not None
    without = read_person(ann).build_student(prior)
    trained = read_person(put_person(prior, path=tmp_path / "b.safetensors", student=True)).build_student(prior)
    assert without is not None and trained is not None
    key = "denoisingUNet.out.2.weight"
    state, personal, student = prior.checkpoint.state, drawn(prior.checkpoint.state, 1), drawn(own, 101)
    moved = personal[key] + own[key].float() - state[key].float()
    torch.testing.assert_close(without.state_dict()[key], moved, atol=1e-3, rtol=0)
    torch.testing.assert_close(trained.state_dict()[key], student[key], atol=1e-3, rtol=0)


def test_equal_content_has_equal_digests_and_a_new_name_leaves_it(prior: Prior, ann: Path, tmp_path: Path) -> None:
    again = put_person(prior, path=tmp_path / "again.safetensors")
    assert again.read_bytes() == ann.read_bytes()
    person = read_person(ann)
    renamed(person, "Bea", again)
    assert read_person(again).name == "Bea" and read_person(again) == person
    other = read_person(put_person(prior, path=again, identity=(1.0,) * 56))
    assert other != person


def test_another_prior_is_refused_with_its_name(prior: Prior, ann: Path, tmp_path: Path) -> None:
    other = tiny_prior(tmp_path / "other.safetensors", encoder_width=16)
    with pytest.raises(AssetError, match=f"'Ann' was made with the model 'tiny' .{prior.digest[:12]}. and can't be used with"):
        read_person(ann).build(other)


def test_a_prior_is_no_person_and_a_person_no_prior(prior: Prior, ann: Path) -> None:
    with pytest.raises(AssetError, match="it holds a model, not a person; it can be given to --prior"):
        read_person(prior.path)
    with pytest.raises(AssetError, match="it holds a person, not a model; it can be given to --person"):
        load_prior(ann)


def _said(path: Path) -> dict[str, Any]:
    with safe_open(path, "pt") as file:
        return dict(json.loads(file.metadata()[ENTRY]))


def _tamper(path: Path, said: Callable[[dict[str, Any]], object] | None = None, text: str | None = None,
            tensors: Callable[[dict[str, torch.Tensor]], object] | None = None) -> None:
    """Write the file anew with another description or other tensors."""
    plain, values = _said(path), load_file(path)
    if said:
        said(plain)
    if tensors:
        tensors(values)
    save_file(values, path, {ENTRY: json.dumps(plain) if text is None else text})


@pytest.mark.parametrize(("change", "words"), [
    (lambda s: s.update(version=2), "newer version of this program .format 2, known is 1."),
    (lambda s: s.update(version="9" * 50), "version in its description is damaged"),
    (lambda s: s.update(kind="prior"), "something else than a person"),
    (lambda s: s.update(code="print(1)"), "unknown entry 'code'"),
    (lambda s: s.pop("identity"), "lacks 'identity'"),
    (lambda s: s.update(identity=[0.0] * 5000), "mean identity is damaged"),
    (lambda s: s.update(identity=[1e9]), "impossible numbers"),
    (lambda s: s.update(identity=[float("nan")]), "damaged .NaN is no number"),
    (lambda s: s.update(identity=["a"]), "impossible numbers"),
    (lambda s: s.update(identity=IDENTITY[::-1]), "its content is not what it was"),
    (lambda s: s.update(size=10**9), "size of its pictures"),
    (lambda s: s.update(head=["open"]), "description is damaged"),
    (lambda s: s.update(prior={"digest": "../../etc", "name": "a", "licence": ""}), "digest"),
    (lambda s: s.update(prior=None), "of its prior is damaged"),
    (lambda s: s.update(digest="0" * 64), "its content is not what it was"),
    (lambda s: s.update(name="../../Ann"), "its name is none.*'/'"),
    (lambda s: s.update(name="<img src=x>"), "'<' and '>'"),
    (lambda s: s.update(name="Ann\u202ennA"), "control characters"),
    (lambda s: s.update(name="A" * 5000), "5,000 characters"),
    (lambda s: s.update(name="A" * 61), "has 61 characters"),
    (lambda s: s.update(name=" "), "needs a name"),
    (lambda s: s["card"].update(consent="yes"), "'consent' of its card"),
    (lambda s: s["card"].update(curve=[1, 2]), "training curve"),
    (lambda s: s["card"].update(note="\x1b[2J"), "control characters"),
    (lambda s: s["card"].update(loss=1e300), "number in its description is impossible"),
    (lambda s: s["card"].update(deep=json.loads("[" * 40 + "]" * 40)), "nested too deeply"),
])
def test_a_hostile_description_is_refused(ann: Path, change: Callable[[dict[str, Any]], object], words: str) -> None:
    _tamper(ann, said=change)
    with pytest.raises(AssetError, match=f"ann.safetensors can't be used as a person: .*{words}"):
        read_person(ann)


@pytest.mark.parametrize(("text", "words"), [
    ("[" * 200_000, "damaged"), ("{}", "something else"), ("", "damaged"), ("null", "something else"),
    (" " * (4 << 20) + "{}", "characters, at most"), ('{"version": ' + "1" * 10_000 + ', "kind": "person"}', "damaged|newer"),
])
def test_a_text_that_is_no_description_is_refused(ann: Path, text: str, words: str) -> None:
    _tamper(ann, text=text)
    with pytest.raises(AssetError, match=words):
        read_person(ann)


@pytest.mark.parametrize(("change", "words"), [
    (lambda t: next(iter(t.values())).view(-1)[:1].fill_(float("nan")), "not finite"),
    (lambda t: t.update({"other": torch.zeros(3)}), "holds 'other' .float32., which no person has"),
    (lambda t: t.update({NETWORK + "a": torch.zeros(3, dtype=torch.float64)}), "which no person has"),
    (lambda t: t.clear(), "its content is not what it was"),
])
def test_hostile_tensors_are_refused(ann: Path, change: Callable[[dict[str, torch.Tensor]], object], words: str) -> None:
    _tamper(ann, tensors=change)
    with pytest.raises(AssetError, match=words):
        read_person(ann)


@pytest.mark.parametrize(("change", "words"), [
    ({NETWORK + "denoisingUNet.nothing": torch.zeros(3)}, "'denoisingUNet.nothing' is unknown"),
    ({STUDENT + "denoisingUNet.out.2.bias": torch.zeros(7)}, "student's 'denoisingUNet.out.2.bias' has shape"),
    ({NETWORK + "encoder.bn1.running_var": torch.full((8,), -50.0)}, "which no variance is"),
    ({NETWORK + "denoisingUNet.time_embed.0.weight" + part: torch.full(shape, 1e37) for part, shape in
      ((".up", (32, 1)), (".down", (1, 8)))}, "laid on its model, .*not finite"),
])
def test_changes_that_do_not_fit_are_refused(prior: Prior, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                             change: dict[str, torch.Tensor], words: str) -> None:
    monkeypatch.setattr("core.people.person._check_fit", lambda *_: None)
    path = put_person(prior, path=tmp_path / "odd.safetensors", changes=change)
    monkeypatch.undo()
    with pytest.raises(AssetError, match=f"odd.safetensors can't be used as a person: .*{words}"):
        read_person(path).build(prior)
        read_person(path).build_student(prior)


def test_a_file_of_zeros_or_noise_or_cut_short_is_refused(ann: Path) -> None:
    whole, draw = ann.read_bytes(), random.Random(0)
    for data in (b"", b"\0" * 100, b"\xff" * 100, draw.randbytes(5000), whole[:7], whole[:300], whole[:-1], whole + b"\0"):
        ann.write_bytes(data)
        with pytest.raises(AssetError, match="ann.safetensors"):
            read_person(ann)


def test_no_changed_byte_gets_through(ann: Path) -> None:
    whole, draw = ann.read_bytes(), random.Random(1)
    head = int.from_bytes(whole[:8], "little")
    known = read_person(ann)
    for turn in range(120):
        data = bytearray(whole)
        place = draw.randrange(8 + head if turn % 2 else len(whole))
        data[place] ^= 1 << draw.randrange(8)
        ann.write_bytes(data)
        try:
            person = read_person(ann)
        except AssetError:
            continue
        assert person == known and place < 8 + head  # a changed letter of a text, which decides no picture


def test_names(tmp_path: Path) -> None:
    assert clean_name("  Zoe\u0301 & Bob's 3 ") == "Zo\u00e9 & Bob's 3"
    assert same("ANN", "ann") and same("Zoe\u0301", "ZO\u00c9") and not same("Ann", "Anne")
    assert slug("Ann-Marie O'Neil") == "Ann-Marie-O-Neil" and slug("../..") == "person" and slug("con") == "person-con"
    for name in ("李小龍", "Ольга", "x" * 60, "a" * 47 + "-b", "\U0001f600"):
        (tmp_path / f"{slug(name)}.safetensors").touch()
        assert clean_name(name) == name
    for bad in ("", " \t", "a/b", "a\\b", "a\nb", "a\0b", "<b>", "\u202egnp.exe", "x" * 61):
        with pytest.raises(AssetError):
            clean_name(bad)


def test_writing_checks_what_it_is_given(prior: Prior, tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    with pytest.raises(AssetError, match="needs a name"):
        put_person(prior, path=path, name="  ")
    with pytest.raises(ValueError, match="not finite"):
        put_person(prior, path=path, changes={NETWORK + "denoisingUNet.out.2.bias": torch.full((192,), float("nan"))})
    with pytest.raises(TypeError):
        put_person(prior, path=path, card={"loss": path})
    with pytest.raises(ValueError, match="unknown"):
        put_person(prior, path=path, changes={NETWORK + "nothing": torch.zeros(1)})
    assert not path.exists()


def test_a_frozen_encoder_takes_no_room(prior: Prior) -> None:
    packed = changes_of(prior)
    assert packed and all("encoder" not in name for name in packed)
    state = prior.checkpoint.state
    drifted = {"encoder.bn1.running_mean": state["encoder.bn1.running_mean"].float() + 0.1}
    assert torch.allclose(apply(state, store_full(state, drifted, NETWORK), NETWORK)["encoder.bn1.running_mean"].float(),
                          drifted["encoder.bn1.running_mean"], atol=1e-3)


def test_a_card_is_stored_whatever_was_typed_or_measured(prior: Prior, tmp_path: Path) -> None:
    card = {"consent": {"statement": "I may\u200b.\x1b[2J\nYes"}, "curve": [{"loss": float("nan"), "step": 1}], "a": "x" * 9000}
    read = read_person(put_person(prior, path=tmp_path / "a.safetensors", card=card)).card
    assert read == {"consent": {"statement": "I may.[2J\nYes"}, "curve": [{"loss": None, "step": 1}], "a": "x" * 4000}


def test_tensors_that_share_memory_are_written(prior: Prior, tmp_path: Path) -> None:
    change = torch.ones_like(prior.checkpoint.state["denoisingUNet.out.2.bias"], dtype=torch.float32)
    changes = {prefix + "denoisingUNet.out.2.bias": change for prefix in (NETWORK, STUDENT)}
    path = put_person(prior, path=tmp_path / "a.safetensors", changes=changes)
    assert len(read_person(path).changes) == 2
