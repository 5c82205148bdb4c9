"""What is wrong now against what people were told: opened once, closed when gone, one message for many, reminders."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest

from integration_pipelines.core.alert_changes import SEEN_EVERY, compare
from integration_pipelines.core.alerts import EVERYBODY, Alert, AlertKind, Changes, Finding, Rules, Severity

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
RULES = Rules(group_above=3, remind_after=timedelta(hours=24))


class Book:
    """Open alerts in memory, changed as the store would change them."""

    def __init__(self) -> None:
        self.open: dict[str, Alert] = {}
        self._ids = count(1)

    def look(self, findings: Sequence[Finding], after: timedelta = timedelta()) -> Changes:
        """One comparison."""
        changes = compare(self.open.values(), findings, NOW + after, RULES, new_id=lambda: f"a{next(self._ids)}")
        self.open |= {a.alert_id: a for a in (*changes.opened, *changes.seen)}
        for alert in changes.closed:
            del self.open[alert.alert_id]
        return changes


def failed(tenant: str, run: str = "run_1", kind: AlertKind = AlertKind.RUN_FAILED, subject: str = "") -> Finding:
    """A tenant's failed run."""
    return Finding(tenant, "crm_billing", kind, subject, Severity.ERROR, "It failed", "Why.", "Do.", "http://x", run)


def all_of(number: int, run: str = "run_1") -> list[Finding]:
    """So many tenants whose run failed."""
    return [failed(f"t{n}", run) for n in range(number)]


def told(changes: Changes) -> list[str]:
    """Tenants that people hear of: those that are not part of a group."""
    return [a.finding.tenant_id for a in changes.opened if a.group_id is None]


def test_one_alert_while_it_lasts() -> None:
    """The same trouble is opened once, and closed once when it is gone."""
    book = Book()
    assert told(book.look([failed("t1")])) == ["t1"]
    assert book.look([failed("t1")]) == Changes()
    (over,) = book.look([], after=timedelta(hours=1)).closed
    assert (over.closed_at, book.open) == (NOW + timedelta(hours=1), {})


@pytest.mark.parametrize(
    "other",
    [failed("t2"), failed("t1", kind=AlertKind.STALE), failed("t1", subject="gate")],
    ids=["another tenant", "another kind", "another subject"],
)
def test_what_makes_two_alerts(other: Finding) -> None:
    """Tenant, integration, kind and subject."""
    book = Book()
    book.look([failed("t1")])
    assert len(book.look([failed("t1"), other]).opened) == 1


def test_runs_are_counted_and_looks_are_not() -> None:
    """A second failed run counts; a second look at the first does not."""
    book = Book()
    for run in ("run_1", "run_1", "run_2", "run_2"):
        book.look([failed("t1", run)])
    (alert,) = book.open.values()
    assert (alert.occurrences, alert.finding.run_id) == (2, "run_2")


def test_an_unchanged_alert_is_stored_now_and_then_only() -> None:
    """Most looks write nothing."""
    book = Book()
    book.look([failed("t1")])
    assert book.look([failed("t1")], after=SEEN_EVERY - timedelta(seconds=1)).seen == ()
    assert len(book.look([failed("t1")], after=SEEN_EVERY).seen) == 1


def test_people_are_reminded_once_a_day() -> None:
    """Of what is still open, not of what is told with a group."""
    book = Book()
    book.look([failed("t1")])
    assert book.look([failed("t1")], after=timedelta(hours=23)).reminded == ()
    assert len(book.look([failed("t1")], after=timedelta(hours=24)).reminded) == 1
    assert book.look([failed("t1")], after=timedelta(hours=25)).reminded == ()


def test_many_tenants_with_one_trouble_are_one_message() -> None:
    """Each keeps its own alert, and people hear of all of them once."""
    changes = Book().look(all_of(200))
    assert (told(changes), len(changes.opened)) == ([EVERYBODY], 201)
    group = changes.opened[0]
    assert group.finding.title == "The last sync failed: 200 tenants (crm_billing)"
    assert {a.group_id for a in changes.opened[1:]} == {group.alert_id}


def test_as_many_as_allowed_are_told_one_by_one() -> None:
    """The limit itself is not too many."""
    assert told(Book().look(all_of(3))) == ["t0", "t1", "t2"]


def test_a_group_ends_with_its_last_member() -> None:
    """It outlives most of them, and a newcomer to a small rest is told by itself."""
    book = Book()
    book.look(all_of(5))
    assert [a.finding.tenant_id for a in book.look(all_of(2)).closed] == ["t2", "t3", "t4"]
    assert told(book.look([*all_of(2), failed("t9")])) == ["t9"]
    assert {a.finding.tenant_id for a in book.look([]).closed} == {"t0", "t1", "t9", EVERYBODY}


def test_a_group_speaks_again_when_it_doubles() -> None:
    """Newcomers join in silence until there are twice as many as people heard of."""
    book = Book()
    book.look(all_of(5))
    quiet = book.look(all_of(9))
    assert (told(quiet), quiet.reminded) == ([], ())
    (again,) = book.look(all_of(10)).reminded
    assert (again.occurrences, again.finding.title) == (10, "The last sync failed: 10 tenants (crm_billing)")


def test_those_told_before_stay_told_by_themselves() -> None:
    """A group covers newcomers only; each alert's end is told to whoever heard of its beginning."""
    book = Book()
    book.look(all_of(2))
    changes = book.look(all_of(6))
    assert {a.finding.tenant_id for a in changes.opened if a.group_id} == {"t2", "t3", "t4", "t5"}
    assert {a.finding.tenant_id for a in book.open.values() if a.group_id is None} == {"t0", "t1", EVERYBODY}
