"""What a search asks for, compiled to a test over one company: groups are joined by or, the filters of a group by and."""

import re
from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from integration_pipelines.partner_models.base import Json
from integration_pipelines.partner_models.hubspot.moments import day, moment
from integration_pipelines.partner_models.hubspot.records import MODIFIED, Company
from integration_pipelines.partner_models.hubspot.refusals import fault, invalid

MOST_GROUPS, MOST_FILTERS, MOST_IN_ALL = 5, 10, 25
MOST_VALUES = 100
_OBJECT_ID = "hs_object_id"
_TOKEN = re.compile(r"[^\W_]+")

Values = Mapping[str, Any]
Key = Any  # a number or a text, the same kind for all values of one property
Getter = Callable[[Company, Values], Key | None]
Test = Callable[[Company, Values], bool]

_COMPARE: dict[str, Callable[[Key, Key], bool]] = {
    "EQ": lambda found, wanted: bool(found == wanted),
    "NEQ": lambda found, wanted: bool(found != wanted),
    "LT": lambda found, wanted: bool(found < wanted),
    "LTE": lambda found, wanted: bool(found <= wanted),
    "GT": lambda found, wanted: bool(found > wanted),
    "GTE": lambda found, wanted: bool(found >= wanted),
}


def compiled(find: Callable[[str], Json | None], groups: object) -> Test:
    """The test for `filterGroups`; raises PartnerRefusalError 400 for what HubSpot does not take."""
    if groups is None:
        return lambda _, __: True
    if not isinstance(groups, list) or not all(isinstance(one, dict) and isinstance(one.get("filters"), list) for one in groups):
        raise invalid("Invalid input JSON: filterGroups must be a list of objects with filters.")
    counts = [len(group["filters"]) for group in groups]
    if len(groups) > MOST_GROUPS or any(count > MOST_FILTERS for count in counts) or sum(counts) > MOST_IN_ALL:
        raise invalid(f"A search takes {MOST_GROUPS} groups of {MOST_FILTERS} filters, {MOST_IN_ALL} in all.")
    alternatives = [[_filter(find, one) for one in group["filters"]] for group in groups]
    if not alternatives:
        return lambda _, __: True
    if counts == [1]:
        return alternatives[0][0]
    return lambda company, values: any(all(test(company, values) for test in tests) for tests in alternatives)


def getter(find: Callable[[str], Json | None], name: str) -> Getter:
    """How a property is compared and sorted; raises PartnerRefusalError 400 if it does not exist."""
    definition = find(name)
    if definition is None:
        message = f'Property "{name}" does not exist'
        raise invalid(message, [fault(message, "PROPERTY_DOESNT_EXIST", propertyName=name)])
    if name == _OBJECT_ID:
        return lambda company, _: company.number
    key = _key(definition)
    if name == MODIFIED:
        return lambda company, values: company.modified_ms if values is company.values else key(values.get(name))
    return lambda _, values: key(values.get(name))


def token_test(query: str) -> Test:
    """The test for `query`: every word begins a word of the name, domain, website or phone."""
    words = [word.lower() for word in _TOKEN.findall(query)]

    def holds(_: Company, values: Values) -> bool:
        known = [token for name in ("name", "domain", "website", "phone") for token in _tokens(values.get(name))]
        return all(any(token.startswith(word) for token in known) for word in words)

    return holds


def _filter(find: Callable[[str], Json | None], given: object) -> Test:
    if not isinstance(given, dict) or not isinstance(given.get("propertyName"), str):
        raise invalid("Invalid input JSON: a filter needs a propertyName.")
    name, operator = given["propertyName"], given.get("operator")
    get = getter(find, name)
    key = _key(find(name) or {})
    match operator:
        case "HAS_PROPERTY":
            return lambda company, values: get(company, values) is not None
        case "NOT_HAS_PROPERTY":
            return lambda company, values: get(company, values) is None
        case "EQ" | "NEQ" | "LT" | "LTE" | "GT" | "GTE":
            return _compare(get, _COMPARE[operator], _operand(given, "value", key))
        case "BETWEEN":
            low, high = _operand(given, "value", key), _operand(given, "highValue", key)
            return _compare(get, lambda found, _: bool(low <= found <= high), None)
        case "IN" | "NOT_IN":
            wanted = frozenset(_operands(given, key))
            return _compare(get, lambda found, _: (found in wanted) is (operator == "IN"), None)
        case "CONTAINS_TOKEN" | "NOT_CONTAINS_TOKEN":
            patterns = _patterns(given)
            wants = operator == "CONTAINS_TOKEN"
            return lambda _, values: _contains(values.get(name), patterns) is wants
        case _:
            raise invalid(f"Invalid input JSON: operator {str(operator)[:40]} is unknown.")


def _compare(get: Getter, holds: Callable[[Key, Key], bool], wanted: Key) -> Test:
    """A company without a value is never found by a comparison."""

    def test(company: Company, values: Values) -> bool:
        found = get(company, values)
        return found is not None and holds(found, wanted)

    return test


def _key(definition: Json) -> Callable[[object], Key | None]:
    """Text of a property as something that compares; blank and unreadable values are None."""
    match definition.get("type"):
        case "number":
            return _number
        case "datetime":
            return lambda value: moment(value) if isinstance(value, str) else None
        case "date":
            return lambda value: day(value) if isinstance(value, str) else None
        case "enumeration" | "bool":
            return lambda value: str(value) if value not in {None, ""} else None
        case _:
            return lambda value: str(value).casefold() if value not in {None, ""} else None


def _number(value: object) -> float | None:
    try:
        return float(value) if isinstance(value, (str, int, float)) else None
    except ValueError:
        return None


def _operand(given: Json, part: str, key: Callable[[object], Key | None]) -> Key:
    value = given.get(part)
    found = key(str(value)) if isinstance(value, (str, int, float)) and not isinstance(value, bool) else None
    if found is None:
        raise invalid(f"The filter on {given['propertyName']} needs a {part} that fits the property's type.")
    return found


def _operands(given: Json, key: Callable[[object], Key | None]) -> list[Key]:
    values = given.get("values")
    if not isinstance(values, list) or not 1 <= len(values) <= MOST_VALUES:
        raise invalid(f"The filter on {given['propertyName']} needs 1 to {MOST_VALUES} values.")
    return [_operand({**given, "value": value}, "value", key) for value in values]


def _patterns(given: Json) -> list[str]:
    value = given.get("value")
    found = [word.lower() for word in re.findall(r"[^\W_*]+\*?|\*[^\W_*]+\*?", value)] if isinstance(value, str) else []
    if not found:
        raise invalid(f"The filter on {given['propertyName']} needs a value with a word in it.")
    return found


def _contains(value: object, patterns: Sequence[str]) -> bool:
    tokens = _tokens(value)
    return all(any(fnmatchcase(token, pattern) for token in tokens) for pattern in patterns)


def _tokens(value: object) -> list[str]:
    return [token.lower() for token in _TOKEN.findall(value)] if isinstance(value, str) else []
