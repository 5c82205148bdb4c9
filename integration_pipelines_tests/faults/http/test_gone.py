"""A record that is gone when it is to be written, and an answer that never proves anything: no second record, no second effect."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from integration_pipelines.errors import ErrorKind
from integration_pipelines.use_cases.outcome import RunOutcome
from integration_pipelines_tests.kit.bench import CONTRACT, Product, product


@pytest.fixture
def shop(tmp_path: Path, each_database: str) -> Iterator[Product]:
    """A tenant in sync, with something new to write about one customer."""
    with product(tmp_path, database_url=each_database) as made:
        made.first_sync()
        made.billing().objects["billing_subscriptions"]["sub_acme"]["status"] = "past_due"
        yield made


@pytest.mark.fault("H24")
def test_a_linked_record_that_is_gone_is_never_made_again(shop: Product) -> None:
    """Deleted between reading and writing: nothing is sent, the link becomes one-sided, no company appears and billing loses nothing."""
    companies = shop.crm().objects["crm_accounts"]
    customers = dict(shop.billing().objects["billing_customers"])
    effects = len(shop.crm().effects)

    def delete() -> None:
        companies.pop("1", None)

    shop.crm().before_fetch = delete
    for _ in range(3):
        shop.one()
    assert "1" not in companies
    assert len(companies) == 3
    assert len(shop.crm().effects) == effects
    assert set(shop.billing().objects["billing_customers"]) == set(customers)
    states = {r["left_id"]: r["state"] for r in shop.ports.links.load(["t1"], CONTRACT).to_pylist()}
    assert states["1"] != "live"


@pytest.mark.fault("H05")
def test_a_write_that_nobody_answers_gets_a_new_key_only_after_a_read_proved_its_absence(shop: Product) -> None:
    """Unknown first; a read shows that it never arrived; then, and only then, a new key is used, and there is one effect."""
    keys: list[str] = []
    shop.crm().before_write = lambda _, writes: keys.extend(w.idempotency_key for w in writes)
    before = len(shop.crm().effects)
    shop.crm().delayed = 1
    assert shop.one().writes == {"unknown": 1}
    shop.crm().under_way.clear()  # it never arrives
    report = shop.one()
    assert (report.outcome, report.writes, report.certified) == (RunOutcome.WRITTEN, {"applied": 1}, True)
    assert (len(keys), len(set(keys)), len(shop.crm().effects) - before) == (2, 2, 1)


@pytest.mark.fault("H23")
def test_a_write_that_meets_a_change_is_decided_anew_three_times(shop: Product) -> None:
    """412 and 428: each time the record is read and merged again and what it then says is written; after the third it waits as failed."""
    shop.crm().refuse.add("1")
    shop.crm().refuse_as = ErrorKind.CONFLICT
    asked: list[int] = []
    shop.crm().before_write = lambda _, writes: asked.append(len(writes))
    for _ in range(4):
        assert shop.one().writes == {"failed": 1}
    report = shop.one()
    assert (report.outcome, len(asked)) == (RunOutcome.HELD, 4)
    assert "tried again from" in report.reason
    shop.crm().refuse.clear()
    shop.billing().objects["billing_subscriptions"]["sub_acme"]["status"] = "paused"
    report = shop.one()
    assert (report.writes, report.certified) == ({"applied": 1}, True)
    assert shop.crm().objects["crm_accounts"]["1"]["billing_subscription_status"] == "paused"
