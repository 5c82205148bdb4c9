"""Secrets at rest."""

from abc import ABC, abstractmethod
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SecretContext:
    """What a ciphertext is bound to: moved to another row, it no longer opens."""

    tenant_id: str
    provider: str
    purpose: str = "token"


class Vault(ABC):
    """Envelope encryption: a data key per secret, sealed by the master key, both bound to the context."""

    @abstractmethod
    def seal(self, context: SecretContext, secret: str) -> bytes:
        """Encrypt; the result may be stored anywhere."""

    @abstractmethod
    def open(self, context: SecretContext, sealed: bytes) -> str:
        """Decrypt.

        Raises:
            AuthError: wrong key, wrong context or damaged; the message names the tenant and provider, nothing else.
        """
