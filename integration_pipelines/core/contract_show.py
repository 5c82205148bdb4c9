"""A contract in plain words (Markdown), for the people who sign it: who owns what, how records meet, what is never done."""

from collections.abc import Iterator, Sequence

from integration_pipelines.core.contract import Column, Contract, Side, SyncField

_BLANK = {
    "clear": "the other side becomes blank too",
    "default": "the other side shows the default",
    "keep": "the other side keeps what it has",
}
_FOREIGN = {"restore": "put back, and the edit is kept for people", "hold": "held until a person decides"}


def show(contract: Contract) -> str:
    """The whole contract as Markdown."""
    parts = [_head(contract), _ownership(contract), _reading(contract), _matching(contract), _rollup(contract), _limits(contract)]
    return "\n\n".join(part for part in parts if part)


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(headings) + " |", "| " + " | ".join("---" for _ in headings) + " |"]
    return "\n".join(
        [*lines, *("| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in row) + " |" for row in rows)]
    )


def _head(contract: Contract) -> str:
    left, right = contract.roles.left, contract.roles.right
    sides = f"{left.label} is {left.partner}, {right.label} is {right.partner}."
    return f"# {contract.title} (`{contract.contract}`, version {contract.version})\n\n{contract.story.strip()}\n\n{sides}"


def _ownership(contract: Contract) -> str:
    rows = [_owned(contract, name, field) for name, field in contract.fields.items()]
    headings = (
        "field",
        "owner",
        contract.roles.left.label,
        contract.roles.right.label,
        "when the owner's value is blank",
        "an edit on the other side is",
    )
    return "## Who owns what\n\n" + _table(headings, rows)


def _owned(contract: Contract, name: str, field: SyncField) -> tuple[str, ...]:
    owner = {"sync": "the sync itself", "two_way": "both sides"}.get(field.owner, field.owner)
    blank = _BLANK[field.blank] + (f" ({field.default})" if field.blank == "default" else "")
    if field.owner == "sync":
        blank, foreign = "-", "overwritten with the next change"
    else:
        foreign = f"decided by: {field.two_way_rule}" if field.owner == "two_way" else _FOREIGN[field.on_foreign_edit]
    where = [_where(contract, place, side) for place, side in ((field.left, "left"), (field.right, "right"))]
    return f"{field.label} (`{name}`): {field.purpose}", owner, *where, blank, foreign


def _where(contract: Contract, place: Side, side: str) -> str:
    if place.rollup is not None:
        return f"rolled up: {place.rollup.replace('_', ' ')}"
    if place.column is None:
        return "-"
    source = contract.objects[contract.main_object("left" if side == "left" else "right")].columns[place.column].source
    words = source.split(".")[-1]
    if place.lookup is not None:
        gone = "blank when the person left" if place.lookup.when_archived == "clear" else "kept when the person left"
        return f"{words}, looked up as {place.lookup.column} ({gone})"
    mapped = f", spelled {', '.join(f'{k} = {v}' for k, v in place.map.items())}" if place.map else ""
    return f"{words}{mapped}" + (" (created at set-up)" if place.create else "")


def _reading(contract: Contract) -> str:
    parts = ["## What is read, and why", "Nothing else is stored; of other fields only names, types and counts are kept."]
    for name, spec in contract.objects.items():
        partner = contract.role(contract.side_of(spec.role)).partner
        parts.append(f"### {name} ({partner} {spec.partner_object})\n\n{spec.description}")
        rows = [_column(column_name, column) for column_name, column in spec.columns.items()]
        parts.append(_table(("column", "source", "why", "data class", "refused when"), rows))
        if spec.exclude_when:
            rules = "; ".join(f"{c} is {' or '.join(v)}" for c, v in spec.exclude_when.items())
            parts.append(f"Left out of the sync: {rules}.")
    return "\n\n".join(parts)


def _column(name: str, column: Column) -> tuple[str, ...]:
    reasons = [e.reason.rstrip(".") for e in column.expectations] or [f"one of {len(column.fields)} nested rules is broken"]
    return name, column.source, column.purpose, str(column.data_class), "; ".join(reasons)


def _matching(contract: Contract) -> str:
    matching = contract.matching
    lines = ["## How records find each other", "1. A stored link decides, whatever else changes."]
    lines += [f"{n}. `{r.name}`: {r.explanation}" for n, r in enumerate(matching.rules, 2)]
    several = "are added up" if matching.several_right_per_left == "aggregate" else "are ambiguous and wait for a person"
    lines.append(
        f"\nThe first rule that finds anything decides. Several {contract.roles.right.label} records behind one record {several}."
    )
    lines.append(
        "When a rule finds more than one candidate, or the same value stands on two records, nothing is linked and a person is asked."
    )
    return "\n".join(lines)


def _rollup(contract: Contract) -> str:
    rollup = contract.rollup
    if rollup is None:
        return ""
    order = " > ".join(rollup.status_order)
    paused = "count" if rollup.paused_collection == "count" else "do not count"
    repeating = "until their end" if rollup.repeating_discounts == "apply" else "never"
    lines = [
        "## How several subscriptions become one view",
        (
            f"**Status**: the first that occurs of {order}. An active subscription that will end is `canceling`; an expired first attempt counts "
            "as canceled; without any subscription the status is `none`."
        ),
        (
            f"**MRR**: {' and '.join(rollup.counted_statuses)} subscriptions; trials, metered and one-off prices do not count; subscriptions with "
            f"paused collection {paused}; one that ends with its period counts until then."
        ),
        (
            "An item is its amount times its quantity (packages rounded as the price says; tiers graduated or by volume), divided by the months of "
            "its interval: a month is 52/12 weeks and 365/12 days."
        ),
        (
            f"Discounts: `once` never, `repeating` {repeating}, `forever` always. An item's own come first, then the subscription's that are limited "
            "to products (on each such item), then its others, in order, on the sum; the customer's only when the subscription has none. A "
            "percentage multiplies; an amount counts in its own currency, a month's share of it, and never below nothing."
        ),
        "Amounts are exact and rounded half up once, per currency. In several currencies the currency says `MIXED` and the amount is held.",
        (
            "**Renewal date**: the earliest period end (the trial's end during a trial) of what renews; blank when nothing does. "
            "**Cancel date**: when everything that still runs will have ended, or when the last one ended."
        ),
    ]
    return "\n\n".join(lines)


def _limits(contract: Contract) -> str:
    guards, failure = contract.guards, contract.failure
    lines = [
        "## Limits and promises",
        f"- A change arrives within {contract.latency.target_seconds} s; everything is compared every {contract.latency.full_reconcile_hours} h.",
        f"- History reaches back {contract.boundaries.history_days} days. Never read or stored: {', '.join(contract.boundaries.excluded)}.",
        f"- A write that does not go through is tried again for {failure.retry_hours} h; then an alert is raised.",
        (
            f"- A plan that would change more than {guards.max_update_percent:g} % of the linked records (at least {guards.update_floor}), or blank "
            f"more than {guards.max_blanking_percent:g} % (at least {guards.blanking_floor} values), waits for a person. The first plan always does."
        ),
        f"- Records created: at most {guards.max_creates}. Records deleted: "
        + ("only after approval." if guards.deletes_need_approval else "as planned."),
        "",
        "## Permissions",
        "",
        _table(("role", "scope", "why"), list(_scopes(contract))),
    ]
    return "\n".join(lines)


def _scopes(contract: Contract) -> Iterator[tuple[str, str, str]]:
    yield from ((s.role, s.scope, s.reason) for s in contract.scopes)
