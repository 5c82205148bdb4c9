"""`plans`: what waits, what a person says to it, and what can be said no more."""

import json

import pytest

from integration_pipelines_tests.unit.cli.conftest import Command

pytestmark = pytest.mark.usefixtures("copied")


def states(command: Command) -> list[tuple[str, str]]:
    """State and who decided, of every plan of the second tenant."""
    return [(plan["state"], plan["decided_by"] or "") for plan in json.loads(command("plans", "list", "T2", "--json").out)]


def test_a_plan_is_looked_at_and_rejected_once(command: Command) -> None:
    """It waits with its reason and shows both values; rejected it waits no more, and whoever decides again is told what to do."""
    assert states(command) == [("held", "")]
    assert "waits for approval" in command("plans", "list", "T2").out
    shown = command("plans", "show", "T2").out
    assert all(words in shown for words in ("mrr", "10.00", "(blank)"))
    assert command("plans", "reject", "T2").code == 0
    assert states(command) == [("rejected", "ann")]
    again = command("plans", "reject", "T2")
    assert (again.code, "No plan of this tenant waits for a decision." in again.err) == (1, True)
    again = command("plans", "approve", "T2")
    assert (again.code, "integration-pipelines sync t2" in again.err) == (1, True)
    assert command("audit", "verify").code == 0


def test_who_says_that_missing_records_are_really_gone_is_on_record(command: Command) -> None:
    """The command says what follows from it."""
    said = command("plans", "accept-missing", "T1")
    assert (said.code, "sync t1 --full" in said.out) == (0, True), said.out
