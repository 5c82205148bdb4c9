"""Several customers behind one company as a list: a line for each, beside what they add up to.

For people who must see what a sum is made of; the sum itself is `rollup`.
"""

from integration_pipelines.core.canonical import major_from_minor
from integration_pipelines.core.contract import Contract
from integration_pipelines.core.rollup_groups import TOLD, group_rollup
from integration_pipelines.core.sql import Sql


def line_items(sql: Sql, contract: Contract, groups: str) -> None:
    """Make `group_lines` (tenant_id, group_id, line_items).

    `groups` names a table (tenant_id, group_id, customer_id). A line is the customer's id, status, monthly amount with its currency and
    renewal date, as far as there are any; lines are in the order of the ids, so that the same customers always make the same text.
    """
    sql.view("single_groups", f"SELECT tenant_id, customer_id AS group_id, customer_id, 1 AS siblings FROM {groups}")
    group_rollup(sql, contract, "single_facts", "single_groups")
    told = ", ".join(f"coalesce(f.{fact}, {blank}) AS {fact}" for fact, blank in TOLD.items())
    amount = major_from_minor("mrr", "currency")
    sql.make(
        "group_lines",
        f"""SELECT tenant_id, group_id, string_agg(concat_ws(' | ', customer_id, status,
            CASE WHEN currency = 'MIXED' THEN 'several currencies' WHEN mrr <> '' AND currency <> ''
              THEN {amount} || ' ' || currency || ' a month' END,
            CASE WHEN renewal_date <> '' THEN 'renews ' || renewal_date END), chr(10) ORDER BY customer_id) AS line_items
        FROM (SELECT g.tenant_id, g.group_id, g.customer_id, {told} FROM {groups} g
          LEFT JOIN single_facts f ON f.tenant_id = g.tenant_id AND f.customer_id = g.customer_id) GROUP BY tenant_id, group_id""",
    )
    sql.drop("single_facts", "single_groups")
