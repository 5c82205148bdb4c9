"""What people are to be told because of a pass: records that were made, and fields that changed at their owner, with the text of each message.

Every message has a key that is the same whenever the same thing is found, so that it is noted and sent once. What is sent, when and how
often is the use cases' business.
"""

import pyarrow as pa

from integration_pipelines.core.contract import Contract, Notification
from integration_pipelines.core.contract_findings import SIDES
from integration_pipelines.core.creates import CREATED
from integration_pipelines.core.merge import compared_fields
from integration_pipelines.core.settled import owners
from integration_pipelines.core.sql import Sql, name, text, text_list
from integration_pipelines.core.tables import TEXT
from integration_pipelines.core.templates import composed, placeholders

NEWS = pa.schema([(c, TEXT) for c in ("tenant_id", "event_key", "notification", "text", "left_id", "right_id")])
LONGEST = 3000
"""Characters of a message; chats cut or refuse longer ones."""


def news(sql: Sql, contract: Contract) -> pa.Table:
    """`NEWS`, ordered. Reads `links`, `cells`, `wide` and what was observed of both sides."""
    parts = [_created(contract, one) if one.when == "created" else _changed(contract, one) for one in contract.notifications]
    if not parts:
        return NEWS.empty_table()
    return sql.arrow(f"SELECT * FROM ({' UNION ALL '.join(parts)}) ORDER BY tenant_id, event_key", NEWS)


def _created(contract: Contract, one: Notification) -> str:
    """New links of records that we made."""
    found = (
        f"SELECT tenant_id, link_id, link_id AS about FROM links WHERE is_new AND state = 'live' AND match_rule = {text(CREATED)}"
    )
    return _told(contract, one, found)


def _changed(contract: Contract, one: Notification) -> str:
    """Differences of a field whose owner changed since both sides agreed; each value that is found is news once."""
    wanted = f"AND c.resolved IN {text_list(one.to)}" if one.to else ""
    found = f"""SELECT c.tenant_id, c.link_id, d.diff_id || ':' || left(sha256(c.resolved), 16) AS about FROM cells c
      JOIN (SELECT tenant_id, link_id, field, diff_id FROM seen) d USING (tenant_id, link_id, field)
      WHERE c.field = {text(one.field)} AND c.z IS NOT NULL AND c.kind <> 'foreign_edit' AND c.resolved IS NOT NULL {wanted}"""
    return _told(contract, one, found)


def _told(contract: Contract, one: Notification, found: str) -> str:
    left, right = contract.main_object("left"), contract.main_object("right")
    said = composed(one.text, {n: _value(contract, n) for n in placeholders(one.text)}, LONGEST)
    return f"""SELECT k.tenant_id, {text(one.name + ":")} || k.about AS event_key, {text(one.name)} AS notification, {said} AS text,
        w.left_id, w.right_id
      FROM ({found}) k JOIN wide w ON w.tenant_id = k.tenant_id AND w.link_id = k.link_id
      JOIN observed_{left} l ON l.tenant_id = w.tenant_id AND l.record_id = w.left_id
      JOIN observed_{right} r ON r.tenant_id = w.tenant_id AND r.record_id = w.right_id"""


def _value(contract: Contract, named: str) -> str:
    """A field as it should be, or a column as it was read."""
    role, _, column = named.rpartition(".")
    if role:
        side = next(s for s in SIDES if contract.role(s).name == role)
        return f"{side[0]}.{name(column)}"
    if named not in compared_fields(contract):
        raise AssertionError(named)
    return f"CASE WHEN w.settled THEN w.{name('l_' + named)} ELSE {owners(contract, named, 'w.')} END"
