"""The contracts that a proof rehearses: the packaged ones, and what it leaves out: tight limits, and a field of both sides."""

from collections.abc import Callable, Iterable, Mapping

from integration_pipelines.core.contract import Contract
from integration_pipelines.known import packaged_contracts

SHARED = "customer_segment"
"""The field that both sides may edit in the worlds where one does."""


INCIDENTS = "incidents"
"""The world of the other packaged contract, which makes records and tells people."""


def world(name: str) -> Contract:
    """A contract by the name of its world."""
    packaged = packaged_contracts()
    return packaged["support_incidents"] if name == INCIDENTS else _WORLDS[name](packaged["crm_billing"])


def _plain(contract: Contract) -> Contract:
    return contract


def _tight(contract: Contract) -> Contract:
    """So little may change without a person that lives of a few records come to it."""
    guards = contract.guards.model_copy(
        update={"max_update_percent": 30.0, "update_floor": 1, "max_blanking_percent": 0.0, "blanking_floor": 1}
    )
    return contract.model_copy(update={"guards": guards})


def _shared(contract: Contract) -> Contract:
    """A field that both sides may edit; where both did, the left side's word counts."""
    shared = contract.fields[SHARED].model_copy(update={"owner": "two_way", "two_way_rule": "left_wins"})
    return contract.model_copy(update={"fields": {**contract.fields, SHARED: shared}})


def _strict(contract: Contract) -> Contract:
    """Both of it."""
    return _shared(_tight(contract))


def _small(contract: Contract) -> Contract:
    """What people own, and nothing of money: a look at it costs little."""
    wanted = (SHARED, "account_owner", "crm_company_id")
    names = ("crm_accounts", "crm_owners", "billing_customers")
    return _part(contract, wanted, names).model_copy(update={"rollup": None})


def _money(contract: Contract) -> Contract:
    """What billing owns: its customer, and what is rolled up of subscriptions."""
    wanted = ("billing_customer_id", "subscription_status", "mrr", "mrr_currency", "renewal_date", "cancel_date")
    return _part(contract, wanted, ("crm_accounts", "billing_customers", "billing_subscriptions"))


def _part(contract: Contract, fields: Iterable[str], objects: Iterable[str]) -> Contract:
    kept = {"fields": {n: contract.fields[n] for n in fields}, "objects": {n: contract.objects[n] for n in objects}}
    return contract.model_copy(update=kept)


_WORLDS: Mapping[str, Callable[[Contract], Contract]] = {
    "plain": _plain,
    "tight": _tight,
    "shared": _shared,
    "strict": _strict,
    "small": _small,
    "money": _money,
}
SHARES: Mapping[str, float] = {"plain": 0.8, "strict": 0.2, INCIDENTS: 0.025}
"""Of as many lives as a proof is asked for; those of the other packaged contract come on top."""
