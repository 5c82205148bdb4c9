"""From subscriptions to one view of a group of customers, usually those behind one company; and which of them make it up.

Nearly every group is one customer with one subscription, and then the view is that subscription's; only the others are added up.
What a subscription costs is `rollup`.
"""

from integration_pipelines.core.contract import Contract
from integration_pipelines.core.sql import Sql, text_list

TOLD = {"status": "'none'", "mrr": "'0'", "currency": "''", "renewal_date": "''", "cancel_date": "''"}
"""What is told of a customer; and of one of whom nothing is known, since there is no subscription. Canonical text, '' for blank."""

_SEVERAL = """SELECT tenant_id, group_id FROM {groups} WHERE siblings > 1
    UNION SELECT g.tenant_id, g.group_id FROM {groups} g SEMI JOIN (
      SELECT tenant_id, customer_id FROM sub_facts GROUP BY ALL HAVING count(*) > 1) s USING (tenant_id, customer_id)"""

_OWN = """SELECT f.tenant_id, f.customer_id, CASE WHEN f.status IN {order} THEN f.status ELSE 'none' END AS status,
    {minor} AS mrr, CASE WHEN f.ended THEN '' ELSE coalesce(f.currency, '') END AS currency,
    coalesce(left(f.renewal, 10), '') AS renewal_date,
    CASE WHEN NOT f.ended AND NOT f.ends THEN '' ELSE coalesce(left(f.end_date, 10), '') END AS cancel_date
  FROM sub_facts f ANTI JOIN {members} m ON m.tenant_id = f.tenant_id AND m.customer_id = f.customer_id"""

_ADDED = """SELECT m.tenant_id, m.customer_id, coalesce([{list}][rank], 'none') AS status,
    CASE WHEN one_currency <> last_currency THEN '' ELSE {minor} END AS mrr,
    CASE WHEN one_currency <> last_currency THEN 'MIXED' ELSE coalesce(one_currency, '') END AS currency,
    coalesce(left(renewal, 10), '') AS renewal_date,
    CASE WHEN running > 0 AND running > ending THEN ''
      ELSE coalesce(left(CASE WHEN running > 0 THEN last_end ELSE last_ended END, 10), '') END AS cancel_date
  FROM (SELECT g.tenant_id, g.group_id, min(list_position([{list}], f.status)) AS rank,
      coalesce(sum(f.mrr12), 0)::HUGEINT AS total,
      min(f.currency) FILTER (WHERE NOT f.ended) AS one_currency,
      max(f.currency) FILTER (WHERE NOT f.ended) AS last_currency, min(f.renewal) AS renewal,
      count(*) FILTER (WHERE NOT f.ended) AS running, count(*) FILTER (WHERE NOT f.ended AND f.ends) AS ending,
      max(f.end_date) FILTER (WHERE NOT f.ended) AS last_end, max(f.end_date) FILTER (WHERE f.ended) AS last_ended
    FROM {members} g LEFT JOIN sub_facts f ON f.tenant_id = g.tenant_id AND f.customer_id = g.customer_id
    GROUP BY g.tenant_id, g.group_id) JOIN {members} m USING (tenant_id, group_id)"""

_MEMBERS = "SELECT g.tenant_id, g.group_id, g.customer_id FROM {groups} g SEMI JOIN ({several}) s USING (tenant_id, group_id)"
_MINOR = "coalesce(multiple({0}, 1000000000000), rdiv(rdiv({0}, 1000), 1000000000))::VARCHAR"

_PART = """{'record_id': f.record_id, 'status': f.status, 'monthly_minor': rdiv(f.mrr12, 1000000000000)::VARCHAR,
    'currency': f.currency, 'observed_at': f.observed_at}"""
_PARTS = """SELECT f.tenant_id, f.customer_id, [{part}] AS parts FROM sub_facts f
    ANTI JOIN {members} m ON m.tenant_id = f.tenant_id AND m.customer_id = f.customer_id
  UNION ALL SELECT f.tenant_id, f.customer_id, list({part} ORDER BY f.record_id) FROM sub_facts f
    SEMI JOIN {members} m ON m.tenant_id = f.tenant_id AND m.customer_id = f.customer_id GROUP BY ALL"""


def customer_parts(facts: str) -> str:
    """The query for what the view `facts` was rolled up from: (tenant_id, customer_id, parts), a customer without any has no row.

    A part is a subscription of that customer: status, what it costs a month (minor units, null where that cannot be computed; text, since
    no whole number of Arrow's has room for what one may cost) and when it was read.
    """
    return _PARTS.format(part=_PART, members=f"{facts}_members")


def group_rollup(sql: Sql, contract: Contract, name: str, groups: str) -> None:
    """Make the view `name`: per customer the roll-up of its group, which is the same for all of a group.

    `groups` names a table (tenant_id, group_id, customer_id, siblings: how many customers the group has). Columns: tenant_id,
    customer_id and what is `TOLD`; a customer without a subscription, alone in its group, has no row. mrr is '' when the currency is
    MIXED, since amounts never add across currencies.
    """
    if contract.rollup is None:
        return
    order, members = text_list(contract.rollup.status_order), f"{name}_members"
    sql.make(members, _MEMBERS.format(groups=groups, several=_SEVERAL.format(groups=groups)))
    own = _OWN.format(order=order, members=members, minor=_MINOR.format("coalesce(f.mrr12, 0)::HUGEINT"))
    if sql.few and not sql.yes(f"SELECT EXISTS (FROM {members})"):  # as of nearly all few: nothing is to be added up
        sql.view(name, own)
        return
    sql.make(f"{name}_added", _ADDED.format(list=order[1:-1], members=members, minor=_MINOR.format("total")))
    sql.view(name, f"{own} UNION ALL SELECT * FROM {name}_added")
