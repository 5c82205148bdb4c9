"""What goes wrong in a run stays where it went wrong: one record, one tenant, one write; and the next run makes it good."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from integration_pipelines.errors import AuthError, TransientError
from integration_pipelines.ports.lake import Lake, StoredFile
from integration_pipelines.use_cases.outcome import RunOutcome
from integration_pipelines_tests.kit.bench import CONTRACT, Product, product, small_accounts


@pytest.fixture
def shop(tmp_path: Path, each_database: str) -> Iterator[Product]:
    """Two tenants that are in sync."""
    with product(tmp_path, {"t1": small_accounts(), "t2": small_accounts()}, database_url=each_database) as made:
        for tenant in ("t1", "t2"):
            made.first_sync(tenant)
        yield made


def change(shop: Product, tenant: str = "t1") -> None:
    """Billing says something new about two customers."""
    for name in ("sub_acme", "sub_bolt"):
        shop.billing(tenant).objects["billing_subscriptions"][name]["status"] = "past_due"


def test_one_tenants_failure_is_its_own(shop: Product) -> None:
    """A tenant whose token was revoked fails with its remedy; the other is reconciled in the same run."""
    change(shop, "t2")
    shop.crm("t1").broken = AuthError("The token is not accepted.", remedy="Connect again.")
    report = shop.run("t1", "t2")
    assert (report.tenant("t1").outcome, report.tenant("t2").outcome) == (RunOutcome.FAILED, RunOutcome.WRITTEN)
    fault = report.tenant("t1").fault
    assert fault is not None
    assert fault.remedy == "Connect again."


def test_a_refused_record_does_not_stop_the_rest(shop: Product) -> None:
    """One write fails with its reason, the other goes through, and the record's outcome says failed."""
    change(shop)
    shop.crm().refuse.add("1")
    report = shop.one()
    assert report.writes == {"applied": 1, "failed": 1}
    assert (report.outcomes["failed"], report.balanced, report.certified) == (3, True, False)


@pytest.mark.fault("H08", "H10")
def test_a_lost_answer_is_settled_by_reading_and_not_sent_again(shop: Product) -> None:
    """The write was carried out but nobody said so: the run finds out by reading; one effect."""
    change(shop)
    before = len(shop.crm().effects)
    shop.crm().lost_answers = 1
    first = shop.one()
    assert (first.writes, first.certified) == ({"applied": 2}, True)
    second = shop.one()
    assert (second.outcome, second.certified, len(shop.crm().effects) - before) == (RunOutcome.IN_SYNC, True, 2)


@pytest.mark.fault("H09")
def test_a_request_that_arrives_late_is_known_as_our_own(shop: Product) -> None:
    """Given up, decided anew, and then it arrives after all with an old value: that is no person's edit to be held, it is put right."""
    shop.crm().objects["crm_accounts"]["1"]["customer_segment"] = "Enterprise"
    shop.billing().delayed = 1
    assert shop.one().writes == {"unknown": 1}
    shop.crm().objects["crm_accounts"]["1"]["customer_segment"] = "Startup"
    assert shop.one().writes == {"applied": 1}
    shop.billing().arrive()
    assert shop.billing().objects["billing_customers"]["cus_acme"]["crm_segment"] == "enterprise"
    report = shop.one()
    assert (report.writes, report.certified) == ({"applied": 1}, True)
    assert shop.billing().objects["billing_customers"]["cus_acme"]["crm_segment"] == "startup"
    assert shop.one().writes == {}


@pytest.mark.fault("H27")
def test_a_replica_that_lags_is_waited_for(shop: Product) -> None:
    """Right after a write the partner still shows the old value: the proof reads again a little later, and nothing is written twice."""
    change(shop)
    before = len(shop.crm().effects)
    shop.crm().before_write = lambda account, _: setattr(account, "stale_reads", 2)
    report = shop.one()
    assert (report.writes, report.certified, len(shop.crm().effects) - before) == ({"applied": 2}, True, 2)
    assert shop.crm().stale_reads == 0


def test_a_person_who_edits_between_plan_and_write_is_not_overwritten(shop: Product) -> None:
    """Read-compare-write: the record moved, so nothing is written on it, and the next plan decides with both values kept."""
    change(shop)
    company = shop.crm().objects["crm_accounts"]["1"]
    shop.crm().before_fetch = lambda: company.update(billing_subscription_status="paused")
    report = shop.one()
    assert report.writes == {"applied": 1, "superseded": 1}
    assert company["billing_subscription_status"] == "paused"


class ForgetfulLake(Lake):
    """A lake that loses one row of one object when it is read back."""

    def __init__(self, inner: Lake, lost: str) -> None:
        self.inner, self.lost = inner, lost

    def write(self, *, tenant_id: str, dataset: str, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> StoredFile:
        """As the real one."""
        return self.inner.write(tenant_id=tenant_id, dataset=dataset, schema=schema, batches=batches)

    def read(self, files: Sequence[StoredFile], schema: pa.Schema | None = None) -> pa.Table:
        """Without the lost record, unless it is the tally."""
        table = self.inner.read(files, schema)
        if "record_id" not in table.schema.names or "observed_at" not in table.schema.names:
            return table
        return table.filter(pc.field("record_id") != self.lost)

    def sweep(self, known_paths: set[str], older_than: object) -> list[str]:
        """Never."""
        del known_paths, older_than
        return []

    def remove(self, paths: Sequence[str]) -> None:
        """As the real one."""
        self.inner.remove(paths)


def test_a_row_lost_between_two_stages_breaks_the_balance_and_is_named(shop: Product) -> None:
    """The tally is kept apart from the rows: a record that vanishes has no outcome, and the balance says which."""
    forgetful = shop.with_ports(lake=ForgetfulLake(shop.ports.lake, "sub_core"))
    report = forgetful.one()
    assert (report.balanced, report.certified) == (False, False)
    assert report.imbalances == ("billing_subscriptions sub_core was read but has no outcome",)


def test_a_quarantined_subscription_holds_the_sums_it_belongs_to(shop: Product) -> None:
    """A sum without one of its parts would be wrong, so it is not written; the refused record keeps its reason."""
    shop.gate.refuse["sub_acme"] = "status"
    report = shop.one()
    assert report.outcomes["quarantined"] == 1
    held = [d for d in shop.ports.diffs.load(["t1"], CONTRACT).to_pylist() if d["status"] == "held" and d["resolved_at"] is None]
    assert {d["record_label"] for d in held} <= {"Acme"}
    assert all("quarantine" in d["reason"] for d in held)


def test_a_record_that_becomes_good_leaves_quarantine_by_itself(shop: Product) -> None:
    """Quarantine is the present truth; nobody has to release anything."""
    shop.gate.refuse["cus_bolt"] = "email"
    shop.one()
    assert shop.ports.quarantine.load(["t1"], CONTRACT).num_rows == 1
    shop.gate.refuse.clear()
    shop.one()
    assert shop.ports.quarantine.load(["t1"], CONTRACT).num_rows == 0


def test_a_broken_partner_leaves_nothing_half_read(shop: Product) -> None:
    """When one object cannot be read, no file of that tenant's run counts and the watermarks stay."""
    before = shop.ports.manifest.watermark("t1", CONTRACT, "crm_accounts")
    shop.billing().broken = TransientError("The partner does not answer.", remedy="Try again.")
    assert shop.one().outcome is RunOutcome.FAILED
    assert shop.ports.manifest.watermark("t1", CONTRACT, "crm_accounts") == before


def test_somebody_elses_lease_makes_a_run_stand_back(shop: Product) -> None:
    """One writer per tenant: a run that finds the lease taken changes nothing and says so."""
    change(shop)
    before = len(shop.crm().effects)
    lease = shop.ports.leases.take("t1", CONTRACT, "somebody", 60)
    assert lease is not None
    assert shop.one().outcome is RunOutcome.SKIPPED
    shop.ports.leases.give_back(lease)
    assert len(shop.crm().effects) == before
