"""Reconciliation diffs: what differs now, joined with what differed before, so that a difference keeps one identity until it is gone."""

from collections.abc import Iterator

import pyarrow as pa

from integration_pipelines.core.contract import Contract, FieldType
from integration_pipelines.core.creates import NOT_MADE
from integration_pipelines.core.merge import compared_fields
from integration_pipelines.core.sql import Sql, first_said, text, text_list
from integration_pipelines.core.tables import DIFFS


def diffs(sql: Sql, contract: Contract, unresolved: pa.Table, now_text: str) -> pa.Table:
    """Every difference of this pass and every earlier one that is now resolved, in the `DIFFS` shape, ordered.

    Reads `cells`, `links`, `unlinked`, `creations`, `removals` and the `runs` table (tenant_id, run_id).
    A difference seen before keeps its `diff_id`, `first_*` and the last plan and write that took care of it, and counts the runs that
    saw it; one that is gone is resolved.
    """
    sql.put("earlier", unresolved)
    sql.make(
        "fresh",
        " UNION ALL BY NAME ".join(
            (_field_rows(contract), _missing_rows(contract), *_alone_rows(contract), _link_rows(contract))
        ),
    )
    same = " AND ".join(
        f"coalesce(f.{c}, '') = coalesce(e.{c}, '')" for c in ("tenant_id", "field", "link_id", "left_id", "right_id")
    )
    now = f"{text(now_text)}::TIMESTAMPTZ"
    key = "to_json([f.tenant_id, f.field, f.link_id, f.left_id, f.right_id, r.run_id])::VARCHAR"
    sql.make(
        "seen",
        f"""SELECT f.*, coalesce(e.diff_id, 'diff_' || left(sha256({key}), 32)) AS diff_id, {text(contract.contract)} AS integration,
          {contract.version}::BIGINT AS contract_version, coalesce(e.first_seen_at, {now}) AS first_seen_at, {now} AS last_seen_at,
          coalesce(e.occurrences, 0) + CASE WHEN e.last_run_id = r.run_id THEN 0 ELSE 1 END AS occurrences,
          coalesce(e.first_run_id, r.run_id) AS first_run_id, r.run_id AS last_run_id,
          e.plan_id, e.write_id, NULL::TIMESTAMPTZ AS resolved_at
        FROM fresh f JOIN runs r ON r.tenant_id = f.tenant_id LEFT JOIN earlier e ON {same}""",
    )
    gone = f"""SELECT e.* REPLACE ('resolved' AS status, {now} AS resolved_at, r.run_id AS last_run_id)
      FROM earlier e JOIN runs r ON r.tenant_id = e.tenant_id ANTI JOIN seen s ON s.tenant_id = e.tenant_id AND s.diff_id = e.diff_id"""
    result = sql.arrow(f"SELECT * FROM (SELECT * FROM seen UNION ALL BY NAME {gone}) ORDER BY tenant_id, diff_id", DIFFS)
    sql.drop("earlier", "fresh")
    return result


def mark(sql: Sql, found: pa.Table, writes: pa.Table, fates: pa.Table) -> pa.Table:
    """Diffs with the plan and write that take care of them, and what became of it.

    `writes` are `PLANNED_WRITES`; `fates` has tenant_id, target, target_id, plan_id, write_id, status.
    """
    sql.put("found_diffs", found)
    sql.put("fated_writes", writes)
    sql.put("fates", fates)
    marked = sql.arrow(
        """SELECT d.* REPLACE (coalesce(m.plan_id, d.plan_id) AS plan_id, coalesce(m.write_id, d.write_id) AS write_id,
            CASE WHEN m.status IS NOT NULL AND d.resolved_at IS NULL THEN m.status ELSE d.status END AS status)
        FROM found_diffs d LEFT JOIN (SELECT w.tenant_id, unnest(w.diff_ids) AS diff_id, f.plan_id, f.write_id, f.status
            FROM fated_writes w JOIN fates f USING (tenant_id, target, target_id)) m
          ON m.tenant_id = d.tenant_id AND m.diff_id = d.diff_id ORDER BY d.tenant_id, d.diff_id""",
        DIFFS,
    )
    sql.drop("found_diffs", "fated_writes", "fates")
    return marked


def _field_rows(contract: Contract) -> str:
    money = [f for f, s in compared_fields(contract).items() if s.type is FieldType.MONEY]
    is_money = f"field IN ({', '.join(text(f) for f in money)})" if money else "false"
    amounts = " AND ".join(f"regexp_full_match({side}, '-?[0-9]{{1,30}}')" for side in "lr")
    delta = f"CASE WHEN {is_money} AND {amounts} THEN TRY_CAST(r::HUGEINT - l::HUGEINT AS BIGINT) END"
    return f"""SELECT tenant_id, target AS object, field, link_id, left_id, right_id, record_label, owner_role, l AS left_value,
      r AS right_value, z AS base_value, resolved AS resolved_value, nullif(currency, '') AS currency,
      {delta} AS amount_delta_minor, kind, CASE WHEN action = 'hold' THEN 'hold' ELSE action END AS action,
      CASE WHEN action = 'hold' THEN 'held' ELSE 'open' END AS status, rule_id, reason, left_observed_at, right_observed_at
    FROM cells"""


def _missing_rows(contract: Contract) -> str:
    """Right records without a counterpart, if the contract wants them reported; ambiguous ones are always held for a person."""
    right = contract.main_object("right")
    spec = contract.objects[right]
    label = first_said("o", spec.label, "record_id")
    wanted = (
        "u.outcome = 'ambiguous'" if contract.matching.unmatched_right == "ignore" else f"u.rule NOT IN {text_list(NOT_MADE)}"
    )
    return f"""SELECT u.tenant_id, {text(right)} AS object, '*' AS field, NULL::VARCHAR AS link_id, NULL::VARCHAR AS left_id,
      u.record_id AS right_id, left({label}, 200) AS record_label, {text(contract.roles.right.name)} AS owner_role,
      NULL::VARCHAR AS left_value, NULL::VARCHAR AS right_value, NULL::VARCHAR AS base_value, NULL::VARCHAR AS resolved_value,
      NULL::VARCHAR AS currency, NULL::BIGINT AS amount_delta_minor, 'missing_left' AS kind,
      CASE WHEN u.outcome = 'ambiguous' THEN 'hold' WHEN c.right_id IS NOT NULL THEN 'write_left' ELSE 'none' END AS action,
      CASE WHEN u.outcome = 'ambiguous' THEN 'held' ELSE 'open' END AS status, u.outcome || '.' || u.rule AS rule_id,
      CASE WHEN c.right_id IS NOT NULL THEN u.reason || '; the contract has one made for it' ELSE u.reason END AS reason,
      NULL::TIMESTAMPTZ AS left_observed_at, o.observed_at AS right_observed_at
    FROM unlinked u JOIN observed_{right} o ON o.tenant_id = u.tenant_id AND o.record_id = u.record_id
    LEFT JOIN creations c ON c.tenant_id = u.tenant_id AND c.right_id = u.record_id WHERE {wanted}"""


def _alone_rows(contract: Contract) -> Iterator[str]:
    """Left records without a counterpart, if the contract wants them reported: a task for people, since right records are never made."""
    if contract.matching.unmatched_left == "ignore":
        return
    left = contract.main_object("left")
    label = first_said("a", contract.objects[left].label, "record_id")
    yield f"""SELECT a.tenant_id, {text(left)} AS object, '*' AS field, NULL::VARCHAR AS link_id, a.record_id AS left_id,
      NULL::VARCHAR AS right_id, left({label}, 200) AS record_label, {text(contract.roles.left.name)} AS owner_role,
      'missing_right' AS kind, 'none' AS action, 'open' AS status, 'unmatched.no_counterpart' AS rule_id,
      'no rule finds a counterpart' AS reason, a.observed_at AS left_observed_at
    FROM accepted_{left} a ANTI JOIN (SELECT tenant_id, left_id FROM links WHERE state IN ('live', 'one_sided', 'proposed')) k
      ON k.tenant_id = a.tenant_id AND k.left_id = a.record_id"""


def _link_rows(contract: Contract) -> str:
    """A link first made in this pass, one whose other side is gone, and one that a contradicted merge speaks of."""
    left, right = contract.main_object("left"), contract.main_object("right")
    gone = "EXISTS (SELECT 1 FROM observed_{0} o WHERE o.tenant_id = k.tenant_id AND o.record_id = k.{1} AND NOT o.deleted)"
    left_gone = f"NOT {gone.format(left, 'left_id')}"
    return f"""SELECT k.tenant_id, {text(right)} AS object, '*' AS field, k.link_id, k.left_id, k.right_id,
      coalesce(w.record_label, k.right_id) AS record_label, {text(contract.roles.right.name)} AS owner_role,
      NULL::VARCHAR AS left_value, NULL::VARCHAR AS right_value, NULL::VARCHAR AS base_value, NULL::VARCHAR AS resolved_value,
      NULL::VARCHAR AS currency, NULL::BIGINT AS amount_delta_minor,
      CASE WHEN p.dispute IS NOT NULL THEN 'conflict' WHEN k.state = 'live' THEN 'new_link'
        WHEN {left_gone} THEN 'missing_left' ELSE 'missing_right' END AS kind,
      CASE WHEN p.dispute IS NOT NULL THEN 'hold' WHEN k.state = 'live' THEN 'none'
        WHEN d.link_id IS NOT NULL THEN 'write_left' ELSE 'hold' END AS action,
      CASE WHEN k.state = 'live' AND p.dispute IS NULL THEN 'open' ELSE 'held' END AS status,
      CASE WHEN p.dispute IS NOT NULL THEN 'link.disputed' WHEN k.state = 'live' THEN 'link.' || k.match_rule ELSE 'link.one_sided' END AS rule_id,
      CASE WHEN p.dispute IS NOT NULL THEN p.dispute WHEN k.state = 'live' THEN k.match_evidence
        WHEN d.link_id IS NOT NULL THEN 'the record that we made this one for is gone; archiving it waits for approval'
        ELSE 'the record on the other side is gone; nothing is deleted and nothing is written' END AS reason,
      NULL::TIMESTAMPTZ AS left_observed_at, NULL::TIMESTAMPTZ AS right_observed_at
    FROM links k LEFT JOIN wide w ON w.tenant_id = k.tenant_id AND w.link_id = k.link_id
    LEFT JOIN removals d ON d.tenant_id = k.tenant_id AND d.link_id = k.link_id
    LEFT JOIN disputed p ON p.tenant_id = k.tenant_id AND p.record_id = k.left_id AND k.state = 'live'
    WHERE (k.state = 'live' AND (k.is_new OR p.dispute IS NOT NULL)) OR k.state = 'one_sided'"""
