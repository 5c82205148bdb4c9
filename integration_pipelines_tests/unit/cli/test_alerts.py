"""`alerts` and what `health` says of them: kept and shown without any sink, tried on demand, sent to the sinks that are configured."""

import json
from pathlib import Path

import pytest

from integration_pipelines.store.clock import SystemClock
from integration_pipelines_tests.kit.bench import product
from integration_pipelines_tests.unit.alerting.listening import listening
from integration_pipelines_tests.unit.cli.conftest import Command


@pytest.fixture
def held(home: Path) -> Path:
    """A tenant whose first plan waits; it was installed just now, for commands look at the real time."""
    with product(home, start=SystemClock().now()) as made:
        made.one()
    return home


@pytest.mark.usefixtures("held")
def test_without_a_sink_alerts_are_kept_and_shown(command: Command) -> None:
    """In `alerts list`, with what to do, and counted in `health`."""
    assert command("alerts", "sweep").out.startswith("1 alerts are open: 1 new, 0 over. Messages: none.")
    listed = command("alerts", "list", "T1")
    assert "plans show t1" in " ".join(listed.out.split())
    assert "Nobody is told: no sink is configured." in listed.out
    (row,) = json.loads(command("health", "T1", "--json").out)
    assert (row["open_alerts"], "plans show t1" in row["newest_alert"]) == (1, True)


@pytest.mark.usefixtures("held")
def test_a_program_reads_alerts_as_json(command: Command) -> None:
    """By tenant and kind, with what became of every message."""
    command("alerts", "sweep")
    (found,) = json.loads(command("alerts", "list", "--kind", "plan_held", "--json").out)
    assert (found["tenant_id"], found["kind"], found["deliveries"], found["closed_at"]) == ("t1", "plan_held", [], None)
    assert json.loads(command("alerts", "list", "--kind", "stale", "--json").out) == []


def test_a_test_alert_goes_to_every_sink(command: Command, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each says whether it took it; one that cannot work says why, and the address is nowhere."""
    assert command("alerts", "test").code == 1, home
    with listening() as server:
        monkeypatch.setenv("INTEGRATION_PIPELINES_ALERT_SLACK_WEBHOOK_URL", server.url)
        good = command("alerts", "test")
        monkeypatch.setenv("INTEGRATION_PIPELINES_ALERT_WEBHOOK_URL", "http://example.com/secret-path")
        bad = command("alerts", "test")
    assert (good.code, "arrived" in good.out) == (0, True)
    assert (bad.code, "is no https:// address" in bad.out, "secret-path" in bad.out + bad.err) == (1, True, False)
    assert [json.loads(body)["text"] for _, _, body in server.requests][:2] == [
        ":information_source: Test of the alerts",
        ":white_check_mark: Over: Test of the alerts",
    ]


def test_the_doctor_names_a_sink_that_cannot_work(command: Command, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before an alert has to wait for it; what it is set to is not told."""
    none = {c["check"]: c for c in json.loads(command("doctor", "--json").out)}
    assert (none["alerts"]["result"], "nobody is told" in none["alerts"]["what"]) == ("ok", True), home
    monkeypatch.setenv("INTEGRATION_PIPELINES_ALERT_WEBHOOK_URL", "https://example.com/secret-path")
    monkeypatch.setenv("INTEGRATION_PIPELINES_ALERT_PAGERDUTY_KEY", "secret-key")
    said = command("doctor", "--json").out
    found = {c["check"]: c for c in json.loads(said)}
    assert (found["alerts: pagerduty"]["result"], found["alerts: webhook"]["result"]) == ("ok", "wrong")
    assert "whsec_" in found["alerts: webhook"]["what_to_do"]
    assert "secret-" not in said
