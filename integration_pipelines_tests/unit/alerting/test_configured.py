"""From the environment to sinks: what is set is wanted, nothing else is, and no secret shows."""

from pathlib import Path

import pytest

from integration_pipelines.core.alerts import AlertEvent
from integration_pipelines.ports.alerts import Alerting, NotArrived
from integration_pipelines.settings import PREFIX, load_settings
from integration_pipelines.store.clock import SystemClock
from integration_pipelines.store.engine import make_engine
from integration_pipelines.store.open import stores_of
from integration_pipelines.wiring import alerting_of
from integration_pipelines_tests.kit.databases import fresh_sqlite
from integration_pipelines_tests.unit.alerting.alerts import ALERT, NOW

SECRET = "s3cret-canary"
KEY = "whsec_" + "QUJD" * 12


def configured(folder: Path, monkeypatch: pytest.MonkeyPatch, **variables: str) -> Alerting:
    """Alerting of a home with those settings."""
    for name, value in variables.items():
        monkeypatch.setenv(f"{PREFIX}ALERT_{name.upper()}", value)
    settings = load_settings(folder)
    assert SECRET not in repr(settings)
    engine = make_engine(fresh_sqlite(folder / "database"))
    found = alerting_of(settings, stores_of(engine, SystemClock()))
    engine.dispose()
    return found


@pytest.mark.parametrize(
    ("variables", "names"),
    [
        ({}, ()),
        ({"slack_webhook_url": f"https://hooks.slack.com/{SECRET}"}, ("slack",)),
        ({"slack_token": SECRET, "slack_channel": "#ops"}, ("slack",)),
        (
            {"smtp_host": "mail.example.com", "smtp_password": SECRET, "email_from": "a@x.com", "email_to": "b@x.com, c@x.com"},
            ("email",),
        ),
        ({"webhook_url": f"https://x.com/{SECRET}", "webhook_secret": KEY, "pagerduty_key": SECRET}, ("webhook", "pagerduty")),
    ],
    ids=["nothing", "slack", "slack bot", "mail", "two"],
)
def test_what_is_set_is_wanted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], names: tuple[str, ...]
) -> None:
    """The names are known without making a sink, and every sink can be made."""
    found = configured(tmp_path, monkeypatch, **variables)
    sinks = found.sinks()
    assert found.sink_names == tuple(s.name for s in sinks) == names
    assert not [s for s in sinks if type(s).__name__ == "Misconfigured"]


@pytest.mark.parametrize(
    "variables",
    [
        {"slack_webhook_url": f"http://example.com/{SECRET}"},
        {"slack_token": SECRET},
        {"smtp_host": "mail.example.com", "smtp_password": SECRET},
        {"smtp_host": "mail.example.com", "smtp_security": "none", "email_from": "a@x.com", "email_to": "b@x.com"},
        {"webhook_url": "https://x.com", "webhook_secret": SECRET},
    ],
    ids=["plain http", "no channel", "no recipient", "unencrypted mail", "bad secret"],
)
def test_a_sink_set_wrongly_says_so_and_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]
) -> None:
    """Its messages wait with the reason beside them, and the reason holds no secret."""
    (sink,) = configured(tmp_path, monkeypatch, **variables).sinks()
    result = sink.deliver(ALERT, AlertEvent.OPENED, NOW)
    assert isinstance(result, NotArrived)
    assert result.again
    assert SECRET not in result.reason
