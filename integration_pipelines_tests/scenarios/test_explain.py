"""Every value can be explained afterwards from stored facts: source, rule, run, write, and what lost."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from integration_pipelines.errors import ConfigError
from integration_pipelines.ports.partner import RecordWrite
from integration_pipelines.use_cases.explain import Explanation, FieldStory, explain
from integration_pipelines.use_cases.links_review import reject
from integration_pipelines.use_cases.outcome import RunOutcome, SyncMode
from integration_pipelines.use_cases.sync import sync
from integration_pipelines_tests.kit.bench import Product, product
from integration_pipelines_tests.kit.core import item, subscription
from integration_pipelines_tests.kit.fakes import FakeAccount


@pytest.fixture
def shop(tmp_path: Path, each_database: str) -> Iterator[Product]:
    """A tenant in sync."""
    with product(tmp_path, database_url=each_database) as made:
        made.first_sync()
        made.clock.sleep(60)
        yield made


def told(shop: Product, record: str, *fields: str) -> Explanation:
    """What is explained of a record."""
    return explain("t1", shop.contract, record, fields, ports=shop.ports)


def story(shop: Product, record: str, field: str) -> FieldStory:
    """The story of one field."""
    (found,) = told(shop, record, field).fields
    return found


@pytest.mark.parametrize("record", ["1", "cus_acme", "sub_acme"])
def test_a_rolled_up_value_names_its_parts_and_the_write(shop: Product, record: str) -> None:
    """Asked by company, customer or subscription: the MRR, what each subscription adds, and the write that brought it to the CRM."""
    mrr = story(shop, record, "mrr")
    assert (mrr.value, mrr.currency, mrr.owner, mrr.state, mrr.source) == ("1000", "USD", "billing", "in sync", ("sub_acme",))
    assert [(p.record_id, p.status, p.monthly_minor) for p in mrr.parts] == [("sub_acme", "active", 1000)]
    assert mrr.written is not None
    assert (mrr.written.before, mrr.written.after, mrr.written.state) == ("", "10.00", "confirmed")
    assert mrr.observed_at is not None or mrr.source == ("sub_acme",)


@pytest.mark.parametrize("trigger", ["event", "manual"])
def test_parts_are_those_of_now_though_their_sum_is_the_same(shop: Product, trigger: str) -> None:
    """One became dearer by what another one became cheaper: nothing differs and nothing is written, and the story is the new one."""
    billing = shop.billing().objects["billing_subscriptions"]
    billing["sub_more"] = subscription("sub_more", "cus_acme", items=[item(unit_amount="500")])
    assert shop.one().outcome is RunOutcome.WRITTEN
    billing["sub_acme"]["items"], billing["sub_more"]["items"] = [item(unit_amount="700")], [item(unit_amount="800")]
    touched = {"t1": {"billing_subscriptions": ["sub_acme", "sub_more"]}} if trigger == "event" else None
    run = sync(["t1"], shop.contract, ports=shop.ports, mode=SyncMode.APPLY, run_id="run_9", trigger=trigger, touched=touched)
    assert run.tenant("t1").outcome is RunOutcome.IN_SYNC
    mrr = story(shop, "1", "mrr")
    assert (mrr.value, mrr.source) == ("1500", ("sub_acme", "sub_more"))
    assert [(p.record_id, p.monthly_minor) for p in mrr.parts] == [("sub_acme", 700), ("sub_more", 800)]


def test_a_customer_without_a_subscription_is_its_own_source(shop: Product) -> None:
    """There is nothing that its value is made up of, and when the customer was read is told instead."""
    del shop.billing().objects["billing_subscriptions"]["sub_acme"]
    shop.one()
    mrr = story(shop, "1", "mrr")
    assert (mrr.value, mrr.source, mrr.parts) == ("0", ("cus_acme",), ())
    assert mrr.observed_at is not None


def test_all_companies_customers_are_told_together(shop: Product) -> None:
    """Whichever of them is asked about."""
    shop.billing().objects["billing_customers"]["cus_second"] = {"name": "Acme Labs", "email": "labs@acme.com"}
    shop.billing().objects["billing_subscriptions"]["sub_second"] = subscription("sub_second", "cus_second")
    shop.one()
    for record in ("1", "cus_acme", "cus_second", "sub_second"):
        assert [p.record_id for p in story(shop, record, "mrr").parts] == ["sub_acme", "sub_second"]


def test_a_conflict_names_the_value_that_lost(shop: Product) -> None:
    """Billing and a person changed the same field: billing's value stands, and the person's is named with where it is kept."""
    shop.billing().objects["billing_subscriptions"]["sub_acme"]["status"] = "past_due"
    shop.crm().objects["crm_accounts"]["1"]["billing_subscription_status"] = "paused"
    shop.one()
    status = story(shop, "1", "subscription_status")
    assert (status.value, status.state) == ("past_due", "in sync")
    assert [(lost.value, lost.side, lost.why) for lost in status.lost] == [("paused", "crm", "conflict")]
    assert "both sides changed; billing owns this field" in status.why


def test_an_edit_that_a_write_replaced_is_told(shop: Product) -> None:
    """What somebody entered while our write was under way is part of the story."""
    shop.billing().objects["billing_subscriptions"]["sub_acme"]["status"] = "past_due"

    def edit(account: FakeAccount, writes: Sequence[RecordWrite]) -> None:
        del writes
        account.objects["crm_accounts"]["1"]["billing_subscription_status"] = "unpaid"

    shop.crm().before_write = edit
    shop.one()
    lost = story(shop, "1", "subscription_status").lost
    assert [(one.value, one.why) for one in lost] == [("unpaid", "entered while our write was under way")]


def test_a_held_edit_says_that_it_waits(shop: Product) -> None:
    """The segment was edited in billing, where the contract holds such edits for a person."""
    shop.billing().objects["billing_customers"]["cus_acme"]["crm_segment"] = "startup"
    shop.one()
    segment = story(shop, "cus_acme", "customer_segment")
    assert (segment.value, segment.owner, segment.state) == ("small_business", "crm", "held")
    assert "holds such edits for a person" in segment.why


def test_a_quarantined_and_an_unlinked_record_say_why(shop: Product) -> None:
    """Records without a value have a reason instead."""
    shop.gate.refuse["cus_alone"] = "email"
    shop.one()
    assert told(shop, "cus_alone").notes[0].startswith("It is in quarantine for its email")
    shop.gate.refuse.clear()
    shop.one()
    assert told(shop, "cus_alone").notes[0] == "It is not linked: no rule finds a counterpart"


def test_a_record_without_a_pair_says_what_is_known_of_it(shop: Product) -> None:
    """A company that nothing matches, a pair that was taken apart, a part of such a record, and an owner: each was read, and says so."""
    reject("t1", shop.contract, "1", "cus_acme", actor="ann", ports=shop.ports)
    notes = {record: " ".join(told(shop, record).notes) for record in ("9", "1", "sub_acme", "7")}
    assert "read among crm_accounts on 2026-11-23 12:00 UTC; it is linked to nothing." in notes["9"]
    assert "Its pair with cus_acme is tombstone since 2026-11-23 12:01 UTC: taken apart by a person (ann)" in notes["1"]
    assert "it is a part of cus_acme, which is linked to nothing. Its pair with 1 is tombstone" in notes["sub_acme"]
    assert "others name it" in notes["7"]


@pytest.mark.parametrize(("record", "field", "says"), [("nobody", "mrr", "Nothing is known"), ("1", "size", "has no field size")])
def test_what_is_not_known_is_a_clear_error(shop: Product, record: str, field: str, says: str) -> None:
    """Neither an unknown record nor an unknown field is guessed at."""
    with pytest.raises(ConfigError, match=says):
        told(shop, record, field)
