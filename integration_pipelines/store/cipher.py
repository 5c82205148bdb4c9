"""AES-256-GCM, as the vault uses it. Loaded when a secret is sealed or opened, and by nobody else."""

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from integration_pipelines.store.vault import NONCE_BYTES


def new_key(size: int) -> bytes:
    """A fresh key of so many bytes."""
    return AESGCM.generate_key(bit_length=8 * size)


def encrypt(key: bytes, plain: bytes, bound: bytes) -> bytes:
    """A fresh nonce and what is sealed; it opens only together with what it is bound to."""
    nonce = os.urandom(NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plain, bound)


def decrypt(key: bytes, sealed: bytes, bound: bytes) -> bytes:
    """The reverse.

    Raises:
        ValueError: another key, bound to something else, or damaged.
    """
    try:
        return AESGCM(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], bound)
    except InvalidTag:
        raise ValueError("does not open") from None
