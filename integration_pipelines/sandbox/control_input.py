"""What callers of the control door may send: bodies, filters and faults, each refused with a remedy. What is done with them is `control`."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

import orjson
from starlette.requests import Request

from integration_pipelines.errors import InvalidError
from integration_pipelines.partner_models.base import Fault, FaultKind, Json, PartnerRefusalError
from integration_pipelines.sandbox.fault_params import check_params

KINDS = tuple(kind.value for kind in FaultKind)
_FAULT_TYPES: Mapping[str, type] = {
    "kind": str, "account": str, "method": str, "path": str, "times": int, "skip": int, "params": dict,
}  # fmt: skip
_UNTIL_CLEARED = -1
_FLAGS = {"true": True, "false": False}


async def json_of(request: Request) -> object:
    """The body as JSON."""
    try:
        found: object = orjson.loads(await request.body())
    except orjson.JSONDecodeError:
        raise InvalidError("The body is not JSON.", remedy="Send a JSON document with Content-Type application/json.") from None
    return found


async def object_of(request: Request, wanted: Mapping[str, type], *, optional: Mapping[str, type] | None = None) -> Json:
    """The body as an object with these keys, each of its type, and no other but optional ones."""
    body = await json_of(request)
    allowed = {**wanted, **(optional or {})}
    remedy = f"Send an object with {', '.join(f'{name} ({_word(kind)})' for name, kind in allowed.items())}."
    if not isinstance(body, dict):
        raise InvalidError("The body is not an object.", remedy=remedy)
    lacking = sorted(wanted.keys() - body.keys())
    if lacking:
        raise InvalidError(f"The body lacks {', '.join(lacking)}.", remedy=remedy)
    _known(body, allowed, "The body", remedy)
    _typed(body, allowed, remedy)
    return body


def filters_of(request: Request, allowed: Iterable[str]) -> dict[str, str]:
    """The query, if it has no other names than these."""
    query = dict(request.query_params)
    _known(query, dict.fromkeys(allowed), "The query", f"Filters here: {', '.join(allowed)}.")
    return query


def moment_of(query: Mapping[str, str], name: str) -> float:
    """Seconds since the epoch, 0 if not asked for."""
    try:
        moment = float(query.get(name, "0"))
    except ValueError:
        moment = math.nan
    if math.isnan(moment):
        raise InvalidError(f"{name} is not a number.", remedy="Give seconds since 1970, as `at` in effects.")
    return moment


def flag_of(query: Mapping[str, str], name: str) -> bool | None:
    """True, false, or None if not asked for."""
    if name not in query:
        return None
    if query[name] not in _FLAGS:
        raise InvalidError(f"{name} is neither true nor false.", remedy=f"Write {name}=true or {name}=false.")
    return _FLAGS[query[name]]


def faults_of(given: object, accounts: frozenset[str]) -> list[Fault]:
    """Faults from their JSON form, one or a list of them; all are right or none is taken.

    Raises:
        InvalidError: an unknown kind or key, or a value of the wrong type.
        PartnerRefusalError: 404 for an account that is not here.
    """
    entries = given if isinstance(given, list) else [given]
    return [_fault(entry, accounts) for entry in entries]


def _fault(given: object, accounts: frozenset[str]) -> Fault:
    remedy = f"Kinds: {', '.join(KINDS)}. Keys: {', '.join(_FAULT_TYPES)}."
    if not isinstance(given, dict):
        raise InvalidError("A fault is not an object.", remedy=remedy)
    _known(given, _FAULT_TYPES, "A fault", remedy)
    if given.get("kind") not in KINDS:
        raise InvalidError("A fault has no kind that is known.", remedy=remedy)
    _typed(given, _FAULT_TYPES, remedy)
    if given.get("times", 1) < _UNTIL_CLEARED or given.get("skip", 0) < 0:
        raise InvalidError("A fault cannot fire or be skipped so many times.", remedy="times: -1 or more; skip: 0 or more.")
    check_params(given.get("params", {}))
    if given.get("account", "*") not in {"*", *accounts}:
        raise PartnerRefusalError(404, "unknown_account", "A fault is meant for an account that is not here.")
    return Fault(**{**given, "kind": FaultKind(given["kind"]), "method": given.get("method", "").upper()})


def _known(given: Mapping[str, Any], allowed: Mapping[str, Any], what: str, remedy: str) -> None:
    unknown = len(given.keys() - allowed.keys())
    if unknown:
        raise InvalidError(f"{what} has {unknown} unknown {'key' if unknown == 1 else 'keys'}.", remedy=remedy)


def _typed(given: Mapping[str, Any], types: Mapping[str, type], remedy: str) -> None:
    wrong = [name for name, kind in types.items() if name in given and type(given[name]) is not kind]
    if wrong:
        raise InvalidError(f"{', '.join(wrong)}: wrong type, {_word(types[wrong[0]])} expected.", remedy=remedy)


def _word(kind: type) -> str:
    return {str: "text", int: "whole number", dict: "object"}[kind]
