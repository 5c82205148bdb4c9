"""A customer who had left and is back: a new period of the same link, counted by its epoch.

A status may go from ended to running only because billing says so now (the owner's newest observation), never because something older
arrives late: what is compared is always the latest state, and the base moves only on what both sides were seen to hold.
"""

from integration_pipelines.core.contract import Contract
from integration_pipelines.core.sql import name, text, text_list

ENDED = "canceled"
"""What the roll-up says of a customer whose last subscription ended."""
STILL_RUNNING = ("trialing", "canceling")
"""What the roll-up says of customers who are with us, beside the statuses that the contract counts."""


def _status_field(contract: Contract) -> str | None:
    return next((f for f, s in contract.fields.items() if "status" in (s.left.rollup, s.right.rollup)), None)


def _running(contract: Contract) -> str:
    return text_list((*(contract.rollup.counted_statuses if contract.rollup else ()), *STILL_RUNNING))


def came_back(contract: Contract) -> str:
    """An expression over `field`, `z` and `o`: whether this difference is a customer's return."""
    field = _status_field(contract)
    if field is None:
        return "false"
    return f"coalesce(field = {text(field)} AND z = {text(ENDED)} AND o IN {_running(contract)}, false)"


def changed_links(contract: Contract) -> str:
    """The query for the links that are new or not as they were; the epoch is raised where the base moves from ended to running.

    The base moves once, so the epoch does, too.
    """
    field = _status_field(contract)
    if field is None:
        return "SELECT * FROM links WHERE changed ORDER BY tenant_id, link_id"
    column = name(field)
    back = f"""SELECT m.tenant_id, m.link_id FROM base_moves m JOIN base z ON z.tenant_id = m.tenant_id AND z.link_id = m.link_id
        AND z.{column} = {text(ENDED)} WHERE m.{column} IN {_running(contract)}"""
    return f"""SELECT k.* REPLACE (k.epoch + (b.link_id IS NOT NULL)::INT AS epoch) FROM links k
      LEFT JOIN ({back}) b ON b.tenant_id = k.tenant_id AND b.link_id = k.link_id
      WHERE k.changed OR b.link_id IS NOT NULL ORDER BY k.tenant_id, k.link_id"""
