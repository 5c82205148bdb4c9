"""A customer who had left and is back: a new period of the same link, counted by its epoch.

A status may go from ended to running only because billing says so now (the owner's newest observation), never because something older
arrives late: what is compared is always the latest state, and the base moves only on what both sides were seen to hold.
"""

from integration_pipelines.core.contract import Contract
from integration_pipelines.core.sql import Sql, name, text, text_list

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


def count_returns(sql: Sql, contract: Contract) -> None:
    """Raise the epoch of every link whose base moves from ended to running; the base moves once, so the epoch does, too."""
    field = _status_field(contract)
    if field is None:
        return
    column = name(field)
    sql.change(
        f"""UPDATE links SET epoch = epoch + 1, changed = true FROM base_moves m
        JOIN base z ON z.tenant_id = m.tenant_id AND z.link_id = m.link_id AND z.{column} = {text(ENDED)}
        WHERE m.{column} IN {_running(contract)} AND links.tenant_id = m.tenant_id AND links.link_id = m.link_id"""
    )
