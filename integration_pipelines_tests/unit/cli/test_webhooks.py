"""`webhooks secret`: added unseen, listed without what they are, ended when somebody says so; every act on record."""

import json
import sqlite3
from pathlib import Path

import pytest

from integration_pipelines_tests.unit.cli.conftest import Command

SECRET = "whsec_canary_0123456789abcdef"
GATEWAY = "whsec_c2VjcmV0LW9mLXRoZS1nYXRld2F5LTAx"


def listed(command: Command, *words: str) -> list[dict[str, str]]:
    """The list as scripts get it."""
    found: list[dict[str, str]] = json.loads(command("webhooks", "secret", "list", *words, "--json").out)
    return found


def test_a_secret_is_added_and_never_shown(command: Command, home: Path) -> None:
    """The address to give to the partner is; in the store it is sealed."""
    command("tenant", "add", "Acme")
    said = command("webhooks", "secret", "add", "Acme", "stripe", "--secret", SECRET)
    assert (said.code, "/webhooks/stripe/t_" in said.out) == (0, True)
    (one,) = listed(command, "Acme")
    assert (one["partner"], one["scheme"], one["state"]) == ("stripe", "partner", "counts")
    shown = said.out + said.err + json.dumps(listed(command)) + command("webhooks", "secret", "list").out
    stored = b"".join(path.read_bytes() for path in home.rglob("*") if path.is_file())
    assert (SECRET in shown, SECRET.encode() in stored) == (False, False)


def test_a_secret_is_replaced_with_time_to_tell_the_partner(command: Command, home: Path) -> None:
    """The old one ends after so many hours, the new one counts at once, and who did it is on record."""
    command("webhooks", "secret", "add", "--app", "hubspot", "--secret", SECRET)
    command("webhooks", "secret", "add", "--app", "hubspot", "--secret", SECRET + "2", "--others-end-in", "24")
    assert [(s["tenant"], s["state"]) for s in listed(command)] == [("app", "ends"), ("app", "counts")]
    command("webhooks", "secret", "retire", listed(command)[0]["secret"])
    assert [s["state"] for s in listed(command)] == ["ended", "counts"]
    with sqlite3.connect(home / "data" / "store" / "integration_pipelines.db") as store:
        acts = [act for (act,) in store.execute("SELECT act FROM audit_log WHERE tenant_id = 'app' ORDER BY seq")]
    assert acts == ["webhook_secret_added", "webhook_secret_added", "webhook_secret_retired", "webhook_secret_retired"]


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("add", "stripe"), 2, "Say the tenant and the partner"),
        (("add", "--app", "acme", "stripe"), 2, "Say --app and the partner"),
        (("add", "acme", "slack"), 2, "sends no webhooks"),
        (("add", "nobody", "stripe", "--secret", SECRET), 1, "There is no tenant"),
        (("add", "--app", "stripe", "--secret", "short"), 1, "at least 16 characters"),
        (("add", "--app", "stripe", "--secret", SECRET, "--scheme", "standard"), 1, "no secret of Standard Webhooks"),
        (("retire", "whs_nothing"), 1, "There is no webhook secret"),
        (("list", "nobody"), 1, "There is no tenant"),
    ],
)
def test_what_cannot_be_done_is_said_with_what_can(command: Command, words: tuple[str, ...], code: int, said: str) -> None:
    """Wrong use and wrong names alike, without the secret."""
    answer = command("webhooks", "secret", *words)
    assert (answer.code, said in answer.err, SECRET in answer.err) == (code, True, False)


@pytest.mark.usefixtures("home")
def test_a_gateways_secret_is_one_of_standard_webhooks(command: Command) -> None:
    """It counts beside the partner's own."""
    command("tenant", "add", "Acme")
    assert command("webhooks", "secret", "add", "Acme", "stripe", "--secret", GATEWAY, "--scheme", "standard").code == 0
    assert [s["scheme"] for s in listed(command)] == ["standard"]


@pytest.mark.usefixtures("home")
def test_a_removed_tenant_takes_its_secrets_along(command: Command) -> None:
    """Nothing is left that could open its address."""
    command("tenant", "add", "Acme")
    command("webhooks", "secret", "add", "Acme", "stripe", "--secret", SECRET)
    command("tenant", "remove", "Acme", "--yes")
    assert listed(command) == []


@pytest.mark.usefixtures("home")
def test_serve_says_what_is_wrong_with_its_address(command: Command) -> None:
    """Before it opens anything to anybody."""
    said = command("serve", "--host", "no.such.host.invalid", "--port", "0")
    assert (said.code, "no address to listen at" in said.err) == (1, True)
