"""What happens to links while records are merged, taken apart, deleted and made again: never a second effect, never a silent relink."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from integration_pipelines.errors import TransientError
from integration_pipelines.use_cases.links_review import confirm, links_of, move
from integration_pipelines.use_cases.outcome import RunOutcome
from integration_pipelines_tests.kit.bench import CONTRACT, Product, product
from integration_pipelines_tests.kit.fakes import FakeAccount

ACCOUNTS, CUSTOMERS = "crm_accounts", "billing_customers"


@pytest.fixture
def shop(tmp_path: Path, each_database: str) -> Iterator[Product]:
    """Three companies with a customer each, in sync."""
    with product(tmp_path, database_url=each_database) as made:
        made.first_sync()
        yield made


def states(shop: Product, record: str) -> dict[tuple[str, str], str]:
    """(company, customer) → state, of a record's links."""
    return {(k["left_id"], k["right_id"]): k["state"] for k in links_of("t1", shop.contract, ports=shop.ports, record=record)}


def merge(crm: FakeAccount, loser: str, survivor: str, *, listed: bool = False) -> None:
    """As the CRM does it: the survivor names the loser, which answers with the survivor from then on."""
    company = crm.objects[ACCOUNTS][survivor]
    company["merged_ids"] = ";".join(part for part in (str(company.get("merged_ids") or ""), loser) if part)
    crm.merged_into[loser] = survivor
    if not listed:
        del crm.objects[ACCOUNTS][loser]


@pytest.mark.fault("D15")
def test_the_link_of_a_merged_company_moves_to_the_survivor_once(shop: Product) -> None:
    """The customer names the survivor from then on, which shows both customers added up; the old pair is kept as an alias."""
    merge(shop.crm(), "1", "2")
    report = shop.one()
    assert (report.outcome, report.certified) == (RunOutcome.WRITTEN, True)
    assert states(shop, "cus_acme") == {("1", "cus_acme"): "merged", ("2", "cus_acme"): "live"}
    assert shop.billing().objects[CUSTOMERS]["cus_acme"]["crm_company_id"] == "2"
    assert shop.crm().objects[ACCOUNTS]["2"]["billing_mrr"] == "20.00"
    assert shop.one().writes == {}


@pytest.mark.fault("D15")
def test_a_merge_is_followed_while_the_partner_still_lists_the_loser(shop: Product) -> None:
    """The survivor's claim is checked by asking for the loser by id: it answers as the survivor, so it is gone."""
    merge(shop.crm(), "1", "2", listed=True)
    shop.one()
    assert states(shop, "cus_acme") == {("1", "cus_acme"): "merged", ("2", "cus_acme"): "live"}
    assert (ACCOUNTS, "1") in shop.crm().fetched


@pytest.mark.fault("D16")
@pytest.mark.parametrize("order", [("1", "2"), ("2", "1"), ("12",)], ids=["in order", "reversed", "between two runs"])
def test_a_chain_of_merges_ends_the_same_in_whatever_order_it_is_seen(shop: Product, order: tuple[str, ...]) -> None:
    """1 into 2 and 2 into 3: however much of it a run sees first, the customers end behind 3."""
    crm = shop.crm()
    for seen in order:
        if "1" in seen:
            crm.objects[ACCOUNTS].setdefault("2", {"name": "Bolt"})
            merge(crm, "1", "2")
        if "2" in seen:
            merge(crm, "2", "3")
        if order == ("2", "1"):
            crm.objects[ACCOUNTS].pop("2", None)
            crm.objects[ACCOUNTS]["3"]["merged_ids"] = "2" if seen == "2" else "1;2"
        shop.one()
    shop.one()
    live = {pair for pair, state in (states(shop, "cus_acme") | states(shop, "cus_bolt")).items() if state == "live"}
    assert live == {("3", "cus_acme"), ("3", "cus_bolt")}
    assert shop.one().writes == {}


@pytest.mark.fault("D18")
def test_merging_two_linked_companies_changes_nothing_in_billing_but_what_the_crm_owns(shop: Product) -> None:
    """Both customers stay two, with their own subscriptions; only the fields that the CRM owns follow the survivor."""
    before = {k: dict(v) for k, v in shop.billing().objects["billing_subscriptions"].items()}
    merge(shop.crm(), "1", "2")
    shop.one()
    assert shop.billing().objects["billing_subscriptions"] == before
    written = {field for name, _, fields, _ in shop.billing().effects if name == CUSTOMERS for field in fields}
    assert written <= {"crm_owner_email", "crm_owner_id", "crm_owner_name", "crm_segment", "crm_company_id"}


@pytest.mark.fault("D19")
def test_a_company_that_comes_back_waits_until_a_person_decides(shop: Product) -> None:
    """Deleted and restored: the customer is held for a decision; confirmed, it is compared as if for the first time, in a new epoch."""
    held = shop.crm().objects[ACCOUNTS].pop("1")
    shop.one()
    assert states(shop, "1") == {("1", "cus_acme"): "one_sided"}
    shop.crm().objects[ACCOUNTS]["1"] = held | {"billing_mrr": "99.00"}
    effects = len(shop.crm().effects)
    shop.one()
    assert states(shop, "1") == {("1", "cus_acme"): "proposed"}
    assert len(shop.crm().effects) == effects
    confirm("t1", shop.contract, "1", "cus_acme", actor="ann", ports=shop.ports)
    report = shop.one()
    assert report.certified
    assert shop.crm().objects[ACCOUNTS]["1"]["billing_mrr"] == "10.00"
    (link,) = links_of("t1", shop.contract, ports=shop.ports, record="1")
    assert (link["state"], link["epoch"]) == ("live", 2)
    reasons = {d["field"]: d["reason"] for d in shop.ports.diffs.load(["t1"], CONTRACT).to_pylist() if d["left_value"] == "9900"}
    assert reasons == {"mrr": "first comparison: billing owns this field"}


@pytest.mark.fault("D19")
def test_a_company_taken_out_of_a_merge_gets_its_customer_only_by_a_persons_word(shop: Product) -> None:
    """The survivor keeps it, whatever the rules find; moved by a person, it is the company's again."""
    lost = dict(shop.crm().objects[ACCOUNTS]["1"])
    merge(shop.crm(), "1", "2")
    shop.one()
    shop.crm().merged_into.clear()
    shop.crm().objects[ACCOUNTS]["2"]["merged_ids"] = ""
    shop.crm().objects[ACCOUNTS]["1"] = lost
    shop.one()
    assert states(shop, "cus_acme") == {("1", "cus_acme"): "proposed", ("2", "cus_acme"): "live"}
    move("t1", shop.contract, "cus_acme", "1", actor="ann", ports=shop.ports)
    assert shop.one().certified
    assert states(shop, "cus_acme") == {("1", "cus_acme"): "live", ("2", "cus_acme"): "tombstone"}
    assert shop.one().writes == {}


@pytest.mark.fault("D20")
def test_a_deleted_side_unlinks_and_asks_and_deletes_nothing(shop: Product) -> None:
    """The customer stays in billing as it is; people see a held difference; nothing is written to either side for it."""
    del shop.crm().objects[ACCOUNTS]["1"]
    before = dict(shop.billing().objects[CUSTOMERS]["cus_acme"])
    report = shop.one()
    assert (report.outcome, report.balanced) == (RunOutcome.IN_SYNC, True)
    assert shop.billing().objects[CUSTOMERS]["cus_acme"] == before
    told = [d for d in shop.ports.diffs.unresolved(["t1"], CONTRACT).to_pylist() if d["right_id"] == "cus_acme"]
    assert [(d["kind"], d["status"]) for d in told] == [("missing_left", "held")]


@pytest.mark.fault("D20", "H20")
def test_a_record_that_a_list_left_out_is_not_gone(shop: Product) -> None:
    """Its page moved while it was read: asked for by id it answers, stays linked and goes on being compared."""
    shop.crm().hidden.add("1")
    shop.billing().objects["billing_subscriptions"]["sub_acme"]["status"] = "past_due"
    report = shop.one()
    assert (report.outcome, report.certified) == (RunOutcome.WRITTEN, True)
    assert states(shop, "1") == {("1", "cus_acme"): "live"}
    assert shop.crm().objects[ACCOUNTS]["1"]["billing_subscription_status"] == "past_due"


@pytest.mark.fault("D20")
def test_without_the_second_proof_nothing_is_believed(shop: Product) -> None:
    """A partner that cannot be asked by id ends the run with its fault, the link is as it was, and the next run asks again."""
    shop.crm().hidden.add("1")

    def unreachable() -> None:
        raise TransientError("The CRM does not answer.", remedy="Wait.")

    shop.crm().before_fetch = unreachable
    assert shop.one().outcome is RunOutcome.FAILED
    assert states(shop, "1") == {("1", "cus_acme"): "live"}
    shop.crm().before_fetch = lambda: None
    shop.crm().fetched.clear()
    assert shop.one().outcome is RunOutcome.IN_SYNC
    assert states(shop, "1") == {("1", "cus_acme"): "live"}
    assert (ACCOUNTS, "1") in shop.crm().fetched


def test_the_sweep_asks_again_for_what_one_sided_links_lack(shop: Product) -> None:
    """Restored but not listed yet: the full read's sweep finds it by id, and a person is asked."""
    held = shop.crm().objects[ACCOUNTS].pop("1")
    shop.one()
    shop.crm().fetched.clear()
    shop.one()
    assert (ACCOUNTS, "1") in shop.crm().fetched
    shop.crm().objects[ACCOUNTS]["1"] = held
    shop.crm().hidden.add("1")
    shop.one()
    assert states(shop, "1") == {("1", "cus_acme"): "proposed"}


@pytest.mark.fault("D23")
def test_another_record_under_the_same_id_is_not_taken_for_the_linked_one(shop: Product) -> None:
    """Its time of making is later than the link: nothing is written to it, and a person is asked."""
    shop.clock.sleep(2 * 86_400)
    made = shop.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")
    shop.clock.sleep(86_400)
    shop.crm().objects[ACCOUNTS]["1"] = {"name": "Another", "domain": "another.com", "created_at": made}
    effects = len(shop.crm().effects)
    report = shop.one()
    assert report.outcome is not RunOutcome.FAILED
    assert states(shop, "1") == {("1", "cus_acme"): "proposed"}
    assert len(shop.crm().effects) == effects
