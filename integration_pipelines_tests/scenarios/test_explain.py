"""Every value can be explained afterwards from stored facts: source, rule, run, write, and what lost."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pytest

from integration_pipelines.errors import ConfigError
from integration_pipelines.ports.lake import Mode
from integration_pipelines.ports.partner import RecordWrite
from integration_pipelines.use_cases.explain import Explanation, FieldStory, explain
from integration_pipelines.use_cases.links_review import reject
from integration_pipelines.use_cases.merged import DATASET, kept_schema
from integration_pipelines.use_cases.observations import dataset, new_entry
from integration_pipelines.use_cases.outcome import RunOutcome, SyncMode
from integration_pipelines.use_cases.sync import sync
from integration_pipelines_tests.kit.bench import Product, product, small_accounts
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
    assert mrr.observed_at is not None


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
    for others in ((), ("customer_segment",), ("account_owner",)):
        mrr = next(one for one in told(shop, "1", "mrr", *others).fields if one.field == "mrr")
        assert (mrr.value, mrr.source, mrr.parts) == ("0", ("cus_acme",), ())
        assert mrr.observed_at is not None


@pytest.mark.parametrize("status", ["active", "canceled"])
def test_parts_are_told_when_they_leave_quarantine(shop: Product, status: str) -> None:
    """One was refused, and a run that reads another record finds it good again; until then the reason names it, if it makes a difference."""
    shop.billing().objects["billing_subscriptions"]["sub_more"] = subscription("sub_more", "cus_acme", status=status)
    shop.billing().objects["billing_subscriptions"]["sub_acme"]["items"] = [item(unit_amount="1100")]
    shop.gate.refuse["sub_more"] = "status"
    shop.one()
    assert "is in quarantine: sub_more" in story(shop, "1", "mrr").why
    assert [p.record_id for p in story(shop, "1", "mrr").parts] == ["sub_acme"]
    shop.gate.refuse.clear()
    touched = {"t1": {"crm_accounts": ["1"]}}
    sync(["t1"], shop.contract, ports=shop.ports, mode=SyncMode.APPLY, run_id="run_9", trigger="event", touched=touched)
    assert [p.record_id for p in story(shop, "1", "mrr").parts] == ["sub_acme", "sub_more"]


def test_one_subscription_beyond_measure_stops_nobody(tmp_path: Path, each_database: str) -> None:
    """It is told what it costs, and the other tenant of the run is written and certified."""
    with product(tmp_path, {t: small_accounts() for t in ("t1", "t2")}, database_url=each_database) as made:
        for tenant in ("t1", "t2"):
            made.first_sync(tenant)
        dear = item(unit_amount="999999999999", quantity="999999", interval="day")
        made.billing("t1").objects["billing_subscriptions"]["sub_acme"]["items"] = [dear]
        made.billing("t2").objects["billing_subscriptions"]["sub_acme"]["items"] = [item(unit_amount="7")]
        assert made.run("t1", "t2").tenant("t2").certified
        (part,) = story(made, "1", "mrr").parts
        assert part.monthly_minor == 30416636249969583364


def test_a_home_from_before_says_that_parts_are_not_kept_yet(shop: Product) -> None:
    """What was written without them is told as far as it goes, and so are links that were marked as gone with nothing but their ids."""
    as_before(shop)
    shop.billing().objects["billing_customers"].pop("cus_bolt")
    touched = {"t1": {"billing_customers": ["cus_bolt"]}}
    sync(["t1"], shop.contract, ports=shop.ports, mode=SyncMode.APPLY, run_id="run_9", trigger="event", touched=touched)
    assert story(shop, "2", "mrr").value is None
    found = told(shop, "1", "mrr")
    assert (found.fields[0].value, found.fields[0].parts, found.fields[0].source) == ("1000", (), ("cus_acme",))
    assert "not kept yet" in found.notes[0]
    shop.one()
    assert [p.record_id for p in story(shop, "1", "mrr").parts] == ["sub_acme"]


def as_before(shop: Product) -> None:
    """Lay what is kept down again as it was kept before its parts were."""
    name, older = shop.contract.contract, pa.schema([f for f in kept_schema(shop.contract) if f.name not in {"parts", "gone"}])
    rows = dataset(shop.ports, ["t1"], name, DATASET, older).rows().read_all().select(older.names)
    entry = new_entry(shop.ports, "t1", name, DATASET, Mode.FULL, rows.to_reader(), "run_8")
    shop.ports.manifest.append([entry], shop.clock.now())


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
