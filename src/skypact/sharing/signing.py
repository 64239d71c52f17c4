"""Ed25519 (RFC 8032) over exact bytes; what a signature is for stands before them.

So a signature of a message is never one of a policy, whatever the bytes.
"""

from collections.abc import Sequence

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

MESSAGE = b"skypact message 1\0"
POLICY = b"skypact policy 1\0"
ORDER = b"skypact order 1\0"


def sign(purpose: bytes, data: bytes, key: Ed25519PrivateKey) -> bytes:
    """64 bytes that only the holder of `key` can make."""
    return key.sign(purpose + data)


def is_signed(
    purpose: bytes, data: bytes, signature: bytes, keys: Sequence[Ed25519PublicKey]
) -> bool:
    """Whether the holder of one of the keys signed it; several are known while keys change."""
    for key in keys:
        try:
            key.verify(signature, purpose + data)
        except InvalidSignature:
            continue
        return True
    return False
