"""Messages to people in the store, on either database: noted once, claimed by one, kept with what became of them."""

from dataclasses import replace
from datetime import timedelta

from integration_pipelines.ports.messages import Note, NoteState
from integration_pipelines.ports.tenants import Tenant
from integration_pipelines.store.open import Stores
from integration_pipelines_tests.unit.store.rows import NOW

BOTH = [("t1", "support"), ("t2", "support")]
MINUTE = timedelta(minutes=1)


def note(key: str = "k1", tenant: str = "t1", minutes: int = 0) -> Note:
    """A message that was asked for then."""
    return Note(
        tenant, "support", key, "new_incident", "slack", "#a", f"text {key}", "P1", "7-1", "run_1", NOW + minutes * MINUTE
    )


def claimed(stores: Stores, minutes: int = 0, limit: int = 10) -> list[str]:
    """The keys that are due then."""
    now = NOW + minutes * MINUTE
    return [n.event_key for n in stores.outbox.claim(BOTH, now, now + 2 * MINUTE, limit)]


def test_the_same_event_is_one_message(stores: Stores) -> None:
    """However often it is found; what became of it stays."""
    stores.outbox.note([note()])
    stores.outbox.settle([replace(note(), state=NoteState.SENT, attempts=1, sent_at=NOW)])
    stores.outbox.note([replace(note(), text="another text", run_id="run_2")])
    [kept] = stores.outbox.find(["t1"])
    assert (kept.text, kept.run_id, kept.state, kept.attempts) == ("text k1", "run_1", NoteState.SENT, 1)


def test_one_process_gets_a_message_until_its_claim_ends(stores: Stores) -> None:
    """The oldest first, no more than asked; afterwards it comes back as one that somebody was sending."""
    stores.outbox.note([note("k2", minutes=-1), note("k1", minutes=-2), note("k3", minutes=5)])
    assert claimed(stores, limit=1) == ["k1"]
    assert claimed(stores) == ["k2"]
    assert claimed(stores, minutes=1) == []
    again = stores.outbox.claim(BOTH, NOW + 2 * MINUTE, NOW + 4 * MINUTE, 10)
    assert [(n.event_key, n.state) for n in again] == [("k1", NoteState.SENDING), ("k2", NoteState.SENDING)]


def test_only_installations_that_are_named_get_theirs(stores: Stores) -> None:
    """A tenant that is paused is not named."""
    stores.outbox.note([note(tenant="t1"), note(tenant="t2")])
    assert [n.tenant_id for n in stores.outbox.claim([("t2", "support"), ("t1", "other")], NOW, NOW + MINUTE, 10)] == ["t2"]


def test_what_is_over_is_forgotten_and_what_waits_is_kept(stores: Stores) -> None:
    """By when it was asked for."""
    stores.outbox.note([note("k1"), note("k2"), note("k3", minutes=10)])
    stores.outbox.settle([replace(note("k1"), state=NoteState.SENT), replace(note("k3", minutes=10), state=NoteState.GIVEN_UP)])
    assert stores.outbox.forget(NOW + MINUTE) == 1
    assert [n.event_key for n in stores.outbox.find(None)] == ["k3", "k2"]
    assert [n.event_key for n in stores.outbox.find(["t1"], states=(NoteState.GIVEN_UP,))] == ["k3"]


def test_what_a_tenant_says_a_partner_means_is_kept_by_option(stores: Stores) -> None:
    """Replaced by a new word, forgotten by none, gone with the tenant."""
    stores.tenants.add(Tenant("t1", "Acme", NOW))
    stores.tenants.set_option("t1", "zendesk", "escalated_tags", ["vip", "ü,mlaut"], NOW)
    stores.tenants.set_option("t1", "zendesk", "escalated_groups", ["Tier 3"], NOW)
    assert stores.tenants.options("t1", "zendesk") == {"escalated_tags": ("vip", "ü,mlaut"), "escalated_groups": ("Tier 3",)}
    stores.tenants.set_option("t1", "zendesk", "escalated_tags", ["vip"], NOW)
    stores.tenants.set_option("t1", "zendesk", "escalated_groups", [], NOW)
    assert stores.tenants.options("t1", "zendesk") == {"escalated_tags": ("vip",)}
    assert stores.tenants.options("t1", "pagerduty") == {}
    stores.tenants.remove("t1")
    assert stores.tenants.options("t1", "zendesk") == {}
