"""The gate itself: evaluates an object for a batch of tenants at once and says, tenant by tenant, which records may go on.

Expectations come from the contract (`suites`), are put to frames (`frames`), evaluated by Great Expectations (`evaluate`; `few` where a
load is not judged whole) and split by tenant (`tally`). Verdicts, counts and reasons name fields and say how many; values never leave
this package.
"""

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from integration_pipelines.core.contract import SourceObject
from integration_pipelines.errors import BugError, ContractError
from integration_pipelines.gate.evaluate import EvaluationError, Finding, evaluate, load
from integration_pipelines.gate.few import MOST_ROWS, evaluate_few
from integration_pipelines.gate.frames import Positions, lay
from integration_pipelines.gate.suites import Check, Frame, frames_of
from integration_pipelines.gate.table_hash import table_hashes
from integration_pipelines.gate.tally import REFUSED, Counted, count, nothing_to_count, refused_rows
from integration_pipelines.logs import logger
from integration_pipelines.ports.gate import Gate, GateResult, Verdict

Evaluation = Callable[[pa.Table, Sequence[Check]], list[Finding]]


@dataclass(frozen=True, slots=True)
class _Batch:
    """Records to judge: `code` numbers each record's tenant among all `tenants`, `members` are the numbers in this batch."""

    tenants: tuple[str, ...]
    records: pa.Table
    code: Positions
    members: tuple[int, ...]

    def halves(self) -> "Iterator[_Batch]":
        """The same records as two batches of half the tenants each."""
        middle = len(self.members) // 2
        for members in (self.members[:middle], self.members[middle:]):
            mine = np.isin(self.code, members)
            yield _Batch(self.tenants, self.records.filter(pa.array(mine)), self.code[mine], members)


@dataclass(frozen=True, slots=True)
class _Part:
    """What judging a batch gave; with a fault nothing counts as evaluated."""

    members: tuple[int, ...]
    counted: tuple[Counted, ...] = ()
    refused: pa.Table = field(default_factory=REFUSED.empty_table)
    fault: str = ""


class ExpectationGate(Gate):
    """Judges by the contract's expectations. Thread-safe; Great Expectations is loaded at the first judgement of a whole load.

    Args:
        evaluation: how a frame's checks are evaluated; another one is for tests that need it to fail.
        evaluation_of_few: the same, where a tenant's load is not judged whole.
    """

    def __init__(self, evaluation: Evaluation = evaluate, evaluation_of_few: Evaluation = evaluate_few) -> None:
        self._evaluate = evaluation
        self._evaluate_few = evaluation_of_few
        self._warm = evaluation is not evaluate  # another evaluation has nothing to load

    def warm_up(self) -> None:
        """Load Great Expectations beside the caller, who is about to wait for a partner's answers."""
        if not self._warm:
            self._warm = True
            threading.Thread(target=load, name="gate-warm-up").start()

    def judge(
        self, name: str, spec: SourceObject, observed: pa.Table, tenants: tuple[str, ...], *, few: bool = False
    ) -> GateResult:
        """One verdict per tenant in the order given, also for tenants without a row; few records are judged without Great Expectations.

        `expected` counts the records that are not deleted: a deleted one has no content to judge. When an evaluation raises, the
        batch is halved until the tenant whose data it cannot bear stands alone, so that it fails alone.

        Raises:
            BugError: rows of a tenant that was not asked for.
        """
        code = _numbered(name, observed, tenants)
        alive = ~observed["deleted"].fill_null(pa.scalar(value=False)).to_numpy()
        batch = _Batch(tenants, observed.filter(pa.array(alive)), code[alive], tuple(range(len(tenants))))
        evaluation = self._evaluate_few if few and batch.records.num_rows <= MOST_ROWS else self._evaluate
        parts = list(self._parts(name, spec, batch, evaluation))
        refused = pa.concat_tables([part.refused for part in parts]).sort_by([(n, "ascending") for n in REFUSED.names])
        hashes = table_hashes(observed, tuple(spec.columns), tenants)
        quarantined = _records_by_tenant(refused)
        rows, expected = (np.bincount(c, minlength=len(tenants)) for c in (code, code[alive]))
        verdicts = {}
        for part in parts:
            for number in part.members:
                tenant, wanted = tenants[number], int(expected[number])
                reason = part.fault or ("" if rows[number] or spec.allow_empty else _EMPTY)
                verdicts[number] = Verdict(
                    tenant_id=tenant,
                    object=name,
                    table_hash=hashes[tenant],
                    evaluated=0 if part.fault else wanted,
                    expected=wanted,
                    quarantined=quarantined[tenant],
                    passed=not reason,
                    reason=reason,
                    checks=tuple(check.of(number) for check in part.counted),
                )
        return GateResult(tuple(verdicts[number] for number in batch.members), refused)

    def _parts(self, name: str, spec: SourceObject, batch: _Batch, evaluation: Evaluation) -> Iterator[_Part]:
        try:
            frames = frames_of(spec)
        except ContractError as fault:
            yield _Part(batch.members, fault=str(fault))
        else:
            yield from self._examine(name, frames, batch, evaluation)

    def _examine(self, name: str, frames: Sequence[Frame], batch: _Batch, evaluation: Evaluation) -> Iterator[_Part]:
        """Judge a batch; if that raises, its halves, down to single tenants."""
        try:
            counted = tuple(item for frame in frames for item in _count(frame, batch, evaluation))
            refused = refused_rows(batch.records, counted)
        except Exception as fault:  # noqa: BLE001 - whatever an evaluation raises, the gate stays shut and says so
            if len(batch.members) > 1:
                for half in batch.halves():
                    yield from self._examine(name, frames, half, evaluation)
                return
            # The engine's own words may quote values, so only ours and the kind of fault are told.
            tenant = batch.tenants[batch.members[0]]
            logger(__name__).warning("gate_evaluation_failed", tenant=tenant, object=name, fault=type(fault).__name__)
            text = str(fault) if isinstance(fault, EvaluationError) else f"The evaluation raised {type(fault).__name__}."
            yield _Part(batch.members, fault=text)
            return
        yield _Part(batch.members, counted, refused)


_EMPTY = "There are no records, and the contract does not allow that."


def _count(frame: Frame, batch: _Batch, evaluation: Evaluation) -> list[Counted]:
    laid = lay(frame, batch.records, batch.code)
    if not len(laid.record):
        return nothing_to_count(frame.checks, len(batch.tenants))
    counted = count(evaluation(laid.table, frame.checks), laid, batch.code, len(batch.tenants))
    if len(counted) != len(frame.checks) or not all(item.complete for item in counted):
        raise EvaluationError("Fewer rows were evaluated than there are.")
    return counted


def _numbered(name: str, observed: pa.Table, tenants: tuple[str, ...]) -> Positions:
    """Each row's tenant by its place in the batch."""
    places = pc.index_in(observed["tenant_id"], value_set=pa.array(tenants, pa.string()))
    if places.null_count:
        raise BugError(f"The observations of {name} hold rows of a tenant that is not in the batch.")
    return places.to_numpy().astype(np.int64)


def _records_by_tenant(refused: pa.Table) -> Counter[str]:
    """How many different records of each tenant were refused."""
    records = set(zip(refused["tenant_id"].to_pylist(), refused["record_id"].to_pylist(), strict=True))
    return Counter(str(tenant) for tenant, _ in records)
