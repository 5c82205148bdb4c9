"""Saying something in Slack over HTTP: by an incoming webhook, which answers in plain text, or by a bot."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import pytest
import structlog
from starlette.applications import Starlette
from starlette.routing import Mount

from integration_pipelines.errors import ConfigError, ErrorKind
from integration_pipelines.partner_models.base import Fault, FaultKind, Faults
from integration_pipelines.partner_models.slack.account import HOOK_CHANNEL, SlackAccount
from integration_pipelines.partners.http import Line
from integration_pipelines.partners.slack.client import SlackMessenger
from integration_pipelines.ports.messages import Message
from integration_pipelines.ports.partner import Applied, Refused, Unknown, WriteOutcome
from integration_pipelines.sandbox.slack.routes import slack_routes
from integration_pipelines_tests.kit.loopback import serving
from integration_pipelines_tests.kit.partner_fakes import OpenQuota, VirtualClock
from integration_pipelines_tests.kit.stripe_sandbox import START

BOT = "xoxb-secret-of-the-bot"
WAYS = pytest.mark.parametrize("way", ["hook", "bot"])


@dataclass
class Chat:
    """A workspace, its sandbox, and a messenger of each kind."""

    address: str
    account: SlackAccount
    faults: Faults
    clock: VirtualClock
    quota: OpenQuota

    def messenger(self, way: str, token: str = "") -> SlackMessenger:
        """By webhook or as the bot."""
        secret = token or (BOT if way == "bot" else f"{self.address}/slack/services/{self.account.hook_path}")
        line = Line(tenant_id="t1", base_url=f"{self.address}/slack", token=lambda: secret, quota=self.quota, clock=self.clock)
        return SlackMessenger(line)

    def say(self, way: str, text: str = "Escalated", channel: str = "support-escalations", token: str = "") -> WriteOutcome:
        """One message."""
        messenger = self.messenger(way, token)
        outcome = messenger.send(Message("m1", channel, text))
        messenger.close()
        return outcome

    def fault(self, kind: FaultKind, **params: object) -> None:
        """Switch a fault on."""
        self.faults.add(Fault(kind, params=dict(params)))


@dataclass
class Door:
    """A running server; the workspace behind it is the newest."""

    address: str = ""
    chats: list[Chat] | None = None

    def find(self, secret: str) -> SlackAccount | None:
        """The workspace of a bot's token or of a webhook."""
        account = (self.chats or [])[-1].account
        return account if secret in {BOT, account.hook_path} else None


@pytest.fixture(scope="module")
def door() -> Iterator[tuple[Door, Faults]]:
    """One server for all tests."""
    made, faults = Door(chats=[]), Faults()
    with serving(Starlette(routes=[Mount("/slack", routes=slack_routes(made.find, faults, made.find))])) as address:
        made.address = address
        yield made, faults


@pytest.fixture
def chat(door: tuple[Door, Faults]) -> Chat:
    """A fresh workspace."""
    opened, faults = door
    faults.clear()
    clock = VirtualClock(lambda: datetime.fromtimestamp(START, tz=UTC))
    account = SlackAccount(tenant="acme", account="T1", token=BOT, now=lambda: clock.now().timestamp())
    made = Chat(opened.address, account, faults, clock, OpenQuota())
    assert opened.chats is not None
    opened.chats.append(made)
    return made


def said(chat: Chat) -> list[str]:
    """The texts in the workspace, oldest first."""
    return [one["text"] for one in chat.account.state()["messages"]]


@WAYS
def test_a_message_arrives_as_plain_text(chat: Chat, way: str) -> None:
    """What a customer wrote mentions nobody, links nowhere and is no markup."""
    assert isinstance(chat.say(way, "Zoë & <!channel> *urgent* <http://x|y>"), Applied)
    assert said(chat) == ["Zoë &amp; &lt;!channel&gt; *urgent* &lt;http://x|y&gt;"]


@WAYS
def test_a_text_that_is_too_long_is_cut_not_refused(chat: Chat, way: str) -> None:
    """Slack would refuse it; what is cut says so."""
    assert isinstance(chat.say(way, "&" * 50_000), Applied)
    assert said(chat)[0].endswith("&amp;…")


def test_a_bot_speaks_where_it_is_told(chat: Chat) -> None:
    """In the message's channel, else in the connection's, else nowhere."""
    chat.account.insert("channels", {"id": "C2", "name": "ops"})
    assert isinstance(chat.say("bot", channel="ops"), Applied)
    assert isinstance(chat.say("bot", channel="", token=f"{BOT} #support-escalations"), Applied)
    nowhere = chat.say("bot", channel="")
    assert isinstance(nowhere, Refused)
    assert nowhere.kind is ErrorKind.CONFIG
    assert [one["channel"] for one in chat.account.state()["messages"]] == ["C2", HOOK_CHANNEL]


@WAYS
@pytest.mark.parametrize("fields", [{"deleted": True}, {"is_archived": True}])
def test_a_channel_that_is_gone_or_archived_is_for_a_person(chat: Chat, way: str, fields: dict[str, Any]) -> None:
    """It was certainly not said; the reason names what to look at."""
    chat.account.edit("channels", HOOK_CHANNEL, fields)
    outcome = chat.say(way)
    assert isinstance(outcome, Refused)
    assert (outcome.kind, "channel" in outcome.text) == (ErrorKind.CONFIG, True)


@WAYS
def test_a_secret_that_ended_is_an_authorisation_fault(chat: Chat, way: str) -> None:
    """So that the tenant is asked to connect again."""
    chat.fault(FaultKind.TOKEN_REVOKED)
    outcome = chat.say(way)
    assert isinstance(outcome, Refused)
    assert outcome.kind is ErrorKind.AUTH


@WAYS
@pytest.mark.fault("H05", "H06", "H08", "H10", "H12")
@pytest.mark.parametrize(
    ("kind", "arrives"),
    [
        (FaultKind.DROPPED_ANSWER, True),
        (FaultKind.SERVER_ERROR, False),
        (FaultKind.NOT_JSON, False),
        (FaultKind.LATE_WRITE, False),
    ],
)
def test_without_a_trustworthy_answer_nothing_is_repeated(chat: Chat, way: str, kind: FaultKind, arrives: bool) -> None:
    """Slack recognises no repeat: it is unknown, and said once at most."""
    chat.fault(kind, status=503) if kind is FaultKind.SERVER_ERROR else chat.fault(kind)
    assert isinstance(chat.say(way), Unknown)
    assert len(said(chat)) == int(arrives)


@WAYS
@pytest.mark.fault("H01")
def test_a_short_wait_is_waited_and_a_long_one_given_back(chat: Chat, way: str) -> None:
    """429 with `Retry-After`: said afterwards, once; a wait beyond the deadline is a refusal that is tried again later."""
    chat.fault(FaultKind.RATE_LIMITED, retry_after=3)
    assert isinstance(chat.say(way), Applied)
    assert sum(chat.clock.waits) >= 3
    chat.fault(FaultKind.RATE_LIMITED, retry_after=600)
    outcome = chat.say(way)
    assert isinstance(outcome, Refused)
    assert (outcome.kind, len(said(chat))) == (ErrorKind.RATE_LIMITED, 1)


@WAYS
def test_more_messages_than_slack_takes_are_said_one_a_second(chat: Chat, way: str) -> None:
    """A burst goes through at once, the rest as the channel's limit allows; none is lost or doubled."""
    outcomes = [chat.say(way, f"No {number}") for number in range(12)]
    assert {type(outcome) for outcome in outcomes} == {Applied}
    assert said(chat) == [f"No {number}" for number in range(12)]
    assert sum(chat.clock.waits) >= 7


@WAYS
def test_a_probe_says_nothing_aloud(chat: Chat, way: str) -> None:
    """It names the workspace, and no message appears."""
    messenger = chat.messenger(way)
    assert (messenger.probe().ok, messenger.probe().account, said(chat)) == (True, "T1", [])
    messenger.close()


@WAYS
def test_a_probe_of_a_secret_that_opens_nothing_fails(chat: Chat, way: str) -> None:
    """With what to do."""
    token = "xoxb-nobody's" if way == "bot" else f"{chat.address}/slack/services/T1/B1/wrong"
    messenger = chat.messenger(way, token)
    probe = messenger.probe()
    assert (probe.ok, probe.remedy) == (False, "Connect Slack again.")
    messenger.close()


@pytest.mark.parametrize(
    "token",
    [
        "",
        "hello",
        "https://evil.example/services/T/B/X",
        "https://hooks.slack.com.evil.example/services/T/B/X",
        "https://hooks.slack.com/T/B",
    ],
)
def test_what_is_no_secret_of_slack_s_is_sent_nowhere(chat: Chat, token: str) -> None:
    """Neither a bot's token nor a webhook at Slack: refused before any request."""
    line = Line(tenant_id="t1", base_url="https://slack.com", token=lambda: token, quota=chat.quota, clock=chat.clock)
    with pytest.raises(ConfigError):
        SlackMessenger(replace(line))


@WAYS
def test_neither_secrets_nor_texts_are_left_behind(chat: Chat, way: str, capfd: pytest.CaptureFixture[str]) -> None:
    """Logs and outcomes hold neither the webhook's address nor the token nor what was said."""
    with structlog.testing.capture_logs() as logs:
        outcomes = [chat.say(way, "canary of a customer")]
        chat.fault(FaultKind.SERVER_ERROR, status=500)
        outcomes.append(chat.say(way, "canary of a customer"))
    output = capfd.readouterr()
    left = repr(logs) + repr(outcomes) + output.out + output.err
    assert logs
    assert not [secret for secret in (BOT, chat.account.hook_path, "canary") if secret in left]
