"""The main job against the running sandbox, compared with an independent calculation from the partners' own states.

One world of two tenants with every kind of mess is synced once; each test looks at one promise of the result.
"""

import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from unicodedata import normalize

import pytest

from integration_pipelines.sandbox.world import World
from integration_pipelines.use_cases.outcome import BatchReport, RunOutcome
from integration_pipelines_tests.kit.oracle import Expected, State, expected
from integration_pipelines_tests.kit.shop import CONTRACT, Shop, open_shop

NAMES = ("tenant-1", "tenant-2")
BILLING_FIELDS = (
    "billing_subscription_status", "billing_mrr", "billing_mrr_currency", "billing_renewal_date", "billing_cancel_date", "stripe_customer_id"
)  # fmt: skip
CRM_FIELDS = ("crm_owner_email", "crm_owner_id", "crm_owner_name", "crm_segment", "crm_company_id")


@dataclass
class Synced:
    """A world before, during and after its first sync."""

    shop: Shop
    before: Mapping[str, tuple[State, State]]
    truth: dict[str, Expected]
    held: BatchReport
    report: BatchReport


@pytest.fixture(scope="module")
def synced(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Synced]:
    """Plan, approve and apply for two tenants of 120 customers."""
    now = time.time()
    world = World(tenants=2, customers=120, seed=7, now=now, search_lag=0.2, rate_limits=False)
    with open_shop(tmp_path_factory.mktemp("home"), world) as shop:
        before = {n: (shop.state(n, "hubspot"), shop.state(n, "stripe")) for n in NAMES}
        truth = {n: expected(*before[n], now) for n in NAMES}
        held = shop.run()
        shop.approve()
        yield Synced(shop, before, truth, held, shop.run())


def companies(state: State) -> dict[str, dict[str, str]]:
    """Properties by company, null as blank."""
    return {c["id"]: {k: v or "" for k, v in c["properties"].items()} for c in state["companies"]}


def metadata(state: State) -> dict[str, dict[str, str]]:
    """Metadata by customer; letters that look the same are the same."""
    return {c["id"]: {k: normalize("NFC", v) for k, v in c["metadata"].items()} for c in state["customers"]}


def test_the_first_run_is_held_and_writes_nothing(synced: Synced) -> None:
    """Both tenants wait for approval with their numbers."""
    assert {t.outcome for t in synced.held.tenants.values()} == {RunOutcome.HELD}


def test_every_tenant_balances_and_certifies(synced: Synced) -> None:
    """Every source record has one outcome, and what was written reads back as planned."""
    assert [(t.outcome, t.balanced, t.certified, t.imbalances) for t in synced.report.tenants.values()] == [
        (RunOutcome.WRITTEN, True, True, ())
    ] * 2


@pytest.mark.parametrize("name", NAMES)
def test_the_crm_shows_what_billing_says_to_the_minor_unit(synced: Synced, name: str) -> None:
    """Status, MRR, currency, renewal and cancel date equal the independent calculation for every plan and currency of the seeds."""
    truth, found = synced.truth[name], companies(synced.shop.state(name, "hubspot"))
    free = {c for c in truth.company_values if c not in truth.held_companies}
    wrong = {
        (c, field): (found[c].get(field, ""), value)
        for c in free
        for field, value in truth.company_values[c].items()
        if found[c].get(field, "") != value and not (field == "billing_mrr" and c in truth.mixed)
    }
    assert len(free) > 60
    assert wrong == {}


@pytest.mark.parametrize("name", NAMES)
def test_billing_shows_who_looks_after_every_customer(synced: Synced, name: str) -> None:
    """Owner, segment and company stand in the metadata of every linked customer, and of no other."""
    truth = synced.truth[name]
    found = metadata(synced.shop.state(name, "stripe"))
    wrong = {
        (c, field): (found[c].get(field, ""), value)
        for c, values in truth.customer_values.items()
        for field, value in values.items()
        if found[c].get(field, "") != value
    }
    assert wrong == {}
    untouched = {c: m for c, m in metadata(synced.before[name][1]).items() if c not in truth.customer_values}
    assert {c: found[c] for c in untouched} == untouched


@pytest.mark.parametrize("name", NAMES)
def test_each_intended_effect_happens_once(synced: Synced, name: str) -> None:
    """No record is written twice, and none that nobody planned."""
    for partner, kind, wanted in (("hubspot", "companies", "crm_accounts"), ("stripe", "customers", "billing_customers")):
        effects = synced.shop.effects(name, partner, kind)
        assert max(Counter(e["id"] for e in effects).values()) == 1
        tenant = synced.shop.tenants[name]
        ledger = synced.shop.ports.ledger.of_run(tenant, synced.report.tenant(tenant).run_id).to_pylist()
        assert {e["id"] for e in effects} == {w["target_id"] for w in ledger if w["target"] == wanted}
        assert all(e["changed"] for e in effects)


@pytest.mark.parametrize("name", NAMES)
def test_the_diffs_table_has_one_row_per_differing_field(synced: Synced, name: str) -> None:
    """Its rows equal those computed independently from both states before the sync, with both values and the owner."""
    truth, (crm, billing) = synced.truth[name], synced.before[name]
    in_crm = companies(crm)
    in_billing = metadata(billing)
    wanted = Counter(
        (c, field)
        for c, values in truth.company_values.items()
        for field, value in values.items()
        if (c not in truth.held_companies or field == "stripe_customer_id")
        and in_crm[c].get(field, "") != value
        and not (field == "billing_mrr" and c in truth.mixed)
    )
    wanted += Counter(
        (c, field)
        for c, values in truth.customer_values.items()
        for field, value in values.items()
        if in_billing[c].get(field, "") != value
    )
    contract = synced.shop.ports.contracts[CONTRACT]
    place = {f: (s.left.column if s.owner == "billing" else s.right.column) or "" for f, s in contract.fields.items()}
    rows = synced.shop.ports.diffs.load([synced.shop.tenants[name]], CONTRACT).to_pylist()
    found = Counter(
        (r["left_id"] if r["owner_role"] == "billing" else r["right_id"], place[r["field"]])
        for r in rows
        if r["field"] != "*" and r["status"] != "held" and r["action"] != "hold"
    )
    assert found == wanted
    assert all(r["owner_role"] in {"crm", "billing"} and r["reason"] for r in rows)


@pytest.mark.parametrize("name", NAMES)
def test_refused_and_ambiguous_records_end_where_the_contract_says(synced: Synced, name: str) -> None:
    """Exactly the planted records are in quarantine or ambiguous, each with a reason and a remedy that a person understands."""
    tenant, truth = synced.shop.tenants[name], synced.truth[name]
    rows = synced.shop.ports.quarantine.load([tenant], CONTRACT).to_pylist()
    assert {r["record_id"] for r in rows} == truth.quarantined
    assert all(r["reason"].endswith(".") and r["remedy"].endswith(".") for r in rows)
    diffs = synced.shop.ports.diffs.load([tenant], CONTRACT).to_pylist()
    assert {d["right_id"] for d in diffs if d["rule_id"].startswith("ambiguous.")} == truth.ambiguous


@pytest.mark.parametrize("name", NAMES)
def test_links_are_the_ones_an_independent_matcher_finds(synced: Synced, name: str) -> None:
    """Same pairs, each with the rule that made it; merged companies are followed to their survivor."""
    links = synced.shop.ports.links.load([synced.shop.tenants[name]], CONTRACT).to_pylist()
    found = {(k["left_id"], k["right_id"]) for k in links if k["state"] == "live"}
    assert found == {(c, customer) for c, customers in synced.truth[name].groups.items() for customer in customers}
    assert all(k["match_rule"] and k["match_evidence"] for k in links)


def test_several_currencies_are_held_and_said(synced: Synced) -> None:
    """Where a customer pays in two currencies the currency says MIXED and the amount waits."""
    for name in NAMES:
        found = companies(synced.shop.state(name, "hubspot"))
        assert all(found[c]["billing_mrr_currency"] == "MIXED" for c in synced.truth[name].mixed)


def test_unknown_partner_fields_are_counted_and_never_kept(synced: Synced) -> None:
    """Their names, types and counts stand in the store, their values nowhere."""
    rows = synced.shop.ports.unknown_fields.load(list(synced.shop.tenants.values()), CONTRACT).to_pylist()
    assert {"loyalty_tier", "risk"} <= {r["name"] for r in rows}


def test_a_second_sync_makes_no_write_and_an_edit_by_a_person_is_answered(synced: Synced) -> None:
    """The fixed point holds; then a foreign edit is restored, another is held, and both are explained."""
    shop, name = synced.shop, "tenant-1"
    before = len(shop.effects(name, "hubspot", "companies")) + len(shop.effects(name, "stripe", "customers"))
    again = shop.run(name).tenant(shop.tenants[name])
    assert (again.outcome, again.certified) == (RunOutcome.IN_SYNC, True)
    truth = synced.truth[name]
    company = next(c for c in sorted(truth.groups) if c not in truth.held_companies | truth.mixed and len(truth.groups[c]) == 1)
    customer = truth.groups[company][0]
    shop.edit(name, "hubspot", "companies", company, {"billing_renewal_date": "2031-01-01"})
    shop.edit(name, "stripe", "customers", customer, {"metadata.crm_segment": "startup-ish"})
    report = shop.run(name).tenant(shop.tenants[name])
    assert report.writes == {"applied": 1}
    rows = {
        d["field"]: d for d in shop.ports.diffs.load([shop.tenants[name]], CONTRACT).to_pylist() if d["kind"] == "foreign_edit"
    }
    assert rows["renewal_date"]["left_value"] == "2031-01-01"
    assert (rows["customer_segment"]["status"], rows["customer_segment"]["right_value"]) == ("held", "startup-ish")
    after = len(shop.effects(name, "hubspot", "companies")) + len(shop.effects(name, "stripe", "customers"))
    assert after - before == 1
