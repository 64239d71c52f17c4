"""For its addressee's eyes only, whoever carries it: HPKE (RFC 9180), single shot, base mode.

DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20-Poly1305. `info` binds originator, addressee,
epoch and sequence, where RFC 9180, 8.1 puts what single-shot uses authenticate besides. Who sealed
it is not shown by the seal but by the signature within, of a body that names the addressee.
"""

from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)
_FEWEST_BYTES = 32 + 16
"""The key of the sender's own, and the tag."""


def info_of(originator: str, addressee: str, epoch: int, sequence: int) -> bytes:
    """What a seal is bound to; nations' codes hold no NUL."""
    named = "\0".join(("skypact seal 1", originator, addressee)).encode()
    return named + b"\0" + epoch.to_bytes(8, "big") + sequence.to_bytes(8, "big")


def seal(plain: bytes, info: bytes, key: X25519PublicKey) -> bytes:
    """The key's 32 bytes and the ciphertext with its tag: 48 bytes more than `plain`."""
    return _SUITE.encrypt(plain, key, info=info)


def unseal(ciphertext: bytes, info: bytes, keys: Sequence[X25519PrivateKey]) -> bytes | None:
    """What was sealed for one of the keys under that `info`; None where nothing was."""
    if len(ciphertext) < _FEWEST_BYTES:
        return None
    for key in keys:
        try:
            return _SUITE.decrypt(ciphertext, key, info=info)
        except (InvalidTag, ValueError):
            continue
    return None
