"""Lint rules about the whole: how records meet, how rows are rolled up, limits, promises and permissions."""

from collections import Counter
from collections.abc import Iterator, Mapping

from integration_pipelines.core.contract import Column, Contract, FieldType, MatchRule, NestedColumn, ObjectKind, Rollup
from integration_pipelines.core.contract_findings import SIDES, Catalogue, Finding, SideName, error, listed, main_of, warning
from integration_pipelines.core.rollup_inputs import DETAIL_COLUMNS, PARENT, PARENT_COLUMNS, STATUSES, Shape

HALF = 50.0
TENTH = 10.0
WEEK_HOURS = 168
YEAR_DAYS = 366


def matching(contract: Contract, _: Mapping[str, Catalogue]) -> Iterator[Finding]:
    """Rules stand once, name columns that exist, and cannot link strangers."""
    rules = contract.matching.rules
    for name, count in Counter(r.name for r in rules).items():
        if count > 1:
            yield error("matching.rules", f"The rule {name} stands {count} times.", "Give each a name of its own.")
    for (left, right, _compare), count in Counter((r.left, r.right, r.compare) for r in rules).items():
        if count > 1:
            yield error("matching.rules", f"{left} and {right} are compared {count} times.", "Keep one of the rules.")
    if not rules:
        yield warning("matching.rules", "Without a rule only stored links connect records.", "Add a rule.")
    for rule in rules:
        yield from _match_columns(contract, rule)
        if rule.compare == "email_domain":
            yield from _by_domain(contract, rule)


def _match_columns(contract: Contract, rule: MatchRule) -> Iterator[Finding]:
    here = f"matching.rules.{rule.name}"
    named: dict[SideName, tuple[str, ...]] = {"left": (rule.left,), "right": (rule.right, rule.unique_right or rule.right)}
    for side, columns in named.items():
        for column in dict.fromkeys(columns):
            if column not in main_of(contract, side).columns:
                yield error(here, f"The {side} side has no column {column}.", "Correct the name.")
    if rule.exclude_free_mail and not contract.matching.free_mail_domains:
        yield error(here, "Free-mail domains are excluded, and none is listed.", "List `free_mail_domains`.")


def _by_domain(contract: Contract, rule: MatchRule) -> Iterator[Finding]:
    here = f"matching.rules.{rule.name}"
    if not rule.exclude_free_mail:
        yield error(here, "Free-mail domains would link strangers.", "Set `exclude_free_mail: true`.")
    kinds: dict[SideName, tuple[str, FieldType]] = {
        "left": (rule.left, FieldType.DOMAIN),
        "right": (rule.right, FieldType.EMAIL),
    }
    for side, (name, wanted) in kinds.items():
        column = main_of(contract, side).columns.get(name)
        if column is not None and column.type is not wanted:
            yield error(here, f"{name} is of type {column.type}, not {wanted}.", "Compare a domain with an e-mail.")


def rollup(contract: Contract, _: Mapping[str, Catalogue]) -> Iterator[Finding]:
    """What is rolled up exists, has all that the calculation reads, and can say only what is allowed."""
    used = {n: kind for n, f in contract.fields.items() if (kind := f.left.rollup or f.right.rollup)}
    rules = contract.rollup
    if rules is None:
        for name in used:
            yield error(f"fields.{name}", "It is a roll-up, and the contract has none.", "Add `rollup`.")
        return
    if not used:
        yield warning("rollup", "No field shows what is rolled up.", "Add a field with `rollup`, or remove this part.")
    spec = contract.objects_of("right").get(rules.object)
    if spec is None or spec.kind is not ObjectKind.DETAIL:
        remedy = "Name the right side's object whose rows are added up."
        yield error("rollup.object", f"There is no detail object {rules.object} on the right side.", remedy)
        return
    yield from _inputs(f"objects.{rules.object}.columns", spec.columns, DETAIL_COLUMNS)
    parent = contract.objects.get(spec.parent_object or "")
    yield from _inputs(f"objects.{spec.parent_object}.columns", parent.columns if parent else {}, PARENT_COLUMNS)
    if spec.parent != PARENT:
        yield error(
            f"objects.{rules.object}.parent", f"The roll-up finds its customer by {PARENT}.", f"Name the column {PARENT}."
        )
    yield from _statuses(rules, spec.columns.get("status"))
    for name in (n for n, kind in used.items() if kind == "status"):
        if forbidden := set(rules.status_order) - set(contract.fields[name].values):
            message = f"The roll-up can say {listed(forbidden)}, which is not allowed."
            yield error(f"fields.{name}.values", message, "Allow every status of the order.")


def line_items(contract: Contract, _: Mapping[str, Catalogue]) -> Iterator[Finding]:
    """A list of what is behind a record needs a text that shows it, and is shown only where the contract asks for it."""
    shown = {n: f for n, f in contract.fields.items() if "line_items" in (f.left.rollup, f.right.rollup)}
    wanted = contract.matching.several_right_per_left == "line_items"
    if wanted and not shown:
        here = "matching.several_right_per_left"
        yield error(here, "No field shows the line items.", "Add a text field with `rollup: line_items`, or say aggregate.")
    for name, field in shown.items():
        if not wanted:
            yield error(
                f"fields.{name}", "The contract does not ask for line items.", "Say `several_right_per_left: line_items`."
            )
        if field.type is not FieldType.TEXT:
            yield error(f"fields.{name}.type", "Line items are text.", "Make it a text.")


def _inputs(place: str, columns: Mapping[str, Column | NestedColumn], shape: Shape) -> Iterator[Finding]:
    for name, inside in shape.items():
        if name not in columns:
            yield error(place, f"The roll-up reads {name}, and there is no such column.", "Add it.")
        elif inside is not None:
            yield from _inputs(f"{place}.{name}.fields", columns[name].fields, inside)


def _statuses(rules: Rollup, status: Column | None) -> Iterator[Finding]:
    order = rules.status_order
    if lacking := set(STATUSES) - set(order):
        yield error("rollup.status_order", f"The order lacks {listed(lacking)}.", "Put every status in its place.")
    if unknown := set(order) - set(STATUSES):
        yield error("rollup.status_order", f"No roll-up ever says {listed(unknown)}.", f"Choose among: {', '.join(STATUSES)}.")
    if len(set(order)) != len(order):
        yield error("rollup.status_order", "A status stands twice.", "Keep one.")
    if not order or order[-1] != "none":
        yield error(
            "rollup.status_order", "`none` does not come last, so it would hide a subscription.", "Put `none` at the end."
        )
    if both := set(rules.counted_statuses) & set(rules.ended_statuses):
        yield error("rollup.counted_statuses", f"{listed(both)} counts and has ended.", "Keep it in one of the lists.")
    said = next((set(e.values) for e in status.expectations if e.expect == "in_set"), None) if status is not None else None
    for place, values in (("counted_statuses", rules.counted_statuses), ("ended_statuses", rules.ended_statuses)):
        if not values:
            yield error(f"rollup.{place}", "The list is empty.", "Name at least one status.")
        if said is not None and (unheard := set(values) - said):
            yield error(f"rollup.{place}", f"No subscription ever says {listed(unheard)}.", f"Choose among: {listed(said)}.")
    if free := set(rules.counted_statuses) & {"trialing", "unpaid", "paused", "incomplete"}:
        yield warning("rollup.counted_statuses", f"{listed(free)} counts, though nothing is paid then.", "Leave it out.")


def scopes(contract: Contract, _: Mapping[str, Catalogue]) -> Iterator[Finding]:
    """Every permission is asked once, of somebody who takes part, for a reason; each of them has one at least."""
    names = {contract.roles.left.name, contract.roles.right.name} | {n.partner for n in contract.notifications}
    for (role, scope), count in Counter((s.role, s.scope) for s in contract.scopes).items():
        if count > 1:
            yield error(f"scopes.{scope}", f"{role} is asked for it {count} times.", "Keep one, with all its reasons.")
        if role not in names:
            yield error(f"scopes.{scope}", f"There is no role {role}.", f"Choose one of: {listed(names)}.")
    for permission in contract.scopes:
        if not permission.scope or not permission.reason:
            place = f"scopes.{permission.scope or permission.role}"
            yield error(place, "A permission without a name or a reason.", "Say which it is and why it is needed.")
    for role in sorted(names - {s.role for s in contract.scopes}):
        yield error("scopes", f"No permission is listed for {role}.", "List what is needed, each with its reason.")


def words(contract: Contract, _: Mapping[str, Catalogue]) -> Iterator[Finding]:
    """What people will read says something."""
    texts = {"title": contract.title, "story": contract.story}
    texts |= {f"roles.{side}.label": contract.role(side).label for side in SIDES}
    for name, spec in contract.objects.items():
        texts[f"objects.{name}.description"] = spec.description
        texts |= {f"objects.{name}.columns.{c}.purpose": column.purpose for c, column in spec.columns.items()}
    for name, field in contract.fields.items():
        texts |= {f"fields.{name}.label": field.label, f"fields.{name}.purpose": field.purpose}
    texts |= {f"matching.rules.{rule.name}.explanation": rule.explanation for rule in contract.matching.rules}
    texts |= {f"notifications.{n.name}.text": n.text for n in contract.notifications}
    yield from (error(place, "It says nothing.", "Write a few words.") for place, text in texts.items() if not text)
    for label, count in Counter(f.label for f in contract.fields.values()).items():
        if label and count > 1:
            yield error("fields", f"{count} fields are called {label}.", "Give each a label of its own.")


def limits(contract: Contract, _: Mapping[str, Catalogue]) -> Iterator[Finding]:
    """Guards that guard, and promises that can be kept."""
    guards, bounds = contract.guards, contract.boundaries
    if guards.max_update_percent > HALF:
        yield warning("guards.max_update_percent", "More than half of all records may change unseen.", "Lower it.")
    if guards.max_blanking_percent > TENTH:
        yield warning("guards.max_blanking_percent", "More than a tenth of all values may vanish unseen.", "Lower it.")
    if guards.max_blanking_percent > guards.max_update_percent:
        message = "More may be blanked than changed, so the limit never applies."
        yield error("guards.max_blanking_percent", message, "Lower it below max_update_percent.")
    if not guards.deletes_need_approval:
        yield error("guards.deletes_need_approval", "Records may be deleted unseen.", "Set it to true; deletes always wait.")
    if contract.latency.full_reconcile_hours > WEEK_HOURS:
        message = "A change whose event was lost stays unnoticed for more than a week."
        yield warning("latency.full_reconcile_hours", message, "Compare everything at least weekly.")
    if contract.latency.target_seconds > contract.latency.full_reconcile_hours * 3600:
        yield error("latency.target_seconds", "The full comparison comes sooner than that.", "Lower it.")
    yield from _settling(contract)
    if contract.failure.retry_hours == 0:
        yield warning("failure.retry_hours", "A write that fails once is given up.", "Give it some hours.")
    if bounds.history_days > YEAR_DAYS:
        yield warning("boundaries.history_days", "History over a year is costly and rarely read.", "Lower it.")
    if not bounds.excluded:
        yield warning("boundaries.excluded", "Nothing is said about what the integration will never touch.", "List it.")


def _settling(contract: Contract) -> Iterator[Finding]:
    """Events that wait to settle are looked at in time."""
    latency = contract.latency
    for name, seconds in {"settle_seconds": latency.settle_seconds, **latency.settle}.items():
        if seconds >= latency.target_seconds:
            yield error("latency", f"{name} lets events wait as long as a change may take.", "Lower it below target_seconds.")
    for name in sorted(set(latency.settle) - set(contract.objects)):
        yield error("latency.settle", f"There is no object {name}.", "Name one of the contract's objects.")
