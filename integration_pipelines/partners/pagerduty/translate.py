"""Incidents as records, and severities as priorities and urgencies. PagerDuty's times are whole seconds in UTC and stay as they are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from integration_pipelines.core.contract import SourceObject
from integration_pipelines.errors import ConfigError
from integration_pipelines.partners.observe import Flattener
from integration_pipelines.partners.pagerduty.wire import DEFAULT_PRIORITIES, LOW_FROM

Json = dict[str, Any]

_COPIED = (
    "id", "incident_number", "incident_key", "title", "status", "urgency", "html_url", "created_at", "updated_at", "resolved_at",
)  # fmt: skip
_OF_PRIORITIES = frozenset({"severity", "priority.id", "priority.summary"})


def flattener(spec: SourceObject) -> Flattener:
    """Turns records into observation batches."""
    return Flattener(spec)


@dataclass(frozen=True, slots=True)
class Severities:
    """Which of the account's priorities stands for which severity.

    Args:
        names: the contract's names, the most severe first.
        ids: the account's priorities: name → id; None if it has not switched priorities on.
    """

    names: Sequence[str]
    ids: Mapping[str, str] | None

    @property
    def missing(self) -> frozenset[str]:
        """Sources that this account does not have."""
        return _OF_PRIORITIES if self.ids is None else frozenset()

    def of(self, priority: str) -> str:
        """A priority's name as a severity; one that the contract does not name is told by its number, or as it is."""
        if priority in self.names:
            return str(self.names.index(priority) + 1)
        return priority[1:] if priority[:1] == "P" and priority[1:].isdigit() else priority

    def change(self, severity: str) -> Json:
        """What a severity is on an incident: its priority where the account has priorities, and its urgency. '' takes the priority away.

        Raises:
            ConfigError: the account has no priority for it.
        """
        if not severity:
            return {"priority": None}
        place = int(severity) if severity.isascii() and severity.isdigit() else 0
        if not 1 <= place <= len(self.names):
            raise ConfigError(
                f"There is no priority for severity {severity[:20]}.", remedy="Add it to the contract's option priorities."
            )
        urgency = {"urgency": "low" if place >= LOW_FROM else "high"}
        if self.ids is None:
            return urgency
        name = self.names[place - 1]
        if name not in self.ids:
            raise ConfigError(
                f"This PagerDuty account has no priority {name}.",
                remedy="Make it in PagerDuty's account settings, or name another one in the contract's option priorities.",
                partner="pagerduty",
            )
        return urgency | {"priority": {"id": self.ids[name], "type": "priority_reference"}}


def severities_of(spec: SourceObject, ids: Mapping[str, str] | None) -> Severities:
    """What the contract says of an account's priorities."""
    return Severities(spec.options.get("priorities") or DEFAULT_PRIORITIES, ids)


def record(incident: Json, severities: Severities) -> Json:
    """An incident as the catalogue names its parts."""
    found = {name: incident[name] for name in _COPIED if name in incident}
    priority, body = incident.get("priority"), incident.get("body")
    name = str(priority.get("summary") or priority.get("name") or "") if isinstance(priority, dict) else ""
    found |= {part: _named(incident.get(part)) for part in ("service", "escalation_policy") if part in incident}
    if severities.ids is not None:
        found |= {"priority": {"id": priority.get("id"), "summary": name} if isinstance(priority, dict) else None}
        found["severity"] = severities.of(name) if name else ""
    found["assignee"] = _assignee(incident.get("assignments"))
    found["details"] = body.get("details") if isinstance(body, dict) else None
    return found


def _named(reference: object) -> Json | None:
    return {"id": reference.get("id"), "summary": reference.get("summary")} if isinstance(reference, dict) else None


def _assignee(assignments: object) -> object:
    first = assignments[0] if isinstance(assignments, list) and assignments else None
    who = first.get("assignee") if isinstance(first, dict) else None
    return who.get("summary") if isinstance(who, dict) else None
