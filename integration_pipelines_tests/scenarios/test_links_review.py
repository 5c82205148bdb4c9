"""People decide about links: what they confirm, take apart or move stands before every rule, from the next run on."""

from collections.abc import Callable, Iterator, Sequence
from copy import copy
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from integration_pipelines.core.links import link_id
from integration_pipelines.errors import ConflictError, InvalidError
from integration_pipelines.ports.writing import Lease
from integration_pipelines.use_cases.links_review import confirm, links_of, move, reject
from integration_pipelines.use_cases.outcome import RunOutcome
from integration_pipelines_tests.kit.bench import Product, product, small_accounts


@pytest.fixture
def shop(tmp_path: Path, each_database: str) -> Iterator[Product]:
    """A tenant in sync, with a company and a customer that no rule brings together."""
    with product(tmp_path, database_url=each_database) as made:
        made.first_sync()
        yield made


def pairs(shop: Product) -> dict[tuple[str, str], str]:
    """(left, right) → state."""
    return {(k["left_id"], k["right_id"]): k["state"] for k in links_of("t1", shop.contract, ports=shop.ports)}


def test_a_confirmed_pair_is_reconciled_from_the_next_run_on(shop: Product) -> None:
    """No rule finds them; after a person's word both sides show each other's fields, and the decision is on record."""
    confirm("t1", shop.contract, "9", "cus_alone", actor="ann", ports=shop.ports)
    report = shop.one()
    assert report.certified
    assert shop.crm().objects["crm_accounts"]["9"]["stripe_customer_id"] == "cus_alone"
    (kept,) = links_of("t1", shop.contract, ports=shop.ports, record="cus_alone")
    assert (kept["state"], kept["decided_by"], kept["link_id"]) == ("live", "ann", link_id("t1", "crm_billing", "9", "cus_alone"))
    assert shop.ports.audit.verify("t1")[1] == []


@pytest.mark.fault("D25")
def test_a_confirmed_pair_of_a_partner_whose_clock_is_ahead_stays(shop: Product) -> None:
    """The company says that it was made minutes after the decision; it is the company that was meant."""
    shop.crm().objects["crm_accounts"]["9"]["created_at"] = f"{shop.clock.moment + timedelta(minutes=5):%Y-%m-%dT%H:%M:%SZ}"
    shop.one()
    confirm("t1", shop.contract, "9", "cus_alone", actor="ann", ports=shop.ports)
    shop.one()
    assert pairs(shop)["9", "cus_alone"] == "live"


def test_what_was_taken_apart_is_never_proposed_again(shop: Product) -> None:
    """The e-mail's domain still matches, and still the pair stays apart; nothing is written for it."""
    reject("t1", shop.contract, "1", "cus_acme", actor="ann", ports=shop.ports)
    for _ in range(2):
        shop.one()
    assert pairs(shop)["1", "cus_acme"] == "tombstone"
    before = len(shop.crm().effects)
    shop.billing().objects["billing_subscriptions"]["sub_acme"]["status"] = "past_due"
    shop.one()
    assert len(shop.crm().effects) == before


def test_a_moved_customer_belongs_to_the_other_company(shop: Product) -> None:
    """The old link becomes a tombstone that names the new one; the values follow, and a further run writes nothing."""
    move("t1", shop.contract, "cus_acme", "9", actor="ann", ports=shop.ports)
    shop.one()
    assert (pairs(shop)["1", "cus_acme"], pairs(shop)["9", "cus_acme"]) == ("tombstone", "live")
    assert shop.billing().objects["billing_customers"]["cus_acme"]["crm_company_id"] == "9"
    old = next(k for k in links_of("t1", shop.contract, ports=shop.ports, states=["tombstone"]))
    assert old["survivor_link_id"] == link_id("t1", "crm_billing", "9", "cus_acme")
    shop.one()
    assert shop.one().writes == {}


def test_what_cannot_be_is_refused_and_changes_nothing(shop: Product) -> None:
    """A record that was never read, a customer that is linked elsewhere, a move of nothing."""
    before = pairs(shop)
    with pytest.raises(InvalidError, match="was never read"):
        confirm("t1", shop.contract, "nowhere", "cus_alone", actor="ann", ports=shop.ports)
    with pytest.raises(ConflictError, match="is linked to CRM 1 already"):
        confirm("t1", shop.contract, "9", "cus_acme", actor="ann", ports=shop.ports)
    with pytest.raises(InvalidError, match="has no link that could be moved"):
        move("t1", shop.contract, "cus_alone", "9", actor="ann", ports=shop.ports)
    assert pairs(shop) == before


def test_a_pair_that_was_taken_apart_can_be_confirmed_again(shop: Product) -> None:
    """People may change their minds; it is the same link."""
    reject("t1", shop.contract, "1", "cus_acme", actor="ann", ports=shop.ports)
    confirm("t1", shop.contract, "1", "cus_acme", actor="bob", ports=shop.ports)
    assert pairs(shop)["1", "cus_acme"] == "live"
    assert shop.one().certified


def while_it_looks(shop: Product, happens: Callable[[], object]) -> Product:
    """The same product; when its next run has looked and is about to keep what it saw, something happens."""
    leases = copy(shop.ports.leases)
    inner, waiting = leases.renew_all, [happens]

    def renew_all(held: Sequence[Lease], seconds: float) -> list[Lease]:
        for one in waiting[:1]:
            waiting.clear()
            one()
        return inner(held, seconds)

    vars(leases)["renew_all"] = renew_all
    return shop.with_ports(leases=leases)


def test_a_decision_in_the_middle_of_a_run_stands(shop: Product) -> None:
    """The run was about to link the new pair; a person takes it apart meanwhile, and so it stays."""
    shop.crm().objects["crm_accounts"]["5"] = {"name": "New", "domain": "new.com"}
    shop.billing().objects["billing_customers"]["cus_new"] = {"name": "new", "email": "x@new.com"}
    while_it_looks(shop, lambda: reject("t1", shop.contract, "5", "cus_new", actor="ann", ports=shop.ports)).one()
    assert pairs(shop)["5", "cus_new"] == "tombstone"
    shop.billing().objects["billing_customers"]["cus_new"]["crm_segment"] = "startup"
    before = len(shop.crm().effects) + len(shop.billing().effects)
    shop.one()
    assert (pairs(shop)["5", "cus_new"], len(shop.crm().effects) + len(shop.billing().effects)) == ("tombstone", before)


def test_a_customer_linked_otherwise_in_the_middle_of_a_run_stops_its_tenant_alone(tmp_path: Path, each_database: str) -> None:
    """Two companies for one customer cannot both count: the person's does, that tenant keeps nothing of the run, and the other one goes on."""
    with product(tmp_path, {"t1": small_accounts(), "t2": small_accounts()}, database_url=each_database) as shop:
        for tenant in ("t1", "t2"):
            shop.first_sync(tenant)
            shop.crm(tenant).objects["crm_accounts"]["5"] = {"name": "New", "domain": "nowhere.org"}  # as cus_alone's e-mail
        decide = partial(confirm, "t1", shop.contract, "9", "cus_alone", actor="ann", ports=shop.ports)
        report = while_it_looks(shop, decide).run("t1", "t2")
        assert (report.tenant("t1").outcome, report.tenant("t2").outcome) == (RunOutcome.FAILED, RunOutcome.WRITTEN)
        assert [pair for pair, state in pairs(shop).items() if pair[1] == "cus_alone" and state == "live"] == [("9", "cus_alone")]
        assert shop.one().certified
