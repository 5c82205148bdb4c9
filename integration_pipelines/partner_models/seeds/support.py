"""A tenant's support desk, its incidents and its chat: tickets of every sort, some escalated once, twice, or not any more.

The desk's past is planted with its audits, so that what was escalated when can be told from them and from nothing else.
"""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

from integration_pipelines.partner_models.base import Json
from integration_pipelines.partner_models.pagerduty.account import PagerDutyAccount
from integration_pipelines.partner_models.seconds import iso
from integration_pipelines.partner_models.seeds.draw import draw_kinds, rng_of
from integration_pipelines.partner_models.seeds.truth import DAY
from integration_pipelines.partner_models.seeds.words import words
from integration_pipelines.partner_models.slack.account import SlackAccount
from integration_pipelines.partner_models.zendesk.account import ZendeskAccount

EVERY_KIND_FROM = 30
"""A desk of so many tickets has every kind at least once."""
SERVICE = "Support escalations"
GROUPS = {20_001: "Tier 1", 20_002: "Tier 2", 20_003: "Escalations"}
_FIRST_USER, _FIRST_ORGANIZATION = 30_001, 50_001
_OLDEST = 120
_HOUR = 3_600
_RESOLVED = 0.7


@dataclass(frozen=True, slots=True)
class Support:
    """The three accounts of a tenant."""

    desk: ZendeskAccount
    pager: PagerDutyAccount
    chat: SlackAccount


def seed_support(support: Support, *, number: int, tickets: int, seed: int, now: float) -> None:
    """Fill the accounts: so many tickets, incidents that are none of ours, channels. The same for the same seed, number and moment."""
    rng = rng_of(seed, number, "support")
    desk = _Desk(support.desk, rng, now)
    for kind in draw_kinds("ticket", tickets, rng, every=tickets >= EVERY_KIND_FROM):
        desk.add(kind)
    _incidents(support.pager, rng, now)
    support.chat.insert("channels", {"id": "C0GENERAL", "name": "general"})
    support.chat.insert("channels", {"id": "C0OLD", "name": "old-incidents", "is_archived": True})


Audits = list[Json]
_BENDS: dict[str, Json] = {"solved": {"status": "solved"}, "without_priority": {"priority": None}}


class _Desk:
    """Plants people and tickets."""

    def __init__(self, account: ZendeskAccount, rng: Random, now: float) -> None:
        self._account = account
        self._rng = rng
        self._now = now
        self._made = 0
        for group, name in GROUPS.items():
            account.insert("groups", {"id": group, "name": name})
        self._past: dict[str, Callable[[float], tuple[Audits, Json]]] = {
            "escalated": lambda at: self._through(at, {"priority": ["normal", "urgent"]}),
            "escalated_twice": lambda at: self._through(
                at, {"priority": ["normal", "urgent"]}, {"priority": ["urgent", "normal"]}, {"priority": ["normal", "urgent"]}
            ),
            "calmed_down": lambda at: self._through(at, {"priority": ["high", "urgent"]}, {"priority": ["urgent", "high"]}),
            "escalated_by_tag": lambda at: self._through(at, {"tags": [["web"], ["escalated", "web"]]}),
            "escalated_by_group": lambda at: self._through(at, {"group_id": ["20001", "20003"]}),
            "escalated_solved": lambda at: self._through(
                at, {"priority": ["normal", "urgent"], "group_id": [None, "20002"]}, {"status": ["open", "solved"]}
            ),
            "escalated_closed": lambda at: self._through(at, {"priority": ["low", "urgent"]}, {"status": ["solved", "closed"]}),
        }

    def add(self, kind: str) -> None:
        """One ticket of a kind with the people behind it."""
        self._made += 1
        at = self._now - self._rng.randint(3, _OLDEST) * DAY - self._rng.randrange(DAY)
        audits, state = (
            self._past[kind](at) if kind in self._past else ([], {"priority": self._rng.choice(["low", "normal", "high"])})
        )
        changed = audits[-1]["at"] if audits else iso(at + _HOUR)
        ticket: Json = {
            "id": self._made, "subject": self._subject(kind), "description": "", "status": "open", "tags": ["web"],
            "requester_id": self._requester(kind), "group_id": 20_001, "created_at": iso(at), "updated_at": changed, **state,
        }  # fmt: skip
        ticket |= _BENDS.get(kind, {})
        ticket["organization_id"] = None if kind == "nobody_s" else self._organization()
        if kind == "strange_fields":
            ticket["ai_summary"] = {"text": "…"}
        self._account.insert("tickets", ticket | ({"audits": audits} if audits else {}))
        if kind == "deleted":
            self._account.delete_ticket(self._made, actor="person")
            self._account.effects.clear()

    def _through(self, at: float, *changes: dict[str, list[Any]]) -> tuple[Audits, Json]:
        """Audits of what the ticket went through, the first of them its birth, and what it says at the end."""
        audits: Audits = [{"at": iso(at), "changes": {name: [None, told[0]] for name, told in changes[0].items()}}]
        state: Json = {}
        for change in changes:
            at += self._rng.randint(1, 40) * _HOUR / 10
            audits.append({"at": iso(at), "changes": change})
            state |= {name: int(told[1]) if name == "group_id" else told[1] for name, told in change.items()}
        return audits, state

    def _subject(self, kind: str) -> str:
        return self._rng.choice(words()["odd_names"] if kind == "odd_subject" else words()["ticket"])

    def _requester(self, kind: str) -> int:
        number = _FIRST_USER + self._made
        name = f"{self._rng.choice(words()['first'])} {self._rng.choice(words()['last'])}"
        email = None if kind == "nobody_s" else f"user{self._made}@customer-{self._made}.example"
        self._account.insert("users", {"id": number, "name": name, "email": email, "role": "end-user"})
        return number

    def _organization(self) -> int:
        number = _FIRST_ORGANIZATION + self._made
        name = f"{self._rng.choice(words()['place']).title()} {self._rng.choice(words()['trade'])} {self._made}"
        self._account.insert("organizations", {"id": number, "name": name})
        return number


def _incidents(pager: PagerDutyAccount, rng: Random, now: float) -> None:
    """Two services: ours, on which people made some incidents by hand, and one that monitoring keeps busy."""
    pager.insert("services", {"id": "PSUPPORT", "name": SERVICE})
    pager.insert("services", {"id": "PMONITOR", "name": "Payments API"})
    priorities = [one["id"] for one in pager.state()["priorities"]]
    for number in range(12):
        ours, at = number % 4 == 0, now - rng.randint(2, 40) * DAY
        title = rng.choice(words()["ticket"]) if ours else f"Latency above {rng.randint(2, 9)} s"
        said = {"service_id": "PSUPPORT" if ours else "PMONITOR", "title": title, "created_at": iso(at)}
        status = {"status": "resolved" if rng.random() < _RESOLVED else "triggered", "priority_id": rng.choice(["", *priorities])}
        pager.insert("incidents", said | status)
