"""The addresses of an app's webhook settings and subscriptions, opened by the developer's key (`hapikey`), in both spellings."""

import itertools
from collections.abc import Awaitable, Callable
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from integration_pipelines.partner_models.base import Json, PartnerRefusalError
from integration_pipelines.partner_models.hubspot.app import HubSpotApp
from integration_pipelines.partner_models.hubspot.moments import iso
from integration_pipelines.partner_models.hubspot.refusals import invalid, missing
from integration_pipelines.sandbox.hubspot import replies
from integration_pipelines.sandbox.hubspot.asked import body_of
from integration_pipelines.sandbox.json_reply import json_reply

Run = Callable[[Request, HubSpotApp], Awaitable[Response]]
PREFIXES = ("/webhooks/v3/{app}", "/webhooks/2026-03/{app}")
_MOST = 100


def app_routes(app: HubSpotApp) -> list[Route]:
    """All routes; a wrong key gets 401, another app's number 404."""
    doors: dict[tuple[str, str], Run] = {
        ("GET", "/settings"): _settings, ("PUT", "/settings"): _configure, ("DELETE", "/settings"): _clear,
        ("GET", "/subscriptions"): _list, ("POST", "/subscriptions"): _subscribe, ("POST", "/subscriptions/batch/update"): _switch_many,
        ("GET", "/subscriptions/{id}"): _get, ("PATCH", "/subscriptions/{id}"): _switch, ("DELETE", "/subscriptions/{id}"): _unsubscribe,
    }  # fmt: skip
    numbers = itertools.count(1)

    def endpoint(run: Run) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            request.state.correlation_id = str(UUID(int=next(numbers) << 64, version=4))
            try:
                _check(request, app)
                return await run(request, app)
            except PartnerRefusalError as refusal:
                return replies.refused(request, refusal)

        return answer

    return [Route(prefix + path, endpoint(run), methods=[method]) for (method, path), run in doors.items() for prefix in PREFIXES]


def _check(request: Request, app: HubSpotApp) -> None:
    if request.query_params.get("hapikey") != app.developer_key:
        raise PartnerRefusalError(401, "INVALID_AUTHENTICATION", "The API key provided is invalid.")
    if request.path_params["app"] != str(app.app_id):
        raise missing("The app")


async def _settings(_: Request, app: HubSpotApp) -> Response:
    return json_reply(app.settings())


async def _configure(request: Request, app: HubSpotApp) -> Response:
    return json_reply(app.configure(await body_of(request)))


async def _clear(_: Request, app: HubSpotApp) -> Response:
    app.clear()
    return Response(status_code=204)


async def _list(_: Request, app: HubSpotApp) -> Response:
    return json_reply({"results": list(app.subscriptions.values())})


async def _subscribe(request: Request, app: HubSpotApp) -> Response:
    return json_reply(app.subscribe(await body_of(request)), 201)


async def _get(request: Request, app: HubSpotApp) -> Response:
    return json_reply(app.subscription(request.path_params["id"]))


async def _switch(request: Request, app: HubSpotApp) -> Response:
    return json_reply(app.switch(request.path_params["id"], await body_of(request)))


async def _switch_many(request: Request, app: HubSpotApp) -> Response:
    inputs = (await body_of(request)).get("inputs")
    if not isinstance(inputs, list) or not 1 <= len(inputs) <= _MOST or not all(isinstance(one, dict) for one in inputs):
        raise invalid(f"inputs must be a list of 1 to {_MOST} objects.")
    results: list[Json] = [app.switch(str(one.get("id", "")), one) for one in inputs]
    at = iso(app.now())
    return json_reply({"status": "COMPLETE", "results": results, "requestedAt": at, "startedAt": at, "completedAt": at})


async def _unsubscribe(request: Request, app: HubSpotApp) -> Response:
    app.unsubscribe(request.path_params["id"])
    return Response(status_code=204)
