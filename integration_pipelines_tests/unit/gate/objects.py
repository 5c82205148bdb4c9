"""Small objects and observations for the gate's tests."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from integration_pipelines.core.contract import Column, Expectation, NestedColumn, ObjectKind, SourceObject
from integration_pipelines.core.tables import OBSERVED_PREFIX
from integration_pipelines.gate.judge import ExpectationGate
from integration_pipelines.ports.gate import GateResult

AT = datetime(2026, 11, 23, tzinfo=UTC)


def expect(kind: str, **arguments: object) -> Expectation:
    """An expectation with a reason and a remedy."""
    return Expectation.model_validate({"expect": kind, "reason": f"{kind} broken.", "remedy": "Mend it.", **arguments})


def column(kind: str, *expectations: Expectation, **more: Any) -> Column:  # noqa: ANN401 - any field of the model
    """A column of that type."""
    return Column.model_validate({"source": "x", "type": kind, "purpose": "a test", "expectations": expectations, **more})


def nested(kind: str, *expectations: Expectation, **more: Any) -> NestedColumn:  # noqa: ANN401 - any field of the model
    """A column of a nested list."""
    return NestedColumn.model_validate({"source": "x", "type": kind, "expectations": expectations, **more})


def an_object(columns: Mapping[str, Column], **more: Any) -> SourceObject:  # noqa: ANN401 - any field of the model
    """An object with those columns."""
    facts = {"role": "crm", "partner_object": "things", "kind": ObjectKind.MAIN, "description": "A thing."}
    return SourceObject.model_validate({**facts, "columns": dict(columns), **more})


def row(record_id: str, tenant_id: str = "t1", *, deleted: bool = False, **values: object) -> dict[str, object]:
    """One observed record."""
    return {"tenant_id": tenant_id, "record_id": record_id, "observed_at": AT, "deleted": deleted, **values}


def observed(spec: SourceObject, *rows: dict[str, object]) -> pa.Table:
    """An observation table, nested as the object's columns say."""
    fields = [pa.field(name, _type(spec_column)) for name, spec_column in spec.columns.items()]
    return pa.Table.from_pylist(list(rows), schema=pa.schema([*OBSERVED_PREFIX, *fields]))


def judge(spec: SourceObject, *rows: dict[str, object], tenants: tuple[str, ...] = ("t1",)) -> GateResult:
    """Judge those rows with a fresh gate, as a whole load and as some records of one: both have to say the same."""
    whole, few = (ExpectationGate().judge("things", spec, observed(spec, *rows), tenants, few=few) for few in (False, True))
    assert few == whole
    return whole


def _type(spec: Column | NestedColumn) -> "pa.DataType":
    if spec.type != "list":
        return pa.string()
    return pa.list_(pa.struct([pa.field(name, _type(inner)) for name, inner in spec.fields.items()]))
