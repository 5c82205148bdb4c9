"""Slack as a messenger: one tenant's incoming webhook, or its bot. What answers mean is `translate`, addresses and limits are `wire`.

Slack recognises no repeat, so a message without a trustworthy answer is `Unknown` and never sent again here.
"""

from urllib.parse import urlsplit

from integration_pipelines.core.slack_words import code_of, kind_of
from integration_pipelines.errors import ConfigError, ErrorKind, IntegrationError, UnknownOutcomeError
from integration_pipelines.partners.http import Line, Partner, PartnerHttp
from integration_pipelines.partners.slack import wire
from integration_pipelines.partners.slack.translate import body_of, classify, outcome, remedy, said
from integration_pipelines.ports.messages import Message, Messenger
from integration_pipelines.ports.partner import Probe, Refused, Unknown, WriteOutcome

_BOT = "xox"


def _bot_authorization(token: str) -> str:
    return f"Bearer {token.partition(' ')[0]}"


def _no_authorization(token: str) -> str:
    """A webhook's secret is its address."""
    del token
    return ""


class SlackMessenger(Messenger):
    """One tenant's way to people in Slack.

    Args:
        line: the connection. Its token is the address of an incoming webhook, `https://hooks.slack.com/services/…`, which belongs to
            one channel; or a bot's token, `xoxb-…`, behind which a blank and a channel may stand for messages that name none.

    Raises:
        ConfigError: the token is neither, or the webhook's address is not one of Slack's.
    """

    partner = "slack"

    def __init__(self, line: Line) -> None:
        self._token = line.token
        self._hook = not line.token().startswith(_BOT)
        base = _hook_base(line.token(), line.base_url) if self._hook else line.base_url
        partner = Partner(
            name="slack", label="Slack", buckets=wire.BUCKETS, classify=classify, plain_text=True,
            authorization=_no_authorization if self._hook else _bot_authorization,
        )  # fmt: skip
        self._http = PartnerHttp(
            partner=partner, tenant_id=line.tenant_id, base_url=base, token=line.token, quota=line.quota, clock=line.clock,
            transport=line.transport,
        )  # fmt: skip

    @property
    def calls(self) -> int:
        """Requests sent so far, retries included."""
        return self._http.calls

    def close(self) -> None:
        """Give connections back."""
        self._http.close()

    def send(self, message: Message) -> WriteOutcome:
        """See `Messenger.send`; a webhook says everything in its own channel."""
        body = body_of(message)
        if not self._hook:
            body["channel"] = message.channel or self._token().partition(" ")[2].strip()
            if not body["channel"]:
                text = (
                    "Nothing says in which channel of Slack the message belongs. Name one in the contract, or connect with one."
                )
                return Refused(message.message_id, ErrorKind.CONFIG, text, "")
        path, ids = (wire.HOOK, self._hook_ids()) if self._hook else (wire.POST_MESSAGE, ())
        try:
            reply = self._http.request("POST", path, ids=ids, json=body, bucket=wire.POST, write=True, exact=False)
        except UnknownOutcomeError as error:
            return Unknown(message.message_id, error.message)
        except IntegrationError as error:
            return Refused(message.message_id, error.kind, str(error), error.request_id)
        return outcome(message, reply)

    def probe(self) -> Probe:
        """Which workspace it leads to; nothing is said. A webhook that exists refuses an empty message, one that does not says so."""
        try:
            return self._probe_hook() if self._hook else self._probe_bot()
        except IntegrationError as error:
            return Probe(ok=False, account="", text=error.message, remedy=error.remedy)

    def _probe_bot(self) -> Probe:
        reply = self._http.request("POST", wire.AUTH_TEST, json={}, exact=False)
        code = code_of(reply.data)
        account = str(reply.data.get("team_id") or "") if isinstance(reply.data, dict) else ""
        if code is not None or not account:
            return Probe(False, "", f"Slack {said(code or '')}.", remedy(kind_of(code or "")))
        return Probe(ok=True, account=account, text=f"Slack workspace {account} answers.")

    def _probe_hook(self) -> Probe:
        ids = self._hook_ids()
        reply = self._http.request("POST", wire.HOOK, ids=ids, json={}, exact=False, accept=frozenset({400, 403, 404, 410}))
        code = code_of(reply.data) or ""
        if kind_of(code) is not ErrorKind.INVALID:
            return Probe(False, "", f"Slack {said(code)}.", remedy(kind_of(code)))
        return Probe(ok=True, account=ids[0], text=f"The webhook of Slack workspace {ids[0]} answers.")

    def _hook_ids(self) -> tuple[str, ...]:
        return tuple(urlsplit(self._token()).path.split("/")[-wire.HOOK_PARTS :])


def connect(line: Line) -> SlackMessenger:
    """The messenger of a connection."""
    return SlackMessenger(line)


def _hook_base(hook: str, base_url: str) -> str:
    """What of a webhook's address stands before `/services/…`; it must be Slack's, or where the connection leads."""
    parts = urlsplit(hook)
    before, _, after = parts.path.partition("/services/")
    host = parts.hostname or ""
    ours = any(host == name or host.endswith(f".{name}") for name in wire.HOSTS) or parts.netloc == urlsplit(base_url).netloc
    if not ours or after.count("/") != wire.HOOK_PARTS - 1 or not all(after.split("/")):
        raise ConfigError(
            "This is neither a bot's token nor the address of one of Slack's incoming webhooks.",
            remedy="Connect with a token that begins with xoxb-, or with an address such as https://hooks.slack.com/services/T…/B…/….",
        )
    return f"{parts.scheme}://{parts.netloc}{before}"
