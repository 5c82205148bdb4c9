"""What a Dagster run of the chain does: plans unless told otherwise, and tells about every tenant by itself."""

from typing import Any

import dagster as dg
import pytest

from integration_pipelines.errors import AuthError
from integration_pipelines_tests.defs.conftest import QUIET, OpenShop, Shop
from integration_pipelines_tests.kit.bench import CONTRACT

pytestmark = QUIET
LAST = "sync_certificate"


def failure_of(result: dg.ExecuteInProcessResult) -> str:
    """What a failed step says."""
    event = next(e for e in result.all_events if e.is_step_failure)
    assert event.step_failure_data.user_failure_data is not None
    return event.step_failure_data.user_failure_data.description or ""


def latest(shop: Shop, asset: str) -> dict[str, Any]:
    """The metadata of an asset's newest materialisation."""
    event = shop.instance.get_latest_materialization_event(dg.AssetKey(asset))
    assert event is not None
    assert event.asset_materialization is not None
    return {name: value.value for name, value in event.asset_materialization.metadata.items()}


def test_a_click_only_plans(shop: Shop) -> None:
    """Without run config every asset is materialised for the tenant and nothing is written, whatever was approved."""
    shop.product.first_sync()
    shop.product.billing().objects["billing_subscriptions"]["sub_acme"]["status"] = "past_due"
    before = shop.writes
    assert shop.run().success
    assert (shop.materialized(LAST), shop.materialized("crm_writes"), shop.writes - before) == ({"t1"}, {"t1"}, 0)
    assert (latest(shop, "write_plan")["plan_state"], latest(shop, "crm_writes")["planned"]) == ("ready", 1)


def test_apply_writes_what_a_person_approved_in_the_launch(shop: Shop) -> None:
    """`approve_plan_hash` approves the held plan, `mode: apply` writes it, and the certificate is shown."""
    shop.run(mode="apply")
    assert shop.writes == 0
    plan_hash = str(latest(shop, "write_plan")["plan_hash"])
    assert shop.run(mode="apply", approve_plan_hash=plan_hash).success
    assert shop.writes == 6
    assert latest(shop, "crm_writes")["writes_confirmed"] == 3
    plan = latest(shop, "write_plan")
    assert 0 < plan["calls_used"] <= 2 * plan["calls_forecast"]
    assert (latest(shop, LAST)["certified"], latest(shop, LAST)["outcome"]) == ("yes", "written")
    assert shop.checks(LAST, "certificate") == {"t1": True}


def test_checks_are_stored_per_tenant(shop: Shop) -> None:
    """The gate, the guard and the balance are evaluated for the tenant's partition; a held plan is a warning, not a failed run."""
    assert shop.run(mode="apply").success
    assert shop.checks("crm_accounts", "gate_crm_accounts") == {"t1": True}
    assert shop.checks("write_plan", "guard") == {"t1": False}
    assert shop.checks(LAST, "balance") == {"t1": True}


def test_the_gate_tells_counts_and_ids_and_no_value(shop: Shop) -> None:
    """Whoever looks at a check finds the refused record, and nothing of what it says."""
    shop.product.gate.refuse["cus_acme"] = "email"
    found = next(e for e in shop.run().get_asset_check_evaluations() if e.check_name == "gate_billing_customers")
    told = {name: value.value for name, value in found.metadata.items()}
    assert (told["quarantined"], told["records"], found.passed) == (1, "cus_acme", True)
    assert "billing@acme.com" not in str(told)


def test_of_a_range_only_the_failed_tenant_is_not_materialised(shop_of: OpenShop) -> None:
    """The others are reported with their metadata, and the run fails and names the one that did not go through."""
    shop = shop_of("t1", "t2", "t3")
    shop.product.crm("t2").broken = AuthError("The CRM does not accept the token.", remedy="Connect it again.")
    result = shop.run("t1", "t2", "t3")
    assert not result.success
    assert "1 of 3 tenants failed. t2: The CRM does not accept the token. Connect it again." in failure_of(result)
    assert (shop.materialized("crm_accounts"), shop.materialized(LAST)) == ({"t1", "t3"}, {"t1", "t3"})
    assert shop.checks(LAST, "balance") == {"t1": True, "t3": True}
    assert latest(shop, LAST)["balanced"] is True


def test_a_record_run_plans_for_those_records_only(shop: Shop) -> None:
    """`sync_records` plans for the record that is named and what it is linked to."""
    assert shop.run(job="sync_records", record_ids=["cus_bolt"]).success
    assert (latest(shop, "write_plan")["dagster/row_count"], latest(shop, LAST)["scope"]) == (2, "records")


@pytest.mark.parametrize(
    ("launch", "complaint"),
    [
        ({"mode": "aply"}, "There is no mode aply. Write `mode: plan` or `mode: apply`."),
        (
            {"mode": "apply", "select": ("crm_accounts",)},
            "`mode: apply` writes, but billing_writes, crm_writes are not selected.",
        ),
        ({"job": "sync_records"}, "sync_records was given no records."),
        ({"approve_plan_hash": "0" * 64}, "no plan"),
    ],
)
def test_a_launch_that_cannot_be_meant_is_refused(shop: Shop, launch: dict[str, Any], complaint: str) -> None:
    """The step fails with what is wrong and what to do, and nothing was written."""
    result = shop.run(**launch)
    assert complaint.lower() in failure_of(result).lower()
    assert (result.success, shop.writes, shop.materialized("crm_accounts")) == (False, 0, set())


def test_a_hash_approves_one_tenant_only(shop_of: OpenShop) -> None:
    """A range cannot be approved by one hash."""
    assert "belongs to one tenant" in failure_of(shop_of("t1", "t2").run("t1", "t2", approve_plan_hash="abc"))


def test_a_selection_materialises_nothing_else(shop: Shop) -> None:
    """Of a chain that is run in part, only what was selected is reported, checks included."""
    assert shop.run(select=("crm_accounts", "identity_links")).success
    seen = {name: shop.materialized(name) for name in ("crm_accounts", "identity_links", "crm_owners", LAST)}
    assert seen == {"crm_accounts": {"t1"}, "identity_links": {"t1"}, "crm_owners": set(), LAST: set()}
    assert shop.checks(LAST, "balance") == {}


def test_every_run_carries_its_tags(shop: Shop) -> None:
    """A click gets the tags that our own launches have, and the hash of what it planned."""
    shop.run()
    tags = shop.instance.get_runs()[0].tags
    wanted = {"tenant": "t1", "integration": CONTRACT, "trigger": "manual", "scope": "full", "contract_version": "1"}
    assert {name: tags.get(name) for name in wanted} == wanted
    plan = shop.product.ports.plans.open("t1", CONTRACT)
    assert plan is not None
    assert tags["plan_hash"] == plan.plan_hash
