"""The gate of a rehearsal: the product's frames and expectations, looked through over Arrow instead of by Great Expectations.

A rehearsal judges thousands of lives every virtual hour. That both gates refuse the same records is tested on random tables.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from integration_pipelines.core.contract import SourceObject
from integration_pipelines.gate.frames import lay
from integration_pipelines.gate.suites import SCOPE, Check, Frame, Question, frames_of
from integration_pipelines.gate.tally import REFUSED, Counted, refused_rows
from integration_pipelines.ports.gate import Gate, GateResult, Verdict

if TYPE_CHECKING:
    _Column = pa.Array[Any]

Mask = npt.NDArray[np.bool_]
Trouble = Callable[[str, str], str]
"""Why an object of a tenant cannot be judged this time; '' where it can."""
_NONE = np.array([], dtype=np.int64)
_EMPTY = "There are no records, and the contract does not allow that."


class RehearsedGate(Gate):
    """Judges by the contract's expectations, a batch of tenants at once.

    Args:
        trouble: asked for every verdict, so that a suite may break down for one tenant.
    """

    def __init__(self, trouble: Trouble = lambda *_: "") -> None:
        self._trouble = trouble
        self._frames: dict[str, tuple[Frame, ...]] = {}

    def warm_up(self) -> None:
        """Nothing to load."""

    def judge(
        self, name: str, spec: SourceObject, observed: pa.Table, tenants: tuple[str, ...], *, few: bool = False
    ) -> GateResult:
        """One verdict per tenant; counts per expectation are left out. All that is rehearsed is few."""
        del few
        code = pc.index_in(observed["tenant_id"], value_set=pa.array(tenants, pa.string())).to_numpy().astype(np.int64)
        alive = ~observed["deleted"].fill_null(pa.scalar(value=False)).to_numpy()
        records = observed.filter(pa.array(alive))
        broken = [one for frame in self._of(name, spec) for one in _broken(frame, records, code[alive])]
        refused = refused_rows(records, broken).sort_by([(n, "ascending") for n in REFUSED.names])
        there, expected = (np.bincount(c, minlength=len(tenants)).tolist() for c in (code, code[alive]))
        verdicts = []
        for tenant, rows, wanted in zip(tenants, there, expected, strict=True):
            reason = self._trouble(tenant, name) or ("" if rows or spec.allow_empty else _EMPTY)
            verdicts.append(Verdict(tenant, name, "", wanted, wanted, 0, not reason, reason, ()))
        return GateResult(tuple(verdicts), refused)

    def _of(self, name: str, spec: SourceObject) -> tuple[Frame, ...]:
        found = self._frames.get(name)
        if found is None:
            found = self._frames[name] = frames_of(spec)
        return found


def _broken(frame: Frame, records: pa.Table, code: npt.NDArray[np.int64]) -> list[Counted]:
    """The records that break each check of a frame."""
    laid = lay(frame, records, code)
    if not len(laid.record):
        return []
    found = ((check, np.flatnonzero(wrong(laid.table, check))) for check in frame.checks)
    return [Counted(check, _NONE, _NONE, np.unique(laid.record[rows]), complete=True) for check, rows in found if len(rows)]


def wrong(table: pa.Table, check: Check) -> Mask:
    """Which rows of a frame break a check; an empty value breaks nothing but the wish that there be one."""
    values = table[check.column].combine_chunks()
    empty: Mask = values.is_null().to_numpy(zero_copy_only=False)
    broken: Mask
    given: Mapping[str, object] = check.arguments
    match check.question:
        case Question.NOT_NULL:
            broken = empty
        case Question.UNIQUE:
            broken = _doubled(table, check.column) & ~empty
        case Question.IN_SET:
            wanted = given["value_set"] if isinstance(given["value_set"], list) else []
            broken = ~pc.is_in(values, value_set=pa.array(wanted, values.type)).to_numpy(zero_copy_only=False) & ~empty
        case Question.MATCHES:
            pattern = re.compile(str(given["regex"]))
            broken = _by_word(values, lambda text: pattern.match(text) is not None) & ~empty
        case Question.LENGTH:
            most = int(str(given["max_value"]))
            broken = _by_word(values, lambda text: len(text) <= most) & ~empty
    return broken


def _by_word(values: "_Column", fits: Callable[[str], bool]) -> Mask:
    """Each distinct text is looked at once."""
    coded = values.dictionary_encode()
    bad = np.array([not fits(str(text)) for text in coded.dictionary.to_pylist()], dtype=np.bool_)
    if not len(bad):
        return np.zeros(len(values), dtype=np.bool_)
    places: npt.NDArray[np.int64] = coded.indices.fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)
    return bad[places]


def _doubled(table: pa.Table, column: str) -> Mask:
    """Rows whose value comes again within the same scope."""
    coded = table[column].combine_chunks().dictionary_encode().indices.fill_null(-1).to_numpy(zero_copy_only=False)
    scope = table[SCOPE].to_numpy()
    pairs = scope.astype(np.int64) * (int(coded.max(initial=0)) + 2) + coded + 1
    _, places, counts = np.unique(pairs, return_inverse=True, return_counts=True)
    return counts[places] > 1


def unexpected(table: pa.Table, checks: Sequence[Check]) -> dict[int, list[int]]:
    """Check → positions of the rows that break it, for whoever compares gates."""
    return {check.number: np.flatnonzero(wrong(table, check)).tolist() for check in checks}
