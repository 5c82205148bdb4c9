"""What the vault promises about secrets at rest."""

import base64
import os
import traceback

import pytest

from integration_pipelines.errors import AuthError, ConfigError
from integration_pipelines.ports.vault import SecretContext
from integration_pipelines.store.vault import EnvelopeVault, master_key_from_text

OLD, NEW = bytes(range(32)), bytes(range(1, 33))
HERE = SecretContext("t1", "stripe")
SECRET = "sk_canary_ü"


def _vault() -> EnvelopeVault:
    return EnvelopeVault({"k1": OLD}, "k1")


def test_what_was_sealed_opens_again() -> None:
    """Sealing and opening in the same context gives the secret back, and no byte of it shows in between."""
    sealed = _vault().seal(HERE, SECRET)
    assert _vault().open(HERE, sealed) == SECRET
    assert SECRET.encode() not in sealed


def test_sealing_twice_looks_different() -> None:
    """Equal secrets cannot be recognised by their ciphertext."""
    assert _vault().seal(HERE, SECRET) != _vault().seal(HERE, SECRET)


@pytest.mark.parametrize(
    "elsewhere",
    [
        SecretContext("t2", "stripe"),
        SecretContext("t1", "hubspot"),
        SecretContext("t1", "stripe", "webhook"),
        SecretContext("t1s", "tripe"),
    ],
)
def test_a_moved_ciphertext_does_not_open(elsewhere: SecretContext) -> None:
    """A secret copied to another tenant, partner or purpose stays shut, however the names run together."""
    with pytest.raises(AuthError, match=elsewhere.tenant_id):
        _vault().open(elsewhere, _vault().seal(HERE, SECRET))


def test_every_damaged_byte_is_noticed() -> None:
    """Changing any single byte, or cutting the end off, makes the secret unreadable, with one and the same error."""
    sealed = _vault().seal(HERE, SECRET)
    damaged = [sealed[:i] + bytes([sealed[i] ^ 1]) + sealed[i + 1 :] for i in range(len(sealed))]
    for bad in [*damaged, *(sealed[:n] for n in range(len(sealed))), b"\xff" * 200]:
        with pytest.raises(AuthError):
            _vault().open(HERE, bad)


def test_rotation_keeps_old_secrets_readable() -> None:
    """A new current key seals what comes, the old one still opens what was, and the vault tells them apart."""
    before = _vault().seal(HERE, SECRET)
    rotated = EnvelopeVault({"k1": OLD, "k2": NEW}, "k2")
    after = rotated.seal(HERE, rotated.open(HERE, before))
    assert (rotated.is_current(before), rotated.is_current(after), rotated.is_current(b"")) == (False, True, False)
    assert EnvelopeVault({"k2": NEW}, "k2").open(HERE, after) == SECRET
    with pytest.raises(AuthError):
        EnvelopeVault({"k2": NEW}, "k2").open(HERE, before)


def test_nothing_secret_is_ever_shown() -> None:
    """Neither the vault's text nor an error's traceback carries a key or a secret."""
    vault = EnvelopeVault({"k1": b"canary-key-canary-key-canary-key"}, "k1")
    try:
        vault.open(SecretContext("t2", "stripe"), vault.seal(HERE, SECRET))
    except AuthError as error:
        shown = "".join(traceback.format_exception(error)) + repr(vault) + repr(vars(error))
    assert "canary" not in shown.replace("test_vault", "")


def test_a_master_key_is_read_from_base64() -> None:
    """Both base64 alphabets are read, and white space around the text does not matter."""
    key = os.urandom(28) + b"\xff\xfe\xfb\xef"
    assert master_key_from_text(f" {base64.b64encode(key).decode()}\n") == key
    assert master_key_from_text(base64.urlsafe_b64encode(key).decode()) == key


@pytest.mark.parametrize("text", ["", "secret-secret!", "c2hvcnQ=", base64.b64encode(b"x" * 33).decode(), "ü"])
def test_a_bad_master_key_is_refused_with_a_remedy(text: str) -> None:
    """A key of another form is refused without repeating it, and the message says how to make one."""
    with pytest.raises(ConfigError, match="openssl rand") as refused:
        master_key_from_text(text)
    assert not text or text not in str(refused.value)


@pytest.mark.parametrize(("keys", "current"), [({"k1": b"short"}, "k1"), ({"k 1": OLD}, "k 1"), ({"k1": OLD}, "k2"), ({}, "k1")])
def test_a_vault_without_a_proper_current_key_is_refused(keys: dict[str, bytes], current: str) -> None:
    """The vault is never built with a key it could not use."""
    with pytest.raises(ConfigError):
        EnvelopeVault(keys, current)
