"""From subscriptions to one view of a group of customers, usually those behind one company.

Nearly every group is one customer with one subscription, and then the view is that subscription's; only the others are added up.
What a subscription costs is `rollup`.
"""

from integration_pipelines.core.contract import Contract
from integration_pipelines.core.sql import Sql, text_list

_SEVERAL = """SELECT tenant_id, group_id FROM {groups} GROUP BY ALL HAVING count(*) > 1
    UNION SELECT g.tenant_id, g.group_id FROM {groups} g SEMI JOIN (
      SELECT tenant_id, customer_id FROM sub_facts GROUP BY ALL HAVING count(*) > 1) s USING (tenant_id, customer_id)"""

_OWN = """SELECT g.tenant_id, g.group_id, CASE WHEN list_contains({order}, f.status) THEN f.status ELSE 'none' END AS status,
    rdiv(rdiv(coalesce(f.mrr12, 0)::HUGEINT, 1000), 1000000000)::VARCHAR AS mrr,
    CASE WHEN f.ended THEN '' ELSE coalesce(f.currency, '') END AS currency, coalesce(left(f.renewal, 10), '') AS renewal_date,
    CASE WHEN NOT f.ended AND NOT f.ends THEN '' ELSE coalesce(left(f.end_date, 10), '') END AS cancel_date
  FROM {groups} g ANTI JOIN {several} s ON s.tenant_id = g.tenant_id AND s.group_id = g.group_id
  LEFT JOIN sub_facts f ON f.tenant_id = g.tenant_id AND f.customer_id = g.customer_id"""

_ADDED = """SELECT tenant_id, group_id, coalesce({order}[rank], 'none') AS status,
    CASE WHEN one_currency <> last_currency THEN '' ELSE rdiv(rdiv(total, 1000), 1000000000)::VARCHAR END AS mrr,
    CASE WHEN one_currency <> last_currency THEN 'MIXED' ELSE coalesce(one_currency, '') END AS currency,
    coalesce(left(renewal, 10), '') AS renewal_date,
    CASE WHEN running > 0 AND running > ending THEN ''
      ELSE coalesce(left(CASE WHEN running > 0 THEN last_end ELSE last_ended END, 10), '') END AS cancel_date
  FROM (SELECT g.tenant_id, g.group_id, min(list_position({order}, f.status)) AS rank,
      coalesce(sum(f.mrr12), 0)::HUGEINT AS total,
      min(f.currency) FILTER (WHERE NOT f.ended) AS one_currency,
      max(f.currency) FILTER (WHERE NOT f.ended) AS last_currency, min(f.renewal) AS renewal,
      count(*) FILTER (WHERE NOT f.ended) AS running, count(*) FILTER (WHERE NOT f.ended AND f.ends) AS ending,
      max(f.end_date) FILTER (WHERE NOT f.ended) AS last_end, max(f.end_date) FILTER (WHERE f.ended) AS last_ended
    FROM {groups} g SEMI JOIN {several} s ON s.tenant_id = g.tenant_id AND s.group_id = g.group_id
    LEFT JOIN sub_facts f ON f.tenant_id = g.tenant_id AND f.customer_id = g.customer_id
    GROUP BY g.tenant_id, g.group_id)"""


def group_rollup(sql: Sql, contract: Contract, name: str, groups: str) -> None:
    """Make the view `name`: the roll-up per group of customers.

    `groups` names a table (tenant_id, group_id, customer_id). Columns: tenant_id, group_id, status, mrr, currency, renewal_date,
    cancel_date; canonical text, '' for blank; mrr is '' when the currency is MIXED, since amounts never add across currencies.
    """
    if contract.rollup is None:
        return
    several, added = f"{name}_several", f"{name}_added"
    words = {"order": f"[{text_list(contract.rollup.status_order)[1:-1]}]", "groups": groups, "several": several}
    sql.make(several, _SEVERAL.format(**words))
    sql.make(added, _ADDED.format(**words))
    sql.view(name, f"{_OWN.format(**words)} UNION ALL SELECT * FROM {added}")
