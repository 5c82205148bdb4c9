"""The text of the views that count and combine: history, summary, money at risk. Each is (comment, SELECT); no I/O."""

from integration_pipelines.store.view_money import Value, with_readable

_HISTORY_COLUMNS = (
    "tenant_id", "integration", "run_id", "trigger", "started_at", "seen_at", "diff_id", "object", "field", "link_id", "left_id",
    "right_id", "record_label", "kind", "action", "status", "left_value", "right_value", "resolved_value", "currency",
)  # fmt: skip

_HISTORY = """(SELECT o.tenant_id, o.integration, o.run_id, r.trigger, r.started_at, o.seen_at, o.diff_id, d.object, d.field, d.link_id,
    d.left_id, d.right_id, d.record_label, o.kind, o.action, o.status, o.left_value, o.right_value, o.resolved_value, d.currency,
    CASE WHEN d.currency IS NOT NULL THEN 1 ELSE 0 END AS is_money
  FROM diff_observations o
  JOIN reconciliation_diffs d ON d.tenant_id = o.tenant_id AND d.diff_id = o.diff_id
  LEFT JOIN sync_runs r ON r.tenant_id = o.tenant_id AND r.integration = o.integration AND r.run_id = o.run_id) history"""

DIFF_HISTORY = (
    "One row per run and difference that the run saw: what both sides said then and what was done about it.",
    with_readable(
        _HISTORY,
        _HISTORY_COLUMNS,
        [Value(v, f"readable_{v}") for v in ("left_value", "right_value", "resolved_value")],
        "is_money = 1",
    ),
)

_LATEST = """SELECT tenant_id, integration, run_id, started_at FROM (
    SELECT r.tenant_id, r.integration, r.run_id, r.started_at,
      row_number() OVER (PARTITION BY r.tenant_id, r.integration ORDER BY r.started_at DESC, r.run_id DESC) AS place
    FROM sync_runs r WHERE r.scope = 'full' AND EXISTS (
      SELECT 1 FROM field_counts f WHERE f.tenant_id = r.tenant_id AND f.integration = r.integration AND f.run_id = r.run_id)) ranked
  WHERE place = 1"""


def _records(*outcomes: str) -> str:
    listed = ", ".join(f"'{o}'" for o in outcomes)
    return f"CAST(sum(CASE WHEN outcome IN ({listed}) THEN records ELSE 0 END) AS BIGINT)"


_BY_OBJECT = f"""SELECT tenant_id, integration, run_id, object,
    {_records("in_sync", "written", "held", "failed", "unknown")} AS compared, {_records("in_sync", "written")} AS matched,
    {_records("failed", "unknown")} AS differing, {_records("held", "ambiguous")} AS held, {_records("quarantined")} AS quarantined,
    {_records("excluded")} AS excluded, {_records("unmatched")} AS unmatched
  FROM run_outcomes GROUP BY tenant_id, integration, run_id, object"""

RECONCILIATION_SUMMARY = (
    (
        "The newest run of every tenant that compared everything. Per field: how many pairs were compared and how many matched, differ or are "
        "held. Quarantined, excluded and unmatched count records of the whole object, the same on each of its rows, and are null if that run "
        "ended before its balance was drawn. The row with field = '*' counts records instead of fields: written records match, failed and "
        "unknown ones differ."
    ),
    f"""SELECT f.tenant_id, f.integration, f.run_id, l.started_at, f.object, f.field, f.compared, f.matched, f.differing, f.held,
  b.quarantined, b.excluded, b.unmatched
FROM ({_LATEST}) l
JOIN field_counts f ON f.tenant_id = l.tenant_id AND f.integration = l.integration AND f.run_id = l.run_id
LEFT JOIN ({_BY_OBJECT}) b
  ON b.tenant_id = f.tenant_id AND b.integration = f.integration AND b.run_id = f.run_id AND b.object = f.object
UNION ALL
SELECT b.tenant_id, b.integration, b.run_id, l.started_at, b.object, '*', b.compared, b.matched, b.differing, b.held,
  b.quarantined, b.excluded, b.unmatched
FROM ({_LATEST}) l
JOIN ({_BY_OBJECT}) b ON b.tenant_id = l.tenant_id AND b.integration = l.integration AND b.run_id = l.run_id""",
)


def _newest(condition: str) -> str:
    """Per link the newest difference of a field: its resolved value is what the owner said last."""
    return f"""SELECT * FROM (SELECT d.*, row_number() OVER (
      PARTITION BY tenant_id, integration, link_id ORDER BY last_seen_at DESC, first_seen_at DESC, diff_id DESC) AS place
    FROM reconciliation_diffs d WHERE link_id IS NOT NULL AND {condition}) ranked WHERE place = 1"""


_AT_RISK = f"""(SELECT s.tenant_id, s.integration, s.link_id, s.left_id, s.right_id, s.record_label, s.resolved_value AS status,
    CASE WHEN s.resolved_at IS NULL THEN 1 ELSE 0 END AS status_differs, s.first_seen_at AS since,
    m.resolved_value AS mrr_minor, m.currency,
    CASE WHEN m.diff_id IS NOT NULL AND m.resolved_at IS NULL THEN 1 ELSE 0 END AS mrr_differs,
    CASE WHEN m.resolved_at IS NOT NULL OR m.diff_id IS NULL THEN NULL WHEN m.resolved_value = m.right_value THEN m.left_value
      ELSE m.right_value END AS other_side_mrr_minor
  FROM ({_newest("field IN ('subscription_status', 'status')")}) s
  LEFT JOIN ({_newest("field = 'mrr'")}) m ON m.tenant_id = s.tenant_id AND m.integration = s.integration AND m.link_id = s.link_id
  WHERE s.resolved_value IN ('past_due', 'unpaid', 'canceling', 'paused', 'incomplete')
    OR (s.resolved_value = 'canceled' AND (s.resolved_at IS NULL OR (m.diff_id IS NOT NULL AND m.resolved_at IS NULL)))) at_risk"""

_AT_RISK_COLUMNS = (
    "tenant_id", "integration", "link_id", "left_id", "right_id", "record_label", "status", "status_differs", "since", "mrr_minor",
    "currency", "mrr_differs", "other_side_mrr_minor",
)  # fmt: skip

MRR_AT_RISK = (
    (
        "Customers whose last known subscription status is past_due, unpaid, canceling, paused or incomplete, or who canceled while the other "
        "side does not show it yet. Status and MRR are the owner's value in the newest difference of that field, resolved ones included; a "
        "customer whose two sides never differed is not known here. status_differs and mrr_differs are 1 while the other side still says "
        "something else (other_side_mrr_minor)."
    ),
    with_readable(
        _AT_RISK,
        _AT_RISK_COLUMNS,
        (Value("mrr_minor", "readable_mrr"), Value("other_side_mrr_minor", "readable_other_side_mrr")),
        "1 = 1",
    ),
)
