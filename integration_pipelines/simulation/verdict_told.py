"""What people are told of a life at rest: each pair's merged values are those that both sides show, with what its roll-up is made up of."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from integration_pipelines.core.contract import Contract
from integration_pipelines.ports.bundle import Ports
from integration_pipelines.simulation.life import Life
from integration_pipelines.simulation.nursery import SIDES, Nursery
from integration_pipelines.simulation.reference import Pair, Reference
from integration_pipelines.simulation.verdict import Verdict
from integration_pipelines.use_cases.merged import DATASET, counting, kept_schema
from integration_pipelines.use_cases.observations import SEQUENCE, dataset

Row = Mapping[str, Any]


class Told:
    """Looks at lives at rest.

    Args:
        nursery: the contract and what its lives have in common.
        verdict: knows their pairs.
        ports: what the engine keeps, as any process reads it.
        tenants: theirs.
    """

    def __init__(self, nursery: Nursery, verdict: Verdict, ports: Ports, tenants: Collection[str]) -> None:
        self._nursery, self._verdict = nursery, verdict
        self._rows = _kept(nursery.contract, ports, tenants)

    @property
    def contract(self) -> Contract:
        """The integration."""
        return self._nursery.contract

    def look(self, life: Life) -> None:
        """I14: who asks is told what is so."""
        reference, rows = Reference(self.contract, life.accounts), self._rows[life.tenant]
        for pair, link_id in self._verdict.pairs(life):
            where = f"{self._nursery.main('left')} {pair.left_id} and {self._nursery.main('right')} {pair.right_id}"
            sides = {"left": pair.left_id, "right": pair.right_id}
            if not all(reference.accepted(s, self._nursery.main(s), sides[s]) for s in SIDES):
                continue
            if link_id not in rows:
                life.breaks("I14", f"{where} are linked, and nobody is told what they should say")
            elif not self._verdict.troubled(life, reference, pair):
                for what in self._untrue(reference, pair, rows[link_id]):
                    life.breaks("I14", f"of {where} people are told {what}")

    def _untrue(self, reference: Reference, pair: Pair, row: Row) -> Iterator[str]:
        for field, spec in self.contract.fields.items():
            left, right = reference.both(pair, field)
            if left is not None and left == right and row[field] != left:
                yield f"that {spec.label} is {row[field]!r}, but both sides say {left!r}"
        if self.contract.rollup is not None:
            told = {part["record_id"]: (part["status"], part["monthly_minor"], part["currency"]) for part in row["parts"] or ()}
            if told != (parts := reference.parts(pair)):
                yield f"that it is made up of {told}, but it is of {parts}"


def _kept(contract: Contract, ports: Ports, tenants: Collection[str]) -> dict[str, dict[str, Row]]:
    """Merged customers by tenant and link."""
    rows = dataset(ports, sorted(tenants), contract.contract, DATASET, kept_schema(contract)).rows().read_all()
    found: dict[str, dict[str, Row]] = defaultdict(dict)
    for row in counting(rows.drop_columns([SEQUENCE.name])).to_pylist():
        found[row["tenant_id"]][row["link_id"]] = row
    return found
