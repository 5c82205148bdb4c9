"""Somebody edits a record between our read and our write: no partner here refuses the write, and still no edit is lost."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest

from integration_pipelines.errors import TransientError
from integration_pipelines.ports.lake import Mode
from integration_pipelines.ports.partner import RecordWrite
from integration_pipelines.ports.retries import Overwrite
from integration_pipelines.use_cases.outcome import RunOutcome
from integration_pipelines_tests.kit.bench import CONTRACT, Product, product
from integration_pipelines_tests.kit.fakes import FakeAccount

Rule = Literal["left_wins", "right_wins", "hold"]


@pytest.fixture
def shop(tmp_path: Path, each_database: str) -> Iterator[Product]:
    """A tenant in sync."""
    with product(tmp_path, database_url=each_database) as made:
        made.first_sync()
        yield made


def edited_under_way(account: FakeAccount, name: str, record_id: str, column: str, value: str) -> None:
    """A person saves a value in the moment before our next write arrives, once."""

    def edit(acc: FakeAccount, writes: Sequence[RecordWrite]) -> None:
        del writes
        acc.objects[name][record_id][column] = value
        acc.before_write = lambda *_: None

    account.before_write = edit


def found(shop: Product) -> list[Overwrite]:
    """What the store keeps of replaced edits."""
    return shop.ports.overwrites.load(["t1"], CONTRACT)


def shared_segment(shop: Product, rule: Rule) -> Product:
    """The same product with a contract in which both sides may change the segment."""
    spec = shop.contract.fields["customer_segment"].model_copy(update={"owner": "two_way", "two_way_rule": rule})
    contract = shop.contract.model_copy(update={"fields": shop.contract.fields | {"customer_segment": spec}})
    return replace(shop, contract=contract, ports=replace(shop.ports, contracts={CONTRACT: contract}))


@pytest.mark.fault("H09")
def test_an_edit_of_the_owners_field_is_replaced_and_kept(shop: Product) -> None:
    """Billing owns the status: its value stands, and what the person had entered is on record with both other values."""
    shop.billing().objects["billing_subscriptions"]["sub_acme"]["status"] = "past_due"
    edited_under_way(shop.crm(), "crm_accounts", "1", "billing_subscription_status", "paused")
    report = shop.one()
    (lost,) = found(shop)
    assert (lost.field, lost.read_value, lost.lost_value, lost.written_value) == (
        "subscription_status", "active", "paused", "past_due",
    )  # fmt: skip
    assert (lost.action, lost.changed_by, report.counts["overwrites"], report.certified) == ("kept", "a person", 1, True)
    assert shop.crm().objects["crm_accounts"]["1"]["billing_subscription_status"] == "past_due"


def test_nothing_is_recorded_when_nobody_interferes(shop: Product) -> None:
    """A write that replaced what was read replaced nothing unseen."""
    shop.billing().objects["billing_subscriptions"]["sub_acme"]["status"] = "past_due"
    assert (shop.one().counts["overwrites"], found(shop)) == (0, [])


@pytest.mark.parametrize(
    ("rule", "action", "crm", "billing"),
    [
        ("left_wins", "kept", "Enterprise", "enterprise"),
        ("right_wins", "restored", "Startup", "startup"),
        ("hold", "held", "Enterprise", "startup"),
    ],
)
def test_on_a_shared_field_the_rule_decides_about_the_replaced_value(
    shop: Product, rule: Rule, action: str, crm: str, billing: str
) -> None:
    """Our write goes to billing while a person there changes the same field: the rule's winner ends on both sides, or both wait."""
    both = shared_segment(shop, rule)
    shop.crm().objects["crm_accounts"]["1"]["customer_segment"] = "Enterprise"
    edited_under_way(shop.billing(), "billing_customers", "cus_acme", "crm_segment", "startup")
    both.one()
    both.one()
    (lost,) = found(shop)
    assert (lost.action, lost.lost_value, lost.restored_at is not None) == (action, "startup", action != "kept")
    assert shop.crm().objects["crm_accounts"]["1"]["customer_segment"] == crm
    assert shop.billing().objects["billing_customers"]["cus_acme"]["crm_segment"] == billing
    assert both.one().writes == {}


def test_a_run_that_died_before_it_looked_behind_is_made_good(shop: Product) -> None:
    """The write went out, then the partner fell silent and could not tell what it replaced; the next run settles the write and asks."""
    shop.billing().objects["billing_subscriptions"]["sub_acme"]["status"] = "past_due"
    edited_under_way(shop.crm(), "crm_accounts", "1", "billing_subscription_status", "paused")
    edit = shop.crm().before_write

    def then_silent(account: FakeAccount, writes: Sequence[RecordWrite]) -> None:
        edit(account, writes)
        account.broken = TransientError("The partner does not answer.", remedy="Try again.")

    shop.crm().before_write = then_silent
    assert (shop.one().outcome, found(shop)) == (RunOutcome.FAILED, [])
    shop.crm().broken = None
    shop.one()
    assert [lost.lost_value for lost in found(shop)] == ["paused"]


def test_what_could_not_be_put_back_is_put_back_by_the_next_run(shop: Product) -> None:
    """The partner refuses to take the value back now; it is not forgotten."""
    both = shared_segment(shop, "right_wins")
    shop.crm().objects["crm_accounts"]["1"]["customer_segment"] = "Enterprise"
    edited_under_way(shop.billing(), "billing_customers", "cus_acme", "crm_segment", "startup")
    put_on = shop.billing().before_write

    def then_refuse(account: FakeAccount, writes: Sequence[RecordWrite]) -> None:
        put_on(account, writes)
        account.before_write = lambda acc, _: acc.refuse.add("cus_acme")

    shop.billing().before_write = then_refuse
    both.one()
    shop.billing().refuse.clear()
    shop.billing().before_write = lambda *_: None
    both.one()
    both.one()
    assert shop.billing().objects["billing_customers"]["cus_acme"]["crm_segment"] == "startup"
    assert shop.crm().objects["crm_accounts"]["1"]["customer_segment"] == "Startup"


def test_a_write_found_carried_out_is_confirmed_although_an_older_one_said_what_a_replica_shows(shop: Product) -> None:
    """What was given up days ago stays known as ours; it does not keep open what another write said, once the record shows that one."""
    crm = shop.crm()
    for status in ("past_due", "active"):
        shop.billing().objects["billing_subscriptions"]["sub_acme"]["status"] = status
        crm.delayed = 1
        shop.one()
        if status == "past_due":  # it never arrives: the next run gives it up and says the same anew
            crm.under_way.clear()
            assert shop.one().certified
    (row,) = shop.ports.ledger.unsettled(["t1"], CONTRACT).to_pylist()
    crm.before_image["crm_accounts", "1"] = dict(crm.objects["crm_accounts"]["1"])
    crm.replaced[row["write_id"]] = {"properties.billing_subscription_status": "past_due"}
    crm.arrive()
    crm.stale_reads, crm.reads, crm.hidden = 2, Mode.DELTA, {"1"}  # two reads by id come from a replica, and lists lag behind
    assert shop.one().certified
    assert shop.ports.ledger.unsettled(["t1"], CONTRACT).num_rows == 0
    states = {r["write_id"]: r["state"] for r in shop.ports.ledger.of_records("t1", CONTRACT, ["1"]).to_pylist()}
    assert states[row["write_id"]] == "confirmed"
