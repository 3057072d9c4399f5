"""Importing a folder: find, check, convert in a separate process, store. What is good is stored, what is not is named."""
from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core import paths
from core.assets import convert, flame_store, networks, process, scan, store
from core.assets.digests import file_digest
from core.assets.flame_files import Sizes
from core.assets.numpy_file import read_plain
from core.assets.problems import Unfit
from core.assets.scan import Candidate
from core.assets.store import Asset
from core.errors import AssetError, UserError

LICENCE_REMINDER = ("Your files stay under their own licences. The converted copies are for you, on this computer: "
                    "they are no part of this program and not to be passed on.")
FLAME_2020 = Sizes()
_PARTS = (scan.MODEL, scan.EMBEDDING, scan.TEMPLATE)


@dataclass
class ImportReport:
    """found: what is stored now, from this folder. problems: what could not be, one message each. notes: other remarks."""

    found: list[Asset] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def import_folder(folder: Path, say: Callable[[str], object] = print, cancelled: Callable[[], bool] = convert.never,
                  sizes: Sizes = FLAME_2020) -> ImportReport:
    """Find the licensed files in a folder and those below it (or take one file), check them, and store what is good.

    say: told what is being done, in words; progress ends with '%'. cancelled: asked often. sizes: the counts a FLAME head must
    have. Each asset is replaced as a whole or not at all; a bad file does not keep others from being stored. Raises AssetError
    when the folder is not there or the store can't be written to; Cancelled (what was stored before it stays).
    """
    top = Path(folder).expanduser().absolute()
    if not top.exists():
        raise AssetError(f"There is no folder {top}. Name the one that holds your files.")
    say(f"Looking through {top}")
    work = _Import(top, say, cancelled, sizes)
    work.flame()
    work.networks()
    work.ict()
    if not work.report.found and not work.report.problems:
        work.report.problems.append(f"{top} holds none of the files that can be imported: {', '.join(scan.USUAL.values())}, or "
                                    "an ICT-FaceKit folder (FaceXModel).")
    return work.report


class _Import:
    """One run over one folder."""

    def __init__(self, top: Path, say: Callable[[str], object], cancelled: Callable[[], bool], sizes: Sizes) -> None:
        self.top, self.say, self.cancelled, self.sizes = top, say, cancelled, sizes
        self.findings = scan.scan(top, cancelled)
        self.report = ImportReport(notes=self.findings.notes)

    def flame(self) -> None:
        """FLAME from its three parts, and the texture with it, or for the head that is stored already."""
        parts = {kind: self._first(kind) for kind in _PARTS}
        texture = self._first(scan.TEXTURE)
        missing = [scan.USUAL[kind] for kind, part in parts.items() if part is None and not self.findings.of(kind)]
        if missing and any(parts.values()):
            there = ", ".join(str(part[0].path) for part in parts.values() if part)
            self.report.problems.append(f"The FLAME head needs {' and '.join(missing)} beside {there}: they are stored together "
                                        "or not at all. Put them into one folder and import that.")
        if all(parts.values()):
            model, embedding, template = (part for part in parts.values() if part)
            self._try(template[0], lambda: self._put_flame(model[0], [model[1], embedding[1], template[1]], texture is None))
        if texture:
            self._try(texture[0], lambda: self._put_texture(*texture))

    def networks(self) -> None:
        """The encoder, and every checkpoint."""
        for candidate in self.findings.of(scan.ENCODER):
            if self._try(candidate, lambda one=candidate: self._encoder(one.path)):  # type: ignore[misc]
                break
        for candidate in self.findings.of(scan.CHECKPOINT):
            self._try(candidate, lambda one=candidate: self._checkpoint(one.path))  # type: ignore[misc]

    def ict(self) -> None:
        """An ICT-FaceKit folder is free to use as it is: its place is remembered."""
        for candidate in self.findings.of(scan.ICT)[:1]:
            self._keep(Asset(store.ICT, candidate.path, "ICT-FaceKit head, used from its own folder", candidate.path))

    def _try(self, candidate: Candidate, work: Callable[[], object]) -> bool:
        """Do one file's work; a file that does not fit becomes a problem in words."""
        try:
            scan.check_beginning(candidate.path)
            scan.check_name(candidate, self.top)
            work()
            return True
        except Unfit as error:
            title = f"{scan.TITLES[candidate.kind]} ({scan.USUAL[candidate.kind]})"
            self.report.problems.append(f"{candidate.path} can't be used as {title}: {error}.")
        except UserError as error:
            self.report.problems.append(str(error))
        except OSError as error:
            self.report.problems.append(f"{candidate.path} can't be read ({error.strerror or error}).")
        return False

    def _first(self, kind: str) -> tuple[Candidate, flame_store.Arrays] | None:
        """The first good file of a kind. Bad ones tried before it are told as remarks then."""
        before, arrays = len(self.report.problems), flame_store.Arrays()
        for candidate in self.findings.of(kind):
            if self._try(candidate, lambda one=candidate: arrays.update(self._arrays(one))):  # type: ignore[misc]
                self.report.notes += self.report.problems[before:]
                del self.report.problems[before:]
                return candidate, arrays
        return None

    def _arrays(self, candidate: Candidate) -> flame_store.Arrays:
        self.say(f"Reading {candidate.path.name}")
        job: dict[str, Any] = {"task": candidate.kind, "file": str(candidate.path)}
        if candidate.kind in _PARTS:
            job["sizes"] = dataclasses.asdict(self.sizes)
        with process.workplace(paths.assets_dir()) as folder:
            _, out = process.run(job, folder, self.cancelled)
            return read_plain(out)

    def _put_flame(self, model: Candidate, arrays: list[flame_store.Arrays], alone: bool) -> None:
        """alone: no texture comes with it."""
        doubt = flame_store.put(*arrays)
        if doubt:
            self.report.notes.append(doubt)
        if alone and store.TEXTURE in [asset.kind for asset in store.status()]:
            self.report.notes.append("The FLAME texture that was imported before is kept.")
        what = f"FLAME head, {len(arrays[0]['v_template']):,} vertices, with landmarks and uv"
        self._keep(Asset(store.FLAME, model.path, what, store.flame_path()), file_digest(model.path))

    def _put_texture(self, texture: Candidate, arrays: flame_store.Arrays) -> None:
        flame_store.put_texture(arrays)
        what = "FLAME texture, 50 directions at 256 x 256 (the part that is used)"
        self._keep(Asset(store.TEXTURE, texture.path, what, store.flame_path()), file_digest(texture.path))

    def _encoder(self, path: Path) -> None:
        digest = file_digest(path)
        if store.encoder_file() and store.read_record().get(store.ENCODER, {}).get("sha256") == digest:
            self._again(store.encoder_path())
            return
        what = convert.convert(path, store.encoder_path(), networks.plan_encoder, self.say, self.cancelled)
        self._keep(Asset(store.ENCODER, path, what, store.encoder_path()), digest)

    def _checkpoint(self, path: Path) -> None:
        digest = file_digest(path)
        stored = store.source_of(digest)
        if stored is not None:
            self._again(stored)
            return
        target = store.prior_path(store.free_name(path.stem))
        what = convert.convert(path, target, lambda facts: networks.plan_checkpoint(facts, path.stem, digest), self.say,
                               self.cancelled)
        self._keep(Asset(store.PRIOR, path, what, target), digest)

    def _again(self, stored: Path) -> None:
        """The same file was imported before."""
        self.report.found += [asset for asset in store.status() if asset.stored == stored]

    def _keep(self, asset: Asset, digest: str = "") -> None:
        store.note(asset, digest)
        self.report.found.append(asset)
