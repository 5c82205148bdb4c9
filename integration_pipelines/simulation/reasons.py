"""Why a contract does not keep what is promised, where its own words are the reason: it writes in circles, or its rules do not tell records apart."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from integration_pipelines.core.contract import Contract
from integration_pipelines.simulation.life import Life
from integration_pipelines.simulation.nursery import SIDES

CIRCLE = 3
"""So often the same field is written while nobody edits anything before that is called a circle."""
_ALONE = {"excluded", "unmatched"}
"""Outcomes of records that no rule finds anything for."""
DOUBTFUL = 0.2
"""From this share of all other records on, rules that name several candidates are a matter of the contract and not of the records."""
MOST_SHOWN = 4


def circles(contract: Contract, life: Life) -> list[str]:
    """Fields that were written again and again after people and faults had stopped, one sentence each."""
    written: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    calm = next((event.at for event in life.events if event.what == "calm"), life.now)
    for event in life.events:
        if event.what == "wrote" and event.at > calm:
            facts: Mapping[str, Any] = event.facts
            for column, value in facts["values"].items():
                written[facts["object"], facts["record"], column].append(value)
    return list(_told(contract, written))


def _told(contract: Contract, written: Mapping[tuple[str, str, str], list[str]]) -> Iterator[str]:
    fields = _fields(contract)
    for (name, record, column), values in written.items():
        mine = fields.get((name, column))
        if mine is None or len(values) < CIRCLE:
            continue
        shown = ", then ".join(repr(value) if value else "blank" for value in values[:MOST_SHOWN])
        yield (
            f"The field {mine} wrote {column} of {name} {record} {len(values)} times while nobody edited anything: {shown}. "
            "Something undoes it: another field that writes what this one reads, or a map that does not lead back."
        )


def _fields(contract: Contract) -> dict[tuple[str, str], str]:
    """(Object, column) → the field that writes it; stamps write themselves and say nothing."""
    found: dict[tuple[str, str], str] = {}
    for field, spec in contract.fields.items():
        if spec.owner == "sync":
            continue
        owner = None if spec.owner == "two_way" else contract.side_of(spec.owner)
        for side in SIDES:
            place = spec.left if side == "left" else spec.right
            if side != owner and place.column is not None:
                found.setdefault((contract.main_object(side), place.column), field)
    return found


def ends(lives: Iterable[Life]) -> Counter[str]:
    """How the records of those lives ended: their outcomes in each life's last run."""
    found: Counter[str] = Counter()
    for life in lives:
        last = next((event for event in reversed(life.events) if event.what == "run ended"), None)
        if last is not None:
            facts: Mapping[str, Any] = last.facts
            found.update(facts.get("records", {}))
    return found


def doubt(contract: Contract, ended: Mapping[str, int]) -> str:
    """A sentence about rules that do not tell records apart, or '' if they do well enough."""
    total, ambiguous = sum(n for outcome, n in ended.items() if outcome not in _ALONE), ended.get("ambiguous", 0)
    if not total or ambiguous < DOUBTFUL * total:
        return ""
    rules = ", ".join(rule.name for rule in contract.matching.rules)
    return (
        f"{ambiguous / total:.0%} of the records that something matches ended in doubt, since several candidates match: nothing is written "
        f"to them before a person decides. The contract is ambiguous; let the first of its matching rules ({rules}) compare something that "
        "one record has alone."
    )
