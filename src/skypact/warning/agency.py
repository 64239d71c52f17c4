"""An agency's part of a nation's folder: `warning.toml`, its areas, and what it signs with.

```toml
sender = "alerts@agency.example"
languages = ["ja", "en", "ko"]
areas = "areas.geojson"                     # for live use
exercise_areas = "areas.exercise.geojson"   # for exercises; without it the live ones
hook = ["/usr/local/bin/sound-sirens"]      # gets each message on its standard input
```

Live alerts and those of exercises have a key and a certificate each, `keys/alert.key` and
`keys/alert.exercise.key`; they are made at the first start, or put there by the agency.
"""

import datetime
import os
import re
from pathlib import Path

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from skypact.errors import InputError
from skypact.warning.areas import LANGUAGES
from skypact.warning.cap import AlertKey

FILE = "warning.toml"
_DAYS = 3650


class Agency(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`warning.toml`."""

    sender: str
    languages: tuple[str, ...] = LANGUAGES
    areas: str = "areas.geojson"
    exercise_areas: str = ""
    hook: tuple[str, ...] = ()
    hook_s: float = 10.0

    def areas_file(self, folder: Path, *, exercise: bool) -> Path:
        """Where the areas of a channel stand."""
        return folder / ((self.exercise_areas if exercise else "") or self.areas)


def load_agency(folder: Path) -> Agency | None:
    """What `warning.toml` says; None: there is none. Raises InputError."""
    path = folder / FILE
    try:
        agency = msgspec.toml.decode(path.read_bytes(), type=Agency)
    except FileNotFoundError:
        return None
    except (msgspec.MsgspecError, ValueError) as error:
        raise InputError(str(path), f"{error}", "correct it as in docs/warning.md") from None
    if not re.fullmatch(r"[^\s,<&]+", agency.sender):
        raise InputError(f"{path}: sender", f'is "{agency.sender}"', "give it without space, comma")
    unknown = [one for one in agency.languages if one not in LANGUAGES]
    if unknown or not agency.languages:
        raise InputError(f"{path}: languages", f"is {unknown}", f"give of {', '.join(LANGUAGES)}")
    return agency


def alert_key(keys: Path, nation: str, *, exercise: bool) -> AlertKey:
    """What a channel's alerts are signed with, made where there is none.

    Raises InputError where it cannot be read, or others may read it.
    """
    stem = "alert.exercise" if exercise else "alert"
    path, beside = keys / f"{stem}.key", keys / f"{stem}.pem"
    if not path.exists():
        _make(path, beside, f"{nation} {'exercise' if exercise else 'public'} warning")
    if path.stat().st_mode & 0o077:
        raise InputError(str(path), "others may read this key", "run chmod 600 on it")
    try:
        private = serialization.load_pem_private_key(path.read_bytes(), None)
        certificate = x509.load_pem_x509_certificate(beside.read_bytes())
    except (OSError, ValueError) as error:
        raise InputError(str(path), f"cannot be used ({error})", "restore key and .pem") from None
    if not isinstance(private, ec.EllipticCurvePrivateKey):
        raise InputError(str(path), "is no key of an elliptic curve", "give one of P-256")
    return AlertKey(private, certificate)


def _make(path: Path, beside: Path, common_name: str) -> None:
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=_DAYS))
        .sign(private, hashes.SHA256())
    )
    beside.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    text = private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(text)
