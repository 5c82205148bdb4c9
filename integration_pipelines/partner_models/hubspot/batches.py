"""Batches: at most a hundred inputs. One malformed input refuses them all; a record that is not there fails alone (207)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from integration_pipelines.partner_models.base import Json, PartnerRefusalError
from integration_pipelines.partner_models.hubspot import writing
from integration_pipelines.partner_models.hubspot.definitions import create_many
from integration_pipelines.partner_models.hubspot.moments import iso
from integration_pipelines.partner_models.hubspot.reading import MOST_WITH_HISTORY, in_use
from integration_pipelines.partner_models.hubspot.records import INTEGRATION, WHOLE, Company, view_of
from integration_pipelines.partner_models.hubspot.refusals import NOT_FOUND, fault, invalid
from integration_pipelines.partner_models.hubspot.writing import Books, Claims, locate, properties_of

MOST = 100
_LOST = "Could not get some COMPANY objects, they may be deleted or not exist. Check that ids are valid."


class Answer(NamedTuple):
    """Status and body of a reply; None for no body."""

    status: int
    body: Json | None


@dataclass(frozen=True, slots=True)
class _Write:
    """One checked input and the company it is for, None if that has to be made."""

    given: Json
    values: dict[str, str]
    company: Company | None


def read(books: Books, body: Mapping[str, Any], *, archived: bool = False) -> Answer:
    """Companies by id or by a unique value, each once; who is not there is named in one error."""
    wanted = [_id_of(given) for given in inputs_of(body)]
    view = view_of(names(body, "properties"), names(body, "propertiesWithHistory"))
    if view.history and len(wanted) > MOST_WITH_HISTORY:
        raise invalid(f"A batch with history holds {MOST_WITH_HISTORY} inputs at most.")
    seen = in_use(books, view)
    found: dict[str, Json] = {}
    lost: list[str] = []
    for record_id in dict.fromkeys(wanted):
        company = locate(books, record_id, body.get("idProperty"), archived=archived)
        if company is None:
            lost.append(record_id)
        elif company.id not in found:
            found[company.id] = company.shown(seen)
    return _answer(books, list(found.values()), [_error(NOT_FOUND, _LOST, {"ids": lost})] if lost else [])


def create(books: Books, body: Mapping[str, Any]) -> Answer:
    """New companies, all or none."""
    writes = _checked(books, [(given, None) for given in inputs_of(body)])
    return _answer(books, [_written(books, write) for write in writes], [], done=201)


def update(books: Books, body: Mapping[str, Any]) -> Answer:
    """Change companies; an id that is not there becomes an error of its own."""
    inputs = inputs_of(body)
    found = [(given, locate(books, _id_of(given), given.get("idProperty"))) for given in inputs]
    _refuse_twice(inputs)
    writes = [write for write in _checked(books, found, creating=False) if write.company is not None]
    errors = [_lost(given) for given, company in found if company is None]
    return _answer(books, [_written(books, write) for write in writes], errors)


def upsert(books: Books, body: Mapping[str, Any]) -> Answer:
    """Change the company that holds a unique value, or make it."""
    inputs = inputs_of(body)
    if any(not given.get("idProperty") for given in inputs):
        raise invalid("idProperty is required for every input of an upsert.")
    found = [(given, locate(books, _id_of(given), given["idProperty"])) for given in inputs]
    _refuse_twice(inputs)
    named = [({**given, "properties": {given["idProperty"]: _id_of(given), **properties_of(given)}}, one) for given, one in found]
    writes = _checked(books, named)
    results = [{**_written(books, write), "new": write.company is None} for write in writes]
    return _answer(books, results, [])


def archive(books: Books, body: Mapping[str, Any]) -> Answer:
    """Archive companies; who is not there is passed over."""
    for given in inputs_of(body):
        company = locate(books, _id_of(given))
        if company is not None:
            writing.archive(books, company)
    return Answer(204, None)


def read_properties(books: Books, body: Mapping[str, Any]) -> Answer:
    """Definitions by name."""
    wanted = [str(given.get("name", "")) for given in inputs_of(body)]
    archived = bool(body.get("archived"))
    known = {found["name"]: found for found in books.schema.listed(archived=archived)}
    lost = [name for name in wanted if name not in known]
    errors = [_error(NOT_FOUND, "Some properties do not exist.", {"names": lost})] if lost else []
    return _answer(books, [known[name] for name in wanted if name in known], errors)


def create_properties(books: Books, body: Mapping[str, Any]) -> Answer:
    """New properties; each stands alone."""
    results: list[Json] = []
    errors: list[Json] = []
    inputs = inputs_of(body)
    for given, made in zip(inputs, create_many(books.schema, inputs), strict=True):
        if isinstance(made, PartnerRefusalError):
            errors.append(_error(made.code, made.message, {"name": [str(given.get("name", ""))]}))
        else:
            results.append(made)
            said = {"type": made["type"]}
            books.ledger.wrote("properties", made["name"], {}, said, at=books.now(), source=INTEGRATION, changed=True)
    return _answer(books, results, errors, done=201)


def inputs_of(body: Mapping[str, Any]) -> list[Json]:
    """The inputs of a batch; raises PartnerRefusalError 400 if there are none or too many."""
    found = body.get("inputs")
    if not isinstance(found, list) or not found or not all(isinstance(given, dict) for given in found):
        raise invalid("Invalid input JSON: inputs must be a list of objects with at least one entry.")
    if len(found) > MOST:
        raise invalid(f"The maximum number of inputs in a batch is {MOST}, but {len(found)} were given.")
    return found


def names(body: Mapping[str, Any], key: str) -> tuple[str, ...]:
    """A list of property names in a body; raises PartnerRefusalError 400 if it is none."""
    found = body.get(key) or []
    if not isinstance(found, list) or not all(isinstance(name, str) for name in found):
        raise invalid(f"Invalid input JSON: {key} must be a list of names.")
    return tuple(found)


def _checked(books: Books, pairs: Sequence[tuple[Json, Company | None]], *, creating: bool = True) -> list[_Write]:
    """Check every value, then every unique one, before anything is written."""
    check = books.values()
    writes = [_Write(given, check.canonical(properties_of(given)), company) for given, company in pairs]
    check.refuse()
    claims = Claims(books)
    for place, write in enumerate(writes):
        if write.company is not None:
            claims.claim(write.company.id, write.company.values, write.values)
        elif creating:
            claims.claim(f"input {place + 1}", {}, write.values)
    return writes


def _written(books: Books, write: _Write) -> Json:
    found = write.company
    company = writing.create(books, write.values) if found is None else writing.change(books, found, write.values)
    trace = write.given.get("objectWriteTraceId")
    return company.shown(WHOLE) | ({"objectWriteTraceId": str(trace)} if trace else {})


def _id_of(given: Mapping[str, Any]) -> str:
    found = given.get("id")
    if isinstance(found, bool) or not isinstance(found, (str, int)) or found == "":
        raise invalid("Invalid input JSON: every input needs an id.")
    return str(found)


def _refuse_twice(inputs: Sequence[Json]) -> None:
    ids = [_id_of(given) for given in inputs]
    twice = sorted({name for name in ids if ids.count(name) > 1})
    if twice:
        message = f"Duplicate IDs found in batch input: {twice}. IDs must be unique."
        raise invalid(message, [fault(message, "DUPLICATE_ID", id=name) for name in twice])


def _lost(given: Mapping[str, Any]) -> Json:
    trace = given.get("objectWriteTraceId")
    context = {"ids": [_id_of(given)]} | ({"objectWriteTraceId": [str(trace)]} if trace else {})
    return _error(NOT_FOUND, _LOST, context)


def _error(category: str, message: str, context: Mapping[str, list[str]]) -> Json:
    return {"status": "error", "category": category, "message": message, "context": dict(context), "errors": [], "links": {}}


def _answer(books: Books, results: list[Json], errors: list[Json], *, done: int = 200) -> Answer:
    text = iso(books.now())
    body: Json = {"status": "COMPLETE", "results": results, "requestedAt": text, "startedAt": text, "completedAt": text}
    if errors:
        body |= {"numErrors": len(errors), "errors": errors}
    return Answer(207 if errors else done, body)
