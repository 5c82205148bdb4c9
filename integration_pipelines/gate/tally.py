"""From positions of unexpected rows to what a tenant is told: counts per expectation, and refused records with their remedy."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from integration_pipelines.gate.evaluate import Finding
from integration_pipelines.gate.frames import Laid, Positions
from integration_pipelines.gate.suites import Check, Question
from integration_pipelines.ports.gate import CheckCount

REFUSED = pa.schema([(name, pa.string()) for name in ("tenant_id", "record_id", "field", "expectation", "reason", "remedy")])


@dataclass(frozen=True, slots=True)
class Counted:
    """One check over a batch: values judged and found unexpected per tenant number, and the records that broke it.

    `complete` says that Great Expectations saw as many rows and values as we handed over.
    """

    check: Check
    judged: Positions
    unexpected: Positions
    records: Positions
    complete: bool

    def of(self, tenant: int) -> CheckCount:
        """The counts of one tenant."""
        return CheckCount(
            expectation=self.check.expectation.expect,
            field=self.check.field,
            evaluated=int(self.judged[tenant]),
            unexpected=int(self.unexpected[tenant]),
        )


def count(findings: Sequence[Finding], laid: Laid, code: Positions, tenants: int) -> list[Counted]:
    """Split each finding by tenant; `code` is the tenant's number of every record."""
    of_row = code[laid.record]
    counted = []
    for finding in findings:
        if finding.check.question is Question.NOT_NULL:
            asked = np.ones(len(of_row), dtype=np.bool_)
        else:
            asked = pc.is_valid(laid.table[finding.check.column]).to_numpy()
        counted.append(
            Counted(
                check=finding.check,
                judged=np.bincount(of_row[asked], minlength=tenants),
                unexpected=np.bincount(of_row[finding.unexpected], minlength=tenants),
                records=np.unique(laid.record[finding.unexpected]),
                complete=finding.rows == len(of_row) and finding.judged == int(asked.sum()),
            )
        )
    return counted


def nothing_to_count(checks: Sequence[Check], tenants: int) -> list[Counted]:
    """Checks of a frame without rows."""
    zero, none = np.zeros(tenants, dtype=np.int64), np.array([], dtype=np.int64)
    return [Counted(check, zero, zero, none, complete=True) for check in checks]


def refused_rows(records: pa.Table, counted: Iterable[Counted]) -> pa.Table:
    """One row per record and broken expectation, however often it broke it."""
    parts = []
    for item in counted:
        if not len(item.records):
            continue
        named = records.select(["tenant_id", "record_id"]).take(item.records)
        wanted = item.check.expectation
        texts = (item.check.field, wanted.expect, wanted.reason, wanted.remedy)
        for column, text in zip(REFUSED.names[2:], texts, strict=True):
            named = named.append_column(column, pa.repeat(pa.scalar(text, pa.string()), named.num_rows))
        parts.append(named.cast(REFUSED))
    return pa.concat_tables(parts).group_by(REFUSED.names).aggregate([]).select(REFUSED.names) if parts else REFUSED.empty_table()
