"""The addresses of the modelled Zendesk API, to be mounted where the server likes; every one answers with `.json` and without."""

import itertools
from collections.abc import Awaitable, Callable, Mapping

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from integration_pipelines.partner_models.base import Faults, Json
from integration_pipelines.partner_models.zendesk.account import AUDITS_MOST, ZendeskAccount
from integration_pipelines.partner_models.zendesk.exporting import MOST, Asked
from integration_pipelines.partner_models.zendesk.refusals import bad_request
from integration_pipelines.sandbox.asked import json_object, listed, whole
from integration_pipelines.sandbox.guarded import Operation, Wording, routes_of
from integration_pipelines.sandbox.http_faults import Face
from integration_pipelines.sandbox.json_reply import json_reply
from integration_pipelines.sandbox.zendesk import replies

Find = Callable[[str], ZendeskAccount | None]
Run = Callable[[Request, ZendeskAccount], Awaitable[Response]]
EXPORT = "/incremental/tickets/cursor"


def zendesk_routes(find_account: Find, faults: Faults) -> list[Route]:
    """All routes; a token that `find_account` does not know gets 401, an unknown address 404."""
    numbers = itertools.count(1)

    def face(scope: str) -> Face[ZendeskAccount]:
        return Face(
            token_of=replies.token_of,
            find_account=find_account,
            unauthorized=replies.unauthorized,
            forbidden=replies.forbidden,
            rate_limited=replies.rate_limited,
            server_error=replies.server_error,
            refused=replies.refused,
            scopes=lambda _: frozenset({scope}),
        )

    def headers() -> Mapping[str, str]:
        return {"X-Request-Id": f"{next(numbers):016x}-SBX"}

    return routes_of(_operations(), faults, Wording(face, _admit, headers, replies.nothing_here))


def _admit(request: Request, account: ZendeskAccount) -> Mapping[str, str]:
    ticket = str(request.path_params["id"]) if request.method == "PUT" and "/tickets/" in request.url.path else ""
    return account.admit(export=EXPORT in request.url.path, ticket=ticket)


def _operations() -> list[Operation[ZendeskAccount]]:
    """Every method and address; fixed words come before ids."""
    found: list[tuple[str, str, Run, str]] = [
        ("GET", "/users/me", _me, "users:read"),
        ("GET", EXPORT, _export, "read"),
        ("GET", "/tickets/show_many", _show_many, "tickets:read"),
        ("GET", "/tickets/{id:int}/audits", _audits, "tickets:read"),
        ("GET", "/tickets/{id:int}", _get_ticket, "tickets:read"),
        ("PUT", "/tickets/{id:int}", _update_ticket, "tickets:write"),
        ("DELETE", "/tickets/{id:int}", _delete_ticket, "tickets:write"),
        ("POST", "/tickets", _create_ticket, "tickets:write"),
        ("GET", "/ticket_fields", _fields, "read"),
        ("POST", "/ticket_fields", _create_field, "write"),
        ("PUT", "/ticket_fields/{id:int}", _update_field, "write"),
        ("GET", "/groups", _groups, "read"),
    ]
    return [
        Operation(method, f"/api/v2{path}{ending}", run, scope) for method, path, run, scope in found for ending in (".json", "")
    ]


async def _me(_: Request, account: ZendeskAccount) -> Response:
    return json_reply(account.me())


async def _export(request: Request, account: ZendeskAccount) -> Response:
    if account.plan.role != "admin":
        return replies.forbidden(request, "")
    query = request.query_params
    limit = _number(request, "per_page", MOST)
    asked = Asked(query.get("start_time", ""), query.get("cursor", ""), limit, listed(query.get("include", "")))
    return json_reply(account.export(asked))


async def _show_many(request: Request, account: ZendeskAccount) -> Response:
    numbers = [whole(part.strip()) for part in listed(request.query_params.get("ids", ""))]
    if not numbers or None in numbers:
        raise bad_request("ids is a list of numbers, separated by commas.")
    return json_reply(account.show_many([n for n in numbers if n is not None], listed(request.query_params.get("include", ""))))


async def _get_ticket(request: Request, account: ZendeskAccount) -> Response:
    return json_reply(account.get_ticket(request.path_params["id"], listed(request.query_params.get("include", ""))))


async def _create_ticket(request: Request, account: ZendeskAccount) -> Response:
    return json_reply(account.create_ticket(await _part(request, "ticket")), 201)


async def _update_ticket(request: Request, account: ZendeskAccount) -> Response:
    return json_reply(account.update_ticket(request.path_params["id"], await _part(request, "ticket")))


async def _delete_ticket(request: Request, account: ZendeskAccount) -> Response:
    account.delete_ticket(request.path_params["id"])
    return Response(status_code=204)


async def _audits(request: Request, account: ZendeskAccount) -> Response:
    size = _number(request, "page[size]", AUDITS_MOST)
    return json_reply(
        account.list_audits(request.path_params["id"], size=size, after=request.query_params.get("page[after]", ""))
    )


async def _fields(_: Request, account: ZendeskAccount) -> Response:
    return json_reply(account.list_fields())


async def _create_field(request: Request, account: ZendeskAccount) -> Response:
    return json_reply(account.create_field(await _part(request, "ticket_field")), 201)


async def _update_field(request: Request, account: ZendeskAccount) -> Response:
    return json_reply(account.update_field(request.path_params["id"], await _part(request, "ticket_field")))


async def _groups(_: Request, account: ZendeskAccount) -> Response:
    return json_reply(account.list_groups())


async def _part(request: Request, name: str) -> Json:
    body = await json_object(request)
    found = (body or {}).get(name)
    if not isinstance(found, dict):
        raise bad_request(f"The body has no {name}.")
    return found


def _number(request: Request, name: str, default: int) -> int:
    found = whole(request.query_params.get(name, str(default)))
    if found is None:
        raise bad_request(f"{name} must be a whole number.")
    return found
