"""How Slack is spoken to: addresses and limits. What its error words mean is `core.slack_words`."""

from integration_pipelines.partners.http import Bucket

DEFAULT, POST = "default", "post"
BUCKETS = {DEFAULT: Bucket(per_second=0.8, burst=5), POST: Bucket(per_second=1.0, burst=3)}
"""Slack takes about one message a second and channel, with short bursts (docs.slack.dev, Rate limits)."""

HOOK = "/services/{}/{}/{}"
HOOK_PARTS = 3
POST_MESSAGE = "/api/chat.postMessage"
AUTH_TEST = "/api/auth.test"
HOSTS = ("slack.com", "slack-gov.com")
"""Where secrets of Slack may be sent, names below them included."""

MESSAGES = "messages"
_SAID = frozenset({"text", "channel"})


def knows(partner_object: str, path: str, nested: tuple[str, ...] = ()) -> bool:
    """Whether a column's source can exist at Slack: nothing is read there."""
    del partner_object, path, nested
    return False


def writable(partner_object: str, path: str) -> bool:
    """Whether what was said may be changed: never."""
    del partner_object, path
    return False


def settable(partner_object: str, path: str) -> bool:
    """What a message may say: its text, and where."""
    return partner_object == MESSAGES and path in _SAID


def identifying(partner_object: str, path: str) -> bool:
    """Whether a value tells a message from others for good: none does, so a repeat is said twice."""
    del partner_object, path
    return False


def creatable(partner_object: str, path: str) -> bool:
    """Whether a field can be made at set-up: none."""
    del partner_object, path
    return False


def option(partner_object: str, name: str) -> frozenset[str] | None:
    """What a tenant may say of its messages: the channel, which may be anything."""
    return frozenset() if (partner_object, name) == (MESSAGES, "channel") else None
