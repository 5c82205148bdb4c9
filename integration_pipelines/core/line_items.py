"""Several customers behind one company as a list: a line for each, beside what they add up to.

For people who must see what a sum is made of; the sum itself is `rollup`.
"""

from integration_pipelines.core.canonical import major_from_minor
from integration_pipelines.core.contract import Contract
from integration_pipelines.core.rollup_groups import group_rollup
from integration_pipelines.core.sql import Sql


def line_items(sql: Sql, contract: Contract, facts: str, groups: str) -> None:
    """Add the column `line_items` to the table `facts` (by tenant_id, group_id).

    `groups` names a table (tenant_id, group_id, customer_id). A line is the customer's id, status, monthly amount with its currency and
    renewal date, as far as there are any; lines are in the order of the ids, so that the same customers always make the same text.
    """
    sql.view("single_groups", f"SELECT tenant_id, customer_id AS group_id, customer_id FROM {groups}")
    group_rollup(sql, contract, "single_facts", "single_groups")
    amount = major_from_minor("f.mrr", "f.currency")
    sql.make(
        "group_lines",
        f"""SELECT g.tenant_id, g.group_id, string_agg(concat_ws(' | ', g.customer_id, f.status,
            CASE WHEN f.currency = 'MIXED' THEN 'several currencies' WHEN f.mrr <> '' AND f.currency <> ''
              THEN {amount} || ' ' || f.currency || ' a month' END,
            CASE WHEN f.renewal_date <> '' THEN 'renews ' || f.renewal_date END), chr(10) ORDER BY g.customer_id) AS line_items
        FROM {groups} g JOIN single_facts f ON f.tenant_id = g.tenant_id AND f.group_id = g.customer_id GROUP BY g.tenant_id, g.group_id""",
    )
    sql.make(
        "all_facts",
        f"SELECT f.*, coalesce(l.line_items, '') AS line_items FROM {facts} f LEFT JOIN group_lines l USING (tenant_id, group_id)",
    )
    sql.drop(facts, "group_lines", "single_facts")
    sql.make(facts, "SELECT * FROM all_facts")
    sql.drop("all_facts")
