"""The list of incidents: a time range, filters, an order, and pages that go no further than ten thousand."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from integration_pipelines.partner_models.base import Json
from integration_pipelines.partner_models.pagerduty.incidents import STATUSES
from integration_pipelines.partner_models.pagerduty.refusals import invalid
from integration_pipelines.partner_models.pagerduty.store import Store
from integration_pipelines.partner_models.seconds import moment

MOST, FURTHEST = 100, 10_000
_MONTH, _HALF_A_YEAR = 30 * 86_400.0, 184 * 86_400.0
_ORDERS: Mapping[str, Callable[[Json], tuple[Any, ...]]] = {
    "incident_number": lambda one: (one["incident_number"],),
    "created_at": lambda one: (moment(one["created_at"]) or 0, one["incident_number"]),
    "resolved_at": lambda one: (moment(one["resolved_at"]) or 0, one["incident_number"]),
    "urgency": lambda one: (one["urgency"], one["incident_number"]),
}


@dataclass(frozen=True, slots=True)
class Asked:
    """The query of a list request; lists hold every value that was given under that name."""

    values: Mapping[str, Sequence[str]]

    def one(self, name: str, default: str = "") -> str:
        """The last value of a name."""
        return (self.values.get(name) or [default])[-1]

    def many(self, name: str) -> frozenset[str]:
        """All values of a name, with `[]` behind it or without."""
        return frozenset([*self.values.get(f"{name}[]", ()), *self.values.get(name, ())])

    def whole(self, name: str, default: int) -> int:
        """A number."""
        text = self.one(name, str(default))
        if not text.isascii() or not text.isdigit():
            raise invalid(f"{name} must be a whole number.")
        return int(text)


def page(store: Store, asked: Asked) -> Json:
    """One page; `include[]=body` shows what incidents were made with."""
    limit, offset = asked.whole("limit", 25), asked.whole("offset", 0)
    if not 1 <= limit <= MOST:
        raise invalid(f"limit must be between 1 and {MOST}.")
    if limit + offset > FURTHEST:
        raise invalid(f"offset and limit together must not go beyond {FURTHEST}.")
    made, statuses = _range(asked, store.now()), asked.many("statuses")
    if statuses - set(STATUSES):
        raise invalid("statuses[] has a value that is no status.")
    wanted = [one for one in store.incidents.values() if _wanted(one, asked) and (made is None or _made_in(one, *made))]
    found = _ordered(wanted, asked.one("sort_by"))
    shown = [view(one, asked) for one in found[offset : offset + limit]]
    total = len(found) if asked.one("total") == "true" else None
    return {"incidents": shown, "limit": limit, "offset": offset, "total": total, "more": len(found) > offset + limit}


def view(incident: Json, asked: Asked) -> Json:
    """An incident as it is shown: its body only where asked for."""
    hidden = set() if "body" in asked.many("include") else {"body"}
    return {name: value for name, value in incident.items() if name not in hidden}


def _wanted(incident: Json, asked: Asked) -> bool:
    statuses, services, key = asked.many("statuses"), asked.many("service_ids"), asked.one("incident_key")
    return (
        (not statuses or incident["status"] in statuses)
        and (not services or incident["service"]["id"] in services)
        and (not key or incident["incident_key"] == key)
        and (not asked.many("urgencies") or incident["urgency"] in asked.many("urgencies"))
    )


def _made_in(incident: Json, since: float, until: float) -> bool:
    return since <= (moment(incident["created_at"]) or 0) < until


def _range(asked: Asked, now: float) -> tuple[float, float] | None:
    """When incidents were made that are asked for; None for all times."""
    if asked.one("date_range") == "all":
        return None
    until = _time(asked, "until", now)
    since = _time(asked, "since", until - _MONTH)
    if until - since > _HALF_A_YEAR:
        raise invalid("The date range is longer than six months.")
    return since, until


def _time(asked: Asked, name: str, default: float) -> float:
    text = asked.one(name)
    found = moment(text) if text else default
    if found is None:
        raise invalid(f"{name} is not a time.")
    return found


def _ordered(found: list[Json], order: str) -> list[Json]:
    if not order:
        return found
    name, _, direction = order.partition(":")
    if name not in _ORDERS or direction not in {"", "asc", "desc"}:
        raise invalid("sort_by is not an order of incidents.")
    return sorted(found, key=_ORDERS[name], reverse=direction == "desc")
