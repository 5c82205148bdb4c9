"""Merges that a partner carried out: which id lives on under which other one, and which claims contradict what is there.

Makes `aliases` (tenant_id, old_id, survivor_id) and `disputed` (tenant_id, record_id, dispute): records that still answer for
themselves although one says that they were merged into it. A contradicted claim moves nothing and holds what it speaks of.
"""

from integration_pipelines.core.canonical import canonical
from integration_pipelines.core.contract import Contract, FieldType
from integration_pipelines.core.sql import Sql, name

_NONE = "SELECT NULL::VARCHAR AS tenant_id, NULL::VARCHAR AS {0}, NULL::VARCHAR AS {1} WHERE false"
_DISPUTE = "says that this one was merged into it, but this one still answers; nothing is written until one of them is right"


def follow_merges(sql: Sql, contract: Contract) -> None:
    """Make `aliases` and `disputed` from what the left main object's records say about the ids they took over.

    An id that still answers for itself is no alias, whoever claims it; neither is one that several living records claim.
    """
    left = contract.main_object("left")
    column = contract.objects[left].aliases
    if column is None or (
        sql.few and not sql.yes(f"SELECT EXISTS (FROM observed_{left} WHERE coalesce({name(column)}, '') <> '')")
    ):
        sql.make("aliases", _NONE.format("old_id", "survivor_id"))
        sql.make("disputed", _NONE.format("record_id", "dispute"))
        return
    sql.make(
        "claims",
        f"""SELECT tenant_id, unnest(string_split({canonical(FieldType.IDS, name(column))}, ';')) AS old_id, record_id AS into_id
          FROM observed_{left} WHERE coalesce({name(column)}, '') <> ''""",
    )
    living = f"SELECT tenant_id, record_id FROM observed_{left} WHERE NOT deleted"
    sql.make(
        "aliases",
        f"""WITH RECURSIVE living AS ({living}),
          direct AS (SELECT n.* FROM claims n ANTI JOIN living o ON o.tenant_id = n.tenant_id AND o.record_id = n.old_id
            WHERE n.old_id NOT IN ('', n.into_id)),
          chain AS (SELECT * FROM direct UNION
            SELECT c.tenant_id, c.old_id, d.into_id FROM chain c JOIN direct d ON d.tenant_id = c.tenant_id AND d.old_id = c.into_id)
        SELECT c.tenant_id, c.old_id, min(c.into_id) AS survivor_id FROM chain c
        SEMI JOIN living o ON o.tenant_id = c.tenant_id AND o.record_id = c.into_id
        GROUP BY c.tenant_id, c.old_id HAVING count(DISTINCT c.into_id) = 1""",
    )
    sql.make(
        "disputed",
        f"""SELECT n.tenant_id, n.old_id AS record_id, min(n.into_id) || ' {_DISPUTE}' AS dispute FROM claims n
        SEMI JOIN ({living}) o ON o.tenant_id = n.tenant_id AND o.record_id = n.old_id
        SEMI JOIN ({living}) i ON i.tenant_id = n.tenant_id AND i.record_id = n.into_id GROUP BY n.tenant_id, n.old_id""",
    )
    sql.drop("claims")
