"""The book of alerts on both databases: one alert however many look, each message to each sink once, none after its end."""

import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from integration_pipelines.core.alerts import Alert, AlertEvent, AlertKind, Changes, Finding, Severity
from integration_pipelines.errors import ConflictError
from integration_pipelines.ports.alerts import Delivery, DeliveryState
from integration_pipelines.store.open import Stores
from integration_pipelines_tests.unit.store.rows import CRM, LATER, NOW

MINUTE = timedelta(minutes=1)
SINKS = ("slack", "email")


def alert(alert_id: str = "a1", tenant: str = "t1", kind: AlertKind = AlertKind.RUN_FAILED) -> Alert:
    """An open alert."""
    finding = Finding(tenant, CRM, kind, "", Severity.ERROR, "Title", "Text", "Remedy", "http://x", "run_1")
    return Alert(alert_id, finding, NOW, NOW, 1, NOW)


def change(stores: Stores, **changes: Sequence[Alert]) -> None:
    """Make those changes."""
    made = Changes(**{name: tuple(alerts) for name, alerts in changes.items()})
    stores.alert_book.revise(lambda _: made, SINKS)


def claimed(stores: Stores, sink: str = "slack", at: timedelta = timedelta()) -> list[Delivery]:
    """What that sink is to get at that time after noon."""
    return stores.alert_book.claim(sink, NOW + at, NOW + at + 2 * MINUTE, 10)


def arrived(stores: Stores, *deliveries: Delivery) -> None:
    """Those went through."""
    stores.alert_book.note([replace(d, state=DeliveryState.DELIVERED, attempts=1, next_try_at=None) for d in deliveries], NOW)


def test_an_alert_comes_back_as_it_was_stored(stores: Stores) -> None:
    """Every field of it, and it counts as open until it is closed."""
    first = alert()
    change(stores, opened=[first])
    assert stores.alert_book.find(["t1"]) == [first]
    over = replace(first, closed_at=LATER)
    change(stores, closed=[over])
    assert stores.alert_book.find(["t1"]) == []
    assert stores.alert_book.find(["t1"], include_closed=True) == [over]


def test_alerts_are_found_by_tenant_and_kind(stores: Stores) -> None:
    """Newest first, and no other tenant's."""
    stale = replace(alert("a2", kind=AlertKind.STALE), opened_at=LATER)
    change(stores, opened=[alert(), stale, alert("a3", "t2")])
    assert [a.alert_id for a in stores.alert_book.find(["t1"])] == ["a2", "a1"]
    assert [a.alert_id for a in stores.alert_book.find(None, kind=AlertKind.STALE)] == ["a2"]
    assert [a.alert_id for a in stores.alert_book.find(["t1"], limit=1)] == ["a2"]


def test_a_message_belongs_to_whoever_claimed_it(stores: Stores) -> None:
    """Nobody else gets it until the claim ends; if its sender died, it is due again then."""
    change(stores, opened=[alert()])
    assert [(d.sink, d.event, d.state) for d in claimed(stores)] == [("slack", AlertEvent.OPENED, DeliveryState.WAITING)]
    assert claimed(stores, at=MINUTE) == []
    assert len(claimed(stores, "email", at=MINUTE)) == 1
    assert len(claimed(stores, at=2 * MINUTE)) == 1


def test_many_senders_share_the_messages(stores: Stores) -> None:
    """Each message is claimed by exactly one of them."""
    change(stores, opened=[alert(f"a{n}", f"t{n}") for n in range(20)])
    found: list[str] = []
    barrier = threading.Barrier(4)

    def take() -> None:
        barrier.wait()
        while mine := stores.alert_book.claim("slack", NOW, NOW + MINUTE, 3):
            found.extend(d.alert.alert_id for d in mine)

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == sorted(f"a{n}" for n in range(20))


def test_what_arrived_is_not_sent_again(stores: Stores) -> None:
    """Nor is it due for any later look."""
    change(stores, opened=[alert()])
    arrived(stores, *claimed(stores))
    assert claimed(stores, at=timedelta(days=9)) == []
    states = {d.sink: d.state for d in stores.alert_book.deliveries(["a1"])}
    assert states == {"slack": DeliveryState.DELIVERED, "email": DeliveryState.WAITING}


def test_the_end_is_told_to_whoever_may_know_of_the_beginning(stores: Stores) -> None:
    """A sink that was not even tried is spared both."""
    change(stores, opened=[alert()])
    arrived(stores, *claimed(stores))
    change(stores, closed=[replace(alert(), closed_at=LATER)])
    assert [d.event for d in claimed(stores, at=timedelta(hours=2))] == [AlertEvent.CLOSED]
    assert claimed(stores, "email", at=timedelta(hours=2)) == []


def test_the_end_never_overtakes_the_beginning(stores: Stores) -> None:
    """While the first message is on its way, the last one waits until it must have ended."""
    change(stores, opened=[alert()])
    under_way = claimed(stores)
    change(stores, closed=[replace(alert(), closed_at=NOW)])
    assert claimed(stores, at=MINUTE) == []
    arrived(stores, *under_way)
    assert [d.event for d in claimed(stores, at=2 * MINUTE)] == [AlertEvent.CLOSED]


def test_a_grouped_alert_is_not_told_by_itself(stores: Stores) -> None:
    """It has no message of its own, neither at its beginning nor at its end."""
    change(stores, opened=[replace(alert(), group_id="a9")])
    change(stores, closed=[replace(alert(), group_id="a9", closed_at=LATER)])
    assert stores.alert_book.deliveries(["a1"]) == []


def test_a_reminder_replaces_the_one_before(stores: Stores) -> None:
    """However often people are reminded, one message waits."""
    change(stores, opened=[alert()])
    arrived(stores, *claimed(stores))
    for day in (1, 2):
        change(stores, reminded=[replace(alert(), told_at=NOW + timedelta(days=day))])
    assert [(d.event, d.asked_at) for d in claimed(stores, at=timedelta(days=3))] == [
        (AlertEvent.REMINDED, NOW + timedelta(days=2))
    ]


def test_many_processes_open_one_alert(stores: Stores) -> None:
    """Each looks at what is open before it decides, and nobody decides beside another."""
    barrier = threading.Barrier(4)

    def look(number: int) -> None:
        barrier.wait()
        stores.alert_book.revise(lambda known: Changes() if known else Changes(opened=(alert(f"a{number}"),)), SINKS)

    threads = [threading.Thread(target=look, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(stores.alert_book.find(None)) == 1
    assert len(claimed(stores)) == 1


@pytest.mark.parametrize("closed", [True, False])
def test_the_store_itself_refuses_a_second_open_alert(stores: Stores, closed: bool) -> None:
    """Whatever the engine believes: one open alert per tenant, integration, kind and subject."""
    first = replace(alert(), closed_at=LATER) if closed else alert()
    change(stores, opened=[first])
    if closed:
        change(stores, opened=[alert("a2")])
        assert len(stores.alert_book.find(["t1"])) == 1
    else:
        with pytest.raises(ConflictError):
            change(stores, opened=[alert("a2")])


def test_what_is_over_for_long_is_forgotten(stores: Stores) -> None:
    """With its messages; what is open stays, however old it is."""
    change(stores, opened=[alert(), alert("a2", "t2")])
    arrived(stores, *claimed(stores))
    change(stores, closed=[replace(alert(), closed_at=NOW)])
    stores.alert_book.revise(lambda _: Changes(), SINKS, forget_before=NOW)
    assert len(stores.alert_book.find(None, include_closed=True)) == 2
    stores.alert_book.revise(lambda _: Changes(), SINKS, forget_before=LATER)
    assert [a.alert_id for a in stores.alert_book.find(None, include_closed=True)] == ["a2"]
    assert stores.alert_book.deliveries(["a1"]) == []
