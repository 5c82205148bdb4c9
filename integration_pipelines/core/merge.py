"""Both sides of every live link beside each other, field by field, in canonical form; and the base that both once agreed on.

Nearly every live link says the same on both sides and in the base to the letter, and of those no more is kept than who they are: that is
`verbatim_links` (where it says so). Of all others `wide` has one row with `l_<field>`, `r_<field>` (canonical text, null = missing) and
`z_<field>` (base) for every field that is compared. Which value wins is `reconcile`.
"""

from collections.abc import Mapping

import pyarrow as pa

from integration_pipelines.core.canonical import canonical, trimmed
from integration_pipelines.core.contract import Contract, SyncField
from integration_pipelines.core.line_items import line_items
from integration_pipelines.core.rollup_groups import TOLD, group_rollup
from integration_pipelines.core.said import ALIASES, form_of, key_of, lookups, place_of, said, verbatim
from integration_pipelines.core.settled import KEPT, judged_by_row, owner_side
from integration_pipelines.core.sql import Sql, first_said, name, text

LABEL = 200
"""Characters of the name under which people are shown a record."""


def compared_fields(contract: Contract) -> dict[str, SyncField]:
    """The fields that are compared: all but the stamps, which the sync writes and never reads."""
    return {f: spec for f, spec in contract.fields.items() if spec.owner != "sync"}


def widen(sql: Sql, contract: Contract, setting_up: str) -> None:
    """Make `wide` from `live_links`, `accepted_*`, `sub_facts` and `base`.

    `setting_up` names a table (tenant_id) of tenants at which the contract's own properties do not exist yet; there a missing property
    that the set-up will create counts as blank, so that the first plan shows what would be written.
    """
    if contract.rollup is not None:
        sql.view("link_groups", "SELECT tenant_id, left_id AS group_id, right_id AS customer_id, siblings FROM live_links")
        group_rollup(sql, contract, "group_facts", "link_groups")
        if _lists_lines(contract):
            line_items(sql, contract, "link_groups")
        _group_holds(sql, contract)
    fields = compared_fields(contract)
    for object_name in dict.fromkeys(lookup.object for _, _, lookup, _ in lookups(fields)):
        sql.make(f"looked_up_{object_name}", _canonical_lookups(contract, fields, object_name))
    if sql.few:  # to ask who says the same to the letter would take longer than to bring everybody's words into form
        sql.make("beside", _joined(contract, fields, setting_up))
        sql.make("wide", judged_by_row(contract, fields, _formed(contract, fields, "beside")))
        sql.view("verbatim_links", f"SELECT {_NAMED}, false AS verbatim FROM beside")
        return
    sql.make("beside", _beside(_joined(contract, fields, setting_up), verbatim(contract, fields)))
    sql.make(
        "wide", judged_by_row(contract, fields, _formed(contract, fields, "(SELECT unnest(odd, max_depth := 2) FROM beside)"))
    )
    sql.make_of("verbatim_links", "beside", without="odd")


_NAMED = "tenant_id, link_id, left_id, right_id, is_primary, record_label"


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
    refused = "a record that this value is computed from is in quarantine: "
    measure = "a record that this value is computed from has amounts that cannot be computed: "
    quarantined = "SELECT tenant_id, record_id FROM left_out WHERE outcome = 'quarantined' AND object ="
    sql.make(
        "group_holds",
        f"""SELECT tenant_id, group_id, min(trouble) AS trouble FROM (
          SELECT g.tenant_id, g.group_id, {text(refused)} || o.record_id AS trouble FROM link_groups g
          JOIN observed_{rollup.object} o ON o.tenant_id = g.tenant_id AND o.{name(spec.parent or "")} = g.customer_id
          SEMI JOIN ({quarantined} {text(rollup.object)}) q ON q.tenant_id = o.tenant_id AND q.record_id = o.record_id
          UNION ALL
          SELECT k.tenant_id, k.left_id, {text(refused)} || k.right_id FROM links k
          SEMI JOIN ({quarantined} {text(spec.parent_object)}) q ON q.tenant_id = k.tenant_id AND q.record_id = k.right_id
          WHERE k.state = 'live'
          UNION ALL
          SELECT g.tenant_id, g.group_id, {text(measure)} || f.record_id FROM link_groups g
          JOIN sub_facts f ON f.tenant_id = g.tenant_id AND f.customer_id = g.customer_id WHERE f.mrr12 IS NULL)
        GROUP BY tenant_id, group_id""",
    )


def _joined(contract: Contract, fields: Mapping[str, SyncField], setting_up: str) -> str:
    """Every live link with what it needs of both records, of what is behind them and of the base; as it was read."""
    left, right = contract.main_object("left"), contract.main_object("right")
    shown = [*_read(fields), *_bases(contract, fields)]
    rollups, trouble = "", "NULL::VARCHAR"
    if contract.rollup is not None:
        shown += [f"coalesce(g.{fact}, {blank}) AS {name(f'g.{fact}')}" for fact, blank in TOLD.items()]
        trouble = "h.trouble"
        rollups = """LEFT JOIN group_facts g ON g.tenant_id = k.tenant_id AND g.customer_id = k.right_id
          LEFT JOIN group_holds h ON h.tenant_id = k.tenant_id AND h.group_id = k.left_id"""
    if _lists_lines(contract):
        shown.append(f"coalesce(i.line_items, '') AS {name('g.line_items')}")
        rollups += " LEFT JOIN group_lines i ON i.tenant_id = k.tenant_id AND i.group_id = k.left_id"
    behind = dict.fromkeys(
        f"""LEFT JOIN looked_up_{lookup.object} {key} ON {key}.tenant_id = k.tenant_id
          AND {key}.record_id = nullif({ALIASES[side]}.{name(place.column or "")}, '')"""
        for side, place, lookup, _ in lookups(fields)
        for key in (name(key_of(side, place, lookup)),)
    )
    return f"""SELECT k.tenant_id, k.link_id, k.left_id, k.right_id, k.is_new, k.is_primary, k.is_oldest, k.siblings, k.dispute,
        {trouble} AS rollup_trouble, z.link_id <> k.link_id OR ({_outdated(contract, fields)}) AS followed, u.tenant_id IS NOT NULL AS setting_up,
        {_label(contract, "left", "l")} AS record_label, l.observed_at AS left_observed_at, r.observed_at AS right_observed_at,
        {", ".join(dict.fromkeys(shown))}
      FROM live_links k
      JOIN observed_{left} l ON l.tenant_id = k.tenant_id AND l.record_id = k.left_id
      JOIN observed_{right} r ON r.tenant_id = k.tenant_id AND r.record_id = k.right_id
      LEFT JOIN {setting_up} u ON u.tenant_id = k.tenant_id
      LEFT JOIN base z ON z.tenant_id = k.tenant_id AND z.link_id = k.base_link_id
      {rollups} {" ".join(behind)}"""


def _beside(joined: str, verbatim: str) -> str:
    """Every link once; one that is not the same to the letter carries all that was read of it, as the only row of a list."""
    return f"""SELECT {_NAMED}, b.verbatim,
        CASE WHEN NOT b.verbatim THEN [b] END AS odd
      FROM (SELECT *, coalesce({verbatim}, false) AS verbatim FROM ({joined})) b"""


def _formed(contract: Contract, fields: Mapping[str, SyncField], joined: str) -> str:
    """What both sides say in canonical form, of every link that needs it."""
    forms = [
        f"{said(contract, spec, side).form} AS {name(f'{alias}_{field}')}"
        for field, spec in fields.items()
        for side, alias in ALIASES.items()
    ]
    bases = ", ".join(name("z_" + field) for field in fields)
    return f"SELECT {KEPT}, is_oldest, {', '.join(forms)}, {bases} FROM {joined}"


def _lists_lines(contract: Contract) -> bool:
    return any(side.rollup == "line_items" for spec in contract.fields.values() for side in (spec.left, spec.right))


def _read(fields: Mapping[str, SyncField]) -> list[str]:
    """The columns that the fields stand in or behind, under the names that `said` reads."""
    columns = [
        f"{alias}.{name(column)} AS {name(f'{alias}.{column}')}"
        for spec in fields.values()
        for side, alias in ALIASES.items()
        if (column := place_of(spec, side).column) is not None
    ]
    for side, place, lookup, spec in lookups(fields):
        key = key_of(side, place, lookup)
        columns += [f"{name(key)}.{name(c)} AS {name(f'{key}.{c}')}" for c in ("gone", form_of(lookup, spec))]
    return columns


def _bases(contract: Contract, fields: Mapping[str, SyncField]) -> list[str]:
    """What is known to have stood on both sides; of what the right side owns only under the link that it is shown by.

    The survivor of a merge never held what the record before it held, and under another link of the same left record something else was
    written since: neither must make an edit of somebody's out of what we wrote ourselves.
    """
    own = "CASE WHEN k.base_link_id = k.link_id AND k.is_primary THEN z.{0} END"
    return [
        f"{('z.{0}' if owner_side(contract, spec) == 'left' else own).format(name(field))} AS {name('z_' + field)}"
        for field, spec in fields.items()
    ]


def _outdated(contract: Contract, fields: Mapping[str, SyncField]) -> str:
    """Whether a link that the left record does not go by any more still has a base of what the right side owns: it is to be forgotten."""
    shown = [f"z.{name(field)}" for field, spec in fields.items() if owner_side(contract, spec) != "left"]
    return f"NOT k.is_primary AND coalesce({', '.join(shown)}) IS NOT NULL" if shown else "false"


def _label(contract: Contract, side: str, alias: str) -> str:
    spec = contract.objects[contract.main_object("left" if side == "left" else "right")]
    shown = first_said(alias, spec.label, "record_id")
    return f"CASE WHEN strlen({shown}) <= {LABEL} THEN {shown} ELSE left({shown}, {LABEL}) END"


def _canonical_lookups(contract: Contract, fields: Mapping[str, SyncField], object_name: str) -> str:
    """Every value that is looked up in an object, in canonical form: made once a row there, not once a row that refers to it."""
    forms = {}
    for _, _, lookup, spec in lookups(fields):
        if lookup.object == object_name:
            columns = lookup.column.split()
            raw = f"o.{name(columns[0])}" if len(columns) == 1 else _spaced("o", columns)
            forms[form_of(lookup, spec)] = canonical(spec.type, raw)
    archived = "coalesce(lower(o.archived) = 'true', false)" if "archived" in contract.objects[object_name].columns else "false"
    shown = ", ".join(f"{form} AS {name(column)}" for column, form in forms.items())
    return f"SELECT o.tenant_id, o.record_id, {archived} AS gone, {shown} FROM accepted_{object_name} o"


def _spaced(alias: str, columns: list[str]) -> str:
    """Several columns as one text; if a part is missing nobody knows the whole."""
    missing = " OR ".join(f"{alias}.{name(c)} IS NULL" for c in columns)
    parts = ", ".join(f"nullif({trimmed(f'{alias}.{name(c)}')}, '')" for c in columns)
    return f"CASE WHEN {missing} THEN NULL ELSE concat_ws(' ', {parts}) END"
