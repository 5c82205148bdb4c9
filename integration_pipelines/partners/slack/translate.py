"""A message as Slack takes it, and what Slack's answer says became of it."""

from collections.abc import Mapping
from typing import Any

from integration_pipelines.core.slack_words import HALF_DONE, LONGEST_TEXT, code_of, escape, kind_of
from integration_pipelines.errors import ErrorKind
from integration_pipelines.partners.http import Reply
from integration_pipelines.partners.retry import Failure
from integration_pipelines.ports.messages import Message
from integration_pipelines.ports.partner import Applied, Refused, Unknown, WriteOutcome

_SERVER_ERROR = 500
_CUT = "…"


def body_of(message: Message) -> dict[str, Any]:
    """Plain text: nothing in it becomes markup, a link to somebody, or a preview."""
    text = escape(message.text)
    shown = text if len(text) <= LONGEST_TEXT else escape(message.text[: LONGEST_TEXT // 5 - 1]) + _CUT
    return {"text": shown, "mrkdwn": False, "parse": "none", "unfurl_links": False, "unfurl_media": False}


def classify(status: int, headers: Mapping[str, str], body: object) -> Failure | None:
    """A webhook's refusal: one word in plain text; None where the status says it all."""
    del headers
    code = code_of(body) if isinstance(body, str) else None
    if not code or status >= _SERVER_ERROR:
        return None
    return Failure(kind_of(code), said(code), remedy(kind_of(code)), detail=code)


def outcome(message: Message, reply: Reply) -> WriteOutcome:
    """What a successful answer says: the web API refuses with status 200, too."""
    code = code_of(reply.data)
    if code is None:
        ts = reply.data.get("ts") if isinstance(reply.data, dict) else None
        return Applied(message.message_id, reply.request_id, ts if isinstance(ts, str) else "")
    if not code or code in HALF_DONE:
        return Unknown(message.message_id, f"Slack {said(code)}.")
    return Refused(message.message_id, kind_of(code), f"Slack {said(code)}. {remedy(kind_of(code))}", reply.request_id)


def said(code: str) -> str:
    """A refusal in words."""
    return f"refused the message: {code}" if code else "gave an answer that says nothing"


def remedy(kind: ErrorKind) -> str:
    """What to do about it."""
    return {
        ErrorKind.AUTH: "Connect Slack again.",
        ErrorKind.CONFIG: "Look at the channel in Slack: it must exist, be open, and have the app in it.",
        ErrorKind.INVALID: "Report it: the message is not one that Slack takes.",
    }.get(kind, "It is tried again by itself.")
