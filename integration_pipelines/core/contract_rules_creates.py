"""Lint rules about records that are made or archived: only by a unique property, only recognisably, and never a field that somebody owns."""

from collections.abc import Iterator, Mapping

from integration_pipelines.core.contract import Contract, CreateRule, DataClass, FieldType
from integration_pipelines.core.contract_findings import SIDES, Catalogue, Finding, error, main_of, warning
from integration_pipelines.core.templates import fault, placeholders

PLACE = "matching.create"


def creates(contract: Contract, catalogues: Mapping[str, Catalogue]) -> Iterator[Finding]:
    """What is made is made by upsert on a unique property, and found again by it."""
    matching = contract.matching
    if matching.unmatched_right == "create" and matching.create is None:
        yield error(
            "matching.unmatched_right", "Records are to be made, and nothing says how.", "Add `create`, with its unique column."
        )
    if matching.unmatched_right != "create" and matching.create is not None:
        yield error(PLACE, "It says how records are made, and none is.", "Set `unmatched_right: create`, or remove it.")
    if matching.gone_right == "archive" and matching.unmatched_right != "create":
        remedy = "Set it to report: only records that the sync made are archived."
        yield error("matching.gone_right", "Nothing that could be archived is ever made.", remedy)
    if matching.create is None or matching.unmatched_right != "create":
        return
    if not contract.guards.max_creates:
        yield warning("guards.max_creates", "Every plan that makes a record waits for approval.", "Allow some without one.")
    named = list(_columns_exist(contract, matching.create))
    yield from named or (*_unique(contract, matching.create, catalogues), *_starting(contract, matching.create, catalogues))


def _columns_exist(contract: Contract, rule: CreateRule) -> Iterator[Finding]:
    left, right = main_of(contract, "left").columns, main_of(contract, "right").columns
    for column in (rule.unique, *rule.columns, *rule.texts):
        if column not in left:
            yield error(PLACE, f"The left side has no column {column}.", "Correct the name.")
    for column, template in rule.texts.items():
        if broken := fault(template):
            yield error(f"{PLACE}.texts.{column}", broken, "Write values as {column}, and a brace itself twice.")
    for column in sorted(reads_of_creates(contract)):
        if column not in right:
            yield error(PLACE, f"The right side has no column {column}.", "Correct the name.")
    for column in sorted(rule.columns.keys() & rule.texts.keys()):
        yield error(f"{PLACE}.texts.{column}", "It would start with a column and with a text.", "Keep one of them.")


def reads_of_creates(contract: Contract) -> set[str]:
    """Columns of the right main object that making records asks for."""
    rule = contract.matching.create
    if rule is None:
        return set()
    said = {name for template in rule.texts.values() if not fault(template) for name in placeholders(template)}
    return {rule.value, *rule.columns.values(), *rule.when, *((rule.since,) if rule.since else ()), *said}


def _unique(contract: Contract, rule: CreateRule, catalogues: Mapping[str, Catalogue]) -> Iterator[Finding]:
    left, right = main_of(contract, "left"), main_of(contract, "right")
    here, there = (catalogues[contract.role(side).partner] for side in SIDES)
    kept = [f for f in contract.fields.values() if f.left.column == rule.unique and f.right.column == rule.value]
    made_unique = any(f.left.create is not None and f.left.create.unique for f in kept)
    if not made_unique and not here.identifying(left.partner_object, left.columns[rule.unique].source):
        message = f"{rule.unique} is no unique property that the sync keeps, so a repeat could make a second record."
        yield error(f"{PLACE}.unique", message, "Name a column whose field has `create: {unique: true}` and shows `value`.")
    if not there.identifying(right.partner_object, right.columns[rule.value].source):
        yield error(
            f"{PLACE}.value", f"{rule.value} may change, and the record would not be found again.", "Name the right side's id."
        )
    if not any((r.left, r.right, r.compare) == (rule.unique, rule.value, "equal") for r in contract.matching.rules):
        message = (
            f"No rule finds a record by {rule.unique}, so one that was made just before a crash would stay without its link."
        )
        yield error("matching.rules", message, f"Add a rule that compares {rule.unique} with {rule.value}.")


def _starting(contract: Contract, rule: CreateRule, catalogues: Mapping[str, Catalogue]) -> Iterator[Finding]:
    left, right = main_of(contract, "left"), main_of(contract, "right")
    owned = {f.left.column for f in contract.fields.values() if f.left.column is not None}
    partner = contract.roles.left.partner
    if rule.since is not None and right.columns[rule.since].type is not FieldType.DATETIME:
        yield error(f"{PLACE}.since", f"{rule.since} is no moment.", "Name a column of type datetime.")
    yield from _texts(contract, rule, owned, catalogues[partner])
    for column, source in rule.columns.items():
        here, mine, other = f"{PLACE}.columns.{column}", left.columns[column], right.columns[source]
        if column in owned:
            yield error(here, "A field keeps it, and says what it starts with.", "Leave it to the field.")
        if mine.type is not other.type or mine.type in {FieldType.LIST, FieldType.MONEY}:
            yield error(here, f"A {other.type} is no {mine.type} to start with.", "Name columns of one type.")
        if not catalogues[partner].settable(left.partner_object, mine.source):
            yield error(here, f"{partner} does not let {mine.source} be written.", "Name another column.")
        if other.data_class is DataClass.PERSONAL and mine.data_class is not DataClass.PERSONAL:
            yield error(f"objects.{contract.main_object('left')}.columns.{column}", *_PERSONAL)


_PERSONAL = ("It starts with personal data and is not marked so.", "Set `data_class: personal`.")


def _texts(contract: Contract, rule: CreateRule, owned: set[str], catalogue: Catalogue) -> Iterator[Finding]:
    left, right = main_of(contract, "left"), main_of(contract, "right")
    for column, template in rule.texts.items():
        here, mine = f"{PLACE}.texts.{column}", left.columns[column]
        if column in owned:
            yield error(here, "A field keeps it, and says what it starts with.", "Leave it to the field.")
        if mine.type is not FieldType.TEXT:
            yield error(here, f"A text is no {mine.type} to start with.", "Name a column of type text.")
        if not catalogue.settable(left.partner_object, mine.source):
            yield error(here, f"{contract.roles.left.partner} does not let {mine.source} be written.", "Name another column.")
        personal = any(right.columns[name].data_class is DataClass.PERSONAL for name in placeholders(template))
        if personal and mine.data_class is not DataClass.PERSONAL:
            yield error(f"objects.{contract.main_object('left')}.columns.{column}", *_PERSONAL)
