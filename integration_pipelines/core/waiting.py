"""Records that name another one which was not read yet: a detail row whose main record is absent, a reference nobody answers to.

Such a reference is never followed into nothing: a detail row without its main record is in no roll-up, an unknown reference is a missing
value. Here they are listed; how long they may wait is the use cases' business.
"""

import pyarrow as pa

from integration_pipelines.core.contract import Contract, ObjectKind
from integration_pipelines.core.merge import compared_fields
from integration_pipelines.core.sql import Sql, name, text
from integration_pipelines.core.tables import TEXT

WAITING = pa.schema([(c, TEXT) for c in ("tenant_id", "object", "record_id", "field", "parent_object", "parent_id")])


def waiting(sql: Sql, contract: Contract) -> pa.Table:
    """`WAITING`, ordered. Reads `accepted_*` and `observed_*`; a record that was read once and is gone is not waited for."""
    parts = [_waiting(object_name, column, parent) for object_name, column, parent in references(contract)]
    if not parts:
        return WAITING.empty_table()
    return sql.arrow(f"SELECT * FROM ({' UNION ALL '.join(parts)}) ORDER BY tenant_id, object, record_id, field", WAITING)


def references(contract: Contract) -> list[tuple[str, str, str]]:
    """(object, column, object that the column's ids belong to), each once."""
    found = [
        (object_name, spec.parent, spec.parent_object)
        for object_name, spec in contract.objects.items()
        if spec.kind is ObjectKind.DETAIL and spec.parent and spec.parent_object
    ]
    for field in compared_fields(contract).values():
        found += [
            (contract.main_object("left" if side is field.left else "right"), side.column, side.lookup.object)
            for side in (field.left, field.right)
            if side.lookup is not None and side.column is not None
        ]
    return list(dict.fromkeys(found))


def _waiting(object_name: str, column: str, parent: str) -> str:
    return f"""SELECT a.tenant_id, {text(object_name)} AS object, a.record_id, {text(column)} AS field, {text(parent)} AS parent_object,
        a.{name(column)} AS parent_id
      FROM accepted_{object_name} a ANTI JOIN observed_{parent} p ON p.tenant_id = a.tenant_id AND p.record_id = a.{name(column)}
      WHERE coalesce(a.{name(column)}, '') <> ''"""
