"""An alert as tests send it: every text holds something that one of the sinks would have to be careful with."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from integration_pipelines.core.alerts import Alert, AlertKind, Finding, Severity

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
HOSTILE = "Down & out <!channel> <https://evil.example|click>\r\nBcc: all@evil.example <b>now</b>"
ALERT = Alert(
    "alert_1",
    Finding(
        "t1", "crm_billing", AlertKind.RUN_FAILED, "", Severity.ERROR, "The last sync failed: t1 (crm_billing)", HOSTILE,
        "Correct it, then: integration-pipelines sync t1", "http://127.0.0.1:3000/runs/run_1", "run_1",
    ),
    NOW, NOW, 2, NOW,
)  # fmt: skip
OVER = replace(ALERT, closed_at=NOW + timedelta(hours=1))
