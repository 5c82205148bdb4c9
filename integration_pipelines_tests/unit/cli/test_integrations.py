"""Several integrations on the command line: which one is meant, packs and their answers, going live with nothing to write, messages."""

import json
from pathlib import Path

import pytest

from integration_pipelines.errors import ErrorKind
from integration_pipelines.ports.partner import Refused
from integration_pipelines_tests.kit.escalated_shop import desk
from integration_pipelines_tests.unit.cli.conftest import Command


def test_a_tenant_with_one_integration_need_not_name_it(command: Command, home: Path) -> None:
    """One with several has to, and is told which; one with none is told how to install one."""
    command("tenant", "add", "Acme", "--integration", "support_incidents")
    assert command("diffs", "Acme").out.strip() == "Nothing differs.", home
    command("tenant", "install", "Acme", "crm_billing")
    said = command("diffs", "Acme")
    assert (said.code, "Which integration is meant? The tenant has crm_billing, support_incidents." in said.err) == (1, True)
    assert "--integration crm_billing" in said.err
    assert command("diffs", "Acme", "--integration", "support_incidents").code == 0
    unknown = command("quarantine", "list", "Acme", "--integration", "nothing")
    assert (unknown.code, "There is no integration nothing" in unknown.err) == (1, True)


def test_what_is_left_to_connect_is_told(command: Command, home: Path) -> None:
    """What the contract needs, and what it can do without."""
    said = command("tenant", "add", "Acme", "--integration", "support_incidents")
    assert said.code == 0, home
    lines = [line.partition(" integration-pipelines ")[0] for line in said.out.splitlines()[1:]]
    assert lines == ["Next:", "Next:", "If people are to be told there:"]


def test_a_pack_is_installed_with_its_answers(command: Command, home: Path) -> None:
    """Repeated, it changes them; a wrong answer changes nothing."""
    command("tenant", "add", "Acme")
    said = command(
        "pack",
        "install",
        "support_escalation",
        "Acme",
        "--set",
        "service=On call",
        "--set",
        "escalated_tags=vip,p1",
        "--defaults",
    )
    assert (said.code, "zendesk escalated_tags: vip, p1" in said.out, "Writes are off" in said.out) == (0, True, True), home
    command("pack", "install", "support_escalation", "Acme", "--set", "service=On call", "--set", "escalated_tags=", "--defaults")
    [shown] = json.loads(command("tenant", "list", "--json").out)
    assert shown["integrations"] == "crm_billing (writes off), support_incidents (writes off)"
    wrong = command("pack", "install", "support_escalation", "Acme", "--defaults")
    assert (wrong.code, "--set service=" in wrong.err) == (1, True)


@pytest.mark.parametrize("words", [("pack", "list"), ("pack", "show", "support_escalation")])
def test_a_pack_is_described_in_plain_words(command: Command, home: Path, words: tuple[str, ...]) -> None:
    """What it does, what it asks and what comes after."""
    said = command(*words)
    assert (said.code, "Support Escalation Pack" in said.out) == (0, True), home
    assert "show" not in words or "On which PagerDuty service are incidents made?" in said.out


def test_an_option_is_set_and_taken_back(command: Command, home: Path) -> None:
    """What no contract asks for, or what cannot be said, is refused."""
    command("tenant", "add", "Acme")
    assert command("tenant", "set", "Acme", "zendesk", "escalated_priorities", "high", "urgent").code == 0, home
    assert "what the contract says" in command("tenant", "set", "Acme", "zendesk", "escalated_priorities").out
    assert "cannot say fatal" in command("tenant", "set", "Acme", "zendesk", "escalated_priorities", "fatal").err
    assert "Nothing asks hubspot for mood" in command("tenant", "set", "Acme", "hubspot", "mood", "good").err


def test_an_integration_goes_live_when_its_first_sync_found_nothing(command: Command, home: Path) -> None:
    """Not before such a sync, and not twice; the approval is kept like any other."""
    with desk(home, live=False) as fresh:
        assert "No sync has shown yet" in command("plans", "approve", "T1").err
        fresh.run()
        said = command("plans", "approve", "T1")
        assert (said.code, "From now on the contract's limits decide" in said.out) == (0, True)
        assert "No plan of this tenant waits" in command("plans", "approve", "T1").err
        fresh.escalate(7)
        fresh.run()
        assert [one["incident_key"] for one in fresh.incidents.values()] == ["zendesk:acme:7:1"]


def test_messages_are_listed_and_tried_again(command: Command, home: Path) -> None:
    """With what became of each."""
    with desk(home) as live:
        live.chat.answers = [Refused("m", ErrorKind.INVALID, "no_text", "req_1")]
        live.escalate(7)
        live.run()
        [row] = json.loads(command("messages", "list", "T1", "--state", "given_up", "--json").out)
        assert (row["notification"], row["error_text"]) == ("new_incident", "no_text (request req_1)")
        assert "no_text" in command("messages", "list", "T1").out
        assert "1 messages are tried again" in command("messages", "retry", "T1").out
