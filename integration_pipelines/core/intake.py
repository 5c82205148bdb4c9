"""From observation files to the tables that the engine works on: the latest state per record, minus what may not go on.

For each object `X` of the contract this makes `observed_X` (latest state, deleted rows included), `accepted_X` (what may be linked and
merged) and, for all objects together, `left_out` (tenant_id, object, record_id, outcome, rule) for every record that is in no
`accepted_X` for a reason.
"""

import pyarrow as pa

from integration_pipelines.core.contract import Contract, ObjectKind
from integration_pipelines.core.sql import Files, Rows, Sql, name, text, text_list

_KEY = "tenant_id, record_id"


def latest(sql: Sql, table: str, rows: Rows, key: str = "record_id") -> None:
    """Make a table with, per tenant and key, the row with the highest `_sequence` (a column of the input), newest read first.

    Rows without that column are the newest already, each once.
    Two rows of one read that contradict each other are told apart by their content, never by the order in which they came.
    Only records with several rows are ranked, since ranking whole rows is dear and most records have one. What comes as files stays there
    and is a view: to read a few columns again is cheaper than to hold all of them.
    """
    if isinstance(rows, Files):
        _latest_of_files(sql, table, rows, key)
        return
    sql.put("arriving", rows)
    if "_sequence" not in rows.schema.names:
        sql.make(table, "SELECT * FROM arriving")
        sql.drop("arriving")
        return
    sql.make("intake_rows", "SELECT * FROM arriving")  # which may be read only once
    sql.drop("arriving")
    if sql.yes(f"SELECT count(DISTINCT hash(tenant_id, {key})) = count(*) FROM intake_rows"):
        sql.make_of(table, "intake_rows", without="_sequence")
        return
    sql.make("several", f"SELECT tenant_id, {key} FROM intake_rows GROUP BY ALL HAVING count(*) > 1")
    sql.make(table, f"{_single('intake_rows', key)} UNION ALL {_ranked('intake_rows', key, rows.schema)}")
    sql.drop("intake_rows", "several")


def _latest_of_files(sql: Sql, table: str, rows: Files, key: str) -> None:
    source, several = f"{table}_files", f"{table}_several"
    sql.put(source, rows)
    if rows.distinct or sql.yes(f"SELECT count(DISTINCT hash(tenant_id, {key})) = count(*) FROM {source}"):
        sql.view(table, f"SELECT * EXCLUDE (_sequence) FROM {source}")
        return
    sql.make(several, f"SELECT tenant_id, {key} FROM {source} GROUP BY ALL HAVING count(*) > 1")
    sql.make(f"{table}_ranked", _ranked(source, key, rows.schema, several))
    sql.view(table, f"{_single(source, key, several)} UNION ALL SELECT * FROM {table}_ranked")


def _single(source: str, key: str, several: str = "several") -> str:
    return f"SELECT * EXCLUDE (_sequence) FROM {source} ANTI JOIN {several} USING (tenant_id, {key})"


def _ranked(source: str, key: str, schema: pa.Schema, several: str = "several") -> str:
    order = "_sequence DESC, observed_at DESC" if "observed_at" in schema.names else "_sequence DESC"
    ranked = f"SELECT r.*, hash(r) AS _content FROM {source} r SEMI JOIN {several} USING (tenant_id, {key})"
    return f"""SELECT * EXCLUDE (_sequence, _content) FROM ({ranked})
      QUALIFY row_number() OVER (PARTITION BY tenant_id, {key} ORDER BY {order}, _content) = 1"""


def accept(sql: Sql, contract: Contract, refused: pa.Table) -> None:
    """Make `accepted_<object>` for every object, and `left_out`.

    `refused` has tenant_id, object, record_id, expectation: one row per broken expectation of the gate.
    """
    sql.put("gate_refused", refused)
    sql.make("refused", "SELECT tenant_id, object, record_id, min(expectation) AS rule FROM gate_refused GROUP BY ALL")
    parts = []
    for object_name in contract.objects:
        sql.make(f"excluded_{object_name}", _excluded(contract, object_name))
        parts.append(
            f"""SELECT o.tenant_id, {text(object_name)} AS object, o.record_id,
              CASE WHEN r.record_id IS NOT NULL THEN 'quarantined' ELSE 'excluded' END AS outcome, coalesce(r.rule, e.rule) AS rule
            FROM observed_{object_name} o
            LEFT JOIN refused r ON r.tenant_id = o.tenant_id AND r.record_id = o.record_id AND r.object = {text(object_name)}
            LEFT JOIN excluded_{object_name} e ON e.tenant_id = o.tenant_id AND e.record_id = o.record_id
            WHERE r.record_id IS NOT NULL OR e.record_id IS NOT NULL"""
        )
    sql.make("left_out", " UNION ALL ".join(parts))
    for object_name in contract.objects:
        sql.view(f"accepted_{object_name}", _accepted(object_name))
    sql.drop("gate_refused")


def slim(sql: Sql, contract: Contract) -> None:
    """Forget of detail records what only the roll-up needed; that they were there, and whose they are, the balance still asks."""
    for object_name, spec in contract.objects.items():
        if spec.kind is ObjectKind.DETAIL:
            sql.narrow(f"observed_{object_name}", ("tenant_id", "record_id", "observed_at", "deleted", spec.parent or ""))
            sql.view(f"accepted_{object_name}", _accepted(object_name))


def _excluded(contract: Contract, object_name: str) -> str:
    rules = contract.objects[object_name].exclude_when
    cases = " ".join(f"WHEN {name(c)} IN {text_list(values)} THEN {text(c + '=')} || {name(c)}" for c, values in rules.items())
    rule = f"CASE WHEN deleted THEN 'deleted' {cases} END"
    return f"SELECT {_KEY}, {rule} AS rule FROM observed_{object_name} WHERE {rule} IS NOT NULL"


def _accepted(object_name: str) -> str:
    """A view, since nearly everything that was observed is accepted and need not be held twice."""
    return f"""SELECT o.* FROM observed_{object_name} o
      ANTI JOIN (SELECT tenant_id, record_id FROM left_out WHERE object = {text(object_name)}) x
      ON x.tenant_id = o.tenant_id AND x.record_id = o.record_id"""
