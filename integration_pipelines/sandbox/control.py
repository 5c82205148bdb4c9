"""The control door of the sandbox: what no partner offers.

See accounts and state, edit as a person, switch faults on, list effects, have webhooks delivered and see each delivery. What callers
may send is checked in `control_input`; the faults themselves strike in `http_faults`, `webhooks` and the models.
"""

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from integration_pipelines.errors import InvalidError
from integration_pipelines.partner_models.base import Json, PartnerAccount, PartnerRefusalError
from integration_pipelines.sandbox.control_input import faults_of, filters_of, flag_of, json_of, moment_of, object_of
from integration_pipelines.sandbox.json_reply import json_reply
from integration_pipelines.sandbox.world import World

Handler = Callable[[Request], Awaitable[Response]]
Work = Callable[[World, Request], Awaitable[Any]]
_ACCOUNT = ("tenant", "partner", "account")
_RECORD: dict[str, type] = {"partner": str, "account": str, "object": str}
_ENDPOINT: dict[str, type] = {"partner": str, "account": str, "url": str}
_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


def control_routes(world: World) -> list[Route]:
    """Routes below `/_control`."""
    doors: dict[tuple[str, str], Work] = {
        ("GET", "/health"): _health, ("GET", "/accounts"): _accounts, ("GET", "/state"): _state, ("POST", "/edit"): _edit,
        ("POST", "/merge"): _merge, ("GET", "/faults"): _faults, ("POST", "/faults"): _add_faults, ("DELETE", "/faults"): _clear_faults,
        ("GET", "/effects"): _effects, ("GET", "/webhooks"): _webhooks, ("POST", "/webhooks"): _register, ("DELETE", "/webhooks"): _unregister,
        ("GET", "/deliveries"): _deliveries,
    }  # fmt: skip
    routes = [Route(path, _safe(world, work), methods=[method]) for (method, path), work in doors.items()]
    listed = ", ".join(f"{method} /_control{path}" for method, path in doors)
    return [*routes, Route("/{rest:path}", _nothing_here(listed), methods=_METHODS)]


def add_faults(world: World, faults: object) -> None:
    """Switch faults on from their JSON form, one or a list; all or none.

    Raises:
        InvalidError: one of them is not a fault, or is meant for an account that is not here.
    """
    for fault in faults_of(faults, frozenset(a.account for a in world.accounts)):
        world.faults.add(fault)


def _safe(world: World, work: Work) -> Handler:
    """Answer with JSON; what is wrong with a request is said with its remedy."""

    async def endpoint(request: Request) -> Response:
        try:
            return json_reply(await work(world, request))
        except PartnerRefusalError as refusal:
            remedy = refusal.remedy or "GET /_control/accounts and /_control/state say what exists."
            return json_reply({"message": refusal.message, "remedy": remedy}, refusal.status)
        except InvalidError as error:
            return json_reply({"message": error.message, "remedy": error.remedy}, 400)

    return endpoint


def _nothing_here(doors: str) -> Handler:
    async def endpoint(request: Request) -> Response:
        message = f"The control door has no {request.method} of this address."
        return json_reply({"message": message, "remedy": f"There are {doors}."}, 404)

    return endpoint


async def _health(world: World, request: Request) -> Json:
    filters_of(request, ())
    return {"status": "ok", "accounts": len(world.accounts)}


async def _accounts(world: World, request: Request) -> list[Json]:
    base = str(request.base_url).rstrip("/").removesuffix("/_control")
    chosen = _chosen(world, filters_of(request, _ACCOUNT))
    return [{**_named(a), "base_url": f"{base}/{a.partner}", "token": a.token} for a in chosen]


async def _state(world: World, request: Request) -> list[Json]:
    query = filters_of(request, (*_ACCOUNT, "object"))
    wanted = query.get("object")
    found = []
    for account in _chosen(world, query):
        kept = {name: rows for name, rows in account.state().items() if wanted in {None, name}}
        found.append({**_named(account), "state": kept})
    if not any(one["state"] for one in found):
        raise _unknown("There is no such object here.")
    return found


async def _edit(world: World, request: Request) -> Json:
    body = await object_of(request, _RECORD | {"id": str, "fields": dict})
    if not body["fields"]:
        raise InvalidError("No field is to be edited.", remedy='Send fields such as {"name": "New name"}.')
    return _account(world, body).edit(body["object"], body["id"], body["fields"])


async def _merge(world: World, request: Request) -> Json:
    body = await object_of(request, _RECORD | {"primary_id": str, "other_id": str})
    return _account(world, body).merge(body["object"], body["primary_id"], body["other_id"])


async def _faults(world: World, request: Request) -> list[Json]:
    filters_of(request, ())
    return [asdict(fault) for fault in world.faults.active()]


async def _add_faults(world: World, request: Request) -> Json:
    add_faults(world, await json_of(request))
    return {"active": len(world.faults.active())}


async def _clear_faults(world: World, request: Request) -> Json:
    filters_of(request, ())
    world.faults.clear()
    return {"active": 0}


async def _effects(world: World, request: Request) -> list[Json]:
    query = filters_of(request, (*_ACCOUNT, "object", "id", "actor", "since", "changed"))
    since, changed = moment_of(query, "since"), flag_of(query, "changed")
    same = {name: query[name] for name in ("object", "id", "actor") if name in query}
    return [
        {"tenant": account.tenant, **asdict(effect)}
        for account in _chosen(world, query)
        for effect in tuple(account.effects)
        if effect.at >= since
        and changed in {None, effect.changed}
        and all(getattr(effect, name) == value for name, value in same.items())
    ]


async def _webhooks(world: World, request: Request) -> Json:
    filters_of(request, ())
    return {"endpoints": [shown for one in world.registrars for shown in one.listed()], "events": world.outbound.counts()}


async def _register(world: World, request: Request) -> list[Json]:
    body = await object_of(request, _ENDPOINT, optional={"secret": str})
    registrar = next((one for one in world.registrars if one.partner == body["partner"]), None)
    if registrar is None:
        raise _unknown("No partner of that name sends webhooks here.")
    return registrar.register(body["account"], body["url"], body.get("secret", ""))


async def _unregister(world: World, request: Request) -> Json:
    query = filters_of(request, _ENDPOINT)
    chosen = [one for one in world.registrars if one.partner == query.get("partner", one.partner)]
    return {"removed": sum(one.remove(query.get("account", ""), query.get("url", "")) for one in chosen)}


async def _deliveries(world: World, request: Request) -> list[Json]:
    query = filters_of(request, ("since", "partner"))
    found = world.outbound.attempts(moment_of(query, "since"))
    return [asdict(one) for one in found if one.partner == query.get("partner", one.partner)]


def _named(account: PartnerAccount) -> Json:
    return {name: getattr(account, name) for name in _ACCOUNT}


def _chosen(world: World, query: dict[str, str]) -> list[PartnerAccount]:
    wanted = {name: query[name] for name in _ACCOUNT if name in query}
    found = [a for a in world.accounts if all(getattr(a, name) == value for name, value in wanted.items())]
    if not found:
        raise _unknown("There is no such account here.")
    return found


def _account(world: World, body: Json) -> PartnerAccount:
    found = world.account(body["partner"], body["account"])
    if found is None:
        raise _unknown("There is no such account here.")
    return found


def _unknown(message: str) -> PartnerRefusalError:
    return PartnerRefusalError(404, "unknown", message)
