"""What is wrong now, compared with what people were told: which alerts to open, to close and to repeat, and which to tell as one."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from integration_pipelines.core.alert_words import together
from integration_pipelines.core.alerts import Alert, Changes, Finding, Rules, Sort

SEEN_EVERY = timedelta(minutes=5)
"""How fresh `last_seen_at` of an unchanged alert is kept."""


def compare(
    open_alerts: Iterable[Alert],
    findings: Sequence[Finding],
    now: datetime,
    rules: Rules,
    *,
    new_id: Callable[[], str],
) -> Changes:
    """Open what is new, close what is gone, keep the rest.

    When more than `rules.group_above` tenants have the same kind of trouble, those that are new get one alert together. It ends when
    none of them has the trouble any more, and speaks again when twice as many tenants have it as were told of.

    Args:
        open_alerts: all that are open, groups among them.
        findings: all that is wrong now, each key once.
        now: the moment of the comparison.
        rules: the operator's.
        new_id: makes an alert's id.
    """
    known = {a.finding.key: a for a in open_alerts}
    wrong = {f.key: f for f in findings}
    crowd = _Crowd(findings, rules)
    groups = {a.finding.sort: a for a in known.values() if a.finding.is_of_many}
    fresh = [f for key, f in wrong.items() if key not in known]
    new_groups = {
        sort: _opened(crowd.told(sort), now, new_id(), occurrences=len(crowd.tenants[sort]))
        for sort in dict.fromkeys(f.sort for f in fresh)
        if crowd.is_large(sort) and sort not in groups
    }
    together = {sort: a.alert_id for sort, a in (groups | new_groups).items() if crowd.is_large(sort)}
    opened = [_opened(f, now, new_id(), group_id=together.get(f.sort)) for f in fresh]
    kept = [(a, wrong[key]) for key, a in known.items() if key in wrong]
    members = {a.group_id for a in (*opened, *(a for a, _ in kept))}
    kept += [(a, crowd.told(sort)) for sort, a in groups.items() if a.alert_id in members]
    staying = {a.alert_id for a, _ in kept}
    seen = [(a, _seen(a, f, now)) for a, f in kept]
    reminded = {a.alert_id: _reminded(a, now, crowd) for _, a in seen if _due(a, now, crowd)}
    return Changes(
        opened=(*new_groups.values(), *opened),
        seen=tuple(reminded.get(a.alert_id, a) for before, a in seen if a.alert_id in reminded or _news(before, a)),
        reminded=tuple(reminded.values()),
        closed=tuple(replace(a, closed_at=now) for a in known.values() if a.alert_id not in staying),
    )


class _Crowd:
    """Who has which sort of trouble now."""

    def __init__(self, findings: Sequence[Finding], rules: Rules) -> None:
        self.rules = rules
        self._findings: dict[Sort, list[Finding]] = defaultdict(list)
        for finding in findings:
            self._findings[finding.sort].append(finding)
        self.tenants = defaultdict(set, {sort: {f.tenant_id for f in found} for sort, found in self._findings.items()})

    def is_large(self, sort: Sort) -> bool:
        """Whether they are too many for a message each."""
        return len(self.tenants[sort]) > self.rules.group_above

    def told(self, sort: Sort) -> Finding:
        """All of them in one finding."""
        return together(self.tenants[sort], self._findings[sort])


def _opened(finding: Finding, now: datetime, alert_id: str, *, occurrences: int = 1, group_id: str | None = None) -> Alert:
    return Alert(alert_id, finding, now, now, occurrences, now, group_id=group_id)


def _seen(alert: Alert, finding: Finding, now: datetime) -> Alert:
    again = not alert.finding.is_of_many and finding.run_id not in {None, alert.finding.run_id}
    return replace(alert, finding=finding, last_seen_at=now, occurrences=alert.occurrences + again)


def _news(before: Alert, after: Alert) -> bool:
    """Whether anything is worth storing; an unchanged alert is stored now and then only."""
    return before.finding != after.finding or after.last_seen_at - before.last_seen_at >= SEEN_EVERY


def _due(alert: Alert, now: datetime, crowd: _Crowd) -> bool:
    if alert.group_id is not None:
        return False
    grown = alert.finding.is_of_many and len(crowd.tenants[alert.finding.sort]) >= 2 * alert.occurrences
    return grown or now - alert.told_at >= crowd.rules.remind_after


def _reminded(alert: Alert, now: datetime, crowd: _Crowd) -> Alert:
    many = alert.finding.is_of_many
    return replace(alert, told_at=now, occurrences=len(crowd.tenants[alert.finding.sort]) if many else alert.occurrences)
