"""Observations as frames to evaluate: trimmed text, null where blank or missing, and for every row the record it belongs to.

Nested lists are laid flat; a row's `record` leads back to the record whose list it came from, two levels up or more.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from integration_pipelines.core.contract import FieldType
from integration_pipelines.gate.readings import words
from integration_pipelines.gate.suites import SCOPE, Derived, Frame, Question

if TYPE_CHECKING:
    _Array = pa.Array[Any]

_BLANKS = "\t\n\x0b\x0c\r \xa0"  # the merge's own white space
_PRESENT = "present"

Positions = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Laid:
    """A frame's rows: its columns by name, and per row the position of its record."""

    table: pa.Table
    record: Positions


def lay(frame: Frame, records: pa.Table, tenant: Positions) -> Laid:
    """Lay one frame out over the records to judge; `tenant` numbers each record's tenant.

    Raises:
        pa.ArrowException: a column that holds neither text nor lists.
    """
    rows: pa.Table | pa.StructArray = records
    record = np.arange(records.num_rows, dtype=np.int64)
    scope = tenant
    for name in frame.path:
        rows, owner = _flat(_column(rows, name))
        record, scope = record[owner], owner
    texts: dict[str, _Array] = {name: _text(_column(rows, name), kind) for name, kind in frame.columns.items()}
    for made in frame.derived:
        texts[made.column] = _derive(made, texts[made.source], records)
    columns: dict[str, _Array] = {check.column: texts[check.column] for check in frame.checks}
    if any(check.question is Question.UNIQUE for check in frame.checks):
        columns[SCOPE] = pa.array(scope)
    return Laid(pa.table(columns), record)


def _column(rows: "pa.Table | pa.StructArray", name: str) -> "_Array":
    """A column or field as one array; all null if it was not sent at all."""
    if isinstance(rows, pa.Table):
        return rows[name].combine_chunks() if name in rows.column_names else pa.nulls(rows.num_rows)
    return pc.struct_field(rows, [name]) if rows.type.get_field_index(name) >= 0 else pa.nulls(len(rows))


def _flat(nested: "_Array") -> tuple[pa.StructArray, Positions]:
    """All elements of all lists, and for each the number of its list."""
    if pa.types.is_null(nested.type):
        nested = pa.nulls(len(nested), pa.list_(pa.struct([])))
    owner = cast("_Array", pc.list_parent_indices(cast("Any", nested)))
    return cast("pa.StructArray", pc.list_flatten(cast("Any", nested))), owner.to_numpy(zero_copy_only=False).astype(np.int64)


def _text(raw: "_Array", kind: FieldType) -> "_Array":
    """What the merge will see of a value; blank and missing are both null here."""
    blank = pa.scalar(None, pa.string())
    if pa.types.is_null(raw.type):
        return pa.nulls(len(raw), pa.string())
    if kind is FieldType.LIST:
        full = pc.greater(pc.list_value_length(raw), pa.scalar(0))
        return cast("_Array", pc.if_else(full, pa.scalar(_PRESENT), blank))
    trimmed = pc.utf8_trim(cast("pa.StringArray", raw), characters=_BLANKS)
    return cast("_Array", pc.if_else(pc.equal(trimmed, pa.scalar("")), blank, trimmed))


def _derive(made: Derived, text: "_Array", records: pa.Table) -> "_Array":
    if made.reading is not None:
        return words(text, made.reading)
    own = pc.equal(text, records["record_id"].combine_chunks())
    return cast("_Array", pc.if_else(own, text, pa.scalar(None, pa.string())))
