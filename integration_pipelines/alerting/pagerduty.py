"""PagerDuty's Events API v2: an alert triggers an incident, its end resolves it; the alert's id is the `dedup_key`."""

import json
from datetime import datetime

from integration_pipelines.alerting.http import post, require_safe
from integration_pipelines.alerting.verdict import verdict
from integration_pipelines.alerting.words import headline, parts
from integration_pipelines.core.alerts import EVERYBODY, Alert, AlertEvent
from integration_pipelines.ports.alerts import AlertSink, Arrived, NotArrived

EVENTS = "https://events.pagerduty.com/v2/enqueue"
CLIENT = "integration_pipelines"


class PagerDuty(AlertSink):
    """One service's integration key decides where incidents land."""

    name = "pagerduty"

    def __init__(self, routing_key: str, url: str = EVENTS) -> None:
        self._url = require_safe(url, "The address of PagerDuty's events")
        self._key = routing_key

    def deliver(self, alert: Alert, event: AlertEvent, at: datetime) -> Arrived | NotArrived:
        """Trigger or resolve; PagerDuty answers 202."""
        del at
        body = json.dumps(_event(alert, event, self._key)).encode()
        return verdict(post(self._url, body, {"Content-Type": "application/json"}))


def _event(alert: Alert, event: AlertEvent, routing_key: str) -> dict[str, object]:
    common = {"routing_key": routing_key, "dedup_key": alert.alert_id}
    if event is AlertEvent.CLOSED:
        return {**common, "event_action": "resolve"}
    finding = alert.finding
    return {
        **common,
        "event_action": "trigger",
        "client": CLIENT,
        "client_url": finding.link,
        "links": [{"href": finding.link, "text": "Look"}],
        "payload": {
            "summary": headline(alert, event),
            "source": CLIENT if finding.tenant_id == EVERYBODY else finding.tenant_id,
            "severity": str(finding.severity),
            "timestamp": alert.opened_at.isoformat(),
            "component": finding.subject or str(finding.kind),
            "group": finding.integration,
            "class": str(finding.kind),
            "custom_details": parts(alert, event),
        },
    }
