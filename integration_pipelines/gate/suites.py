"""What a contract expects of one object, laid out as frames: the object's own columns, and one frame per nested list.

Nothing is evaluated here and Great Expectations is not imported; `evaluate` makes its expectations from the checks.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from integration_pipelines.core.contract import Column, Expectation, FieldType, NestedColumn, SourceObject
from integration_pipelines.errors import ContractError
from integration_pipelines.gate.readings import READABLE, SHAPES, Reading, reading

SCOPE = "|scope"
"""Column within which `unique` holds: the tenant, or in a nested frame the list that the row is part of."""

_Columns = Mapping[str, Column] | Mapping[str, NestedColumn]


class Question(StrEnum):
    """What is asked of a column, in Great Expectations' own terms."""

    NOT_NULL = "expect_column_values_to_not_be_null"
    IN_SET = "expect_column_values_to_be_in_set"
    MATCHES = "expect_column_values_to_match_regex"
    LENGTH = "expect_column_value_lengths_to_be_between"
    UNIQUE = "expect_compound_columns_to_be_unique"


@dataclass(frozen=True, slots=True)
class Derived:
    """A column made of another's text before evaluation: how it reads, or only ids that name their own record."""

    column: str
    source: str
    reading: Reading | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """One expectation of the contract as it is put to a frame's column; `number` is unique within the object."""

    number: int
    field: str
    expectation: Expectation
    column: str
    question: Question
    arguments: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Frame:
    """One table to evaluate: `path` leads through nested lists to it, `columns` are the texts its checks need."""

    path: tuple[str, ...]
    columns: Mapping[str, FieldType]
    derived: tuple[Derived, ...]
    checks: tuple[Check, ...]


def frames_of(spec: SourceObject) -> tuple[Frame, ...]:
    """The frames of an object, outermost first; frames without an expectation are left out.

    Raises:
        ContractError: an expectation that says nothing or cannot be asked of that type; the message names its field.
    """
    frames = []
    number = 0
    for path, columns in _levels((), spec.columns):
        needed: dict[str, FieldType] = {}
        derived: list[Derived] = []
        checks: list[Check] = []
        for name, column in columns.items():
            for expectation in column.expectations:
                made, check = _check(number, path, name, column, expectation)
                needed[name] = column.type
                derived.extend([made] if made else [])
                checks.append(check)
                number += 1
        if checks:
            frames.append(Frame(path, needed, tuple(derived), tuple(checks)))
    return tuple(frames)


def _levels(path: tuple[str, ...], columns: _Columns) -> Iterator[tuple[tuple[str, ...], _Columns]]:
    yield path, columns
    for name, column in columns.items():
        if column.fields:
            yield from _levels((*path, name), column.fields)


def _check(
    number: int, path: tuple[str, ...], name: str, column: Column | NestedColumn, wanted: Expectation
) -> tuple[Derived | None, Check]:
    where = ".".join((*path, name))
    try:
        made = _derived(f"{name}|{number}", path, name, column, wanted)
        question, arguments = _question(column.type, wanted, made)
    except ContractError as fault:
        raise ContractError(f"{where}, {wanted.expect}: {fault.message}", remedy=fault.remedy) from None
    return made, Check(number, where, wanted, made.column if made else name, question, arguments)


def _derived(column: str, path: tuple[str, ...], name: str, spec: Column | NestedColumn, wanted: Expectation) -> Derived | None:
    if spec.type is FieldType.LIST and wanted.expect != "not_blank":
        raise ContractError("A list can only be expected not to be blank.", remedy="Put the expectation on its fields.")
    if wanted.expect == "between":
        if wanted.minimum is None and wanted.maximum is None:
            raise ContractError("Neither a minimum nor a maximum is given.", remedy="Give at least one.")
        return Derived(column, name, reading(spec.type, wanted.minimum, wanted.maximum))
    if wanted.expect == "type" and spec.type not in SHAPES:
        return Derived(column, name, reading(spec.type))
    if wanted.expect == "unique" and not path and spec.source == "id":
        # A merged record still answers under its old id with the survivor's; that is no double.
        return Derived(column, name)
    return None


def _question(kind: FieldType, wanted: Expectation, made: Derived | None) -> tuple[Question, dict[str, object]]:
    if made is not None and made.reading is not None:
        return Question.IN_SET, {"value_set": [READABLE]}
    match wanted.expect:
        case "not_blank":
            return Question.NOT_NULL, {}
        case "unique":
            return Question.UNIQUE, {}
        case "type":
            return Question.MATCHES, {"regex": SHAPES[kind]}
        case "in_set" if wanted.values:
            return Question.IN_SET, {"value_set": list(wanted.values)}
        case "matches" if wanted.pattern:
            return Question.MATCHES, {"regex": _compiled(wanted.pattern)}
        case "max_length" if wanted.maximum and wanted.maximum.isdecimal():
            return Question.LENGTH, {"max_value": int(wanted.maximum)}
    raise ContractError("It says nothing that could be checked.", remedy="Give its values, pattern or maximum.")


def _compiled(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error:
        raise ContractError("The pattern is not a regular expression.", remedy="Correct the pattern.") from None
    return pattern
