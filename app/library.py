"""What models, heads and estimators there are on this computer, in the words of the window. No Qt; for any thread."""
from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.language import tr
from app.setup import HEADS, Setup, estimator_title, head_title, prior_title
from core import assets, estimators, paths

PRIOR, HEAD, TEXTURE, ENCODER = "prior", "head", "texture", "encoder"
HOW = {
    "flame": "Register at flame.is.tue.mpg.de and download FLAME 2020 (generic_model.pkl); landmark_embedding.npy and "
             "head_template.obj come with DECA.",
    "texture": "FLAME_texture.npz: the texture space on the same site as FLAME. Released models need it for their pictures.",
    "encoder": "deca_model.tar: see the DECA project page. It finds FLAME's parameters as the paper does.",
    "ict": "Download ICT-FaceKit (its licence is open) and import its folder.",
    "prior": "A model released with DiffusionRig (modelNNNNNN.pt, 256 or 512), or one of your own made by 'main.py train'.",
}


@dataclass(frozen=True)
class Item:
    """One thing that is there, or could be.

    kind: 'prior', 'head', 'texture', 'encoder'. name: what a Setup calls it ('' the default prior). detail: size, head, licence,
    where it came from. how: how to get it, when it is missing. stored: what `remove` takes; '' for what ships. head: a prior's.
    """

    kind: str
    name: str
    title: str
    detail: str = ""
    present: bool = True
    how: str = ""
    stored: str = ""
    head: str = ""


@dataclass(frozen=True)
class Shelf:
    """All items, in the order they are shown in."""

    items: tuple[Item, ...] = field(default=())

    def of(self, kind: str) -> tuple[Item, ...]:
        """The items of one kind."""
        return tuple(item for item in self.items if item.kind == kind)

    def has(self, kind: str, name: str = "") -> bool:
        """Whether it is there."""
        return any(item.present for item in self.of(kind) if not name or item.name == name)

    def head_of(self, prior: str | None) -> str:
        """The head a prior was trained on; '' where that isn't known (a file)."""
        return next((item.head for item in self.of(PRIOR) if item.name == (prior or "")), "")


class Library:
    """The user's imported files and what ships. Each method may take a while."""

    def look(self) -> Shelf:
        """What is there now."""
        there = {asset.name: asset for asset in assets.status()}
        heads = [Item(HEAD, "open", HEADS["open"], tr("Ships with the program"))]
        for name in ("flame", "ict"):
            heads.append(_item(HEAD, name, HEADS[name], there.get(name)))
        extra = [_item(TEXTURE, "texture", tr("FLAME texture"), there.get("texture")),
                 _item(ENCODER, "encoder", tr("DECA encoder"), there.get("encoder"))]
        imported = [_prior(asset) for asset in there.values() if asset.kind == "prior"]
        if not imported:
            imported = [Item(PRIOR, "-", tr("Released models"), present=False, how=tr(HOW["prior"]))]
        return Shelf((_default_prior(), *imported, *heads, *extra))

    def import_folder(self, folder: Path, say: Callable[[str], None], cancelled: Callable[[], bool]) -> Any:
        """See `core.assets.import_folder`."""
        return assets.import_folder(folder, say, cancelled)

    def remove(self, item: Item) -> None:
        """Delete what was stored of it; the user's own files stay."""
        assets.remove(item.stored)


def estimator_choices(head: str) -> tuple[str, ...]:
    """The estimators of a head, the usual one first."""
    return estimators.names(head)


def problem(setup: Setup, shelf: Shelf) -> tuple[str, bool]:
    """What stands against a setup, in words, and whether it can be loaded nevertheless ('' and True where nothing does)."""
    own = shelf.head_of(setup.prior)
    head = setup.head or own
    if head and not shelf.has(HEAD, head):
        missing = tr("{head} isn't on this computer.", head=head_title(head))
        return f"{missing} {tr(HOW[head]) if head in HOW else ''}", False
    estimator = setup.estimator or (estimator_choices(head)[0] if head else "")
    if estimator == "deca" and not shelf.has(ENCODER):
        return tr("The DECA encoder isn't on this computer. Import deca_model.tar, or choose “{other}”.",
                  other=estimator_title("fit")), False
    if own and head != own:
        model = prior_title(setup.prior)
        return tr("{model} was trained on {own}. With {head} the head and its buffers can be edited, but no pictures can be "
                  "made.",
                  model=model[:1].upper() + model[1:], own=head_title(own), head=head_title(head)), True
    if head == "flame" and own == "flame" and not shelf.has(TEXTURE):
        return tr("Without the FLAME texture the buffers can be edited, but no pictures can be made."), True
    return "", True


def _item(kind: str, name: str, title: str, asset: assets.Asset | None) -> Item:
    if asset is None:
        return Item(kind, name, title, present=False, how=tr(HOW[name]))
    return Item(kind, name, title, f"{asset.what}\n{asset.file}", stored=asset.name)


def _prior(asset: assets.Asset) -> Item:
    said = _description(asset.stored)
    return Item(PRIOR, asset.name, asset.name, f"{_facts(said)}\n{asset.file}", stored=asset.name,
                head=str(said.get("head", "flame")))


def _default_prior() -> Item:
    said = _description(paths.default_prior())
    present = bool(said)
    return Item(PRIOR, "", tr("Default model"), f"{_facts(said)}\n{tr('Ships with the program')}" if present else "", present,
                "" if present else tr("Restore it from the program's files."), head=str(said.get("head", "open")))


def _facts(said: dict[str, Any]) -> str:
    size = said.get("config", {}).get("size")
    parts = [f"{size} × {size}" if size else "",
             tr("made for {head}", head=head_title(str(said["head"]))) if said.get("head") else "",
             tr("licence {name}", name=said["licence"]) if said.get("licence") else ""]
    return ", ".join(part for part in parts if part)


def _description(file: Path) -> dict[str, Any]:
    """What a checkpoint of ours says of itself; {} where it says nothing. Reads the header only."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(file, "numpy") as content:
            said = json.loads((content.metadata() or {}).get("diffusionrig", "{}"))
    except (OSError, SafetensorError, ValueError):
        return {}
    return said if isinstance(said, dict) else {}
