"""What a partner shows right after our write: the value, the value in its own spelling, or something else.

A spelling of its own is remembered for that record and field, so that it is no difference from then on. Anything else is counted as a
write that did not hold: it is sent again twice at once, then later and later, so that two systems never write in circles.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from integration_pipelines.core.contract import Contract, FieldType
from integration_pipelines.core.spelling import means_the_same
from integration_pipelines.core.sql import text
from integration_pipelines.core.tables import SPELLINGS, TEXT
from integration_pipelines.ports.bundle import Ports
from integration_pipelines.use_cases.look import Look
from integration_pipelines.use_cases.outcome import BatchReport
from integration_pipelines.use_cases.push import Pushed
from integration_pipelines.use_cases.retrying import Failure, note

FLIPS_AT_ONCE = 2
NOT_KEPT = "right after the write the partner showed another value"

Key = tuple[str, str, str, str]
Row = Mapping[str, Any]


def learn_spellings(
    report: BatchReport, contract: Contract, first: Look, again: Look, pushed: Mapping[str, Pushed], *, ports: Ports
) -> bool:
    """Compare what was written with what is shown; True if a spelling was learnt, so that another look will see less to write."""
    wanted = [w for w in again.result.writes.to_pylist() if _was_sent(w, pushed)]
    if not wanted:
        return False
    ids = pa.array(sorted({w["target_id"] for w in wanted}), TEXT)
    before = first.result.writes.filter(pc.is_in(first.result.writes["target_id"], value_set=ids))
    sent = {key: change for row in before.to_pylist() for key, change in _changes(row)}
    unkept = [[key for key, change in _changes(w) if key in sent and sent[key]["value"] == change["value"]] for w in wanted]
    shown = _shown(again, contract, {key[:3] for keys in unkept for key in keys})
    rows: list[dict[str, str]] = []
    for write, kept_otherwise in zip(wanted, unkept, strict=True):
        alike = [key for key in kept_otherwise if means_the_same(_kind(contract, key), sent[key]["value"], shown.get(key, ""))]
        rows += [_spelling(key, sent[key]["value"], shown[key]) for key in alike]
        if len(alike) < len(kept_otherwise):
            _did_not_hold(report, contract, write, pushed[write["tenant_id"]], ports)
    ports.spellings.save(pa.Table.from_pylist(rows, SPELLINGS), contract.contract, ports.clock.now())
    return bool(rows)


def _was_sent(write: Row, pushed: Mapping[str, Pushed]) -> bool:
    """Of a record that is still to be made nothing is shown yet, and one that is to go says nothing of values."""
    done = pushed.get(write["tenant_id"])
    return write["operation"] == "update" and done is not None and (write["target"], write["target_id"]) in done.write_ids


def _changes(write: Row) -> Iterator[tuple[Key, Row]]:
    for change in write["changes"]:
        yield (write["tenant_id"], write["target"], write["target_id"], change["field"]), change


def _shown(again: Look, contract: Contract, records: Collection[tuple[str, str, str]]) -> dict[Key, str]:
    """The canonical values that the second look saw in the fields of those records (tenant, target, id)."""
    if not records:
        return {}
    names = ("tenant_id", "target", "target_id")
    columns = zip(*sorted(records), strict=True)
    again.con.register("kept_otherwise", pa.table({n: pa.array(column, TEXT) for n, column in zip(names, columns, strict=True)}))
    shown = f"CASE WHEN target = {text(contract.main_object('left'))} THEN l ELSE r END"
    found = again.con.sql(
        f"SELECT tenant_id, target, target_id, field, {shown} FROM cells SEMI JOIN kept_otherwise USING (tenant_id, target, target_id)"
    ).fetchall()
    again.con.unregister("kept_otherwise")
    return {(tenant, target, target_id, field): value for tenant, target, target_id, field, value in found}


def _kind(contract: Contract, key: Key) -> FieldType:
    _, _, _, field = key
    return contract.fields[field].type


def _spelling(key: Key, written: str, shown: str) -> dict[str, str]:
    return dict(zip(SPELLINGS.names, (*key, written, shown), strict=True))


def _did_not_hold(report: BatchReport, contract: Contract, write: Row, done: Pushed, ports: Ports) -> None:
    tenant = report.tenant(write["tenant_id"])
    record = write["target"], write["target_id"]
    failure = Failure(*record, write["fingerprint"], "conflict", NOT_KEPT, done.write_ids[record])
    note(tenant, contract, [failure], tenant.failed_before, ports=ports, at_once=FLIPS_AT_ONCE)
