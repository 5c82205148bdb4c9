"""Faults of data through whole runs over both databases: a tenant for each, all of them read, written and read again beside each other."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from integration_pipelines.core.contract import Contract
from integration_pipelines.use_cases.outcome import BatchReport, RunOutcome
from integration_pipelines_tests.kit.bench import CONTRACT, Product, product, small_accounts
from integration_pipelines_tests.kit.core import crm_billing, discount, item, subscription
from integration_pipelines_tests.kit.databases import FRESH, KINDS, forget
from integration_pipelines_tests.kit.fakes import FakeAccount

Json = dict[str, Any]
Pair = tuple[FakeAccount, FakeAccount]
ACCOUNTS, CUSTOMERS, SUBSCRIPTIONS = "crm_accounts", "billing_customers", "billing_subscriptions"
LONG = "x" * (1 << 18)


def sub(customer: str, **changes: object) -> Json:
    """A subscription as an account holds it."""
    row = subscription("", customer, **changes)
    del row["record_id"]
    return row


def paying(**subscriptions: Json) -> Pair:
    """Three companies with a customer each, and those subscriptions instead of the usual ones."""
    crm, billing = small_accounts()
    billing.objects[SUBSCRIPTIONS] = dict(subscriptions)
    return crm, billing


def alike() -> Pair:
    """Companies and customers whose ids differ in case or in a leading zero only, each with an amount of its own."""
    ids = ("A1", "a1", "07", "7")
    crm, billing = small_accounts()
    crm.objects[ACCOUNTS] = {one: {"name": one, "domain": f"firm{n}.com"} for n, one in enumerate(ids)}
    billing.objects[CUSTOMERS] = {f"cus_{one}": {"name": one, "email": f"x@firm{n}.com"} for n, one in enumerate(ids)}
    amounts = {one: f"{n + 1}000" for n, one in enumerate(ids)}
    billing.objects[SUBSCRIPTIONS] = {f"sub_{k}": sub(f"cus_{k}", items=[item(unit_amount=v)]) for k, v in amounts.items()}
    return crm, billing


def ahead() -> Pair:
    """Records that were made five minutes after now, by the clocks of the partners that made them."""
    crm, billing = small_accounts()
    crm.objects[ACCOUNTS]["1"]["created_at"] = billing.objects[CUSTOMERS]["cus_bolt"]["created_at"] = "2026-11-23T12:05:00Z"
    return crm, billing


def surprising() -> Pair:
    """Companies with a field that no contract names."""
    crm, billing = small_accounts()
    crm.unknown = {ACCOUNTS: {("loyalty_tier", "string"): 3}}
    return crm, billing


def long_name() -> Pair:
    """An owner with a name of 256 KiB, and billing that keeps 64 KiB of a text."""
    crm, billing = small_accounts()
    crm.objects["crm_owners"]["8"] = crm.objects["crm_owners"]["7"] | {"last_name": LONG}
    crm.objects[ACCOUNTS]["1"]["owner_id"] = "8"
    billing.spell = lambda _, value: value[: 1 << 16]
    return crm, billing


TENANTS = {
    "currencies": lambda: paying(s1=sub("cus_acme"), s2=sub("cus_acme", currency="eur"), s3=sub("cus_bolt"), s4=sub("cus_bolt", currency="")),
    "signs": lambda: paying(
        s1=sub("cus_acme", items=[item(unit_amount="-500")]), s2=sub("cus_bolt", discounts=[discount(percent_off="100")])
    ),
    "units": lambda: paying(s1=sub("cus_acme", currency="jpy"), s2=sub("cus_bolt", currency="bhd", items=[item(unit_amount="1234")])),
    "parts": lambda: paying(
        s1=sub("cus_acme", items=[item(id=f"si_{n}", price_id=f"p_{n}", unit_amount=a) for n, a in enumerate(("0.1", "0.2", "0.7"))])
    ),
    "leap": lambda: paying(s1=sub("cus_acme", items=[item(current_period_end="2028-02-29T23:59:59Z")])),
    "swapped": small_accounts,
    "circle": small_accounts,
    "returned": lambda: paying(s1=sub("cus_acme", status="canceled", ended_at="2026-01-01T00:00:00Z")),
    "alike": alike,
    "agreed": small_accounts,
    "ahead": ahead,
    "long": long_name,
    "surprising": surprising,
}  # fmt: skip


@dataclass
class Lived:
    """The tenants after their first sync, after what then happened, and after a run that had nothing to do."""

    shop: Product
    first: dict[str, dict[str, Json]]  # tenant → companies after the first sync
    known: dict[str, int]  # tenant → writes that its partners had received before
    report: BatchReport
    idle: BatchReport

    def company(self, tenant: str, one: str = "1") -> Json:
        """What the CRM holds."""
        found: Json = self.shop.crm(tenant).objects[ACCOUNTS][one]
        return found

    def effects(self, tenant: str) -> int:
        """Writes that the partners received for what happened."""
        return writes_of(self.shop, tenant) - self.known[tenant]

    def links(self, tenant: str) -> dict[tuple[str, str], tuple[str, int]]:
        """Pair → state and epoch."""
        rows = self.shop.ports.links.load([tenant], CONTRACT).to_pylist()
        return {(k["left_id"], k["right_id"]): (k["state"], k["epoch"]) for k in rows}

    def diffs(self, tenant: str) -> list[Json]:
        """Every difference that was ever seen."""
        found: list[Json] = self.shop.ports.diffs.load([tenant], CONTRACT).to_pylist()
        return found


def writes_of(shop: Product, tenant: str) -> int:
    """Writes that a tenant's partners received."""
    return len(shop.crm(tenant).effects) + len(shop.billing(tenant).effects)


def happen(shop: Product) -> None:
    """What people, partners and customers do after the first sync."""
    mails, domains = shop.billing("swapped").objects[CUSTOMERS], shop.crm("swapped").objects[ACCOUNTS]
    for rows, key, one, other in ((mails, "email", "cus_acme", "cus_bolt"), (domains, "domain", "1", "2")):
        rows[one][key], rows[other][key] = rows[other][key], rows[one][key]
    for one, claimed in (("1", "2"), ("2", "1"), ("3", "3")):
        shop.crm("circle").objects[ACCOUNTS][one]["merged_ids"] = claimed
        shop.billing("circle").objects[SUBSCRIPTIONS]["sub_acme"]["status"] = "past_due"
    shop.billing("returned").objects[SUBSCRIPTIONS]["s2"] = sub("cus_acme")
    shop.billing("agreed").objects[SUBSCRIPTIONS]["sub_acme"]["status"] = "past_due"
    shop.crm("agreed").objects[ACCOUNTS]["1"]["billing_subscription_status"] = "past_due"


def unlimited() -> Contract:
    """The packaged contract, but names may be of any length."""
    name = crm_billing().fields["account_owner_name"].model_copy(update={"max_length": None})
    return crm_billing().model_copy(update={"fields": crm_billing().fields | {"account_owner_name": name}})


@pytest.fixture(scope="module", params=KINDS)
def lived(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lived]:
    """All tenants in the same runs: planned, approved, written; then what happens; then nothing more."""
    home = tmp_path_factory.mktemp("home")
    url = FRESH[request.param](home)
    with product(home, {name: made() for name, made in TENANTS.items()}, database_url=url, contract=unlimited()) as shop:
        shop.run(*TENANTS)
        for name in TENANTS:
            shop.approve(name)
        shop.run(*TENANTS)
        first = {name: {k: dict(v) for k, v in shop.crm(name).objects[ACCOUNTS].items()} for name in TENANTS}
        known = {name: writes_of(shop, name) for name in TENANTS}
        happen(shop)
        yield Lived(shop, first, known, shop.run(*TENANTS), shop.run(*TENANTS))
    forget(url)


def test_each_tenant_ends_certified_and_at_rest(lived: Lived) -> None:
    """Whatever was odd about its data, every run balances, and the last one writes nothing."""
    assert {t: (r.fault, r.balanced) for t, r in lived.report.tenants.items()} == dict.fromkeys(TENANTS, (None, True))
    assert {t: (r.outcome, r.writes, r.certified) for t, r in lived.idle.tenants.items()} == dict.fromkeys(
        TENANTS, (RunOutcome.IN_SYNC, {}, True)
    )


@pytest.mark.fault("D01")
def test_of_an_unknown_field_its_name_type_and_count_are_kept(lived: Lived) -> None:
    """And nothing else: there is no place for a value."""
    (row,) = lived.shop.ports.unknown_fields.load(["surprising"], CONTRACT).to_pylist()
    assert (row["object"], row["name"], row["type"], row["count"]) == (ACCOUNTS, "loyalty_tier", "string", 3)


@pytest.mark.fault("D06")
@pytest.mark.parametrize("company", ["1", "2"], ids=["two", "one that nobody names"])
def test_amounts_in_several_currencies_are_held_and_said(lived: Lived, company: str) -> None:
    """The currency says so, the amount is not written, and people see a held difference with its reason."""
    shown = lived.company("currencies", company)
    assert (shown["billing_mrr_currency"], shown.get("billing_mrr", "")) == ("MIXED", "")
    held = [d for d in lived.diffs("currencies") if (d["field"], d["left_id"]) == ("mrr", company)]
    assert [(d["status"], "amounts never add across" in d["reason"]) for d in held] == [("held", True)]


@pytest.mark.fault("D07", "D08", "D09")
@pytest.mark.parametrize(
    ("tenant", "company", "amount", "currency"),
    [
        ("signs", "1", "-5.00", "USD"), ("signs", "2", "0.00", "USD"), ("units", "1", "1000", "JPY"), ("units", "2", "1.234", "BHD"),
        ("parts", "1", "0.01", "USD"),
    ],
    ids=["a credit", "all off", "no decimals", "three decimals", "parts of a cent"],
)  # fmt: skip
def test_an_amount_arrives_with_its_sign_and_its_decimals(
    lived: Lived, tenant: str, company: str, amount: str, currency: str
) -> None:
    """Exact minor units all the way, in the CRM's spelling of that currency."""
    shown = lived.company(tenant, company)
    assert (shown["billing_mrr"], shown["billing_mrr_currency"]) == (amount, currency)


@pytest.mark.fault("D10")
def test_the_last_second_of_a_leap_day_stays_on_its_day(lived: Lived) -> None:
    """The renewal date is a day, and no zone moves it."""
    assert lived.company("leap")["billing_renewal_date"] == "2028-02-29"


@pytest.mark.fault("D11")
def test_a_text_that_comes_back_cut_to_a_quarter_is_written_once(lived: Lived) -> None:
    """What is left of it is known as ours: certified, and not sent again."""
    kept = lived.shop.billing("long").objects[CUSTOMERS]["cus_acme"]["crm_owner_name"]
    assert (len(kept), lived.effects("long")) == (1 << 16, 0)


@pytest.mark.fault("D14")
def test_swapped_e_mails_and_domains_move_no_link(lived: Lived) -> None:
    """Links are by id: no second one, none moved, nothing written."""
    assert lived.links("swapped") == {(str(n), f"cus_{name}"): ("live", 1) for n, name in enumerate(("acme", "bolt", "core"), 1)}
    assert lived.effects("swapped") == 0


@pytest.mark.fault("D17")
def test_companies_that_claim_each_other_or_themselves_are_disputed(lived: Lived) -> None:
    """Every link stays, what billing has to say waits, and people are told of each."""
    assert {state for state, _ in lived.links("circle").values()} == {"live"}
    assert {d["left_id"] for d in lived.diffs("circle") if d["rule_id"] == "link.disputed"} == {"1", "2", "3"}
    assert (lived.effects("circle"), lived.company("circle")["billing_subscription_status"]) == (0, "active")


@pytest.mark.fault("D22")
def test_a_customer_who_comes_back_begins_a_new_epoch(lived: Lived) -> None:
    """Canceled, then running again: written with the reason, and the link counts it."""
    assert lived.first["returned"]["1"]["billing_subscription_status"] == "canceled"
    assert lived.company("returned")["billing_subscription_status"] == "active"
    assert lived.links("returned")["1", "cus_acme"] == ("live", 2)
    reasons = [d["reason"] for d in lived.diffs("returned") if d["field"] == "subscription_status" and d["left_id"] == "1"]
    assert any(reason.endswith("the customer had left and is back") for reason in reasons)


@pytest.mark.fault("D24")
@pytest.mark.parametrize(("company", "amount"), [("A1", "10.00"), ("a1", "20.00"), ("07", "30.00"), ("7", "40.00")])
def test_ids_that_look_alike_are_records_of_their_own(lived: Lived, company: str, amount: str) -> None:
    """Case and leading zeros count, in every table of either database."""
    shown = lived.company("alike", company)
    assert (shown["stripe_customer_id"], shown["billing_mrr"]) == (f"cus_{company}", amount)
    assert lived.links("alike")[company, f"cus_{company}"] == ("live", 1)


@pytest.mark.fault("D25")
def test_a_partner_whose_clock_is_ahead_makes_no_other_record_of_a_new_one(lived: Lived) -> None:
    """Linked before the moment at which it says it was made: it is the record that was linked, and nobody is asked."""
    assert lived.links("ahead") == {(str(n), f"cus_{name}"): ("live", 1) for n, name in enumerate(("acme", "bolt", "core"), 1)}


@pytest.mark.fault("D26")
def test_both_sides_edited_to_one_value_are_no_write_and_no_difference(lived: Lived) -> None:
    """They are equal, whatever stood there before."""
    assert (lived.effects("agreed"), lived.company("agreed")["billing_subscription_status"]) == (0, "past_due")
    assert [d["field"] for d in lived.diffs("agreed") if d["kind"] in {"foreign_edit", "conflict"}] == []
