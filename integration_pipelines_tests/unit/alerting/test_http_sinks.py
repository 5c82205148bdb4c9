"""Slack, signed webhook and PagerDuty over real HTTP: what they are sent, and what their answers mean."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

import pytest

from integration_pipelines.alerting.http import post
from integration_pipelines.alerting.pagerduty import PagerDuty
from integration_pipelines.alerting.slack import SlackBot, SlackWebhook
from integration_pipelines.alerting.webhook import SignedWebhook
from integration_pipelines.core.alerts import AlertEvent
from integration_pipelines.errors import ConfigError
from integration_pipelines.ports.alerts import AlertSink, Arrived, NotArrived
from integration_pipelines_tests.kit.raw_server import Say, ok, raw_server
from integration_pipelines_tests.unit.alerting.alerts import ALERT, NOW, OVER
from integration_pipelines_tests.unit.alerting.listening import listening

KEY = bytes(range(32))
SECRET = f"whsec_{base64.b64encode(KEY).decode()}"
MAKE: dict[str, Callable[[str], AlertSink]] = {
    "slack webhook": SlackWebhook,
    "slack bot": lambda url: SlackBot("xoxb-1", "#ops", url),
    "webhook": lambda url: SignedWebhook(url, SECRET),
    "pagerduty": lambda url: PagerDuty("routing-key", url),
}


@pytest.mark.parametrize("sink", ["slack webhook", "slack bot"])
def test_slack_gets_text_that_nothing_in_it_can_format(sink: str) -> None:
    """Escaped as mrkdwn wants it: no link, no mention, nothing on a line of its own that was not ours."""
    with listening(body=b'{"ok": true}') as server:
        assert MAKE[sink](server.url).deliver(ALERT, AlertEvent.OPENED, NOW) == Arrived()
    ((_, _, body),) = server.requests
    said = json.loads(body)
    what = said["blocks"][1]["text"]["text"].splitlines()[0]
    assert what == (
        "*What:* Down &amp; out &lt;!channel&gt; &lt;https://evil.example|click&gt; Bcc: all@evil.example &lt;b&gt;now&lt;/b&gt;"
    )
    assert said["text"] == ":red_circle: The last sync failed: t1 (crm_billing)"
    assert "<http://127.0.0.1:3000/runs/run_1|Look>" in said["blocks"][2]["elements"][0]["text"]


def test_a_slack_bot_names_its_channel_and_shows_its_token() -> None:
    """As `chat.postMessage` wants it."""
    with listening(body=b'{"ok": true}') as server:
        MAKE["slack bot"](server.url).deliver(OVER, AlertEvent.CLOSED, NOW)
    ((path, headers, body),) = server.requests
    assert (path, headers["authorization"], json.loads(body)["channel"]) == ("/chat.postMessage", "Bearer xoxb-1", "#ops")
    assert json.loads(body)["text"].startswith(":white_check_mark: Over: ")


@pytest.mark.parametrize(
    ("answer", "again"),
    [
        (b'{"ok": false, "error": "channel_not_found"}', True),
        (b'{"ok": false, "error": "msg_too_long"}', False),
        (b"<html>", True),
    ],
)
def test_slack_says_no_with_a_200(answer: bytes, again: bool) -> None:
    """A refusal in the body is one, and what can be mended is tried again."""
    with listening(body=answer) as server:
        result = MAKE["slack bot"](server.url).deliver(ALERT, AlertEvent.OPENED, NOW)
    assert isinstance(result, NotArrived)
    assert result.again is again


def test_anybody_with_the_secret_can_verify_the_webhook() -> None:
    """`webhook-signature` is the base64 HMAC-SHA256 of id, timestamp and the very bytes of the body."""
    with listening() as server:
        assert MAKE["webhook"](server.url).deliver(ALERT, AlertEvent.OPENED, NOW) == Arrived()
    ((_, headers, body),) = server.requests
    signed = b"%b.%b.%b" % (headers["webhook-id"].encode(), headers["webhook-timestamp"].encode(), body)
    expected = base64.b64encode(hmac.new(KEY, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    assert (headers["webhook-id"], headers["webhook-timestamp"]) == ("alert_1_opened", str(int(NOW.timestamp())))
    told = json.loads(body)
    assert (told["type"], told["data"]["kind"], told["data"]["tenant_id"]) == ("alert.opened", "run_failed", "t1")


def test_pagerduty_opens_and_resolves_the_same_incident() -> None:
    """Trigger and resolve share the `dedup_key`; severity and class are PagerDuty's words."""
    with listening(status=202, body=b'{"status": "success"}') as server:
        for alert, event in ((ALERT, AlertEvent.OPENED), (ALERT, AlertEvent.REMINDED), (OVER, AlertEvent.CLOSED)):
            assert MAKE["pagerduty"](server.url).deliver(alert, event, NOW) == Arrived()
    said: list[dict[str, Any]] = [json.loads(body) for _, _, body in server.requests]
    assert [s["event_action"] for s in said] == ["trigger", "trigger", "resolve"]
    assert {s["dedup_key"] for s in said} == {"alert_1"}
    assert (said[0]["payload"]["severity"], said[0]["payload"]["class"], said[0]["payload"]["source"]) == (
        "error",
        "run_failed",
        "t1",
    )


@pytest.mark.parametrize("sink", list(MAKE))
@pytest.mark.parametrize(
    ("status", "headers", "expected"),
    [
        (404, {}, NotArrived("It answered 404.")),
        (400, {}, NotArrived("It answered 400.", again=False)),
        (410, {}, NotArrived("It answered 410: it wants no more messages.", again=False)),
        (429, {"Retry-After": "90"}, NotArrived("It answered 429.", after_seconds=90)),
        (503, {"Retry-After": "999999"}, NotArrived("It answered 503.", after_seconds=3600)),
        (302, {"Location": "http://127.0.0.1:1/elsewhere"}, NotArrived("It answered 302.")),
    ],
)
def test_what_a_status_means(sink: str, status: int, headers: dict[str, str], expected: NotArrived) -> None:
    """Refused for good, or worth another try and when; a redirect is not followed."""
    with listening(status=status, headers=headers) as server:
        assert MAKE[sink](server.url).deliver(ALERT, AlertEvent.OPENED, NOW) == expected
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        (Say(b"HTTP/1.1 200 OK\r\n", step=1, pause=0.05, hold=True), "It did not answer within 0 s."),
        (Say(ok(b"x" * 70_000)), "Its answer is too long."),
        (Say(b"not HTTP at all\r\n\r\n"), "The request failed (RemoteProtocolError)."),
        (None, "The request failed (ReadError)."),
    ],
    ids=["dribbles", "too long", "not HTTP", "reset"],
)
def test_a_server_that_misbehaves_costs_its_deadline_at_most(answer: Say | None, fault: str) -> None:
    """However an answer goes wrong, it is a fault in words without the address, within the whole deadline."""
    with raw_server([answer]) as server:
        assert post(server.url, b"{}", {}, seconds=0.3).fault == fault


def test_nobody_there_is_an_answer() -> None:
    """A closed port is a fault like any other."""
    with raw_server([]) as server:
        url = server.url
    assert post(url, b"{}", {}).fault == "It cannot be reached."


@pytest.mark.parametrize("url", ["http://example.com/hook", "ftp://127.0.0.1", "example.com", "http://10.0.0.1/", ""])
@pytest.mark.parametrize("sink", list(MAKE))
def test_secrets_leave_this_machine_encrypted_only(sink: str, url: str) -> None:
    """Plain HTTP to anywhere else is refused, and the complaint does not repeat the address."""
    with pytest.raises(ConfigError) as refused:
        MAKE[sink](url)
    assert not url or url not in str(refused.value)


@pytest.mark.parametrize(
    "secret", ["", "whsec_", "whsec_c2hvcnQ=", "whsec_not base64!", f"whsec_{base64.b64encode(bytes(65)).decode()}"]
)
def test_a_secret_that_is_none_is_refused(secret: str) -> None:
    """24 to 64 bytes of base64, and the complaint does not repeat it."""
    with pytest.raises(ConfigError) as refused:
        SignedWebhook("https://example.com", secret)
    assert len(secret) < 10 or secret not in str(refused.value)
