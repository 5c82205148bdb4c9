"""What tenants may say that a partner is to mean: the options of objects in contracts, and the channel of messages."""

from collections.abc import Iterable, Mapping

from integration_pipelines.core.contract import Contract
from integration_pipelines.core.contract_findings import SIDES, Catalogue
from integration_pipelines.core.contract_rules_messages import CHANNEL, MESSAGES


def places(contract: Contract, partner: str, option: str) -> list[str]:
    """What of a partner an option is about: objects of the contract that have it, or the messages that go there."""
    partners = {contract.role(side).name: contract.role(side).partner for side in SIDES}
    objects = [o.partner_object for o in contract.objects.values() if partners[o.role] == partner and option in o.options]
    told = option == CHANNEL and any(n.partner == partner for n in contract.notifications)
    return [*objects, *((MESSAGES,) if told else ())]


def options_of(partner: str, contracts: Iterable[Contract], catalogues: Mapping[str, Catalogue]) -> dict[str, frozenset[str]]:
    """Option → what it may say (empty: anything), of all that contracts ask a partner for."""
    found: dict[str, frozenset[str]] = {}
    for contract in contracts:
        names = {name for spec in contract.objects.values() for name in spec.options} | {CHANNEL}
        for name in sorted(names):
            if where := places(contract, partner, name):
                found[name] = found.get(name, frozenset()) | allowed(catalogues.get(partner), where, name)
    return found


def allowed(catalogue: Catalogue | None, where: Iterable[str], option: str) -> frozenset[str]:
    """What an option may say at those objects; empty if anything."""
    said = [catalogue.option(place, option) for place in where] if catalogue is not None else []
    return frozenset().union(*(one for one in said if one))
