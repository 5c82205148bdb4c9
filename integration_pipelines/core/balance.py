"""The completeness ledger: every source record that the extract saw has exactly one outcome.

The outcomes in order, the first that holds wins: failed, unknown, quarantined, ambiguous, held, written, in_sync, unmatched, excluded.
A record that is part of a link shares the link's worst outcome; a detail row (a subscription) shares its main record's.
"""

from dataclasses import dataclass

import pyarrow as pa

from integration_pipelines.core.contract import Contract, ObjectKind
from integration_pipelines.core.link_rules import RETURNED
from integration_pipelines.core.sql import Sql, name, text
from integration_pipelines.core.tables import OUTCOMES

ORDER = ("failed", "unknown", "quarantined", "ambiguous", "held", "written", "in_sync", "unmatched", "excluded")


@dataclass(frozen=True, slots=True)
class Imbalance:
    """A record without an outcome, or with an outcome although no extract saw it."""

    tenant_id: str
    object: str
    record_id: str
    what: str


def outcomes(sql: Sql, contract: Contract, writes: pa.Table) -> pa.Table:
    """One outcome per record that reached the end of the chain (`OUTCOMES`), ordered.

    `writes`: tenant_id, target, target_id, state: what became of this pass' writes. Reads `links`, `live_links`, `cells`, `unlinked`,
    `left_out`, `accepted_*`.
    """
    sql.put("pass_writes", writes)
    sql.make("write_outcomes", _write_outcomes(contract))
    sql.make("group_outcomes", _group_outcomes())
    parts = ["SELECT tenant_id, object, record_id, outcome, rule FROM left_out"]
    for object_name, spec in contract.objects.items():
        if spec.kind is ObjectKind.MAIN:
            parts.append(_main(contract, object_name))
        elif spec.kind is ObjectKind.LOOKUP:
            parts.append(f"SELECT tenant_id, {text(object_name)}, record_id, 'excluded', 'lookup' FROM accepted_{object_name}")
    sql.make("main_outcomes", " UNION ALL ".join(parts))
    details = [_detail(contract, n) for n, s in contract.objects.items() if s.kind is ObjectKind.DETAIL]
    union = " UNION ALL ".join(["SELECT * FROM main_outcomes", *details])
    result = sql.arrow(f"SELECT * FROM ({union}) ORDER BY tenant_id, object, record_id", OUTCOMES)
    sql.drop("pass_writes", "write_outcomes", "group_outcomes", "main_outcomes")
    return result


def imbalances(sql: Sql, tally: pa.Table, found: pa.Table) -> list[Imbalance]:
    """Compare what the extract saw (`TALLY`) with the outcomes; an empty list is a balance."""
    sql.put("tally", tally)
    sql.put("found", found)
    rows = sql.arrow(
        """SELECT tenant_id, object, record_id, 'was read but has no outcome' AS what FROM (
          SELECT DISTINCT tenant_id, object, record_id FROM tally) ANTI JOIN found USING (tenant_id, object, record_id)
        UNION ALL SELECT tenant_id, object, record_id, 'has ' || count(*) || ' outcomes' FROM found GROUP BY ALL HAVING count(*) > 1
        UNION ALL SELECT tenant_id, object, record_id, 'has an outcome but was never read' FROM found
          ANTI JOIN tally USING (tenant_id, object, record_id)
        ORDER BY ALL"""
    ).to_pylist()
    sql.drop("tally", "found")
    return [Imbalance(**row) for row in rows]


def _write_outcomes(contract: Contract) -> str:
    """Writes by the left record of their link."""
    left = contract.main_object("left")
    group = f"CASE WHEN w.target = {text(left)} THEN w.target_id ELSE k.left_id END"
    return f"""SELECT w.tenant_id, {group} AS group_id,
        CASE WHEN w.state = 'failed' THEN 'failed' WHEN w.state IN ('unknown', 'sent') THEN 'unknown'
          WHEN w.state IN ('applied', 'confirmed') THEN 'written' WHEN w.state IN ('planned', 'superseded') THEN 'held' END AS outcome,
        CASE WHEN w.state = 'superseded' THEN 'moved_since_planned' WHEN w.state = 'planned' THEN 'not_sent' ELSE 'write' END AS rule
      FROM pass_writes w LEFT JOIN live_links k ON k.tenant_id = w.tenant_id AND k.right_id = w.target_id AND w.target <> {text(left)}"""


def _group_outcomes() -> str:
    """Per left record the worst of its writes, its held fields, its differences that this pass does not write, and being in sync."""
    order = ", ".join(text(o) for o in ORDER)
    return f"""SELECT tenant_id, group_id, outcome, rule FROM (
        SELECT tenant_id, group_id, outcome, rule FROM write_outcomes
        UNION ALL SELECT tenant_id, left_id, 'held', rule_id FROM cells WHERE action = 'hold'
        UNION ALL SELECT c.tenant_id, c.left_id, 'held', 'not_planned' FROM cells c
          ANTI JOIN pass_writes w ON w.tenant_id = c.tenant_id AND w.target = c.target AND w.target_id = c.target_id WHERE c.action <> 'hold'
        UNION ALL SELECT tenant_id, left_id, 'held', 'link.one_sided' FROM links WHERE state = 'one_sided'
        UNION ALL SELECT tenant_id, left_id, 'held', 'link.disputed' FROM live_links WHERE dispute IS NOT NULL
        UNION ALL SELECT tenant_id, left_id, 'in_sync', 'compared' FROM live_links)
      QUALIFY row_number() OVER (PARTITION BY tenant_id, group_id ORDER BY list_position([{order}], outcome), rule) = 1"""


def _main(contract: Contract, object_name: str) -> str:
    is_left = object_name == contract.main_object("left")
    own = "left_id" if is_left else "right_id"
    rest = (
        f"""SELECT DISTINCT tenant_id, left_id AS record_id, 'ambiguous' AS outcome, '{RETURNED}' AS rule FROM links
          WHERE state = 'proposed' AND match_rule = '{RETURNED}'"""
        if is_left
        else """SELECT u.tenant_id, u.record_id, coalesce(w.outcome, u.outcome) AS outcome, coalesce(w.rule, u.rule) AS rule FROM unlinked u
          LEFT JOIN (SELECT w.outcome, w.rule, c.tenant_id, c.right_id FROM write_outcomes w
            JOIN creations c ON c.tenant_id = w.tenant_id AND c.unique_value = w.group_id) w
            ON w.tenant_id = u.tenant_id AND w.right_id = u.record_id"""
    )
    return f"""SELECT a.tenant_id, {text(object_name)} AS object, a.record_id, coalesce(g.outcome, u.outcome, 'unmatched') AS outcome,
        coalesce(g.rule, u.rule, CASE WHEN k.group_id IS NOT NULL THEN 'counterpart_left_out' ELSE 'no_counterpart' END) AS rule
      FROM accepted_{object_name} a
      LEFT JOIN (SELECT DISTINCT tenant_id, {own} AS record_id, left_id AS group_id FROM links WHERE state IN ('live', 'one_sided')) k
        ON k.tenant_id = a.tenant_id AND k.record_id = a.record_id
      LEFT JOIN group_outcomes g ON g.tenant_id = a.tenant_id AND g.group_id = k.group_id
      LEFT JOIN ({rest}) u ON u.tenant_id = a.tenant_id AND u.record_id = a.record_id"""


def _detail(contract: Contract, object_name: str) -> str:
    spec = contract.objects[object_name]
    return f"""SELECT a.tenant_id, {text(object_name)}, a.record_id, coalesce(m.outcome, 'unmatched'), coalesce(m.rule, 'parent_not_read')
      FROM accepted_{object_name} a LEFT JOIN main_outcomes m ON m.tenant_id = a.tenant_id AND m.object = {text(spec.parent_object)}
        AND m.record_id = a.{name(spec.parent or "")}"""
