"""Lint rules about what people are told at another product: by whom, when, and with values that there are."""

from collections import Counter
from collections.abc import Iterator, Mapping

from integration_pipelines.core.contract import Contract, Notification
from integration_pipelines.core.contract_findings import SIDES, Catalogue, Finding, SideName, error, listed, main_of
from integration_pipelines.core.merge import compared_fields
from integration_pipelines.core.templates import fault, placeholders

MESSAGES = "messages"
"""What a partner's catalogue calls what is said to people there."""
CHANNEL = "channel"
"""The option in which a tenant says where it wants to be told."""


def notifications(contract: Contract, catalogues: Mapping[str, Catalogue]) -> Iterator[Finding]:
    """Each names a partner that takes messages, something that happens, and values that are there."""
    for name, count in Counter(n.name for n in contract.notifications).items():
        if count > 1:
            yield error("notifications", f"{name} stands {count} times.", "Give each a name of its own.")
    for one in contract.notifications:
        here = f"notifications.{one.name}"
        catalogue = catalogues.get(one.partner)
        if catalogue is None or not catalogue.settable(MESSAGES, "text"):
            yield error(
                f"{here}.partner", f"Nothing can be said to people at {one.partner}.", "Choose a partner that takes messages."
            )
        yield from _occasion(contract, one, here)
        yield from _values(contract, one, here)


def _occasion(contract: Contract, one: Notification, here: str) -> Iterator[Finding]:
    if one.when == "created":
        if contract.matching.create is None:
            yield error(f"{here}.when", "No record is ever made.", "Say `changed`, or let the contract make records.")
        if one.field is not None or one.to:
            yield error(here, "A record that is made changes no field.", "Remove `field` and `to`, or say `changed`.")
        return
    field = compared_fields(contract).get(one.field or "")
    if field is None:
        yield error(f"{here}.field", f"There is no field {one.field}.", f"Choose one of: {', '.join(compared_fields(contract))}.")
    elif field.values and (strange := set(one.to) - set(field.values)):
        yield error(f"{here}.to", f"It never says {listed(strange)}.", f"Choose among: {', '.join(field.values)}.")


def _values(contract: Contract, one: Notification, here: str) -> Iterator[Finding]:
    if broken := fault(one.text):
        yield error(f"{here}.text", broken, "Write values as {field} or {role.column}, and a brace itself twice.")
        return
    for name in placeholders(one.text):
        role, _, column = name.rpartition(".")
        side = next((s for s in SIDES if contract.role(s).name == role), None)
        known = name in compared_fields(contract) if not role else side is not None and column in main_of(contract, side).columns
        if not known:
            yield error(f"{here}.text", f"There is no {name}.", "Name a field, or a column behind its role's name.")


def columns_told(contract: Contract, side: SideName) -> set[str]:
    """Columns of a side's main object that stand in messages."""
    told = (name.rpartition(".") for one in contract.notifications if not fault(one.text) for name in placeholders(one.text))
    return {column for role, _, column in told if role == contract.role(side).name}
