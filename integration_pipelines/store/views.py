"""Views for analysts: the general ones, and per contract ones that speak its words. They hold no data and are made anew when they change.

Values stay canonical text; beside each stands a `readable_` twin. What a view means is its comment, kept in the database.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from integration_pipelines.core.contract import Contract, FieldType
from integration_pipelines.core.tables import DIFFS, IDENTITY_LINKS
from integration_pipelines.errors import ContractError
from integration_pipelines.store import dialect
from integration_pipelines.store.engine import reading, writing
from integration_pipelines.store.row_security import open_view
from integration_pipelines.store.schema import METADATA
from integration_pipelines.store.view_money import Value, with_readable
from integration_pipelines.store.view_summary import DIFF_HISTORY, MRR_AT_RISK, RECONCILIATION_SUMMARY

_VALUES = ("left_value", "right_value", "base_value", "resolved_value")
_DELTA = Value("CAST(amount_delta_minor AS TEXT)", "readable_amount_delta")


@dataclass(frozen=True, slots=True)
class View:
    """A SELECT and what it means to people."""

    comment: str
    select: str


def _open_diffs() -> View:
    values = [*(Value(v, f"readable_{v}") for v in _VALUES), _DELTA]
    source = "reconciliation_diffs WHERE resolved_at IS NULL"
    comment = "What differs now and is not resolved: one row per field (or per record, field = '*')."
    return View(comment, with_readable(source, DIFFS.names, values, "amount_delta_minor IS NOT NULL OR currency IS NOT NULL"))


def general_views() -> dict[str, View]:
    """The views that exist in every store."""
    return {
        "open_diffs": _open_diffs(),
        "diff_history": View(*DIFF_HISTORY),
        "reconciliation_summary": View(*RECONCILIATION_SUMMARY),
        "mrr_at_risk": View(*MRR_AT_RISK),
    }


def contract_views(contract: Contract) -> dict[str, View]:
    """`<contract>_diffs` and `<contract>_links`, with the roles' names in place of left and right."""
    left, right = contract.roles.left, contract.roles.right
    here = f"integration = {_text(contract.contract)}"
    money = ", ".join(_text(f) for f, spec in contract.fields.items() if spec.type is FieldType.MONEY)
    labels = " ".join(f"WHEN {_text(f)} THEN {_text(spec.label)}" for f, spec in contract.fields.items())
    words = {n: f"{n} AS {_named(contract, n)}" for n in DIFFS.names if n.startswith(("left_", "right_"))}
    words |= {n: f"{_spoken(contract, n)} AS {n}" for n in ("kind", "action")}
    columns = [words.get(n, n) for n in DIFFS.names]
    columns.append(f"CASE field {labels} WHEN '*' THEN 'whole record' ELSE field END AS field_label")
    values = [*(Value(v, f"readable_{_named(contract, v, quoted=False)}") for v in _VALUES), _DELTA]
    quoted = [Value(v.expression, _quoted(v.readable)) for v in values]
    diffs = with_readable(f"reconciliation_diffs WHERE {here}", columns, quoted, f"field IN ({money})" if money else "1 = 0")
    linked = [f"{n} AS {_named(contract, n)}" if n in {"left_id", "right_id"} else n for n in IDENTITY_LINKS.names]
    return {
        f"{contract.contract}_diffs": View(f"Differences between {left.label} and {right.label}, open and resolved.", diffs),
        f"{contract.contract}_links": View(
            f"Which records in {left.label} and {right.label} are the same customer, and why.",
            f"SELECT {', '.join(linked)} FROM identity_links WHERE {here}",
        ),
    }


def create_views(engine: Engine) -> None:
    """Make the general views, or make them anew if they changed."""
    _replace(engine, general_views())


def create_contract_views(engine: Engine, contract: Contract) -> None:
    """Make a contract's views, or make them anew if the contract changed.

    Raises:
        ContractError: the contract's name would hide a table or a general view.
    """
    views = contract_views(contract)
    taken = sorted(set(views) & (set(METADATA.tables) | set(general_views())))
    if taken:
        raise ContractError(
            f"A contract cannot be called {contract.contract}: its view {taken[0]} would hide another one.",
            remedy="Choose another name for the contract.",
        )
    _replace(engine, views)


def _replace(engine: Engine, views: Mapping[str, View]) -> None:
    with reading(engine) as connection:
        if not _outdated(connection, views):
            return
    with writing(engine) as connection:
        dialect.serialise(connection, "migrations")
        for name in _outdated(connection, views):
            dialect.create_view(connection, name, views[name].select, views[name].comment)
            open_view(connection, name)


def _outdated(connection: Connection, views: Mapping[str, View]) -> list[str]:
    present = set(sa.inspect(connection).get_view_names())
    return [n for n, v in views.items() if n not in present or not dialect.is_same_view(connection, n, v.select, v.comment)]


def _named(contract: Contract, column: str, *, quoted: bool = True) -> str:
    side, rest = column.split("_", 1)
    roles = {"left": contract.roles.left.name, "right": contract.roles.right.name}
    named = f"{roles[side]}_{rest}" if side in roles else column
    return _quoted(named) if quoted else named


def _spoken(contract: Contract, column: str) -> str:
    """`write_left` as `write_crm`, `missing_right` as `missing_billing`."""
    roles = {"left": contract.roles.left.name, "right": contract.roles.right.name}
    verb = "write" if column == "action" else "missing"
    cases = " ".join(f"WHEN '{verb}_{side}' THEN {_text(f'{verb}_{role}')}" for side, role in roles.items())
    return f"CASE {column} {cases} ELSE {column} END"


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
