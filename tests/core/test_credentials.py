"""Content Credentials written and read back; needs c2pa-python, as the requirements name it."""
from __future__ import annotations

import os
import stat
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core import credentials
from core.credentials import EDITED_WITH_AI, CredentialsError, read, signed
from core.export import encode, read_request, save_image
from core.photo import LoadedImage, load_image

pytest.importorskip("c2pa")
PICTURE = np.random.default_rng(0).integers(0, 256, (64, 48, 3)).astype(np.uint8)
NOTE = {"summary": "Portrait edited with a diffusion model: light changed", "values": {"light.azimuth": 60.0}}
SUFFIXES = {"PNG": ".png", "JPEG": ".jpg", "WebP": ".webp", "TIFF": ".tif"}
pytestmark = pytest.mark.usefixtures("own_home")


@pytest.fixture
def source(tmp_path: Path) -> LoadedImage:
    Image.fromarray(PICTURE).save(tmp_path / "portrait.jpg")
    return load_image(tmp_path / "portrait.jpg")


@pytest.mark.parametrize("kind", SUFFIXES)
def test_every_format_says_that_it_was_edited_with_ai(tmp_path: Path, kind: str, source: LoadedImage) -> None:
    path = save_image(PICTURE, tmp_path / f"out{SUFFIXES[kind]}", source=source, request_json={"seed": 3}, note=NOTE)
    found = read(path)
    assert found is not None and found.state == "Valid" and found.agent.startswith("DiffusionRig Studio ")
    assert found.actions == ("c2pa.opened", "c2pa.edited") and found.source_type == EDITED_WITH_AI
    assert found.source == "portrait.jpg" and found.edit == NOTE and "unverified" in found.signer
    assert read_request(path) == {"seed": 3}  # our own metadata stay readable
    plain = save_image(PICTURE, tmp_path / f"plain{SUFFIXES[kind]}", source=source, request_json={"seed": 3})
    assert np.array_equal(load_image(path).pixels, load_image(plain).pixels) and read(plain) is None
    assert str(tmp_path).encode() not in path.read_bytes()  # no folder of the user's


@pytest.mark.parametrize("kind", SUFFIXES)
def test_a_changed_picture_is_found_out(kind: str) -> None:
    data = bytearray(signed(encode(PICTURE, kind, request="{}"), kind, NOTE))
    place = {"PNG": data.rfind(b"IDAT") + 40, "JPEG": len(data) - 40, "WebP": data.find(b"VP8 ") + 60, "TIFF": 60}[kind]
    data[place] ^= 0x55
    found = read(bytes(data), kind)
    assert found is None or found.state == "Invalid"


def test_sources_that_are_gone_or_changed_are_named_all_the_same(source: LoadedImage) -> None:
    data = encode(PICTURE, "PNG")
    assert source.path is not None
    os.utime(source.path, ns=(1, 1))
    for _ in range(2):  # changed, then gone
        found = read(signed(data, "PNG", NOTE, source), "PNG")
        assert found is not None and found.source == "portrait.jpg" and found.state == "Valid"
        source.path.unlink(missing_ok=True)
    nothing = read(signed(data, "PNG", NOTE, LoadedImage(PICTURE, format="BMP")), "PNG")
    assert nothing is not None and nothing.state == "Valid"
    bare = read(signed(data, "PNG", NOTE), "PNG")
    assert bare is not None and bare.actions == ("c2pa.created", "c2pa.edited")


def test_an_edit_of_an_edit_keeps_the_chain(tmp_path: Path, source: LoadedImage) -> None:
    first = save_image(PICTURE, tmp_path / "first.png", source=source, note=NOTE)
    second = save_image(PICTURE, tmp_path / "second.jpg", source=load_image(first), note=NOTE)
    found = read(second)
    assert found is not None and found.state == "Valid" and found.source == "first.png"
    assert b"portrait.jpg" in second.read_bytes()  # the first picture's own note


def test_the_key_is_this_installations_own(own_home: Path) -> None:
    signed(encode(PICTURE, "PNG"), "PNG", NOTE)
    folder = credentials.folder()
    key = folder / "key.pem"
    assert folder.is_relative_to(own_home) and stat.S_IMODE(key.stat().st_mode) == 0o600
    kept = key.read_bytes()
    signed(encode(PICTURE, "PNG"), "PNG", NOTE)
    assert key.read_bytes() == kept
    (folder / "certificates.pem").write_text("damaged")
    assert read(signed(encode(PICTURE, "PNG"), "PNG", NOTE), "PNG") is not None  # another key takes its place
    assert key.read_bytes() != kept and stat.S_IMODE(key.stat().st_mode) == 0o600


def test_a_key_that_can_not_be_used_says_what_to_do() -> None:
    signed(encode(PICTURE, "PNG"), "PNG", NOTE)
    (credentials.folder() / "key.pem").write_text("damaged")
    with pytest.raises(CredentialsError, match="remove the folder"):
        signed(encode(PICTURE, "PNG"), "PNG", NOTE)


@pytest.mark.parametrize("data", [b"", b"no picture", encode(PICTURE, "PNG")[:200], bytes(range(256)) * 20])
def test_files_without_credentials(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "x.png").write_bytes(data)
    assert read(tmp_path / "x.png") is None and read(tmp_path / "none.png") is None
    assert read(data, "PNG") is None


def test_no_thumbnail_of_the_unedited_face_goes_in(source: LoadedImage) -> None:
    assert source.path is not None
    data = signed(encode(PICTURE, "PNG"), "PNG", NOTE, source)
    assert b"c2pa.thumbnail" not in data and b"claim.thumbnail" not in data


def test_without_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    credentials.problem.cache_clear()
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    try:
        with pytest.raises(CredentialsError, match="c2pa-python"):
            signed(b"", "PNG", NOTE)
        assert read(b"", "PNG") is None
    finally:
        monkeypatch.undo()
        credentials.problem.cache_clear()
