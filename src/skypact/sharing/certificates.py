"""Each nation's own authority, and the certificate of its server.

An authority may sign for its own nation only (name constraints, RFC 5280 §4.2.1.10): for
`jpn.skypact.internal` and the one address that partners dial, so that no partner can make itself a
certificate in another's name, whoever trusts its authority.
"""

import datetime
import hashlib
import ipaddress
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from skypact.errors import InputError
from skypact.sharing.keys import read_private, write_private

_BACKDATED = datetime.timedelta(hours=1)
"""Partners' clocks may be behind."""


def internal_name(nation: str) -> str:
    """The name that stands in a nation's certificate."""
    return f"{nation.lower()}.skypact.internal"


def make_authority(folder: Path, nation: str, host: str, days: int) -> None:
    """Write `authority.key` and `authority.pem`, which may sign for this nation and host alone."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = _name(f"{nation} authority")
    builder = _builder(subject, subject, key.public_key(), days)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(
        x509.NameConstraints(_permitted(nation, host), _excluded(host)), critical=True
    )
    builder = builder.add_extension(_usage(signs_certificates=True), critical=True)
    write_private(folder / "authority.key", _pem(key))
    certificate = builder.sign(key, hashes.SHA256())
    _write(folder / "authority.pem", certificate)


def make_certificate(folder: Path, nation: str, host: str, days: int) -> None:
    """Write `server.key` and `server.pem`, with which the server accepts and dials."""
    authority = x509.load_pem_x509_certificate((folder / "authority.pem").read_bytes())
    signer = serialization.load_pem_private_key(read_private(folder / "authority.key"), None)
    if not isinstance(signer, ec.EllipticCurvePrivateKey):
        raise InputError(str(folder / "authority.key"), "cannot sign", "restore it")
    key = ec.generate_private_key(ec.SECP256R1())
    builder = _builder(_name(internal_name(nation)), authority.subject, key.public_key(), days)
    names = x509.SubjectAlternativeName([x509.DNSName(internal_name(nation)), _general(host)])
    builder = builder.add_extension(names, critical=False)
    builder = builder.add_extension(x509.BasicConstraints(False, None), critical=True)
    builder = builder.add_extension(_usage(signs_certificates=False), critical=True)
    usages = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=False)
    write_private(folder / "server.key", _pem(key))
    _write(folder / "server.pem", builder.sign(signer, hashes.SHA256()))


def pin_of(certificate_file: Path) -> str:
    """SHA-256 of a certificate's public key, as NATS pins it: hex."""
    key = _load(certificate_file).public_key()
    return hashlib.sha256(
        key.public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    ).hexdigest()


def authority_fault(pem: str, nation: str) -> str:
    """What is wrong with a partner's authority; empty where nothing is.

    It must be constrained to its nation's name: else it could sign in anybody's.
    """
    try:
        certificates = x509.load_pem_x509_certificates(pem.encode())
        [certificate] = certificates
        constraints = certificate.extensions.get_extension_for_class(x509.NameConstraints)
        basic = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    except (ValueError, x509.ExtensionNotFound) as error:
        return f"authority is no certificate of an authority with name constraints ({error})"
    names = {
        name.value
        for name in constraints.value.permitted_subtrees or ()
        if isinstance(name, x509.DNSName) and name.value.endswith(".skypact.internal")
    }
    if not basic.value.ca or not constraints.critical or names != {internal_name(nation)}:
        return f"authority may sign for others than {internal_name(nation)}"
    return ""


def expiry_fault(certificate_file: Path, now: datetime.datetime) -> InputError | None:
    """The error to raise where a certificate is not valid now."""
    certificate = _load(certificate_file)
    if now > certificate.not_valid_after_utc:
        return InputError(
            str(certificate_file),
            f"the certificate expired on {certificate.not_valid_after_utc:%Y-%m-%d}",
            "run skypact coalition rotate on this folder and give partners the new card",
        )
    if now < certificate.not_valid_before_utc:
        return InputError(
            str(certificate_file),
            f"the certificate is valid from {certificate.not_valid_before_utc:%Y-%m-%d %H:%M} on",
            "correct this machine's clock",
        )
    return None


def valid_until(certificate_file: Path) -> datetime.datetime:
    """When a certificate expires, UTC."""
    return _load(certificate_file).not_valid_after_utc


def _load(path: Path) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except FileNotFoundError:
        raise InputError(str(path), "this certificate is missing", "restore it") from None
    except ValueError as error:
        raise InputError(str(path), f"is no certificate ({error})", "restore it") from None


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, days: int
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(now + datetime.timedelta(days=days))
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _general(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _permitted(nation: str, host: str) -> list[x509.GeneralName]:
    try:
        own: x509.GeneralName = x509.IPAddress(ipaddress.ip_network(host))
    except ValueError:
        own = x509.DNSName(host)
    return [x509.DNSName(internal_name(nation)), own]


def _excluded(host: str) -> list[x509.GeneralName] | None:
    """A kind of name that is not constrained is free: so all addresses, where none is needed."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        everywhere = ("0.0.0.0/0", "::/0")
        return [x509.IPAddress(ipaddress.ip_network(net)) for net in everywhere]
    return None


def _usage(signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _write(path: Path, certificate: x509.Certificate) -> None:
    path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
