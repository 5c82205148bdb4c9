"""A contract in plain words (Markdown), for the people who sign it: who owns what, how records meet, what is never done."""

from collections.abc import Sequence

from integration_pipelines.core.contract import Column, Contract, CreateRule, Notification, PropertySpec, Rollup, SyncField
from integration_pipelines.core.contract_findings import SIDES, SideName, column_of, main_of, side_of

_BLANK = {
    "clear": "the other side becomes blank too",
    "default": "the other side shows the default",
    "keep": "the other side keeps what it has",
}
_FOREIGN = {"restore": "put back, and the edit is kept for people", "hold": "held until a person decides"}


def show(contract: Contract) -> str:
    """The whole contract as Markdown."""
    parts = [_head(contract), _ownership(contract), _reading(contract), _matching(contract), _rollup(contract), _told(contract)]
    parts.append(_limits(contract))
    return "\n\n".join(part for part in parts if part)


def scopes(contract: Contract) -> list[tuple[str, str, str, str]]:
    """What is asked of a tenant: (role, partner, scope, reason), in the contract's order."""
    partners = {n.partner: n.partner for n in contract.notifications}
    partners |= {contract.role(side).name: contract.role(side).partner for side in SIDES}
    return [(s.role, partners[s.role], s.scope, s.reason) for s in contract.scopes]


def properties_to_create(contract: Contract, side: SideName) -> dict[str, dict[str, PropertySpec]]:
    """What must exist at a side's partner before the first write: partner object → property's name → how it is made."""
    wanted: dict[str, dict[str, PropertySpec]] = {}
    for field in contract.fields.values():
        spec, column = side_of(field, side).create, column_of(contract, field, side)
        if spec is not None and column is not None:
            wanted.setdefault(main_of(contract, side).partner_object, {})[column.source.partition(".")[2]] = spec
    return wanted


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
    labels = {contract.role(side).name: contract.role(side).label for side in SIDES}
    owner = ({"sync": "the sync itself", "two_way": "both sides"} | labels)[field.owner]
    blank = _BLANK[field.blank] + (f" ({field.default})" if field.blank == "default" else "")
    if field.owner == "sync":
        blank, foreign = "-", "overwritten with the next change"
    else:
        foreign = f"decided by: {field.two_way_rule}" if field.owner == "two_way" else _FOREIGN[field.on_foreign_edit]
    where = [_where(contract, field, side) for side in SIDES]
    return f"{field.label} (`{name}`): {field.purpose}", owner, *where, blank, foreign


def _where(contract: Contract, field: SyncField, side: SideName) -> str:
    place, column = side_of(field, side), column_of(contract, field, side)
    if place.rollup is not None:
        return f"rolled up: {place.rollup.replace('_', ' ')}"
    if column is None:
        return "-"
    words = column.source.split(".")[-1]
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
        if spec.options:
            meant = "; ".join(f"{option}: {', '.join(values) or 'each tenant says'}" for option, values in spec.options.items())
            parts.append(f"What {partner} is to mean by it: {meant}. A tenant may say otherwise.")
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
    several = {
        "aggregate": "are added up",
        "line_items": "are added up and listed line by line",
        "ambiguous": "are ambiguous and wait for a person",
    }[matching.several_right_per_left]
    lines.append(
        f"\nThe first rule that finds anything decides. Several {contract.roles.right.label} records behind one record {several}."
    )
    lines.append(
        "When a rule finds more than one candidate, or the same value stands on two records, nothing is linked and a person is asked."
    )
    lines.append(_unmatched(contract))
    if contract.matching.unmatched_left == "report":
        left, right = contract.roles.left.label, contract.roles.right.label
        lines.append(f"A {left} record that nothing matches is reported; no {right} record is ever made for it.")
    return "\n".join(line for line in lines if line)


def _unmatched(contract: Contract) -> str:
    matching, left, right = contract.matching, contract.roles.left.label, contract.roles.right.label
    if matching.unmatched_right == "ignore":
        return f"A {right} record that nothing matches is left alone."
    if matching.create is None:
        return f"A {right} record that nothing matches is reported; no record is ever made for it."
    starts = ", ".join((matching.create.unique, *matching.create.columns, *matching.create.texts))
    made = (
        f"For each {right} record that nothing matches, one is made on the {left} side, under its unique {matching.create.unique}; "
        f"it starts with {starts} "
    )
    gone = "put into the archive, after approval" if matching.gone_right == "archive" else "reported and stays"
    rest = f"and the fields above. {_bounds(matching.create, right)}"
    return f"{made}{rest}When the {right} record is gone, the one that was made for it is {gone}. {right} records are never made."


def _bounds(rule: CreateRule, right: str) -> str:
    """For which records none is made although nothing matches them."""
    only = " and ".join(f"{column} is {' or '.join(values)}" for column, values in rule.when.items())
    parts = [f"Only while {only}. " if only else ""]
    parts.append(
        f"None is made for what was there before the integration was installed at a tenant ({right}: {rule.since}). "
        if rule.since
        else ""
    )
    return "".join(parts)


def _told(contract: Contract) -> str:
    if not contract.notifications:
        return ""
    parts = ["## Who is told", _TOLD]
    for one in contract.notifications:
        where = f"in the channel {one.channel}" if one.channel else "in the channel that the tenant chooses"
        again = f"{one.repeats_when_unclear} times" if one.repeats_when_unclear != 1 else "once"
        unclear = f"is said again {again} at most" if one.repeats_when_unclear else "is not said again"
        quoted = "\n".join(f"> {line}" for line in one.text.strip().splitlines())
        parts.append(
            f"**{one.name}** ({one.partner}, {where}), {_occasion(contract, one)}; without a clear answer it {unclear}:\n\n{quoted}"
        )
    return "\n\n".join(parts)


_TOLD = (
    "Each message is noted before it is sent and sent once. One that does not go through is tried again like a write, and nothing that is "
    "written waits for it. A tenant that did not connect the partner is told nothing there."
)


def _occasion(contract: Contract, one: Notification) -> str:
    if one.when == "created":
        return f"when a record was made on the {contract.roles.left.label} side"
    label = contract.fields[one.field or ""].label
    return f"when {label} changed" + (f" to {' or '.join(one.to)}" if one.to else "")


def _rollup(contract: Contract) -> str:
    rules = contract.rollup
    if rules is None:
        return ""
    parts = ("## How several subscriptions become one view", _status(rules), _mrr(rules), _ITEM, _discounts(rules), _SUM, _DATES)
    return "\n\n".join(parts)


_ITEM = (
    "**An item** is its amount times its quantity; packages are rounded up or down as the price says, and tiers count by volume or graduated. "
    "Divided by the months of its interval it is a month's amount: n months are n, n years are 12 times n, n weeks are n times 12/52 and "
    "n days are n times 12/365."
)
_SUM = (
    "**Sums** are kept per currency, exactly, never below nothing by a discount, and rounded half up once, at the end. The currency is blank when "
    "nothing runs. When several run, the currency says `MIXED`, and the amount is held until a person decides."
)
_DATES = (
    "**Renewal date**: the earliest period end (during a trial, the trial's end) of what renews; blank when nothing does. "
    "**Cancel date**: when everything that still runs will have ended, or when the last one ended; blank while anything goes on."
)


def _status(rules: Rollup) -> str:
    ended = " and ".join(rules.ended_statuses)
    return (
        f"**Status**: the first that occurs of {' > '.join(rules.status_order)}. An active subscription that is going to end is `canceling`; "
        f"{ended} count as `canceled`; without any subscription the status is `none`."
    )


def _mrr(rules: Rollup) -> str:
    nothing = "" if "trialing" in rules.counted_statuses else "A trial counts 0. "
    paused = "counts on" if rules.paused_collection == "count" else "counts 0"
    return (
        f"**MRR** adds up subscriptions that are {' or '.join(rules.counted_statuses)}. {nothing}Metered and one-off prices are left out. A "
        f"subscription whose collection is paused {paused}; one that ends with its period counts until that end."
    )


def _discounts(rules: Rollup) -> str:
    repeating = "until their end" if rules.repeating_discounts == "apply" else "never"
    return (
        f"**Discounts** in force: those that last for ever; repeating ones {repeating}; one-time ones never. An item's own come first, then the "
        "subscription's that are limited to products, on each such item; then its others, in order, on the sum. The customer's count only when "
        "the subscription has none. A percentage multiplies; an amount counts in its own currency only, by the month, and never takes a sum "
        "below 0."
    )


def _settling(contract: Contract) -> list[str]:
    """How long events wait, for records that are changed several times in a row."""
    latency = contract.latency
    told = {"events": latency.settle_seconds} | {f"events about {name}": seconds for name, seconds in latency.settle.items()}
    return [f"- {what.capitalize()} are looked at when they are {seconds} s old." for what, seconds in told.items() if seconds]


def _limits(contract: Contract) -> str:
    guards, failure = contract.guards, contract.failure
    made = f"At most {guards.max_creates} records a day are" if guards.max_creates else "No record is"
    lines = [
        "## Limits and promises",
        *_settling(contract),
        f"- A change arrives within {contract.latency.target_seconds} s; everything is compared every {contract.latency.full_reconcile_hours} h.",
        f"- History reaches back {contract.boundaries.history_days} days. Never read or stored: {', '.join(contract.boundaries.excluded)}.",
        f"- A write that does not go through is tried again for {failure.retry_hours} h; then an alert is raised.",
        (
            f"- A plan waits for a person when it would change more than {guards.max_update_percent:g} % of the linked records, "
            f"{guards.update_floor} being free in any case, or blank more values than {guards.max_blanking_percent:g} % of the linked "
            f"records, {guards.blanking_floor} being free. The first plan always waits."
        ),
        (
            f"- A tenant whose full read lacks more than {guards.max_missing_percent:g} % of the records that the last one had, "
            f"{guards.missing_floor} being free, is stopped before anything is compared or written."
        ),
        f"- {made} created without approval. Records are deleted only after approval.",
        "",
        "## Permissions",
        "",
        _table(("side", "partner", "permission", "why"), scopes(contract)),
    ]
    return "\n".join(lines)
