"""Broken and hostile project files: one clear message each, or the rest of the project without what is broken."""
from __future__ import annotations

import io
import json
import os
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from core.project import ProjectError, read_project
from tests.core.project.kit import changed, entries, packed, written

Make = Callable[[Path], Path]


def edited(change: Callable[[dict[str, Any]], Any]) -> Make:
    return lambda folder: changed(written(folder), change)


def text(data: bytes) -> Make:
    return lambda folder: packed(folder / "x.drig", {"project.json": data})


def raw(data: bytes) -> Make:
    def make(folder: Path) -> Path:
        (folder / "x.drig").write_bytes(data)
        return folder / "x.drig"
    return make


def with_entry(name: str, *, mode: int = 0, data: bytes = b"x", twice: bool = False) -> Make:
    def make(folder: Path) -> Path:
        path = written(folder)
        with zipfile.ZipFile(path, "a") as archive:
            for _ in range(2 if twice else 1):
                info = zipfile.ZipInfo("a")
                info.filename, info.external_attr = name, mode << 16
                with_warnings(archive, info, data)
        return path
    return make


def with_warnings(archive: zipfile.ZipFile, info: zipfile.ZipInfo, data: bytes) -> None:
    import warnings
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        archive.writestr(info, data)


def patched(offset_of: bytes, by: int, value: bytes, which: str = "first") -> Make:
    """A file with some bytes replaced, `by` after the first (or last) place of a signature."""
    def make(folder: Path) -> Path:
        path = written(folder)
        data = bytearray(path.read_bytes())
        at = (data.find if which == "first" else data.rfind)(offset_of) + by
        data[at:at + len(value)] = value
        path.write_bytes(data)
        return path
    return make


def cut(share: float) -> Make:
    def make(folder: Path) -> Path:
        path = written(folder)
        data = path.read_bytes()
        path.write_bytes(data[:int(len(data) * share)])
        return path
    return make


def bomb(folder: Path) -> Path:
    return packed(folder / "x.drig", {"project.json": b"[" + b"0," * (6 << 20) + b"0]"}, zipfile.ZIP_DEFLATED)


def large_text(folder: Path) -> Path:
    rng = np.random.default_rng(0)
    return packed(folder / "x.drig", {"project.json": rng.bytes(65 << 20)})


def many_entries(folder: Path) -> Path:
    return packed(folder / "x.drig", {f"e{i}": b"" for i in range(20_001)})


def claims_more(folder: Path) -> Path:
    """The directory says that the text is longer than it is."""
    path = packed(folder / "x.drig", {"project.json": b"{}"})
    data = bytearray(path.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        at = data.find(signature)
        data[at + offset:at + offset + 4] = struct.pack("<I", 5000)
    path.write_bytes(data)
    return path


def overlapping(folder: Path) -> Path:
    """Many entries that share one piece of compressed data, which unpacks to far more."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    body = packer.compress(bytes(8 << 20)) + packer.flush()
    head = struct.pack("<4sHHHHHIIIHH", b"PK\x03\x04", 20, 0, 8, 0, 0, zlib.crc32(bytes(8 << 20)), len(body), 8 << 20, 12, 0)
    local = head + b"project.json" + body
    directory = b"".join(struct.pack("<4sHHHHHHIIIHHHHHII", b"PK\x01\x02", 20, 20, 0, 8, 0, 0, zlib.crc32(bytes(8 << 20)),
                                     len(body), 8 << 20, 12, 0, 0, 0, 0, 0, 0) + (b"project.json" if i == 0 else b"entry%07d" % i)
                         for i in range(50))
    end = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, 50, 50, len(directory), len(local), 0)
    (folder / "x.drig").write_bytes(local + directory + end)
    return folder / "x.drig"


def a_folder(folder: Path) -> Path:
    (folder / "x.drig").mkdir()
    return folder / "x.drig"


def a_pipe(folder: Path) -> Path:
    if not hasattr(os, "mkfifo"):
        pytest.skip("no pipes here")
    os.mkfifo(folder / "x.drig")
    return folder / "x.drig"


def no_permission(folder: Path) -> Path:
    path = written(folder)
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("may read everything")
    return path


NESTED = b'{"format": 1, "a": ' + b"[" * 500_000 + b"]" * 500_000 + b"}"
BROKEN: dict[str, Make] = {
    "missing": lambda folder: folder / "none.drig", "empty": raw(b""), "a folder": a_folder, "a pipe": a_pipe,
    "no permission": no_permission, "random bytes": raw(np.random.default_rng(0).bytes(5000)), "a text": raw(b"hello"),
    "a zip's head alone": raw(b"PK\x03\x04"),
    "a zip's end alone": raw(b"PK\x05\x06" + bytes(18)), "zeros": raw(bytes(4096)),
    "cut to a tenth": cut(0.1), "cut to half": cut(0.5), "cut at the end": cut(0.98),
    "another zip": lambda folder: packed(folder / "x.drig", {"word/document.xml": b"<a/>"}),
    "no text": text(b""), "not json": text(b"{"), "not utf-8": text(b'{"format": "\xff"}'),
    "utf-16": text('{"format": 1}'.encode("utf-16")),
    "a list": text(b"[]"), "null": text(b"null"), "a number": text(b"1"), "nested": text(NESTED),
    "half nested": text(b'{"format": 1, "a": ' + b"[" * 60 + b"]" * 60 + b"}"),
    "nan": text(b'{"format": 1, "request": {"photo": "", "strength": NaN}}'),
    "infinity": text(b'{"format": 1, "request": {"photo": "", "strength": 1e999}}'),
    "a huge number": text(b'{"format": 1, "saved": ' + b"9" * 5000 + b"}"),
    "a large whole number": edited(lambda p: p["request"].update(seed=2**70)),
    "bomb": bomb, "too much text": large_text, "many entries": many_entries, "claims more": claims_more,
    "overlapping": overlapping,
    "name leads out": with_entry("../../.ssh/authorized_keys"), "absolute name": with_entry("/etc/passwd"),
    "drive": with_entry("C:/windows/x"), "backslashes": with_entry("..\\..\\x"), "dot": with_entry("./project.json"),
    "a link": with_entry("link", mode=stat.S_IFLNK | 0o777, data=b"/etc/passwd"), "twice": with_entry("project.json"),
    "the same new name twice": with_entry("more", twice=True), "long name": with_entry("a" * 300), "no name": with_entry(" "),
    "a folder in it": with_entry("folder/"), "encrypted": patched(b"PK\x01\x02", 8, b"\x01\x00"),
    "unknown packing": patched(b"PK\x01\x02", 10, b"\x0c\x00"), "checksum": patched(b"PK\x01\x02", 16, b"\0\0\0\0", "last"),
    "directory off": patched(b"PK\x05\x06", 16, b"\xff\xff\xff\x7f"),
    "no format": edited(lambda p: p.pop("format")), "format as text": edited(lambda p: p.update(format="1")),
    "format true": edited(lambda p: p.update(format=True)), "format negative": edited(lambda p: p.update(format=-1)),
    "newer": edited(lambda p: p.update(format=99, app={"a": 1})), "no request": edited(lambda p: p.pop("request")),
    "request a list": edited(lambda p: p.update(request=[])), "no rig": edited(lambda p: p["request"].update(rig=3)),
    "values a list": edited(lambda p: p["request"]["rig"].update(values=[1])),
    "value a text": edited(lambda p: p["request"]["rig"]["values"].update({"pose.yaw": "left"})),
    "value of two": edited(lambda p: p["request"]["rig"]["values"].update({"light.color": [1, 2]})),
    "copy of nothing": edited(lambda p: p["request"]["rig"]["copies"].append({})),
    "copy of a wrong block": edited(lambda p: p["request"]["rig"]["copies"][0].update(block="soul")),
    "code too short": edited(lambda p: p["request"]["rig"]["copies"][0]["code"].update(light=[1, 2])),
    "steps": edited(lambda p: p["request"].update(steps=10**6)), "strength": edited(lambda p: p["request"].update(strength=-3)),
    "noise": edited(lambda p: p["request"].update(noise="loud")), "photo a list": edited(lambda p: p.update(photo=[])),
    "photo path a number": edited(lambda p: p["photo"].update(path=3)),
    "path with a null": edited(lambda p: p["photo"].update(path="a\0b")),
    "face": edited(lambda p: p["photo"].update(face=-1)), "people a list": edited(lambda p: p.update(people=[1])),
    "snapshots a table": edited(lambda p: p.update(snapshots={})), "saved a text": edited(lambda p: p.update(saved="now")),
    "many snapshots": edited(lambda p: p.update(snapshots=[{}] * 5001)), "model a list": edited(lambda p: p.update(model=[1])),
    "format 0, history a number": edited(lambda p: {"format": 0, "history": 4}),
    "format 0, a rig that is none": edited(lambda p: {"format": 0, "rig": "x", "history": [3]}),
}
LENIENT = {"photo a list", "photo path a number", "path with a null", "face"}  # the photo is an empty slot then


@pytest.mark.parametrize("name", sorted(set(BROKEN) - LENIENT))
def test_refused_with_one_clear_message(tmp_path: Path, name: str) -> None:
    path = BROKEN[name](tmp_path)
    with pytest.raises(ProjectError) as caught:
        read_project(path)
    message = str(caught.value)
    assert path.name in message and message.endswith(".") and "\n" not in message and len(message) < 500
    assert not any(word in message for word in ("Traceback", "Error:", "object has no", "NoneType", "unhashable")), message


def test_there_are_enough() -> None:
    assert len(BROKEN) >= 40


@pytest.mark.parametrize("name", sorted(LENIENT))
def test_a_photo_that_is_none_is_an_empty_slot(tmp_path: Path, name: str) -> None:
    back = read_project(BROKEN[name](tmp_path))
    assert back.photo is None and back.request.seed == 7 and "name of a photo was left out" in back.notes[0]


# -- what is broken alone


def with_file(folder: Path, ending: str, data: bytes | None) -> Path:
    """A project in which the first entry of that ending holds something else; None: is missing."""
    path = written(folder)
    files = entries(path)
    name = next(name for name in files if name.endswith(ending))
    if data is None:
        del files[name]
    else:
        files[name] = data
    return packed(path, files)


def png(size: tuple[int, int]) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size).save(file, "PNG")
    return file.getvalue()


@pytest.mark.parametrize("data", [None, b"", b"noise", png((20, 30)), png((4100, 4100)), png((1, 1))[:40]])
def test_a_broken_picture_of_the_history_costs_only_itself(tmp_path: Path, data: bytes | None) -> None:
    back = read_project(with_file(tmp_path, ".png", data))
    assert len(back.snapshots) == 1 and back.request.seed == 7 and back.photo is not None and back.photo.data
    assert len(back.notes) == 1 and back.notes[0].startswith("Picture 1 of the history was left out")


@pytest.mark.parametrize("data", [None, b"{", b'{"photo": 3}', b'{"photo": "", "rig": {"values": {"a": NaN}}}'])
def test_a_broken_request_of_the_history_costs_only_itself(tmp_path: Path, data: bytes | None) -> None:
    files = entries(written(tmp_path))
    name = next(name for name in files if name.startswith("snapshots/") and name.endswith(".json"))
    path = packed(tmp_path / "x.drig", {key: value for key, value in {**files, name: data}.items() if value is not None})
    back = read_project(path)
    assert len(back.snapshots) == 1 and len(back.notes) == 1


@pytest.mark.parametrize("data", [None, b"", b"another picture"])
def test_a_broken_photo_is_an_empty_slot(tmp_path: Path, data: bytes | None) -> None:
    path = written(tmp_path)
    files = entries(path)
    name = json.loads(files["project.json"])["photo"]["file"]
    back = read_project(packed(path, {key: value for key, value in {**files, name: data}.items() if value is not None}))
    assert back.photo is not None and back.photo.data is None and back.photo.name == "me.jpg" and len(back.snapshots) == 2
    assert any("copy of me.jpg" in note for note in back.notes)


@pytest.mark.parametrize("change", [
    lambda p: p.update(timeline=3), lambda p: p.update(timeline={"duration": -1}), lambda p: p["people"].update(x={}),
    lambda p: next(iter(p["people"].values())).update(identity=["a"]),
    lambda p: next(iter(p["people"].values())).update(name="a\nb"), lambda p: p["copies"].append({"sha256": "x"}),
    lambda p: p["snapshots"].append("x"), lambda p: p["snapshots"][0].update(pinned=3),
    lambda p: p["snapshots"][1].update(picture="../../etc/passwd")])
def test_other_parts_are_left_out_with_a_note(tmp_path: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    back = read_project(edited(change)(tmp_path))
    assert back.request.seed == 7 and len(back.notes) >= 1


def test_the_message_names_the_backup(tmp_path: Path) -> None:
    written(tmp_path)
    path = written(tmp_path)
    path.write_bytes(b"ruined")
    with pytest.raises(ProjectError, match=r"the version before it is one\.drig~"):
        read_project(path)


def test_any_flipped_byte_is_noticed_or_harmless(tmp_path: Path) -> None:
    """A fuzzer: whatever one byte becomes, there is a project or a ProjectError, nothing else."""
    data = written(tmp_path).read_bytes()
    rng = np.random.default_rng(1)
    path = tmp_path / "x.drig"
    for _ in range(400):
        broken = bytearray(data)
        for at in rng.integers(0, len(data), rng.integers(1, 4)):
            broken[at] = rng.integers(0, 256)
        path.write_bytes(broken)
        try:
            read_project(path)
        except ProjectError as error:
            assert str(error)
