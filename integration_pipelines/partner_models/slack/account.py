"""One modelled Slack workspace: channels, the messages said in them, and how many a second it takes. Every message is a new one.

What is said here cannot be taken back, and nothing recognises a repeat.
"""

import itertools
from collections.abc import Callable, Mapping
from typing import Any

from integration_pipelines.partner_models.base import Effect, Json, PartnerAccount, PartnerRefusalError
from integration_pipelines.partner_models.slack.limits import RateLimiter

LONGEST_TEXT = 40_000
HOOK_CHANNEL = "C0HOOK"


class SlackAccount(PartnerAccount):
    """A tenant's workspace in memory, with one bot and one incoming webhook.

    Args:
        tenant: whose workspace it is.
        account: its id, `T…`.
        token: the bot's token, `xoxb-…`; the webhook's address ends in `/<account>/<hook>/<its last part>`.
        now: the clock, seconds since the epoch.
        limited: whether it takes about one message a second and channel, or any number.
    """

    partner = "slack"

    def __init__(self, *, tenant: str, account: str, token: str, now: Callable[[], float], limited: bool = True) -> None:
        super().__init__(tenant=tenant, account=account, token=token, now=now)
        self.hook = ("B0HOOK", token.removeprefix("xoxb-").replace("-", ""))
        self.channels: dict[str, Json] = {}
        self.messages: list[Json] = []
        self._limiter = RateLimiter() if limited else None
        self._numbers = itertools.count(1)
        self.insert("channels", {"id": HOOK_CHANNEL, "name": "support-escalations"})

    @property
    def hook_path(self) -> str:
        """What follows `/services/` in the webhook's address; it is the secret."""
        return "/".join((self.account, *self.hook))

    def about(self) -> Json:
        """Which workspace and which bot a token leads to."""
        return {
            "ok": True,
            "url": f"https://{self.account.lower()}.slack.com/",
            "team_id": self.account,
            "team": self.tenant,
            "user_id": "U0BOT",
        }

    def post(self, body: Mapping[str, Any]) -> Json:
        """The bot says something in a channel named by id or name."""
        with self.lock:
            wanted = str(body.get("channel") or "").removeprefix("#")
            found = next((one for one in self.channels.values() if wanted in {one["id"], one["name"]}), None)
            if found is None:
                raise refused("channel_not_found", 404)
            if not found["is_member"]:
                raise refused("not_in_channel", 403)
            return self._say(found, body, "bot")

    def post_by_hook(self, body: Mapping[str, Any]) -> Json:
        """The incoming webhook says something in its own channel."""
        with self.lock:
            if HOOK_CHANNEL not in self.channels:
                raise refused("channel_not_found", 404)
            return self._say(self.channels[HOOK_CHANNEL], body, "hook")

    def insert(self, object_name: str, record: Json) -> Json:
        """Make a channel."""
        if object_name != "channels":
            raise refused("unknown_method", 404)
        shell = {"is_archived": False, "is_member": True}
        self.channels[str(record["id"])] = {**shell, **record}
        return dict(self.channels[str(record["id"])])

    def edit(self, object_name: str, record_id: str, fields: Json) -> Json:
        """A person archives a channel or takes the bot out: `is_archived`, `is_member`, `name`; `deleted` removes it."""
        with self.lock:
            before = self.channels.get(record_id)
            if object_name != "channels" or before is None:
                raise refused("channel_not_found", 404)
            if fields.get("deleted") is True:
                del self.channels[record_id]
                return {**before, "deleted": True}
            self.channels[record_id] = {**before, **fields, "id": record_id}
            return dict(self.channels[record_id])

    def state(self) -> dict[str, list[Json]]:
        """Channels and messages, the oldest first."""
        with self.lock:
            return {"channels": [dict(one) for one in self.channels.values()], "messages": [dict(one) for one in self.messages]}

    def _say(self, channel: Json, body: Mapping[str, Any], by: str) -> Json:
        if channel["is_archived"]:
            raise refused("channel_is_archived" if by == "hook" else "is_archived", 410)
        text = body.get("text")
        if not isinstance(text, str) or not text:
            raise refused("no_text", 400)
        if len(text) > LONGEST_TEXT:
            raise refused("msg_too_long", 400)
        if self._limiter is not None:
            self._limiter.admit(channel["id"], self.now())
        message: Json = {
            "ts": f"{self.now():.6f}",
            "channel": channel["id"],
            "text": text,
            "by": by,
            "number": next(self._numbers),
        }
        self.messages.append(message)
        said = {"text": text, "channel": channel["id"]}
        effect = Effect(
            at=self.now(), partner="slack", account=self.account, object="messages", id=str(message["number"]), fields=("channel", "text"),
            before={}, after=said, idempotency_key=None, changed=True,
        )  # fmt: skip
        self.note(effect)
        return {"ok": True, "channel": channel["id"], "ts": message["ts"], "message": {"type": "message", "text": text}}


def refused(code: str, status: int) -> PartnerRefusalError:
    """A refusal: its code is all that Slack says; an incoming webhook answers with the status, the web API always with 200."""
    return PartnerRefusalError(status, code, code)
