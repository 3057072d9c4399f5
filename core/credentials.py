"""Content Credentials (C2PA 2.x): a signed note inside a picture that says what it was made from, and that a model edited it.

The key that signs is made on this machine at first use and never leaves it, so a reader shows the signer as unknown: the note
proves that the picture hasn't changed since, not who made it. Nothing is fetched or sent. c2pa-python does the work; without it
pictures are written without a note, and `problem` says so.
"""
from __future__ import annotations

import contextlib
import datetime
import functools
import importlib.util
import io
import json
import logging
import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core import paths
from core.errors import UserError
from core.files import atomic_write, read_file

if TYPE_CHECKING:
    from core.photo import LoadedImage

log = logging.getLogger(__name__)

AGENT = "DiffusionRig Studio"
EDITED_WITH_AI = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
EDIT_LABEL = "org.diffusionrig.edit"  # our own assertion: the edit in names and values
MISSING = ("Content Credentials were left out: the package 'c2pa-python' is not installed. Run 'make setup' to have them, or "
           "choose to write without them.")
UNKNOWN_SIGNER = ("Signed with a key made on this computer: readers show the signer as unknown. It proves that the picture was "
                  "not changed since, not who made it.")

_TYPES = {"PNG": "image/png", "JPEG": "image/jpeg", "WebP": "image/webp", "WEBP": "image/webp", "TIFF": "image/tiff",
          "HEIF": "image/heic", "GIF": "image/gif", "MP4": "video/mp4"}
_YEARS = 20
_MOST_BYTES = 600 << 20
# No thumbnails: one of the source would show the face that was edited. No look-ups: nothing leaves this machine.
_SETTINGS: dict[str, Any] = {
    "version": 1, "builder": {"thumbnail": {"enabled": False}},
    "verify": {"verify_after_sign": False, "ocsp_fetch": False, "remote_manifest_fetch": False},
}
_making_key = threading.Lock()


class CredentialsError(UserError):
    """Content Credentials that can't be made or read; says what to do."""


@dataclass(frozen=True)
class Found:
    """What a picture's credentials say. state: 'Valid', 'Trusted' or 'Invalid'. agent: who wrote them. signer: the common name of
    the certificate. source_type: IPTC's URI of how the picture came about, '' where none is said. source: title of the photo it
    was made from. edit: our own assertion. actions: in their order."""

    state: str
    agent: str
    signer: str
    source_type: str
    source: str
    actions: tuple[str, ...]
    edit: dict[str, Any]


@functools.cache
def problem() -> str:
    """Why no credentials can be written; '' when they can."""
    missing = [name for name in ("c2pa", "cryptography") if importlib.util.find_spec(name) is None]
    return MISSING if missing else ""


def folder() -> Path:
    """Where this installation's key and certificates lie."""
    return paths.data_dir() / "credentials"


def signed(data: bytes, kind: str, edit: Mapping[str, Any], source: LoadedImage | None = None) -> bytes:
    """A picture file's bytes with credentials in them.

    kind: PNG, JPEG, WebP, TIFF, GIF or MP4. edit: plain values that say what was done, kept readable. source: the photo it was
    made from; its own credentials, if it has some, stay in the chain.
    Raises CredentialsError when they can't be made.
    """
    if problem():
        raise CredentialsError(problem())
    import c2pa

    certificates, key = _identity()
    try:
        info = c2pa.C2paSignerInfo(alg=c2pa.C2paSigningAlg.ES256, sign_cert=certificates.encode(), private_key=key.encode(),
                                  ta_url=None)
        with c2pa.Context(settings=c2pa.Settings.from_dict(_SETTINGS)) as context, c2pa.Signer.from_info(info) as signer, \
                c2pa.Builder.from_json(_manifest(kind, edit, source), context) as builder:
            _add_source(builder, source)
            into = io.BytesIO()
            builder.sign(signer, _TYPES[kind], io.BytesIO(data), into)
            return into.getvalue()
    except c2pa.C2paError as error:
        raise CredentialsError(f"Content Credentials could not be made ({_short(error)}). Write without them, or remove the "
                               f"folder {folder()} for a new key.") from error


def read(source: Path | bytes, kind: str = "") -> Found | None:
    """The credentials of a picture file, or of bytes of a `kind`; None where there are none or they can't be read."""
    if problem():
        return None
    import c2pa

    try:
        data = source if isinstance(source, bytes) else read_file(source, _MOST_BYTES)
        form = _TYPES[kind] if kind else _type_of(Path(str(source)))
        with c2pa.Context(settings=c2pa.Settings.from_dict(_SETTINGS)) as context, \
                c2pa.Reader(form, io.BytesIO(data), context=context) as reader:
            return _found(json.loads(reader.json()))
    except (c2pa.C2paError, UserError, OSError, KeyError, ValueError, TypeError, AttributeError, RecursionError) as error:
        log.debug("no credentials in %s: %s", source if isinstance(source, Path) else "bytes", error)
        return None


def _type_of(path: Path) -> str:
    suffix = path.suffix.lower()
    return {".png": "image/png", ".webp": "image/webp", ".tif": "image/tiff", ".tiff": "image/tiff", ".gif": "image/gif",
            ".mp4": "video/mp4"}.get(suffix, "image/jpeg")


def _found(store: dict[str, Any]) -> Found | None:
    manifest = store.get("manifests", {}).get(store.get("active_manifest"))
    if manifest is None:
        return None
    assertions = {a.get("label", ""): a.get("data", {}) for a in manifest.get("assertions", ())}
    done = [data for label, data in assertions.items() if label.startswith("c2pa.actions")]
    actions: list[dict[str, Any]] = done[0].get("actions", []) if done else []
    kinds = [a.get("digitalSourceType", "") for a in actions]
    agent = (manifest.get("claim_generator_info") or [{}])[0]
    parents = [i for i in manifest.get("ingredients", ()) if i.get("relationship") == "parentOf"]
    return Found(store.get("validation_state", ""), f"{agent.get('name', '')} {agent.get('version', '')}".strip(),
                 manifest.get("signature_info", {}).get("common_name", ""), next(filter(None, kinds), ""),
                 parents[0].get("title", "") if parents else "", tuple(a.get("action", "") for a in actions),
                 assertions.get(EDIT_LABEL, {}))


# -- the note ---------------------------------------------------------------------------------------------------------------


def _manifest(kind: str, edit: Mapping[str, Any], source: LoadedImage | None) -> dict[str, Any]:
    from core import __version__

    agent = {"name": AGENT, "version": __version__}
    edited = {"action": "c2pa.edited", "softwareAgent": agent, "digitalSourceType": EDITED_WITH_AI,
              "description": str(edit.get("summary", "Portrait edited with a diffusion model"))}
    opened = {"action": "c2pa.opened", "softwareAgent": agent, "parameters": {"ingredientIds": ["source"]}}
    first = [opened] if source is not None else [{"action": "c2pa.created", "softwareAgent": agent,
                                                  "digitalSourceType": EDITED_WITH_AI}]
    return {"claim_generator_info": [agent], "format": _TYPES[kind],
            "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": [*first, edited]}},
                           {"label": EDIT_LABEL, "data": dict(edit)}]}


def _add_source(builder: Any, source: LoadedImage | None) -> None:
    """The photo as the parent: its digest and what it says of itself, not its pixels."""
    import c2pa

    if source is None:
        return
    form = _TYPES.get(source.format, "")
    about = json.dumps({"title": source.name, "relationship": "parentOf", "label": "source",
                        **({"format": form} if form else {})})
    data = _unchanged(source) if form else None
    if data is not None:
        with contextlib.suppress(c2pa.C2paError):
            builder.add_ingredient(about, form, io.BytesIO(data))
            return
    # gone, changed, or of a kind the library can't read: named by its pixels then
    stand_in = io.BytesIO(source.digest.encode())
    builder.add_ingredient(about, "application/octet-stream", stand_in)


def _unchanged(source: LoadedImage) -> bytes | None:
    """The file that was opened, if it is still that one."""
    if source.path is None:
        return None
    try:
        facts = source.path.stat()
        return source.path.read_bytes() if (facts.st_size, facts.st_mtime_ns) == source.stamp else None
    except OSError:
        return None


def _short(error: BaseException) -> str:
    return " ".join(str(error).split())[:160] or type(error).__name__


# -- this installation's key ------------------------------------------------------------------------------------------------


def _identity() -> tuple[str, str]:
    """The certificate chain and the private key as PEM; made at first use. Raises WriteError where they can't be kept."""
    key_file, chain_file = folder() / "key.pem", folder() / "certificates.pem"
    with _making_key:
        try:
            if key_file.is_file() and chain_file.is_file() and _good(chain_file.read_bytes()):
                return chain_file.read_text(), key_file.read_text()
        except (OSError, ValueError) as error:
            log.warning("the key in %s can't be used (%s): another is made", folder(), error)
        chain, key = _new_identity()
        folder().mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(OSError):
            key_file.unlink()
        with contextlib.suppress(FileExistsError):
            os.close(os.open(key_file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))  # atomic_write keeps what a file may
        atomic_write(key_file, key)
        atomic_write(chain_file, chain)
        return chain.decode(), key.decode()


def _good(chain: bytes) -> bool:
    from cryptography import x509

    now = datetime.datetime.now(datetime.UTC)
    return all(c.not_valid_before_utc <= now < c.not_valid_after_utc for c in x509.load_pem_x509_certificates(chain))


def _new_identity() -> tuple[bytes, bytes]:
    """(certificates, key) as PEM: a root that exists only to sign this one certificate, and is thrown away."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

    start = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)
    end = start + datetime.timedelta(days=365 * _YEARS)

    def name(what: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, AGENT), x509.NameAttribute(NameOID.COMMON_NAME, what)])

    def usage(*, signs: bool, certifies: bool) -> x509.KeyUsage:
        return x509.KeyUsage(digital_signature=signs, content_commitment=False, key_encipherment=False, data_encipherment=False,
                             key_agreement=False, key_cert_sign=certifies, crl_sign=certifies, encipher_only=False,
                             decipher_only=False)

    root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root_name = name(f"{AGENT}, local root of this installation")
    plain = x509.CertificateBuilder().not_valid_before(start).not_valid_after(end)
    root_id = x509.SubjectKeyIdentifier.from_public_key(root_key.public_key())
    root = (plain.subject_name(root_name).issuer_name(root_name).public_key(root_key.public_key())
            .serial_number(x509.random_serial_number())
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage(signs=False, certifies=True), critical=True)
            .add_extension(root_id, critical=False).sign(root_key, hashes.SHA256()))
    document_signing = ObjectIdentifier("1.3.6.1.5.5.7.3.36")  # RFC 9336
    leaf = (plain.subject_name(name(f"{AGENT}, this computer (unverified)")).issuer_name(root_name)
            .public_key(key.public_key()).serial_number(x509.random_serial_number())
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(usage(signs=True, certifies=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION, document_signing]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(root_id), critical=False)
            .sign(root_key, hashes.SHA256()))
    pem = serialization.Encoding.PEM
    return (leaf.public_bytes(pem) + root.public_bytes(pem),
            key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
