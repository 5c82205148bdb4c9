"""Slack: an incoming webhook, or `chat.postMessage` with a bot's token. Formats as Slack's message and mrkdwn documentation says."""

import json
from datetime import datetime

from integration_pipelines.alerting.http import Answer, post, require_safe
from integration_pipelines.alerting.verdict import verdict
from integration_pipelines.alerting.words import headline, parts
from integration_pipelines.core.alerts import Alert, AlertEvent, Severity
from integration_pipelines.core.slack_words import code_of, escape, kind_of
from integration_pipelines.errors import ErrorKind
from integration_pipelines.ports.alerts import AlertSink, Arrived, NotArrived

API = "https://slack.com/api"
_MARKS = {
    Severity.INFO: ":information_source:",
    Severity.WARNING: ":warning:",
    Severity.ERROR: ":red_circle:",
    Severity.CRITICAL: ":rotating_light:",
}
_OVER = ":white_check_mark:"
_LONGEST_HEADER = 150


class SlackWebhook(AlertSink):
    """Posts to the channel that the webhook belongs to. The address itself is the secret."""

    name = "slack"

    def __init__(self, url: str) -> None:
        self._url = require_safe(url, "The address of the Slack webhook")

    def deliver(self, alert: Alert, event: AlertEvent, at: datetime) -> Arrived | NotArrived:
        """One message; Slack answers `ok`."""
        del at
        return verdict(post(self._url, json.dumps(message(alert, event)).encode(), {"Content-Type": "application/json"}))


class SlackBot(AlertSink):
    """Posts to a channel by the web API."""

    name = "slack"

    def __init__(self, token: str, channel: str, api: str = API) -> None:
        self._url = require_safe(f"{api.rstrip('/')}/chat.postMessage", "The address of Slack's API")
        self._token = token
        self._channel = channel

    def deliver(self, alert: Alert, event: AlertEvent, at: datetime) -> Arrived | NotArrived:
        """One message; Slack answers 200 with `ok: false` when it refuses."""
        del at
        body = json.dumps({"channel": self._channel, **message(alert, event)}).encode()
        headers = {"Content-Type": "application/json; charset=utf-8", "Authorization": f"Bearer {self._token}"}
        answer = post(self._url, body, headers)
        first = verdict(answer)
        return first if isinstance(first, NotArrived) else _said(answer)


def message(alert: Alert, event: AlertEvent) -> dict[str, object]:
    """The text that notifications show, and the blocks that the channel shows."""
    finding, title = alert.finding, headline(alert, event)
    mark = _OVER if event is AlertEvent.CLOSED else _MARKS[finding.severity]
    lines = [f"*{label}:* {escape(text)}" for label, text in parts(alert, event).items()]
    link = f"<{escape(finding.link).replace('|', '%7C')}|Look>"
    blocks = [
        {"type": "header", "text": {"type": "plain_text", "text": f"{mark} {title}"[:_LONGEST_HEADER], "emoji": True}},
        {"type": "section", "text": {"type": "mrkdwn", "text": "\n".join(lines)[:3000], "verbatim": True}},
        {"type": "context", "elements": [{"type": "mrkdwn", "text": f"{link} · {escape(alert.alert_id)}", "verbatim": True}]},
    ]
    return {"text": f"{mark} {escape(title)}", "blocks": blocks, "unfurl_links": False, "unfurl_media": False}


def _said(answer: Answer) -> Arrived | NotArrived:
    try:
        said = json.loads(answer.body)
    except ValueError:
        return NotArrived("Slack's answer is no JSON.")
    if not isinstance(said, dict):
        return NotArrived("Slack's answer is not what its documentation says.")
    code = code_of(said)
    if code is None:
        return Arrived()
    return NotArrived(f"Slack refused it: {code or 'no reason'}.", again=kind_of(code) is not ErrorKind.INVALID)
