"""Accepted events, on each kind of database."""

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
import sqlalchemy as sa

from integration_pipelines.ports.inbox import EventKind, EventOutcome, EventTimes, InboxEvent, Settled, TouchedRecord, Waiting
from integration_pipelines.store.engine import EVERYONE, reading
from integration_pipelines.store.inbox import SqlInbox
from integration_pipelines.store.open import Stores
from integration_pipelines_tests.unit.store.rows import CRM, LATER, NOW, query

RECORDS = (TouchedRecord("subscription", "sub_1"), TouchedRecord("customer", "cus_1"))
MINUTE = timedelta(minutes=1)


def event(number: int = 1, tenant: str = "t1", integration: str = CRM) -> InboxEvent:
    """The event of that number, received so many minutes after `NOW`."""
    at = NOW + number * MINUTE
    name, path = f"evt_{number}", f"{tenant}/{number}.jsonl"
    return InboxEvent(tenant, integration, "stripe", name, "customer.updated", RECORDS, NOW, at, path, at, echo_key="key:w1")


def taken(stores: Stores, limit: int = 9, run_id: str = "run_1", at: datetime = LATER) -> list[InboxEvent]:
    """What a run of `t1` takes."""
    return stores.inbox.take("t1", CRM, limit=limit, run_id=run_id, at=at)


def test_an_event_is_taken_as_it_was_accepted(stores: Stores) -> None:
    """Every fact of it, times in UTC, and only once however often it is accepted."""
    assert stores.inbox.accept([event(), event(2)]) == 2
    assert stores.inbox.accept([replace(event(), type="other"), event(3), event(3)]) == 1
    assert taken(stores) == [event(1), event(2), event(3)]


def test_what_an_event_asks_for_is_kept(stores: Stores) -> None:
    """An event may name no record and still ask for something."""
    wide = replace(event(), kind=EventKind.WIDE, records=(), occurred_at=None, echo_key="")
    stores.inbox.accept([wide])
    assert taken(stores) == [wide]


def test_known_events_are_those_of_that_tenant_and_partner(stores: Stores) -> None:
    """Also those that ended, and those that no integration reads."""
    stores.inbox.accept([event(1), replace(event(2, integration=""), outcome=EventOutcome.IGNORED), event(3, "t2")])
    stores.inbox.settle([Settled(event(1), EventOutcome.EQUAL)], run_id="run_1", at=LATER)
    asked = {(tenant, "stripe", f"evt_{n}") for tenant in ("t1", "t3") for n in range(800)}
    assert stores.inbox.known(asked) == {("t1", "stripe", "evt_1"), ("t1", "stripe", "evt_2")}
    assert stores.inbox.known({("t1", "hubspot", "evt_1")}) == stores.inbox.known(set()) == set()


def test_what_waits_is_counted_by_tenant_and_integration(stores: Stores) -> None:
    """The oldest first; what ended is not among it."""
    ended = replace(event(9), outcome=EventOutcome.IGNORED)
    stores.inbox.accept([event(5), event(3), event(2, "t2"), event(4, integration="support_incidents"), ended])
    assert stores.inbox.waiting() == [
        Waiting("t2", CRM, 1, NOW + 2 * MINUTE, NOW + 2 * MINUTE),
        Waiting("t1", CRM, 2, NOW + 3 * MINUTE, NOW + 5 * MINUTE),
        Waiting("t1", "support_incidents", 1, NOW + 4 * MINUTE, NOW + 4 * MINUTE),
    ]


def test_one_event_may_wait_for_two_integrations(stores: Stores) -> None:
    """Each of them settles its own."""
    both = [event(1), event(1, integration="support_incidents")]
    stores.inbox.accept(both)
    stores.inbox.settle([Settled(both[0], EventOutcome.APPLIED)], run_id="run_1", at=LATER)
    assert [w.integration for w in stores.inbox.waiting()] == ["support_incidents"]


def test_the_oldest_are_taken_first_and_wait_until_they_are_settled(stores: Stores) -> None:
    """A run that dies leaves them to the next one; another integration's and tenant's stay alone."""
    stores.inbox.accept([event(n) for n in (3, 1, 2)] + [event(1, "t2"), event(1, integration="other")])
    assert taken(stores, limit=2) == [event(1), event(2)]
    assert taken(stores, limit=2, run_id="run_2") == [event(1), event(2)]
    stores.inbox.settle([Settled(event(1), EventOutcome.ECHO)], run_id="run_2", at=LATER)
    assert taken(stores) == [event(2), event(3)]


def test_the_times_of_an_event_are_kept_stage_by_stage(stores: Stores) -> None:
    """When it was first seen, last started and written; a stage that it did not reach is open."""
    at = [LATER + n * MINUTE for n in range(5)]
    stores.inbox.accept([event(1), event(2)])
    stores.inbox.seen(stores.inbox.waiting(), at[0])
    stores.inbox.accept([event(3)])
    stores.inbox.seen(stores.inbox.waiting(), at[1])
    taken(stores, limit=1, at=at[2])
    stores.inbox.settle([Settled(event(1), EventOutcome.APPLIED, written_at=at[3])], run_id="run_1", at=at[4])
    first, *others = stores.inbox.times(["t1"], NOW)
    received = NOW + MINUTE
    applied = EventOutcome.APPLIED
    assert first == EventTimes("t1", CRM, "stripe", applied, received, received, at[0], at[2], at[3])
    assert [(t.seen_at, t.started_at, t.written_at) for t in others] == [(at[0], None, None), (at[1], None, None)]
    assert stores.inbox.times(None, NOW + 3 * MINUTE) == others[1:]
    assert stores.inbox.times(["t2"], NOW) == []


def test_what_is_seen_is_no_more_than_what_was_counted(stores: Stores) -> None:
    """An event that came between the look and the note is seen by the next look."""
    stores.inbox.accept([event(1)])
    counted = stores.inbox.waiting()
    stores.inbox.accept([event(2)])
    stores.inbox.seen(counted, LATER)
    assert [t.seen_at for t in stores.inbox.times(None, NOW)] == [LATER, None]


@pytest.mark.parametrize("count", [3, 1200])
def test_ends_are_noted_all_at_once(stores: Stores, count: int) -> None:
    """Few or many: outcome, reason, run and time, for the columns that analysts rely on; the rest still waits."""
    events = [event(n) for n in range(count)]
    stores.inbox.accept([*events, event(count)])
    stores.inbox.settle([Settled(e, EventOutcome.HELD, "waits for a person") for e in events], run_id="run_7", at=LATER)
    rows = query(stores.engine, "SELECT DISTINCT outcome, reason, run_id, applied_at IS NULL AS open FROM webhook_events")
    assert sorted((r["outcome"], r["reason"], r["run_id"], bool(r["open"])) for r in rows if r["run_id"]) == [
        ("held", "waits for a person", "run_7", False)
    ]
    assert [(w.events, w.newest_received_at) for w in stores.inbox.waiting()] == [(1, event(count).received_at)]


def test_old_ended_events_are_forgotten_with_their_files(stores: Stores) -> None:
    """What waits stays whatever its age, and so does a file that one of its events still needs."""
    shared = [replace(event(n), landed_path="t1/shared.jsonl", landed_at=NOW) for n in (5, 6)]
    stores.inbox.accept([event(1), event(2), event(3, "t2"), *shared, event(9)])
    ended = [event(1), event(3, "t2"), shared[0], event(9)]
    stores.inbox.settle([Settled(e, EventOutcome.EQUAL) for e in ended], run_id="run_1", at=LATER)
    inbox = SqlInbox(stores.engine, batch=2)
    assert inbox.forget(NOW + 9 * MINUTE) == ["t1/1.jsonl", "t2/3.jsonl"]
    assert inbox.forget(NOW + 9 * MINUTE) == []
    left = inbox.known({("t1", "stripe", f"evt_{n}") for n in range(10)})
    assert {event_id for _, _, event_id in left} == {"evt_2", "evt_6", "evt_9"}


@pytest.mark.parametrize("each_database", ["sqlite"], indirect=True)
def test_questions_read_nothing_but_what_they_are_about(stores: Stores) -> None:
    """However many events are settled: what waits has an index that holds all that is asked, and events are looked up by key."""
    asked: list[tuple[str, tuple[str, ...]]] = []
    sa.event.listen(stores.engine, "before_cursor_execute", lambda *call: asked.append((call[2], call[3])))
    stores.inbox.waiting()
    stores.inbox.known({("t1", "stripe", "evt_1"), ("t2", "stripe", "evt_2")})
    plans: list[str] = []
    with reading(stores.engine, EVERYONE) as connection:
        for question, values in [(q, v) for q, v in asked if "webhook_events" in q]:
            plans += [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {question}", tuple(values))]
    read = [line for line in plans if "webhook_events" in line]
    key = "(tenant_id=? AND partner=? AND event_id=?)"
    assert read == [
        "SCAN webhook_events USING COVERING INDEX ix_webhook_events_waiting",
        f"SEARCH webhook_events USING COVERING INDEX sqlite_autoindex_webhook_events_1 {key}",
    ]


def test_events_are_sorted_by_when_they_came(stores: Stores) -> None:
    """However they were stored."""
    stores.inbox.accept([event(n) for n in (7, 2, 9, 4)])
    assert all(a.received_at < b.received_at for a, b in pairwise(taken(stores)))
