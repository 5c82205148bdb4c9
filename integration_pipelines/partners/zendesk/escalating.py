"""When a ticket is escalated, and when its escalations began: from the ticket as it is and from its audits, and from nothing else.

The audits are gone through in the order of their numbers, each as a whole: one that sets priority and tag at once begins one escalation.
So what is found does not depend on when or how often we looked, on webhooks or on their order.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from integration_pipelines.core.contract import SourceObject

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Rule:
    """What counts as escalated; any of it is enough. Groups are numbers here."""

    priorities: frozenset[str] = frozenset()
    tags: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()

    def escalated(self, priority: object, tags: Iterable[object], group: object) -> bool:
        """Whether a ticket in that state is escalated."""
        return priority in self.priorities or not self.tags.isdisjoint(tags) or _number(group) in self.groups

    def holds(self, ticket: Json) -> bool:
        """Whether a ticket is escalated as it is."""
        return self.escalated(ticket.get("priority"), tags_of(ticket), ticket.get("group_id"))


@dataclass(frozen=True, slots=True)
class Escalation:
    """One of a ticket's escalations; `ended_at` is '' while it lasts."""

    seq: int
    began_at: str
    ended_at: str


def rule_of(spec: SourceObject, groups: Mapping[str, str]) -> Rule:
    """The rule that a contract states; a group's name stands for its number in `groups`, one that does not exist for nothing."""
    named = spec.options.get("escalated_groups", ())
    numbers = frozenset(groups.get(name, name) for name in named)
    tags = frozenset(tag.casefold() for tag in spec.options.get("escalated_tags", ()))
    return Rule(frozenset(spec.options.get("escalated_priorities", ())), tags, frozenset(n for n in numbers if n.isdigit()))


def escalations(rule: Rule, ticket: Json, audits: Sequence[Json]) -> list[Escalation]:
    """All escalations of a ticket, oldest first.

    A ticket that is escalated although no audit made it so (it was imported, or its audits are in an archive) has been since it was made.
    """
    found: list[Escalation] = []
    state = _State()
    for audit in sorted(audits, key=lambda one: int(one.get("id") or 0)):
        was = rule.escalated(state.priority, state.tags, state.group)
        state.take(audit)
        now, at = rule.escalated(state.priority, state.tags, state.group), str(audit.get("created_at") or "")
        if now and not was:
            found.append(Escalation(len(found) + 1, at, ""))
        if was and not now:
            found[-1] = Escalation(found[-1].seq, found[-1].began_at, at)
    if not found and rule.holds(ticket):
        found.append(Escalation(1, str(ticket.get("created_at") or ""), ""))
    return found


def tags_of(ticket: Json) -> list[str]:
    """A ticket's tags."""
    tags = ticket.get("tags")
    return [tag for tag in tags if isinstance(tag, str)] if isinstance(tags, list) else []


@dataclass(slots=True)
class _State:
    """What of a ticket the rule looks at, as the audits have told it so far."""

    priority: object = None
    tags: frozenset[str] = frozenset()
    group: object = None

    def take(self, audit: Json) -> None:
        events = audit.get("events")
        for event in events if isinstance(events, list) else ():
            if not isinstance(event, dict) or event.get("type") not in {"Create", "Change"}:
                continue
            name, value = event.get("field_name"), event.get("value")
            if name == "priority":
                self.priority = value
            elif name == "tags":
                self.tags = _tags(value)
            elif name == "group_id":
                self.group = value


def _tags(value: object) -> frozenset[str]:
    """A list of tags, or one text with blanks between them, as older audits have it."""
    parts = value.split() if isinstance(value, str) else value if isinstance(value, list) else ()
    return frozenset(part for part in parts if isinstance(part, str))


def _number(group: object) -> str:
    return "" if group is None else str(group)
