"""What has been imported: the files under the user's data folder, and a record of where each came from."""
from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from core import paths
from core.errors import AssetError
from core.files import atomic_write

VERSION, MAX_HEADER = 1, 16 << 20
FLAME, TEXTURE, ENCODER, PRIOR, ICT = "flame", "texture", "encoder", "prior", "ict"
TITLES = {FLAME: "FLAME head", TEXTURE: "FLAME texture", ENCODER: "DECA encoder", PRIOR: "DiffusionRig checkpoint",
          ICT: "ICT-FaceKit"}


@dataclass(frozen=True)
class Asset:
    """One thing that is imported. kind: 'flame', 'texture', 'encoder', 'prior' or 'ict'. file: the user's file (or folder) that
    it came from. what: what it is, in words. stored: the converted file; for 'ict' the user's own folder."""

    kind: str
    file: Path
    what: str
    stored: Path

    @property
    def name(self) -> str:
        """What `remove` calls it: the kind, or a model's own name."""
        return self.stored.stem if self.kind == PRIOR else self.kind


def flame_path() -> Path:
    """Where FLAME is stored, there or not."""
    return paths.assets_dir() / "flame.npz"


def encoder_path() -> Path:
    """Where the encoder is stored, there or not."""
    return paths.assets_dir() / "deca_encoder.safetensors"


def prior_path(name: str) -> Path:
    """Where a model of that name is stored, there or not."""
    return paths.priors_dir() / f"{name}.safetensors"


def flame_file() -> Path | None:
    """The imported FLAME arrays, or None."""
    return flame_path() if flame_path().is_file() else None


def encoder_file() -> Path | None:
    """The imported DECA encoder's weights (E_flame, with its own keys), or None."""
    return encoder_path() if encoder_path().is_file() else None


def prior_files() -> dict[str, Path]:
    """The models in the user's folder by name, sorted: imported ones, and any that were put there."""
    return {path.stem: path for path in sorted(paths.priors_dir().glob("*.safetensors")) if not path.name.startswith(".")}


def ict_folder() -> Path | None:
    """The remembered ICT-FaceKit folder, if it is still there."""
    stored = Path(read_record().get(ICT, {}).get("stored", ""))
    return stored if stored.is_absolute() and stored.is_dir() else None


def status() -> list[Asset]:
    """What is imported now. Reads no array and needs no PyTorch."""
    record = read_record()
    return list(_present(record))


def _present(record: dict[str, dict[str, Any]]) -> Iterator[Asset]:
    if flame := flame_file():
        yield _asset(FLAME, record.get(FLAME, {}), flame)
        if TEXTURE in record:
            yield _asset(TEXTURE, record[TEXTURE], flame)
    if encoder := encoder_file():
        yield _asset(ENCODER, record.get(ENCODER, {}), encoder)
    for name, path in prior_files().items():
        yield _asset(PRIOR, record.get(_key(PRIOR, name)) or {"what": _about(path)}, path)
    if ict := ict_folder():
        yield _asset(ICT, record[ICT], ict)


def _about(path: Path) -> str:
    """What a model that nobody imported, such as one trained here, says about itself."""
    try:
        with path.open("rb") as file:
            said = json.loads(header_of(file)["__metadata__"]["diffusionrig"])
        return f"model for the '{said['head']}' head, {said['config']['size']} pixels, '{said['name']}'"
    except (OSError, ValueError, KeyError, TypeError):
        return "a model that does not describe itself"


def header_of(file: BinaryIO) -> dict[str, Any]:
    """The header of an open .safetensors file: name -> dtype, shape and place, and the metadata under '__metadata__'.

    Raises ValueError for what is none, OSError.
    """
    size = int.from_bytes(file.read(8), "little")
    text = file.read(size) if 2 <= size <= MAX_HEADER else b""
    if len(text) < max(size, 1):
        raise ValueError("it has no header")
    try:
        found = json.loads(text)
    except RecursionError as error:
        raise ValueError("its header is nested too deeply") from error
    if not isinstance(found, dict):
        raise ValueError("its header is none")
    return found


def _asset(kind: str, entry: dict[str, Any], stored: Path) -> Asset:
    source = entry.get("file")
    return Asset(kind, Path(source) if source else stored, str(entry.get("what") or TITLES[kind]), stored)


def read_record() -> dict[str, dict[str, Any]]:
    """The entries of assets.json by key; a missing or damaged file is an empty one, as the stored files speak for themselves."""
    try:
        content = json.loads((paths.assets_dir() / "assets.json").read_text(encoding="utf-8"))
        entries = content["assets"] if content["version"] <= VERSION else {}
        return {key: entry for key, entry in entries.items() if isinstance(entry, dict)}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def note(asset: Asset, digest: str = "") -> None:
    """Remember where an asset came from. digest: sha256 of the user's file. Raises WriteError."""
    record = read_record()
    record[_key(asset.kind, asset.name)] = {
        "kind": asset.kind, "file": str(asset.file), "what": asset.what, "stored": str(asset.stored), "sha256": digest,
        "date": datetime.now(UTC).isoformat(timespec="seconds")}
    _write(record)


def free_name(stem: str) -> str:
    """A name for a new model that nothing else has: its file's own, or with a number behind it."""
    taken, name, number = {*prior_files(), *TITLES}, stem, 2
    while name in taken:
        name, number = f"{stem}-{number}", number + 1
    return name


def source_of(digest: str) -> Path | None:
    """The stored model that was converted from the file with this sha256, if there is one."""
    for entry in read_record().values():
        if entry.get("kind") == PRIOR and entry.get("sha256") == digest and Path(entry.get("stored", "")).is_file():
            return Path(entry["stored"])
    return None


def remove(name: str) -> Asset:
    """Delete what is stored under a name that `status` shows; the user's own files stay. Raises AssetError, WriteError."""
    present = {asset.name: asset for asset in status()}
    if name not in present:
        raise AssetError(f"Nothing of the name '{name}' is imported. "
                         + (f"There is: {', '.join(present)}." if present else "Nothing is imported yet."))
    asset, record = present[name], read_record()
    if asset.kind == TEXTURE:
        from core.assets.flame_store import drop_texture
        drop_texture(asset.stored)
    elif asset.kind != ICT:  # of ICT-FaceKit only the place is remembered
        _delete(asset.stored)
    record.pop(_key(asset.kind, name), None)
    if asset.kind == FLAME:
        record.pop(TEXTURE, None)
    _write(record)
    return asset


def _delete(path: Path) -> None:
    try:
        os.unlink(path)
    except OSError as error:
        raise AssetError(f"{path} can't be deleted: {error.strerror or error}.") from error


def _key(kind: str, name: str) -> str:
    return f"{PRIOR}:{name}" if kind == PRIOR else kind


def _write(record: dict[str, Any]) -> None:
    text = json.dumps({"version": VERSION, "assets": record}, indent=1, ensure_ascii=False)
    atomic_write(paths.assets_dir() / "assets.json", text.encode(), make_folder=True)
