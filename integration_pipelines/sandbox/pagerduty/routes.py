"""The addresses of the modelled PagerDuty REST API, to be mounted where the server likes."""

import itertools
from collections.abc import Callable, Mapping

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from integration_pipelines.partner_models.base import Faults, Json
from integration_pipelines.partner_models.pagerduty.account import PagerDutyAccount
from integration_pipelines.partner_models.pagerduty.listing import Asked
from integration_pipelines.partner_models.pagerduty.refusals import invalid
from integration_pipelines.sandbox.asked import json_object
from integration_pipelines.sandbox.guarded import Operation, Wording, routes_of
from integration_pipelines.sandbox.http_faults import Face
from integration_pipelines.sandbox.json_reply import json_reply
from integration_pipelines.sandbox.pagerduty import replies

Find = Callable[[str], PagerDutyAccount | None]


def pagerduty_routes(find_account: Find, faults: Faults) -> list[Route]:
    """All routes; a key that `find_account` does not know gets 401, an unknown address 404."""
    numbers = itertools.count(1)

    def face(scope: str) -> Face[PagerDutyAccount]:
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
        return {"X-Request-Id": f"{next(numbers):032x}"}

    return routes_of(_operations(), faults, Wording(face, lambda _, account: account.admit(), headers, replies.nothing_here))


def _operations() -> list[Operation[PagerDutyAccount]]:
    """Every method and address."""
    return [
        Operation("GET", "/users/me", _me, "users.read"),
        Operation("GET", "/incidents", _list_incidents, "incidents.read"),
        Operation("POST", "/incidents", _create_incident, "incidents.write"),
        Operation("GET", "/incidents/{id}", _get_incident, "incidents.read"),
        Operation("PUT", "/incidents/{id}", _update_incident, "incidents.write"),
        Operation("GET", "/incidents/{id}/notes", _list_notes, "incidents.read"),
        Operation("POST", "/incidents/{id}/notes", _add_note, "incidents.write"),
        Operation("GET", "/priorities", _list_priorities, "priorities.read"),
        Operation("GET", "/services", _list_services, "services.read"),
    ]


async def _me(_: Request, account: PagerDutyAccount) -> Response:
    return json_reply(account.me())


async def _list_incidents(request: Request, account: PagerDutyAccount) -> Response:
    return json_reply(account.list_incidents(_asked(request)))


async def _get_incident(request: Request, account: PagerDutyAccount) -> Response:
    return json_reply(account.get_incident(request.path_params["id"], _asked(request)))


async def _create_incident(request: Request, account: PagerDutyAccount) -> Response:
    return json_reply(account.create_incident(await _body(request), _sender(request)), 201)


async def _update_incident(request: Request, account: PagerDutyAccount) -> Response:
    return json_reply(account.update_incident(request.path_params["id"], await _body(request), _sender(request)))


async def _list_notes(request: Request, account: PagerDutyAccount) -> Response:
    return json_reply(account.list_notes(request.path_params["id"]))


async def _add_note(request: Request, account: PagerDutyAccount) -> Response:
    return json_reply(account.add_note(request.path_params["id"], await _body(request), _sender(request)), 201)


async def _list_priorities(_: Request, account: PagerDutyAccount) -> Response:
    return json_reply(account.list_priorities())


async def _list_services(request: Request, account: PagerDutyAccount) -> Response:
    asked = _asked(request)
    page = account.list_services(query=asked.one("query"), limit=asked.whole("limit", 25), offset=asked.whole("offset", 0))
    return json_reply(page)


async def _body(request: Request) -> Json:
    body = await json_object(request)
    if body is None:
        raise invalid("The body is not a JSON object.")
    return body


def _asked(request: Request) -> Asked:
    query = request.query_params
    return Asked({name: query.getlist(name) for name in query})


def _sender(request: Request) -> str:
    return request.headers.get("from", "").strip()
