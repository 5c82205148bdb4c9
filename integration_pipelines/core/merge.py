"""Both sides of every live link beside each other, field by field, in canonical form; and the base that both once agreed on.

Makes `wide`: one row per live link with `l_<field>`, `r_<field>` (canonical text, null = missing), `z_<field>` (base) for every field that
is compared, and `merged`, the table people read: the resolved value of each field. Which value wins is `reconcile`.
"""

import pyarrow as pa

from integration_pipelines.core.canonical import canonical, minor_from_major, trimmed
from integration_pipelines.core.contract import Contract, FieldType, Lookup, Side, SyncField
from integration_pipelines.core.line_items import line_items
from integration_pipelines.core.rollup_groups import group_rollup
from integration_pipelines.core.settled import judged_by_row, owner_side
from integration_pipelines.core.sql import Sql, mapped, name, text

_ROLLUP_COLUMN = {
    "status": "status", "mrr": "mrr", "currency": "currency", "renewal_date": "renewal_date", "cancel_date": "cancel_date",
    "line_items": "line_items",
}  # fmt: skip


def compared_fields(contract: Contract) -> dict[str, SyncField]:
    """The fields that are compared: all but the stamps, which the sync writes and never reads."""
    return {f: spec for f, spec in contract.fields.items() if spec.owner != "sync"}


def widen(sql: Sql, contract: Contract, setting_up: str) -> None:
    """Make `wide` from `live_links`, `accepted_*`, `sub_facts` and `base`.

    `setting_up` names a table (tenant_id) of tenants at which the contract's own properties do not exist yet; there a missing property
    that the set-up will create counts as blank, so that the first plan shows what would be written.
    """
    if contract.rollup is not None:
        sql.view("link_groups", "SELECT tenant_id, left_id AS group_id, right_id AS customer_id FROM live_links")
        group_rollup(sql, contract, "group_facts", "link_groups")
        if any(side.rollup == "line_items" for spec in contract.fields.values() for side in (spec.left, spec.right)):
            line_items(sql, contract, "group_facts", "link_groups")
        _group_holds(sql, contract)
    fields = compared_fields(contract)
    for object_name in dict.fromkeys(lookup.object for lookup, _ in _lookups(fields)):
        sql.make(f"looked_up_{object_name}", _canonical_lookups(contract, fields, object_name))
    sql.make("wide", judged_by_row(contract, fields, _wide(contract, fields, setting_up)))


def respell(sql: Sql, contract: Contract, spellings: pa.Table) -> None:
    """Read what a partner shows of our own values (`SPELLINGS`) as what was written; everything else is somebody's edit."""
    if spellings.num_rows == 0:
        return
    sql.put("spellings", spellings)
    for side, key in (("left", "l"), ("right", "r")):
        target = contract.main_object("left" if side == "left" else "right")
        for field in [f for f in compared_fields(contract) if f in set(spellings["field"].to_pylist())]:
            column = name(f"{key}_{field}")
            sql.change(
                f"""UPDATE wide SET {column} = s.written FROM spellings s WHERE s.tenant_id = wide.tenant_id AND s.target = {text(target)}
                AND s.target_id = wide.{side}_id AND s.field = {text(field)} AND s.shown = wide.{column} AND NOT wide.settled"""
            )
    sql.drop("spellings")


def _group_holds(sql: Sql, contract: Contract) -> None:
    """`group_holds`: (tenant_id, group_id, trouble) for left records whose roll-up would be wrong."""
    rollup = contract.rollup
    if rollup is None:
        return
    spec = contract.objects[rollup.object]
    refused = "a record that this value is computed from is in quarantine"
    measure = "a record that this value is computed from has amounts that cannot be computed"
    quarantined = "SELECT tenant_id, record_id FROM left_out WHERE outcome = 'quarantined' AND object ="
    sql.make(
        "group_holds",
        f"""SELECT tenant_id, group_id, min(trouble) AS trouble FROM (
          SELECT g.tenant_id, g.group_id, {text(refused)} AS trouble FROM link_groups g
          JOIN observed_{rollup.object} o ON o.tenant_id = g.tenant_id AND o.{name(spec.parent or "")} = g.customer_id
          SEMI JOIN ({quarantined} {text(rollup.object)}) q ON q.tenant_id = o.tenant_id AND q.record_id = o.record_id
          UNION ALL
          SELECT k.tenant_id, k.left_id, {text(refused)} FROM links k
          SEMI JOIN ({quarantined} {text(spec.parent_object)}) q ON q.tenant_id = k.tenant_id AND q.record_id = k.right_id
          WHERE k.state = 'live'
          UNION ALL
          SELECT g.tenant_id, g.group_id, {text(measure)} FROM link_groups g
          JOIN sub_facts f ON f.tenant_id = g.tenant_id AND f.customer_id = g.customer_id WHERE f.mrr12 IS NULL)
        GROUP BY tenant_id, group_id""",
    )


def _wide(contract: Contract, fields: dict[str, SyncField], setting_up: str) -> str:
    left, right = contract.main_object("left"), contract.main_object("right")
    joins, columns = [], []
    for field, spec in fields.items():
        l_value, l_join = _side_value("left", field, spec)
        r_value, r_join = _side_value("right", field, spec)
        joins += [j for j in (l_join, r_join) if j]
        if spec.type is FieldType.MONEY:
            currency = _side_value(owner_side(contract, spec), spec.currency_field or "", fields[spec.currency_field or ""])[0]
            l_value = _in_minor(spec.left, l_value, currency)
            r_value = _in_minor(spec.right, r_value, currency)
        base = f"z.{name(field)}"
        if owner_side(contract, spec) != "left":  # the survivor of a merge never held what the record before it held
            base = f"CASE WHEN k.base_link_id = k.link_id THEN {base} END"
        columns.append(f"{l_value} AS {name('l_' + field)}, {r_value} AS {name('r_' + field)}, {base} AS {name('z_' + field)}")
    rollup_join = (
        """LEFT JOIN group_facts g ON g.tenant_id = k.tenant_id AND g.group_id = k.left_id
      LEFT JOIN group_holds h ON h.tenant_id = k.tenant_id AND h.group_id = k.left_id"""
        if contract.rollup
        else ""
    )
    trouble = "h.trouble" if contract.rollup else "NULL::VARCHAR"
    return f"""SELECT k.tenant_id, k.link_id, k.left_id, k.right_id, k.is_new, k.is_primary, k.is_oldest, k.siblings, k.dispute,
        {trouble} AS rollup_trouble, z.link_id <> k.link_id AS followed,
        {_label(contract, "left", "l")} AS record_label, l.observed_at AS left_observed_at, r.observed_at AS right_observed_at,
        {", ".join(columns)}
      FROM live_links k
      JOIN observed_{left} l ON l.tenant_id = k.tenant_id AND l.record_id = k.left_id
      JOIN observed_{right} r ON r.tenant_id = k.tenant_id AND r.record_id = k.right_id
      LEFT JOIN {setting_up} u ON u.tenant_id = k.tenant_id
      LEFT JOIN base z ON z.tenant_id = k.tenant_id AND z.link_id = k.base_link_id
      {rollup_join} {" ".join(dict.fromkeys(joins))}"""


def _label(contract: Contract, side: str, alias: str) -> str:
    spec = contract.objects[contract.main_object("left" if side == "left" else "right")]
    parts = ", ".join(f"nullif({alias}.{name(c)}, '')" for c in spec.label)
    return f"left(coalesce({parts}, {alias}.record_id), 200)"


def _side_value(side: str, field: str, spec: SyncField) -> tuple[str, str | None]:
    """The canonical value of a field on a side, and the join that it needs (money: the raw value)."""
    where: Side = spec.left if side == "left" else spec.right
    alias = "l" if side == "left" else "r"
    if where.rollup is not None:
        return f"g.{_ROLLUP_COLUMN[where.rollup]}", None
    if where.lookup is not None:
        return _looked_up(where, field, spec, alias)
    raw = f"{alias}.{name(where.column or '')}"
    if where.create is not None:
        raw = f"CASE WHEN {raw} IS NULL AND u.tenant_id IS NOT NULL THEN '' ELSE {raw} END"
    if spec.type is FieldType.MONEY:
        return raw, None
    return canonical(spec.type, mapped(trimmed(raw), where.map) if where.map else raw), None


def _looked_up(where: Side, field: str, spec: SyncField, alias: str) -> tuple[str, str]:
    """A value behind an id: blank id = blank, an unknown id = missing, an archived row as the contract says."""
    lookup = where.lookup
    if lookup is None:
        raise AssertionError(field)
    key = f"k_{lookup.object}_{where.column}"
    reference = f"{alias}.{name(where.column or '')}"
    join = f"""LEFT JOIN looked_up_{lookup.object} {key}
        ON {key}.tenant_id = k.tenant_id AND {key}.record_id = nullif({reference}, '')"""
    gone = "''" if lookup.when_archived == "clear" else "NULL"
    value = f"CASE WHEN {key}.gone THEN {gone} ELSE {key}.{name(_form_name(lookup, spec))} END"
    return f"CASE WHEN {reference} IS NULL THEN NULL WHEN {reference} = '' THEN '' ELSE {value} END", join


def _lookups(fields: dict[str, SyncField]) -> list[tuple[Lookup, SyncField]]:
    return [(side.lookup, spec) for spec in fields.values() for side in (spec.left, spec.right) if side.lookup is not None]


def _form_name(lookup: Lookup, spec: SyncField) -> str:
    return f"{spec.type} {lookup.column}"


def _canonical_lookups(contract: Contract, fields: dict[str, SyncField], object_name: str) -> str:
    """Every value that is looked up in an object, in canonical form: made once a row there, not once a row that refers to it."""
    forms = {}
    for lookup, spec in _lookups(fields):
        if lookup.object == object_name:
            columns = lookup.column.split()
            raw = f"o.{name(columns[0])}" if len(columns) == 1 else _spaced("o", columns)
            forms[_form_name(lookup, spec)] = canonical(spec.type, raw)
    archived = "coalesce(lower(o.archived) = 'true', false)" if "archived" in contract.objects[object_name].columns else "false"
    shown = ", ".join(f"{form} AS {name(column)}" for column, form in forms.items())
    return f"SELECT o.tenant_id, o.record_id, {archived} AS gone, {shown} FROM accepted_{object_name} o"


def _spaced(alias: str, columns: list[str]) -> str:
    """Several columns as one text; if a part is missing nobody knows the whole."""
    missing = " OR ".join(f"{alias}.{name(c)} IS NULL" for c in columns)
    parts = ", ".join(f"nullif({trimmed(f'{alias}.{name(c)}')}, '')" for c in columns)
    return f"CASE WHEN {missing} THEN NULL ELSE concat_ws(' ', {parts}) END"


def _in_minor(side: Side, value: str, currency: str) -> str:
    """Roll-ups are in minor units already; partners' own money properties are in major units."""
    return value if side.rollup is not None else minor_from_major(value, currency)
