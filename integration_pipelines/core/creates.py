"""Left records that are made for right records without a counterpart, and those that go again when theirs is gone.

Makes `creations` (one row per right record that gets a left one, with what it starts with) and `removals` (links whose left record we
made and whose right record is gone). Both are empty unless the contract asks for them. Which of it may happen is `guards` and approval;
right records are never made and never removed.
"""

import pyarrow as pa

from integration_pipelines.core.canonical import canonical, major_from_minor, trimmed
from integration_pipelines.core.contract import Column, Contract, CreateRule, FieldType, SyncField
from integration_pipelines.core.merge import compared_fields
from integration_pipelines.core.rollup_groups import TOLD, group_rollup
from integration_pipelines.core.settled import owner_side
from integration_pipelines.core.sql import Sql, first_said, mapped, name, text, text_list
from integration_pipelines.core.tables import TEXT
from integration_pipelines.core.templates import composed, placeholders

CREATED = "created"
"""The rule that linked a record with the one it was made for."""

NAMED_RECORDS = pa.schema([(c, TEXT) for c in ("tenant_id", "target", "target_id", "record_id")])
"""Records that we made: the unique value they were made under, and the id that the partner gave them."""

NOT_MADE = ("create.when", "create.since")
"""Why a record that nothing matches gets no counterpart although the contract makes some: rules of `unlinked`."""

_CHANGE = "STRUCT(field VARCHAR, path VARCHAR, before VARCHAR, after VARCHAR, value VARCHAR)"


def name_created(sql: Sql, contract: Contract, created: pa.Table) -> None:
    """Say of new links between a record that we made and the one it was made for why they belong together (`NAMED_RECORDS`)."""
    if created.num_rows == 0:
        return
    sql.put("created_records", created)
    left, right, rule = text(contract.main_object("left")), contract.main_object("right"), contract.matching.create
    if rule is None:
        raise AssertionError("only a contract that creates has records that it made")
    value = canonical(contract.objects[right].columns[rule.value].type, f"r.{name(rule.value)}")
    sql.change(
        f"""UPDATE moved_links SET match_rule = {text(CREATED)}, match_evidence = 'We made the record for this one.'
        FROM created_records c, observed_{right} r
        WHERE moved_links.is_new AND moved_links.state = 'live' AND moved_links.base_link_id IS NULL AND c.tenant_id = moved_links.tenant_id
          AND c.target = {left} AND c.record_id = moved_links.left_id AND r.tenant_id = moved_links.tenant_id AND r.record_id = moved_links.right_id
          AND c.target_id = {value}"""
    )
    sql.drop("created_records")


def find_creations(sql: Sql, contract: Contract, installed: pa.Table) -> None:
    """Make `creations` (tenant_id, right_id, unique_value, record_label, changes) and `removals` (tenant_id, link_id, left_id, record_label).

    `installed` (`INSTALLED`) is asked where the contract makes nothing for what was there before.
    """
    if contract.matching.unmatched_right == "create" and contract.matching.create is not None:
        sql.put("installed", installed)
        _leave_out(sql, contract, contract.matching.create)
        sql.make("creations_wanted", _wanted(contract, contract.matching.create))
        groups = "SELECT tenant_id, right_id AS group_id, right_id AS customer_id, 1 AS siblings FROM creations_wanted"
        sql.view("created_groups", groups)
        if contract.rollup is not None:
            group_rollup(sql, contract, "created_facts", "created_groups")
        sql.make("creations", _starting(contract))
        sql.drop("creations_wanted", "installed")
    else:
        none = ", ".join(f"NULL::VARCHAR AS {column}" for column in ("tenant_id", "right_id", "unique_value", "record_label"))
        sql.make("creations", f"SELECT {none}, NULL::{_CHANGE}[] AS changes WHERE false")
    sql.make("removals", _removals(contract))


def _leave_out(sql: Sql, contract: Contract, rule: CreateRule) -> None:
    """Say in `unlinked` which records get no counterpart by the contract's own word; nobody has to look at them."""
    when, since = NOT_MADE
    right = contract.main_object("right")
    conditions = []
    if rule.since is not None:
        early = f"coalesce(TRY_CAST(r.{name(rule.since)} AS TIMESTAMPTZ) < i.installed_at, true)"
        conditions.append((early, since, "it was there before the integration was installed, and gets no record"))
    for column, values in rule.when.items():
        other = f"coalesce(r.{name(column)}, '') NOT IN {text_list(values)}"
        conditions.append((other, when, f"a record is made only when {column} is {' or '.join(values)}"))
    for other, why, reason in conditions:
        sql.change(
            f"""UPDATE unlinked SET rule = {text(why)}, reason = {text(reason)} FROM accepted_{right} r
              LEFT JOIN installed i ON i.tenant_id = r.tenant_id
            WHERE unlinked.outcome = 'unmatched' AND unlinked.rule = 'no_rule_matched' AND r.tenant_id = unlinked.tenant_id
              AND r.record_id = unlinked.record_id AND {other}"""
        )


def _wanted(contract: Contract, rule: CreateRule) -> str:
    """Right records that nothing matches and nothing speaks against: what is doubtful stays a task for a person."""
    left, right = contract.main_object("left"), contract.main_object("right")
    value = canonical(contract.objects[right].columns[rule.value].type, f"r.{name(rule.value)}")
    holder = canonical(contract.objects[left].columns[rule.unique].type, f"l.{name(rule.unique)}")
    unknown = f"SELECT DISTINCT tenant_id FROM observed_{left} WHERE NOT deleted AND {name(rule.unique)} IS NULL"
    return f"""SELECT r.tenant_id, r.record_id AS right_id, {value} AS unique_value FROM accepted_{right} r
      SEMI JOIN (SELECT tenant_id, record_id FROM unlinked WHERE outcome = 'unmatched' AND rule = 'no_rule_matched') u
        ON u.tenant_id = r.tenant_id AND u.record_id = r.record_id
      ANTI JOIN observed_{left} l ON l.tenant_id = r.tenant_id AND (l.record_id = r.record_id OR {holder} = {value})
      ANTI JOIN ({unknown} EXCEPT SELECT tenant_id FROM setting_up) s ON s.tenant_id = r.tenant_id
      {_doubled(contract)} WHERE coalesce({value}, '') <> ''{_trouble(contract)}"""


def _doubled(contract: Contract) -> str:
    """Records that share what should tell them apart may be one customer, and one customer never gets two records."""
    right = contract.main_object("right")
    joins = []
    for column in dict.fromkeys(r.unique_right for r in contract.matching.rules if r.unique_right):
        kind = contract.objects[right].columns[column].type
        shared, mine = canonical(kind, f"d.{name(column)}"), canonical(kind, f"r.{name(column)}")
        doubles = f"SELECT tenant_id, {shared} AS shared FROM accepted_{right} d GROUP BY ALL HAVING count(*) > 1"
        joins.append(
            f"ANTI JOIN ({doubles}) d_{column} ON d_{column}.tenant_id = r.tenant_id AND d_{column}.shared = nullif({mine}, '')"
        )
    return " ".join(joins)


def _trouble(contract: Contract) -> str:
    """A record whose detail rows cannot be added up waits until they can."""
    if contract.rollup is None:
        return ""
    spec = contract.objects[contract.rollup.object]
    return f""" AND NOT EXISTS (SELECT 1 FROM sub_facts f WHERE f.tenant_id = r.tenant_id AND f.customer_id = r.record_id AND f.mrr12 IS NULL)
      AND NOT EXISTS (SELECT 1 FROM observed_{contract.rollup.object} o
        SEMI JOIN (SELECT * FROM left_out WHERE outcome = 'quarantined' AND object = {text(contract.rollup.object)}) q
          ON q.tenant_id = o.tenant_id AND q.record_id = o.record_id
        WHERE o.tenant_id = r.tenant_id AND o.{name(spec.parent or "")} = r.record_id)"""


def _starting(contract: Contract) -> str:
    """What the new records start with, in the left partner's spelling; blank values are left away."""
    right, left = contract.main_object("right"), contract.main_object("left")
    changes = ", ".join(
        f"{{'field': {text(field)}, 'path': {text(contract.objects[left].columns[column].source)}, 'before': '', 'after': {after}, "
        f"'value': {value}}}"
        for field, (column, after, value) in sorted(_values(contract).items())
    )
    facts = "LEFT JOIN created_facts g ON g.tenant_id = k.tenant_id AND g.customer_id = k.right_id" if contract.rollup else ""
    label = first_said("r", contract.objects[right].label, "record_id")
    return f"""SELECT k.tenant_id, k.right_id, k.unique_value, left({label}, 200) AS record_label,
        list_filter([{changes}], lambda c: coalesce(c.after, '') <> '')::{_CHANGE}[] AS changes
      FROM creations_wanted k JOIN accepted_{right} r ON r.tenant_id = k.tenant_id AND r.record_id = k.right_id {facts}"""


def _values(contract: Contract) -> dict[str, tuple[str, str, str]]:
    """Field (or column, where no field keeps it) → left column, text as it is written, canonical value."""
    rule, right = contract.matching.create, contract.objects[contract.main_object("right")].columns
    fields = {f: s for f, s in compared_fields(contract).items() if owner_side(contract, s) == "right" and s.left.column}
    found: dict[str, tuple[str, str, str]] = {}
    for field, spec in fields.items():
        value = _canonical(spec)
        if value is not None and spec.left.column is not None:
            found[field] = spec.left.column, _spelled(contract, spec, value), value
    if rule is not None:
        named = {spec.left.column: field for field, spec in contract.fields.items() if spec.left.column}
        for column, source in {**rule.columns, rule.unique: rule.value}.items():
            raw = canonical(right[source].type, f"r.{name(source)}")
            found[named.get(column, column)] = column, raw, raw
        left = contract.objects[contract.main_object("left")].columns
        for column, template in rule.texts.items():
            said = composed(template, {n: f"r.{name(n)}" for n in placeholders(template)}, _longest(left[column]))
            found[column] = column, said, said
    return found


def _longest(column: Column) -> int | None:
    """The longest text that the gate lets pass in a column."""
    return min((int(e.maximum) for e in column.expectations if e.expect == "max_length" and e.maximum), default=None)


def _canonical(spec: SyncField) -> str | None:
    """The owner's value as the merge would see it; None where it stands behind another record and comes with the next plan."""
    if spec.right.rollup == "line_items":
        return None
    if spec.right.rollup is not None:
        value = f"coalesce(g.{spec.right.rollup}, {TOLD[spec.right.rollup]})"
    elif spec.right.lookup is None and spec.right.column is not None and spec.type is not FieldType.MONEY:
        raw = trimmed(f"r.{name(spec.right.column)}")
        value = canonical(spec.type, mapped(raw, spec.right.map) if spec.right.map else f"r.{name(spec.right.column)}")
    else:
        return None
    return f"coalesce(nullif({value}, ''), {text(spec.default)})" if spec.blank == "default" else value


def _spelled(contract: Contract, spec: SyncField, value: str) -> str:
    if spec.type is FieldType.MONEY:
        currency = _canonical(contract.fields[spec.currency_field or ""])
        return major_from_minor(value, f"coalesce({currency}, '')")
    return mapped(value, {canonical_value: own for own, canonical_value in spec.left.map.items()})


def _removals(contract: Contract) -> str:
    """Records of ours whose right record is gone (their link is one-sided) and to which no other right record is linked."""
    if contract.matching.gone_right != "archive":
        none = ", ".join(f"NULL::VARCHAR AS {column}" for column in ("tenant_id", "link_id", "left_id", "record_label"))
        return f"SELECT {none} WHERE false"
    left, right = contract.main_object("left"), contract.main_object("right")
    label = first_said("l", contract.objects[left].label, "record_id")
    return f"""SELECT k.tenant_id, k.link_id, k.left_id, left({label}, 200) AS record_label FROM links k
      JOIN accepted_{left} l ON l.tenant_id = k.tenant_id AND l.record_id = k.left_id
      ANTI JOIN (SELECT tenant_id, record_id FROM observed_{right} WHERE NOT deleted) o ON o.tenant_id = k.tenant_id AND o.record_id = k.right_id
      ANTI JOIN (SELECT tenant_id, left_id FROM links WHERE state = 'live') s ON s.tenant_id = k.tenant_id AND s.left_id = k.left_id
      WHERE k.state = 'one_sided' AND k.match_rule = {text(CREATED)}"""
