"""From verdicts to writes: one row per target record, and what the whole would do. Whether the limits let it pass is `guards`.

A plan is a value: sorted, hashed over its content alone (no time, no id of ours), printable and refusable before anything happens.
"""

import pyarrow as pa

from integration_pipelines.core.canonical import major_from_minor
from integration_pipelines.core.contract import Contract, FieldType, SyncField
from integration_pipelines.core.guards import PlanNumbers
from integration_pipelines.core.merge import compared_fields
from integration_pipelines.core.settled import owner_side
from integration_pipelines.core.sql import Sql, mapped, name, text
from integration_pipelines.core.tables import PLANNED_WRITES


def plan_writes(sql: Sql, contract: Contract, only: tuple[str, ...] = ()) -> pa.Table:
    """All tenants' writes (`PLANNED_WRITES`) from `cells`, ordered by tenant, target and id. Keeps `plan_rows` for `plan_numbers`.

    With `only`, writes for those records and the records they are linked to, and no others.
    """
    sql.put("only_records", pa.table({"record_id": pa.array(only, pa.string())}))
    groups = """SELECT tenant_id, left_id FROM live_links
      WHERE left_id IN (SELECT record_id FROM only_records) OR right_id IN (SELECT record_id FROM only_records)"""
    chosen = f"AND (c.tenant_id, c.left_id) IN ({groups})" if only else ""
    wanted = f"SELECT c.*, {_wire(contract)} AS after, {_path(contract)} AS path FROM cells c WHERE action <> 'hold' {chosen}"
    sql.make("plan_cells", wanted)
    sql.make(
        "plan_changes", f"SELECT c.*, coalesce({_before(contract)}, '') AS before FROM plan_cells c {_target_joins(contract)}"
    )
    change = "{'field': field, 'path': path, 'before': before, 'after': after, 'value': resolved}"
    sql.make(
        "plan_rows",
        f"""SELECT *, sha256(concat_ws(chr(31), target, target_id, changes::JSON::VARCHAR)) AS fingerprint FROM (
          SELECT tenant_id, {text(contract.contract)} AS integration, target, target_id, 'update' AS operation,
            any_value(record_label) AS record_label, list({change} ORDER BY field) AS changes,
            list(d.diff_id ORDER BY d.diff_id) AS diff_ids, count(*) FILTER (WHERE after = '') AS blankings, count(*) AS updates
          FROM plan_changes c JOIN (SELECT tenant_id, link_id, field, diff_id FROM seen) d USING (tenant_id, link_id, field)
          GROUP BY tenant_id, target, target_id)
        UNION ALL BY NAME {_whole_records(contract, only=bool(only))}""",
    )
    sql.drop("plan_cells", "plan_changes")
    return sql.arrow("SELECT * FROM plan_rows ORDER BY tenant_id, target, target_id", PLANNED_WRITES)


def plan_numbers(sql: Sql, tenant_ids: tuple[str, ...]) -> dict[str, PlanNumbers]:
    """Per tenant the hash and the numbers of its plan; tenants without a write have a plan of nothing."""
    sql.put("plan_tenants", pa.table({"tenant_id": list(tenant_ids)}, schema=pa.schema([("tenant_id", pa.string())])))
    rows = sql.arrow(
        """SELECT t.tenant_id, sha256(coalesce(p.content, '')) AS plan_hash, coalesce(p.records, 0) AS records,
          coalesce(p.updates, 0)::BIGINT AS updates, coalesce(p.blankings, 0)::BIGINT AS blankings, coalesce(k.links, 0) AS links,
          coalesce(p.creates, 0) AS creates, coalesce(p.deletes, 0) AS deletes
        FROM plan_tenants t
        LEFT JOIN (SELECT tenant_id, string_agg(fingerprint, '' ORDER BY target, target_id) AS content, count(*) AS records,
            sum(updates) AS updates, sum(blankings) AS blankings, count(*) FILTER (WHERE operation = 'create') AS creates,
            count(*) FILTER (WHERE operation = 'delete') AS deletes FROM plan_rows GROUP BY tenant_id) p USING (tenant_id)
        LEFT JOIN (SELECT tenant_id, count(*) AS links FROM live_links GROUP BY tenant_id) k USING (tenant_id)"""
    ).to_pylist()
    sql.drop("plan_tenants")
    return {row["tenant_id"]: PlanNumbers(**row) for row in rows}


def _whole_records(contract: Contract, *, only: bool) -> str:
    """Records that are made or archived as a whole; an update of the same record is never in the same plan."""
    left = text(contract.main_object("left"))
    chosen = "WHERE {0} IN (SELECT record_id FROM only_records)" if only else ""
    content = "sha256(concat_ws(chr(31), target, target_id, operation, changes::JSON::VARCHAR)) AS fingerprint"
    return f"""SELECT *, {text(contract.contract)} AS integration, 0::BIGINT AS blankings, 0::BIGINT AS updates, {content}
      FROM (SELECT c.tenant_id, {left} AS target, c.unique_value AS target_id, 'create' AS operation, c.record_label, c.changes,
          [d.diff_id] AS diff_ids
        FROM creations c JOIN seen d ON d.tenant_id = c.tenant_id AND d.right_id = c.right_id AND d.link_id IS NULL AND d.field = '*'
        {chosen.format("c.right_id")}
        UNION ALL BY NAME SELECT r.tenant_id, {left} AS target, r.left_id AS target_id, 'delete' AS operation,
          any_value(r.record_label) AS record_label, [] AS changes, list(d.diff_id ORDER BY d.diff_id) AS diff_ids
        FROM removals r JOIN seen d ON d.tenant_id = r.tenant_id AND d.link_id = r.link_id AND d.field = '*'
        {chosen.format("r.left_id")} GROUP BY r.tenant_id, r.left_id)"""


def _by_field(contract: Contract, expressions: dict[str, str]) -> str:
    whens = " ".join(f"WHEN {text(f)} THEN {e}" for f, e in expressions.items())
    return f"CASE c.field {whens} END" if contract.fields else "NULL"


def _target_sides(contract: Contract, spec: SyncField) -> tuple[str, ...]:
    side = owner_side(contract, spec)
    return {"left": ("right",), "right": ("left",)}.get(side, ("left", "right"))


def _path(contract: Contract) -> str:
    """Where the value is written: the source path of the target side's column."""
    return _by_field(contract, {f: _per_side(contract, s, "path") for f, s in compared_fields(contract).items()})


def _wire(contract: Contract) -> str:
    """The resolved value in the target's spelling: amounts in major units, mapped values as the target writes them."""
    return _by_field(contract, {f: _per_side(contract, s, "wire") for f, s in compared_fields(contract).items()})


def _before(contract: Contract) -> str:
    """What the target says now, in its own spelling; read-compare-write compares with this."""
    return _by_field(contract, {f: _per_side(contract, s, "before") for f, s in compared_fields(contract).items()})


def _per_side(contract: Contract, spec: SyncField, what: str) -> str:
    parts = {}
    for side in _target_sides(contract, spec):
        place = spec.left if side == "left" else spec.right
        main = contract.main_object("left" if side == "left" else "right")
        if what == "path":
            parts[side] = text(contract.objects[main].columns[place.column or ""].source)
        elif what == "before":
            parts[side] = f"t_{side}.{name(place.column or '')}"
        else:
            spelled = {canonical: own for own, canonical in place.map.items()}
            major = major_from_minor("c.resolved", "c.currency")
            parts[side] = major if spec.type is FieldType.MONEY else mapped("c.resolved", spelled)
    if len(parts) == 1:
        return next(iter(parts.values()))
    return f"CASE c.action WHEN 'write_left' THEN {parts['left']} ELSE {parts['right']} END"


def _target_joins(contract: Contract) -> str:
    """Both records of a live link are accepted."""
    return " ".join(
        f"""JOIN accepted_{contract.main_object(side)} t_{side} ON t_{side}.tenant_id = c.tenant_id
          AND t_{side}.record_id = c.{side}_id"""
        for side in ("left", "right")
    )
