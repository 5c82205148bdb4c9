"""Slack's words: which characters it would take for markup, and what its error codes mean. For everybody who says something there.

Facts: docs.slack.dev, Formatting message text, chat.postMessage and Incoming webhooks.
"""

from integration_pipelines.errors import ErrorKind

LONGEST_TEXT = 40_000
"""Slack cuts longer texts."""
HALF_DONE = frozenset({"fatal_error", "internal_error", "request_timeout", "service_unavailable"})
"""Errors after which the message may have been posted all the same."""
_MESSAGE = """
msg_too_long invalid_blocks invalid_blocks_format no_text invalid_payload invalid_json invalid_arguments too_many_attachments
"""
_CREDENTIALS = """
invalid_auth not_authed account_inactive token_revoked token_expired no_service no_active_hooks invalid_token no_permission missing_scope
not_allowed_token_type ekm_access_denied team_disabled no_team
"""
_KINDS = {
    **dict.fromkeys(_MESSAGE.split(), ErrorKind.INVALID),
    **dict.fromkeys(_CREDENTIALS.split(), ErrorKind.AUTH),
    **dict.fromkeys(("ratelimited", "rate_limited", "message_limit_exceeded"), ErrorKind.RATE_LIMITED),
    **dict.fromkeys(HALF_DONE, ErrorKind.TRANSIENT),
}


def escape(text: str) -> str:
    """The three characters that mean something in a message."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def kind_of(code: str) -> ErrorKind:
    """Who has to act on an error: `invalid` would be refused again; what is not known is for a person, and may be mended at Slack."""
    return _KINDS.get(code, ErrorKind.CONFIG)


def code_of(said: object) -> str | None:
    """The code of a refusal in an answer of the web API or of a webhook, '' for one that cannot be said aloud; None if it is no refusal."""
    if isinstance(said, dict):
        return None if said.get("ok") is True else _plain(said.get("error"))
    return None if said == "ok" else _plain(said)


def _plain(code: object) -> str:
    return code[:80] if isinstance(code, str) and code.isascii() and code.replace("_", "").isalnum() else ""
