"""What each address does: which method, which scopes, and which door of the model it opens. Both path families share these."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from integration_pipelines.partner_models.base import FaultKind, Faults, Json
from integration_pipelines.partner_models.hubspot.account import BATCHES, PROPERTY_BATCHES, HubSpotAccount
from integration_pipelines.partner_models.hubspot.batches import Answer
from integration_pipelines.partner_models.hubspot.records import view_of
from integration_pipelines.partner_models.hubspot.refusals import invalid
from integration_pipelines.sandbox.hubspot.asked import body_of, flag, whole_number, word, words
from integration_pipelines.sandbox.json_reply import json_reply

Run = Callable[[Request, HubSpotAccount], Awaitable[Response]]

READ, WRITE = "crm.objects.companies.read", "crm.objects.companies.write"
OWNERS = "crm.objects.owners.read"
SCHEMA_READ, SCHEMA_WRITE = "crm.schemas.companies.read", "crm.schemas.companies.write"
_COMPANIES = frozenset({"companies", "company", "0-2"})
_STALE_SECONDS = 300.0
_OWNERS_PAGE = 100
_COMPANIES_PAGE = 10


@dataclass(frozen=True, slots=True)
class Operation:
    """One method at one address; `path` is relative to the family's prefix of its `area`."""

    method: str
    area: str  # companies, owners, properties or account
    path: str
    scopes: frozenset[str]
    run: Run
    search: bool = False


def operations(faults: Faults) -> list[Operation]:
    """Every method and address; fixed words come before ids."""
    return [
        Operation("GET", "account", "", frozenset(), _about),
        *_company_operations(faults),
        Operation("GET", "owners", "", frozenset({OWNERS}), _list_owners),
        Operation("GET", "owners", "/{id}", frozenset({OWNERS}), _get_owner),
        *_property_operations(),
    ]


def _company_operations(faults: Faults) -> list[Operation]:
    reads, writes = frozenset({READ}), frozenset({WRITE})
    return [
        Operation("GET", "companies", "", reads, _list_companies),
        Operation("POST", "companies", "", writes, _create_company),
        Operation("POST", "companies", "/search", reads, _search_companies(faults), search=True),
        Operation("POST", "companies", "/merge", writes, _merge_companies),
        Operation("POST", "companies", "/batch/read", reads, _read_companies),
        *(Operation("POST", "companies", f"/batch/{verb}", writes, _batch_companies(verb)) for verb in BATCHES),
        Operation("GET", "companies", "/{id}", reads, _get_company),
        Operation("PATCH", "companies", "/{id}", writes, _update_company),
        Operation("DELETE", "companies", "/{id}", writes, _archive_company),
    ]


def _property_operations() -> list[Operation]:
    reads, writes = frozenset({SCHEMA_READ}), frozenset({SCHEMA_WRITE})
    batches = [
        Operation("POST", "properties", f"/{{object}}/batch/{verb}", reads if verb == "read" else writes, _batch_properties(verb))
        for verb in PROPERTY_BATCHES
    ]
    found = [
        Operation("GET", "properties", "/{object}", reads, _list_properties),
        Operation("POST", "properties", "/{object}", writes, _create_property),
        *batches,
        Operation("GET", "properties", "/{object}/groups", reads, _list_groups),
        Operation("POST", "properties", "/{object}/groups", writes, _create_group),
        Operation("GET", "properties", "/{object}/{id}", reads, _get_property),
        Operation("PATCH", "properties", "/{object}/{id}", writes, _update_property),
        Operation("DELETE", "properties", "/{object}/{id}", writes, _archive_property),
    ]
    return [Operation(one.method, one.area, one.path, one.scopes, _of_companies(one.run)) for one in found]


def _of_companies(run: Run) -> Run:
    """Only the schema of companies is modelled."""

    async def checked(request: Request, account: HubSpotAccount) -> Response:
        name = request.path_params["object"]
        if name not in _COMPANIES:
            raise invalid(f"Unable to infer object type from: {name[:100]}")
        return await run(request, account)

    return checked


async def _about(_: Request, account: HubSpotAccount) -> Response:
    return json_reply(account.about())


async def _list_companies(request: Request, account: HubSpotAccount) -> Response:
    page = account.list_companies(
        limit=whole_number(request, "limit", _COMPANIES_PAGE),
        after=word(request, "after"),
        properties=words(request, "properties"),
        history=words(request, "propertiesWithHistory"),
        archived=flag(request, "archived"),
    )
    return json_reply(_linked(request, page))


async def _get_company(request: Request, account: HubSpotAccount) -> Response:
    view = view_of(words(request, "properties"), words(request, "propertiesWithHistory"))
    found = account.get_company(
        request.path_params["id"], view, id_property=word(request, "idProperty"), archived=flag(request, "archived")
    )
    return json_reply(found)


async def _create_company(request: Request, account: HubSpotAccount) -> Response:
    return json_reply(account.create_company(await body_of(request)), 201)


async def _update_company(request: Request, account: HubSpotAccount) -> Response:
    body = await body_of(request)
    return json_reply(account.update_company(request.path_params["id"], body, id_property=word(request, "idProperty")))


async def _archive_company(request: Request, account: HubSpotAccount) -> Response:
    account.archive_company(request.path_params["id"])
    return Response(status_code=204)


async def _merge_companies(request: Request, account: HubSpotAccount) -> Response:
    return json_reply(account.merge_companies(await body_of(request)))


def _search_companies(faults: Faults) -> Run:
    async def run(request: Request, account: HubSpotAccount) -> Response:
        body = await body_of(request)
        fault = faults.take(account.account, request.method, request.url.path, frozenset({FaultKind.STALE_SEARCH}))
        if fault is not None:
            account.freeze_search(float(fault.params.get("seconds", _STALE_SECONDS)))
        return json_reply(account.search_companies(body))

    return run


async def _read_companies(request: Request, account: HubSpotAccount) -> Response:
    return _answered(account.read_companies(await body_of(request), archived=flag(request, "archived")))


def _batch_companies(verb: str) -> Run:
    async def run(request: Request, account: HubSpotAccount) -> Response:
        return _answered(account.batch_companies(verb, await body_of(request)))

    return run


async def _list_owners(request: Request, account: HubSpotAccount) -> Response:
    page = account.list_owners(
        limit=whole_number(request, "limit", _OWNERS_PAGE),
        after=word(request, "after"),
        email=word(request, "email"),
        archived=flag(request, "archived"),
    )
    return json_reply(_linked(request, page))


async def _get_owner(request: Request, account: HubSpotAccount) -> Response:
    id_property = word(request, "idProperty") or "id"
    return json_reply(account.get_owner(request.path_params["id"], id_property=id_property, archived=flag(request, "archived")))


async def _list_properties(request: Request, account: HubSpotAccount) -> Response:
    return json_reply(account.list_properties(archived=flag(request, "archived")))


async def _get_property(request: Request, account: HubSpotAccount) -> Response:
    return json_reply(account.get_property(request.path_params["id"], archived=flag(request, "archived")))


async def _create_property(request: Request, account: HubSpotAccount) -> Response:
    return json_reply(account.create_property(await body_of(request)), 201)


async def _update_property(request: Request, account: HubSpotAccount) -> Response:
    return json_reply(account.update_property(request.path_params["id"], await body_of(request)))


async def _archive_property(request: Request, account: HubSpotAccount) -> Response:
    account.archive_property(request.path_params["id"])
    return Response(status_code=204)


def _batch_properties(verb: str) -> Run:
    async def run(request: Request, account: HubSpotAccount) -> Response:
        return _answered(account.batch_properties(verb, await body_of(request)))

    return run


async def _list_groups(_: Request, account: HubSpotAccount) -> Response:
    return json_reply(account.list_groups())


async def _create_group(request: Request, account: HubSpotAccount) -> Response:
    return json_reply(account.create_group(await body_of(request)), 201)


def _answered(answer: Answer) -> Response:
    return Response(status_code=answer.status) if answer.body is None else json_reply(answer.body, answer.status)


def _linked(request: Request, page: Json) -> Json:
    """The page with the address of the one after it."""
    following = page.get("paging", {}).get("next")
    if following is not None:
        following["link"] = str(request.url.include_query_params(after=following["after"]))
    return page
