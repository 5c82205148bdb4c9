"""Secrets at rest: AES-256-GCM with a data key per secret, sealed by a master key (envelope encryption).

Where the master key comes from is the business of settings; who may ask for a secret is decided by the callers.

A sealed secret is: `IPV` and the format's version, the master key's id (length, text), the nonce and the sealed data key, the
nonce and the sealed secret. Everything the ciphertext belongs to is authenticated with it, so that a row copied to another
tenant, partner or purpose does not open.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from importlib import import_module
from types import ModuleType

from integration_pipelines.errors import AuthError, ConfigError
from integration_pipelines.ports.vault import SecretContext, Vault

_MAGIC = b"IPV\x01"
_KEY_BYTES = 32
NONCE_BYTES = 12
_TAG_BYTES = 16
_SEALED_KEY_BYTES = NONCE_BYTES + _KEY_BYTES + _TAG_BYTES
_KEY_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_KEY_REMEDY = "Make one with `openssl rand -base64 32` and keep a copy: without it stored connections cannot be opened."


class EnvelopeVault(Vault):
    """Seals with the `current` master key and opens with whichever key of `keys` (id → 32 bytes) sealed it.

    To rotate: add a key, make it current, seal again what `is_current` denies, then take the old key away.

    Raises:
        ConfigError: no current key among the keys, or a key of another length.
    """

    def __init__(self, keys: Mapping[str, bytes], current: str) -> None:
        for key_id, key in keys.items():
            if not _KEY_ID.fullmatch(key_id) or len(key) != _KEY_BYTES:
                raise ConfigError(
                    "A master key needs an id of letters, digits, '.', '_' or '-' and 32 bytes.", remedy=_KEY_REMEDY
                )
        if current not in keys:
            raise ConfigError("The current master key is not among the master keys.", remedy="Name one of the configured keys.")
        self._keys = dict(keys)
        self._current = current

    def __repr__(self) -> str:
        """Names the current key, never shows one."""
        return f"EnvelopeVault(current={self._current!r})"

    def seal(self, context: SecretContext, secret: str) -> bytes:
        """Encrypt under a fresh data key; the result may be stored anywhere."""
        head = _MAGIC + _sized(self._current)
        cipher = _cipher()
        data_key: bytes = cipher.new_key(_KEY_BYTES)
        sealed_key: bytes = cipher.encrypt(self._keys[self._current], data_key, _bound(head, "key", context))
        sealed: bytes = cipher.encrypt(data_key, secret.encode(), _bound(head, "secret", context))
        return head + sealed_key + sealed

    def open(self, context: SecretContext, sealed: bytes) -> str:
        """Decrypt.

        Raises:
            AuthError: wrong key, wrong context or damaged; the message names the tenant and provider, nothing else.
        """
        try:
            head, rest = _split(sealed)
            cipher = _cipher()
            data_key = cipher.decrypt(self._keys[_key_id(head)], rest[:_SEALED_KEY_BYTES], _bound(head, "key", context))
            secret: bytes = cipher.decrypt(data_key, rest[_SEALED_KEY_BYTES:], _bound(head, "secret", context))
            return secret.decode()
        except (ValueError, KeyError, IndexError):
            # The cause is dropped on purpose: a traceback must not carry bytes of a secret into a log.
            raise AuthError(
                f"The stored {context.provider} {context.purpose} of tenant {context.tenant_id} cannot be opened.",
                remedy="Check that the master key is the one it was stored under, or connect the tenant again.",
            ) from None

    def is_current(self, sealed: bytes) -> bool:
        """Whether it was sealed under the current master key; False asks for sealing it again."""
        try:
            return _key_id(_split(sealed)[0]) == self._current
        except (ValueError, IndexError):
            return False


def master_key_from_text(text: str) -> bytes:
    """The 32 bytes of a master key given as base64 (either alphabet, white space around it is ignored).

    Raises:
        ConfigError: it is not base64 or not 32 bytes; the message does not repeat it.
    """
    try:
        key = base64.b64decode(text.strip().replace("-", "+").replace("_", "/"), validate=True)
    except (binascii.Error, ValueError):
        raise ConfigError("The master key is not base64.", remedy=_KEY_REMEDY) from None
    if len(key) != _KEY_BYTES:
        raise ConfigError(f"The master key has {len(key)} bytes, it must have {_KEY_BYTES}.", remedy=_KEY_REMEDY)
    return key


def _sized(text: str) -> bytes:
    raw = text.encode()
    return len(raw).to_bytes(4, "big") + raw


def _bound(head: bytes, layer: str, context: SecretContext) -> bytes:
    """What a layer is authenticated with; each part carries its length, so that no two contexts read the same."""
    return head + b"".join(_sized(part) for part in (layer, context.tenant_id, context.provider, context.purpose))


def _split(sealed: bytes) -> tuple[bytes, bytes]:
    start = len(_MAGIC) + 4
    if not sealed.startswith(_MAGIC) or len(sealed) < start:
        raise ValueError("unknown format")
    end = start + int.from_bytes(sealed[len(_MAGIC) : start], "big")
    return sealed[:end], sealed[end:]


def _key_id(head: bytes) -> str:
    return head[len(_MAGIC) + 4 :].decode()


def _cipher() -> ModuleType:
    """Loaded when a secret is sealed or opened: most commands ask for none."""
    return import_module("integration_pipelines.store.cipher")
