"""Stripe's search language, as far as it is modelled: terms joined by AND or by OR, never by both.

A term is `field:'value'`, `field~'part'`, `created>123` or the like, negated by a leading `-`; a field is a name or
`metadata['key']`; `null` asks whether it is there. Which records are looked at belongs to `search`.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from integration_pipelines.partner_models.base import Json
from integration_pipelines.partner_models.stripe.refusals import invalid

FIELDS = {
    "customers": {"created", "email", "metadata", "name", "phone"},
    "subscriptions": {"created", "canceled_at", "metadata", "status"},
    "prices": {"active", "created", "currency", "lookup_key", "metadata", "product", "type"},
    "products": {"active", "created", "description", "metadata", "name", "shippable", "url"},
}
_NUMBERS = {"created", "canceled_at"}
_SHORTEST_PART = 3
_TERM = re.compile(
    r"""\s*(?P<not>-)?(?P<field>\w+)(?:\[(?P<kq>['"])(?P<key>(?:\\.|(?!(?P=kq)).)*)(?P=kq)\])?\s*
        (?P<op>>=|<=|[:~<>=])\s*
        (?:(?P<vq>['"])(?P<value>(?:\\.|(?!(?P=vq)).)*)(?P=vq)|(?P<bare>[^\s'"]+))""",
    re.VERBOSE,
)
_JOIN = re.compile(r"\s+(AND|OR)\s+|\s*$|\s+", re.IGNORECASE)
_COMPARE: dict[str, Callable[[float, float], bool]] = {
    ">": lambda left, right: left > right,
    ">=": lambda left, right: left >= right,
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
    ":": lambda left, right: left == right,
    "=": lambda left, right: left == right,
}


@dataclass(frozen=True, slots=True)
class Term:
    """One condition; `value` None asks for absence."""

    field: str
    key: str | None
    operator: str
    value: str | None
    negated: bool

    def holds(self, record: Json) -> bool:
        """Whether a record meets it."""
        return self._found(record) is not self.negated

    def _found(self, record: Json) -> bool:
        actual: Any = record.get(self.field)
        if self.key is not None:
            actual = actual.get(self.key) if isinstance(actual, dict) else None
        if self.value is None or actual is None:
            return actual is None and self.value is None
        if self.field in _NUMBERS:
            return isinstance(actual, int) and _COMPARE[self.operator](actual, float(self.value))
        text = str(actual).lower()
        return self.value.lower() in text if self.operator == "~" else text == self.value.lower()


@dataclass(frozen=True, slots=True)
class Query:
    """Terms of which all or any must hold."""

    terms: tuple[Term, ...]
    every: bool

    def holds(self, record: Json) -> bool:
        """Whether a record is found."""
        results = (term.holds(record) for term in self.terms)
        return all(results) if self.every else any(results)


def parse(object_name: str, text: str) -> Query:
    """Read a query; refuses what the object cannot be searched by."""
    terms: list[Term] = []
    joins: set[str] = set()
    position = 0
    while position < len(text.rstrip()):
        match = _TERM.match(text, position)
        if match is None:
            raise invalid(
                'We were unable to parse your search query. Try using the format `metadata["key"]:"value"`.', param="query"
            )
        terms.append(_term(object_name, match))
        join = _JOIN.match(text, match.end())
        if join is None:
            raise invalid("We were unable to parse your search query: terms are joined by AND or OR.", param="query")
        if join.end() < len(text.rstrip()):
            joins.add((join.group(1) or "AND").upper())
        position = join.end()
    if not terms or len(joins) > 1:
        raise invalid("A search query has at least one term and joins terms by AND or by OR, not by both.", param="query")
    return Query(tuple(terms), every=joins != {"OR"})


def _term(object_name: str, match: re.Match[str]) -> Term:
    field, key, operator = match["field"], match["key"], match["op"]
    if field not in FIELDS[object_name] or (field == "metadata") is (key is None):
        raise invalid(f"Field `{field}` is an unsupported search field for resource `{object_name}`.", param="query")
    bare = match["bare"]
    value = None if bare is not None and bare.lower() == "null" else _unescape(match["value"] if bare is None else bare)
    if field in _NUMBERS:
        if value is not None and not re.fullmatch(r"-?\d+", value):
            raise invalid(f"Field `{field}` takes a number of seconds.", param="query")
    elif operator not in {":", "~"}:
        raise invalid(f"Operator `{operator}` is not supported for field `{field}`.", param="query")
    if operator == "~" and (value is None or len(value) < _SHORTEST_PART):
        raise invalid("Substring search needs at least 3 characters.", param="query")
    return Term(field, None if key is None else _unescape(key), operator, value, negated=bool(match["not"]))


def _unescape(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)
