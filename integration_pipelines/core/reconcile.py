"""The merge: each field of each link gets exactly one verdict, by the truth table of the product's promises.

    o = owner's value, x = the other side's, z = base (last value both were seen to hold), I = values we sent and have not confirmed
    o = x                     in sync; z becomes o
    x = z or x in I           drift: write o
    no base, o <> x           drift: the owner wins, x is kept
    o = z, x changed          foreign edit: restore o, or hold, as the contract says; x is kept
    all three differ          conflict: the owner wins, x is kept
    two-way, one side = z     the side that moved wins; a side that shows what we sent has not moved
    two-way, both moved       the field's rule; without a base: hold
    missing on a side         not compared

Makes `cells` (differing fields with their verdict), `field_counts` and `base_moves`.
"""

from integration_pipelines.core.contract import Contract, FieldType
from integration_pipelines.core.epochs import came_back
from integration_pipelines.core.merge import compared_fields
from integration_pipelines.core.rollup_groups import customer_parts
from integration_pipelines.core.settled import MIXED, compared_bit, currency_of, owner_side, owners
from integration_pipelines.core.sql import Sql, name, text


def reconcile(sql: Sql, contract: Contract) -> None:
    """Judge `wide` against `base` and `intents` (tenant_id, target, target_id, field, value)."""
    _rules(sql, contract)
    _cells(sql, contract)
    _verdicts(sql, contract)
    _field_counts(sql, contract)
    _base_moves(sql, contract)


def _rules(sql: Sql, contract: Contract) -> None:
    """`field_rules`: what the contract says about each field, as rows to join."""
    left, right = contract.main_object("left"), contract.main_object("right")
    rows = []
    for field, spec in compared_fields(contract).items():
        side = owner_side(contract, spec)
        target = right if side == "left" else left
        rows.append(
            f"({text(field)}, {text(side)}, {text(spec.owner)}, {text(target)}, {text(spec.on_foreign_edit)}, "
            f"{text(spec.two_way_rule)}, {spec.max_length or 'NULL'}::INTEGER, {spec.type is FieldType.MONEY})"
        )
    columns = "field, owner_side, owner_role, target, on_foreign_edit, two_way_rule, max_length, is_amount"
    sql.make("field_rules", f"SELECT * FROM (VALUES {', '.join(rows)}) AS rules({columns})")


def _cells(sql: Sql, contract: Contract) -> None:
    """`raw_cells`: the rows that differ somewhere, one row per differing field. Rows in sync never leave the columns."""
    fields = compared_fields(contract)
    differs = " OR ".join(f"{name('l_' + f)} <> {name('r_' + f)}" for f in fields)
    structs = []
    for field, spec in fields.items():
        held = _hold_reason(contract, field)
        currency = f"coalesce({currency_of(contract, spec)}, '')" if spec.type is FieldType.MONEY else "NULL"
        structs.append(
            f"{{'field': {text(field)}, 'l': {name('l_' + field)}, 'r': {name('r_' + field)}, 'z': {name('z_' + field)}, "
            f"'currency': {currency}, 'hold': {held}}}"
        )
    always = " OR ".join(f"({_hold_reason(contract, f)}) IS NOT NULL" for f, s in fields.items() if s.type is FieldType.MONEY)
    kept = "tenant_id, link_id, left_id, right_id, record_label, left_observed_at, right_observed_at, rollup_trouble, siblings, dispute"
    sql.make(
        "raw_cells",
        f"""SELECT {kept}, cell.* FROM (SELECT {kept}, unnest([{", ".join(structs)}]) AS cell
          FROM wide WHERE NOT settled AND ({differs}{" OR " + always if always else ""}))
        WHERE cell.l IS NOT NULL AND cell.r IS NOT NULL AND (cell.l <> cell.r OR cell.currency = '{MIXED}')""",
    )


def _hold_reason(contract: Contract, field: str) -> str:
    """An expression: why a value may not be written although it differs; null when it may."""
    spec = contract.fields[field]
    cases = ["WHEN dispute IS NOT NULL THEN dispute"]
    if spec.type is FieldType.MONEY and spec.currency_field:
        mixed = "the customer pays in several currencies and amounts never add across them"
        cases.append(f"WHEN {currency_of(contract, spec)} = '{MIXED}' THEN {text(mixed)}")
    if spec.left.rollup or spec.right.rollup:
        cases.append("WHEN rollup_trouble IS NOT NULL THEN rollup_trouble")
    if contract.matching.several_right_per_left == "ambiguous":
        cases.append("WHEN siblings > 1 THEN 'a merge left several records linked to this one; a person decides which stays'")
    return f"CASE WHEN {name('l_' + field)} IS NULL OR {name('r_' + field)} IS NULL THEN NULL {' '.join(cases)} END"


def _verdicts(sql: Sql, contract: Contract) -> None:
    """`cells`: the truth table, row by row."""
    left, right = text(contract.main_object("left")), text(contract.main_object("right"))
    sent = """EXISTS (SELECT 1 FROM intents i WHERE i.tenant_id = c.tenant_id AND i.target = {0} AND i.target_id = c.{1}_id
        AND i.field = c.field AND i.value = c.{2})"""
    sql.make(
        "sides",
        f"""SELECT *, CASE WHEN owner_side = 'right' THEN r ELSE l END AS o, CASE WHEN owner_side = 'right' THEN l ELSE r END AS x,
          CASE WHEN owner_side = 'right' THEN l_sent ELSE r_sent END AS ours
        FROM (SELECT c.*, r.owner_side, r.owner_role, r.on_foreign_edit, r.two_way_rule, r.max_length, r.is_amount,
            {sent.format(left, "left", "l")} AS l_sent, {sent.format(right, "right", "r")} AS r_sent
          FROM raw_cells c JOIN field_rules r USING (field))""",
    )
    sql.make("judged", _JUDGED)
    target = f"CASE WHEN action = 'write_right' OR owner_side = 'left' THEN {right} ELSE {left} END"
    sql.make(
        "cells",
        f"""SELECT * REPLACE (CASE WHEN {came_back(contract)} THEN reason || {text(_BACK)} ELSE reason END AS reason), {target} AS target,
          CASE WHEN {target} = {left} THEN left_id ELSE right_id END AS target_id FROM ({_CELLS})""",
    )
    sql.drop("raw_cells", "sides", "judged")


_BACK = "; the customer had left and is back"

_JUDGED = """SELECT *, CASE WHEN owner_side = 'two_way' THEN CASE WHEN l_sent <> r_sent OR r = z OR l = z THEN 'drift' ELSE 'conflict' END
    WHEN z IS NULL OR x = z OR ours THEN 'drift' WHEN o = z THEN 'foreign_edit' ELSE 'conflict' END AS kind,
  CASE WHEN owner_side <> 'two_way' THEN owner_side WHEN l_sent <> r_sent THEN CASE WHEN r_sent THEN 'left' ELSE 'right' END
    WHEN z IS NULL THEN NULL WHEN r = z THEN 'left' WHEN l = z THEN 'right'
    WHEN two_way_rule = 'left_wins' THEN 'left' WHEN two_way_rule = 'right_wins' THEN 'right' END AS winner
  FROM sides"""

_CELLS = """SELECT *, CASE winner WHEN 'left' THEN l WHEN 'right' THEN r END AS resolved,
    CASE WHEN trouble IS NOT NULL THEN 'hold' WHEN winner = 'left' THEN 'write_right' ELSE 'write_left' END AS action,
    coalesce(trouble, CASE kind
      WHEN 'drift' THEN CASE WHEN owner_side = 'two_way' THEN 'only one side changed since both agreed' WHEN z IS NULL
          THEN 'first comparison: ' || owner_role || ' owns this field' WHEN ours AND x IS DISTINCT FROM z
          THEN 'our earlier write is on its way: ' || owner_role || ' has a newer value' ELSE owner_role || ' changed and owns this field' END
      WHEN 'foreign_edit' THEN owner_role || ' owns this field and did not change; the edit on the other side is put back and kept'
      ELSE CASE WHEN owner_side = 'two_way' THEN 'both sides changed; the field''s rule decides'
        ELSE 'both sides changed; ' || owner_role || ' owns this field, the other value is kept' END END) AS reason,
    CASE WHEN hold IS NOT NULL THEN 'hold' WHEN winner IS NULL THEN 'two_way.hold' WHEN too_long THEN 'max_length.hold'
      WHEN unread THEN 'amount.hold' ELSE kind || '.' ||
      CASE WHEN kind = 'foreign_edit' THEN on_foreign_edit ELSE 'owner_wins' END END AS rule_id
  FROM (SELECT *, coalesce(hold, CASE
      WHEN winner IS NULL THEN 'both sides changed and no rule says who wins'
      WHEN kind = 'foreign_edit' AND on_foreign_edit = 'hold' THEN owner_role || ' owns this field; the contract holds such edits for a person'
      WHEN too_long THEN 'the value is longer than the other side allows'
      WHEN unread THEN 'the value is no amount of its currency' END) AS trouble
    FROM (SELECT *, coalesce(length(won) > max_length, false) AS too_long,
        is_amount AND coalesce(won <> '' AND TRY_CAST(won AS HUGEINT)::VARCHAR IS DISTINCT FROM won, false) AS unread
      FROM (SELECT *, CASE winner WHEN 'left' THEN l WHEN 'right' THEN r END AS won FROM judged)))"""


def _field_counts(sql: Sql, contract: Contract) -> None:
    """`field_counts`: per tenant and field, how many were compared, matched, differing and held."""
    compared = [
        f"{{'field': {text(f)}, 'compared': (verbatim + count(*) FILTER (WHERE {compared_bit(place)} <> 0))::BIGINT}}"
        for place, f in enumerate(compared_fields(contract))
    ]
    verbatim = "SELECT tenant_id, count(*) FILTER (WHERE verbatim) AS verbatim FROM verbatim_links GROUP BY tenant_id"
    counted = f"""SELECT tenant_id, unnest([{", ".join(compared)}]) AS n FROM ({verbatim}) LEFT JOIN wide USING (tenant_id)
      GROUP BY tenant_id, verbatim"""
    sql.make(
        "field_counts",
        f"""SELECT n.tenant_id, r.target AS object, n.field, n.compared, n.compared - coalesce(d.differing, 0) AS matched,
          coalesce(d.differing, 0) - coalesce(d.held, 0) AS differing, coalesce(d.held, 0) AS held
        FROM (SELECT tenant_id, n.field, n.compared FROM ({counted})) n JOIN field_rules r USING (field)
        LEFT JOIN (SELECT tenant_id, field, count(*) AS differing, count(*) FILTER (WHERE action = 'hold') AS held
          FROM cells GROUP BY ALL) d ON d.tenant_id = n.tenant_id AND d.field = n.field""",
    )


def _base_moves(sql: Sql, contract: Contract) -> None:
    """`base_moves`: the whole new base row of every link where both sides were seen to hold a value that is not the base yet.

    A link that followed a merge takes along what the base of the link before it still says.
    """
    fields = compared_fields(contract)
    agreed = {f: f"{name('l_' + f)} = {name('r_' + f)} AND {name('l_' + f)} IS DISTINCT FROM {name('z_' + f)}" for f in fields}
    columns = ", ".join(f"CASE WHEN {agreed[f]} THEN {name('l_' + f)} ELSE {name('z_' + f)} END AS {name(f)}" for f in fields)
    moved = " OR ".join(f"coalesce({a}, false)" for a in ("followed", *agreed.values()))
    sql.make("base_moves", f"SELECT tenant_id, link_id, {columns} FROM wide WHERE NOT settled AND ({moved})")


def merged(contract: Contract) -> str:
    """The query for the merged customers: per link the value that each field should have, by its owner, and the parts of its roll-up."""
    fields = compared_fields(contract)
    agreed = ", ".join(f"z.{name(field)}" for field in fields)
    columns = ", ".join(
        f"CASE WHEN settled THEN {name('l_' + field)} ELSE {owners(contract, field)} END AS {name(field)}" for field in fields
    )
    kept = "tenant_id, link_id, left_id, right_id, is_primary, record_label"
    links = f"""SELECT {", ".join(f"v.{column}" for column in kept.split(", "))}, {agreed} FROM verbatim_links v
        JOIN base z ON z.tenant_id = v.tenant_id AND z.link_id = v.link_id WHERE v.verbatim
      UNION ALL SELECT {kept}, {columns} FROM wide"""
    if contract.rollup is None:
        return f"{links} ORDER BY tenant_id, left_id, right_id"
    return f"""SELECT k.*, coalesce(p.parts, []) AS parts FROM ({links}) k LEFT JOIN ({customer_parts("group_facts")}) p
        ON p.tenant_id = k.tenant_id AND p.customer_id = k.right_id ORDER BY k.tenant_id, k.left_id, k.right_id"""
