"""What is wrong with an installation, in words: each trouble by its facts, with a remedy that can be typed."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import click
import pytest

from integration_pipelines.cli.main import app
from integration_pipelines.core.alert_words import RunFacts, Standing, findings, together
from integration_pipelines.core.alerts import EVERYBODY, AlertKind, Finding, Severity
from integration_pipelines_tests.kit.core import crm_billing

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
WELL = Standing("t1", "crm_billing", enabled=True, paused=False, installed_at=NOW - timedelta(days=9), last_full=NOW)
FAILED = RunFacts("run_1", "failed", None, None, "invalid", "It says why.", gate_stopped=False)
CONTRACT = crm_billing()
TROUBLES: dict[str, tuple[Standing, AlertKind, str, Severity]] = {
    "failed": (replace(WELL, newest=FAILED), AlertKind.RUN_FAILED, "", Severity.ERROR),
    "passing fault": (replace(WELL, newest=replace(FAILED, error_kind="transient")), AlertKind.RUN_FAILED, "", Severity.WARNING),
    "our bug": (replace(WELL, newest=replace(FAILED, error_kind="bug")), AlertKind.RUN_FAILED, "", Severity.CRITICAL),
    "no reason": (replace(WELL, newest=replace(FAILED, error_text="")), AlertKind.RUN_FAILED, "", Severity.ERROR),
    "auth": (replace(WELL, newest=replace(FAILED, error_kind="auth")), AlertKind.NEEDS_RECONNECT, "", Severity.ERROR),
    "gate": (replace(WELL, newest=replace(FAILED, gate_stopped=True)), AlertKind.CHECK_FAILED, "gate", Severity.ERROR),
    "balance": (replace(WELL, balance=replace(FAILED, balanced=False)), AlertKind.CHECK_FAILED, "balance", Severity.CRITICAL),
    "certificate": (
        replace(WELL, certificate=replace(FAILED, certified=False)), AlertKind.CHECK_FAILED, "certificate", Severity.WARNING
    ),
    "held": (replace(WELL, held_plan="plan_1", held_run="run_1", held_reason="too much"), AlertKind.PLAN_HELD, "", Severity.WARNING),
    "given up": (replace(WELL, given_up=2), AlertKind.WRITES_GIVEN_UP, "", Severity.ERROR),
    "our mistake": (replace(WELL, our_mistakes=1), AlertKind.OUR_MISTAKE, "", Severity.CRITICAL),
    "stale": (replace(WELL, last_full=NOW - timedelta(hours=24, seconds=1)), AlertKind.STALE, "", Severity.ERROR),
    "never read": (replace(WELL, last_full=None), AlertKind.STALE, "", Severity.ERROR),
}  # fmt: skip


def wrong_with(standing: Standing) -> list[Finding]:
    """All findings about it."""
    return list(findings(standing, CONTRACT, NOW, "http://127.0.0.1:3000/"))


@pytest.mark.parametrize("case", list(TROUBLES))
def test_each_trouble_is_one_finding(case: str) -> None:
    """Of its kind, subject and severity, about its tenant, with a link."""
    standing, kind, subject, severity = TROUBLES[case]
    (found,) = wrong_with(standing)
    assert (found.tenant_id, found.integration, found.kind, found.subject, found.severity) == (
        "t1", "crm_billing", kind, subject, severity
    )  # fmt: skip
    assert found.link in {"http://127.0.0.1:3000/runs/run_1", "http://127.0.0.1:3000/assets/sync_certificate?partition=t1"}
    assert "t1 (crm_billing)" in found.title


@pytest.mark.parametrize("case", list(TROUBLES))
def test_every_remedy_names_commands_that_exist(case: str) -> None:
    """What people copy from a message at night is understood."""
    (found,) = wrong_with(TROUBLES[case][0])
    named = re.findall(r"integration-pipelines ([a-z]+)(?: ([a-z]+))?", found.remedy)
    assert named
    for group, inner in named:
        command = app.get_command(click.Context(app), group)
        assert command is not None
        assert not isinstance(command, click.Group) or inner in command.commands


@pytest.mark.parametrize(
    "standing",
    [
        WELL,
        replace(WELL, last_full=NOW - timedelta(hours=24)),
        replace(WELL, last_full=None, installed_at=NOW - timedelta(hours=24)),
        replace(WELL, last_full=NOW - timedelta(days=9), paused=True),
        replace(WELL, last_full=NOW - timedelta(days=9), enabled=False),
        replace(WELL, last_full=NOW - timedelta(days=99), installed_at=NOW),
        replace(WELL, newest=replace(FAILED, outcome="planned"), certificate=replace(FAILED, certified=None)),
    ],
    ids=["well", "just in time", "new", "paused", "off", "installed anew", "planned"],
)
def test_what_is_no_trouble(standing: Standing) -> None:
    """Nobody is told."""
    assert wrong_with(standing) == []


def test_many_tenants_are_told_by_the_worst_of_them() -> None:
    """Some by name, the others by number, with a command that lists all."""
    tenants = {f"t{n}" for n in range(7)}
    (mild,), (bad,) = wrong_with(TROUBLES["passing fault"][0]), wrong_with(TROUBLES["failed"][0])
    found = together(tenants, [mild, bad])
    assert (found.tenant_id, found.severity) == (EVERYBODY, Severity.ERROR)
    assert "t0, t1, t2, t3, t4 and 2 more." in found.text
    assert found.remedy.endswith("integration-pipelines alerts list --kind run_failed")
