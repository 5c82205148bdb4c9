"""The gate: which observed records are good enough to be merged."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import pyarrow as pa

from integration_pipelines.core.contract import SourceObject


@dataclass(frozen=True, slots=True)
class CheckCount:
    """One expectation over one tenant's table: counts only, never values."""

    expectation: str
    field: str
    evaluated: int
    unexpected: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """One tenant's result for one object. It holds only for the table with that hash."""

    tenant_id: str
    object: str
    table_hash: str
    evaluated: int
    expected: int
    quarantined: int
    passed: bool
    reason: str
    checks: tuple[CheckCount, ...]
    records: tuple[str, ...] = ()  # ids of refused records, some of them if there are many; never a value


@dataclass(frozen=True, slots=True)
class GateResult:
    """`refused` has tenant_id, record_id, field, expectation, reason, remedy: one row per broken expectation."""

    verdicts: tuple[Verdict, ...]
    refused: pa.Table


class Gate(ABC):
    """Judges a batch of tenants' observations of one object."""

    @abstractmethod
    def judge(
        self, name: str, spec: SourceObject, observed: pa.Table, tenants: tuple[str, ...], *, few: bool = False
    ) -> GateResult:
        """One verdict per tenant, also for tenants without a row. With `few` it is about some records of a tenant and not about all.

        A tenant fails (`passed` false) when its table is empty and the contract does not allow that, when a suite raised, or when
        fewer rows were evaluated than expected; single bad records do not fail it, they are refused.
        """

    @abstractmethod
    def warm_up(self) -> None:
        """A judgement will be asked for soon: get ready meanwhile, without making the caller wait."""
