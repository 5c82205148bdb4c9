"""The shapes that travel between stages and into the store, as Arrow schemas.

Every table carries `tenant_id`, so that one call serves a batch of tenants. Values are canonical text (see `canonical`):
null = the partner did not send the field (missing), '' = blank, anything else = the value. Times are UTC, microseconds.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, cast

import pyarrow as pa

TEXT = pa.string()
TIME = pa.timestamp("us", tz="UTC")
COUNT = pa.int64()


def _schema(**columns: pa.DataType) -> pa.Schema:
    return pa.schema(list(columns.items()))


OBSERVED_PREFIX = _schema(tenant_id=TEXT, record_id=TEXT, observed_at=TIME, deleted=pa.bool_())
"""First columns of every observation; the contract's columns follow, all text (or nested lists of text)."""

TALLY = _schema(tenant_id=TEXT, object=TEXT, record_id=TEXT)
"""What the extract saw, stored before the gate: the left-hand side of every balance."""

IDENTITY_LINKS = _schema(
    tenant_id=TEXT, integration=TEXT, link_id=TEXT, left_id=TEXT, right_id=TEXT, state=TEXT, match_rule=TEXT,
    match_evidence=TEXT, created_at=TIME, updated_at=TIME, survivor_link_id=TEXT, epoch=COUNT, decided_by=TEXT,
)  # fmt: skip

QUARANTINE = _schema(
    tenant_id=TEXT, integration=TEXT, object=TEXT, record_id=TEXT, field=TEXT, expectation=TEXT, reason=TEXT, remedy=TEXT,
    first_seen=TIME, last_seen=TIME, resolved_at=TIME,
)  # fmt: skip

DIFFS = _schema(
    diff_id=TEXT, tenant_id=TEXT, integration=TEXT, contract_version=COUNT, object=TEXT, field=TEXT, link_id=TEXT,
    left_id=TEXT, right_id=TEXT, record_label=TEXT, owner_role=TEXT, left_value=TEXT, right_value=TEXT, base_value=TEXT,
    resolved_value=TEXT, currency=TEXT, amount_delta_minor=COUNT, kind=TEXT, action=TEXT, status=TEXT, rule_id=TEXT,
    reason=TEXT, first_seen_at=TIME, last_seen_at=TIME, occurrences=COUNT, first_run_id=TEXT, last_run_id=TEXT,
    plan_id=TEXT, write_id=TEXT, left_observed_at=TIME, right_observed_at=TIME, resolved_at=TIME,
)  # fmt: skip

FIELD_CHANGE = pa.struct([("field", TEXT), ("path", TEXT), ("before", TEXT), ("after", TEXT), ("value", TEXT)])
"""One field of a write; before and after are in the target's own spelling (null before = missing), value is canonical."""

PLANNED_WRITES = _schema(
    tenant_id=TEXT, integration=TEXT, target=TEXT, target_id=TEXT, operation=TEXT, record_label=TEXT,
    changes=pa.list_(FIELD_CHANGE), diff_ids=pa.list_(TEXT), fingerprint=TEXT,
)  # fmt: skip
"""One row per target record. `target` is the object's name in the contract, `operation` is update, create or delete;
`fingerprint` hashes target, id and changes, so that an approval can name exactly what was approved."""

LEDGER = _schema(
    tenant_id=TEXT, integration=TEXT, run_id=TEXT, plan_id=TEXT, write_id=TEXT, idempotency_key=TEXT, target=TEXT,
    target_id=TEXT, fields=TEXT, before_image=TEXT, after_image=TEXT, state=TEXT, attempts=COUNT, error_kind=TEXT,
    error_text=TEXT, created_at=TIME, confirmed_at=TIME, operation=TEXT, record_id=TEXT,
)  # fmt: skip
"""`operation` is update, create or delete; a create's `target_id` is the unique value that names the record until the partner answers
with its `record_id`. `fields`, `before_image` and `after_image` are JSON: a list of canonical names, and name → text in the target's spelling."""

OUTCOMES = _schema(tenant_id=TEXT, object=TEXT, record_id=TEXT, outcome=TEXT, rule=TEXT)
"""Exactly one row per source record: the balance."""

INTENTS = _schema(tenant_id=TEXT, target=TEXT, target_id=TEXT, field=TEXT, value=TEXT)
"""Values we sent and have not confirmed; the second ancestor of the merge."""

INSTALLED = _schema(tenant_id=TEXT, installed_at=TIME)
"""Since when a tenant has the integration; asked where a contract makes nothing for what was there before."""

SPELLINGS = _schema(tenant_id=TEXT, target=TEXT, target_id=TEXT, field=TEXT, written=TEXT, shown=TEXT)
"""What a partner showed right after we wrote a value, where it keeps values its own way; canonical text, the same to the merge."""

UNKNOWN_FIELDS = _schema(tenant_id=TEXT, integration=TEXT, object=TEXT, name=TEXT, type=TEXT, count=COUNT)
"""Partner fields that the contract does not know: names, JSON types and counts, never values."""

CHANGES = _schema(record_id=TEXT, field=TEXT, changed_at=TIME, old_value=TEXT, new_value=TEXT, actor=TEXT, source=TEXT)
"""What a partner tells of the past of an object's records. Null = it does not tell; `field` is a contract's column, or `*` for the
whole record; `actor` is in the partner's words; `source` says where it was read."""

HISTORY = _schema(tenant_id=TEXT, integration=TEXT, object=TEXT, **{f.name: f.type for f in CHANGES}, coverage=TEXT)
"""Changes as they are kept, one file for each day of a tenant and object; values are canonical."""


def empty(schema: pa.Schema) -> pa.Table:
    """A table of that shape without rows."""
    return schema.empty_table()


def table_of(rows: Sequence[Mapping[str, Any]], schema: pa.Schema) -> pa.Table:
    """Rows by column name as a table of that shape; what a row does not say is null.

    All columns are made in one go, since for few rows every conversion costs the same, however little it converts.
    """
    laid = cast("pa.StructArray", pa.array(rows, _row_of(schema)))
    return pa.Table.from_batches([pa.RecordBatch.from_struct_array(laid)])


@cache
def _row_of(schema: pa.Schema) -> pa.StructType:
    return pa.struct(list(schema))
