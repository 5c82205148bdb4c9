"""The control door of the sandbox: what no partner offers. See accounts and state, edit as a person, switch faults on, list effects."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import asdict
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from integration_pipelines.errors import InvalidError
from integration_pipelines.partner_models.base import Effect, Fault, FaultKind, Json, PartnerAccount, PartnerRefusalError
from integration_pipelines.sandbox.json_reply import json_reply
from integration_pipelines.sandbox.world import World

Handler = Callable[[Request], Awaitable[Response]]
FAULT_KEYS = {"kind", "account", "method", "path", "times", "skip", "params"}


def control_routes(world: World) -> list[Route]:
    """Routes below `/_control`."""
    doors = {
        ("/health", "GET"): _health, ("/accounts", "GET"): _accounts, ("/state", "GET"): _state, ("/edit", "POST"): _edit,
        ("/merge", "POST"): _merge, ("/faults", "GET"): _faults, ("/faults", "POST"): _add_faults, ("/faults", "DELETE"): _clear_faults,
        ("/effects", "GET"): _effects,
    }  # fmt: skip
    return [Route(path, _safe(world, work), methods=[method]) for (path, method), work in doors.items()]


def _safe(world: World, work: Callable[[World, Request], Awaitable[Any]]) -> Handler:
    """Answer with JSON; what is wrong with a request is said with its remedy."""

    async def endpoint(request: Request) -> Response:
        try:
            return json_reply(await work(world, request))
        except PartnerRefusalError as refusal:
            return json_reply({"message": refusal.message, "remedy": "Ask /_control/state which records exist."}, refusal.status)
        except InvalidError as error:
            return json_reply({"message": error.message, "remedy": error.remedy}, 400)

    return endpoint


async def _health(world: World, request: Request) -> Json:
    del request
    return {"status": "ok", "accounts": len(world.accounts)}


async def _accounts(world: World, request: Request) -> list[Json]:
    base = str(request.base_url).rstrip("/").removesuffix("/_control")
    return [
        {"tenant": a.tenant, "partner": a.partner, "account": a.account, "base_url": f"{base}/{a.partner}", "token": a.token}
        for a in world.accounts
    ]


def _chosen(world: World, request: Request) -> Iterable[PartnerAccount]:
    query = request.query_params
    wanted = {key: query[key] for key in ("tenant", "partner", "account") if key in query}
    return [a for a in world.accounts if all(getattr(a, key) == value for key, value in wanted.items())]


async def _state(world: World, request: Request) -> list[Json]:
    wanted = request.query_params.get("object")
    found = []
    for account in _chosen(world, request):
        with account.lock:
            records = account.state()
        kept = {name: rows for name, rows in records.items() if wanted in {None, name}}
        found.append({"tenant": account.tenant, "partner": account.partner, "account": account.account, "state": kept})
    return found


async def _edit(world: World, request: Request) -> Json:
    body = await _body(request, {"partner", "account", "object", "id", "fields"})
    return _account(world, body).edit(body["object"], body["id"], body["fields"])


async def _merge(world: World, request: Request) -> Json:
    body = await _body(request, {"partner", "account", "object", "primary_id", "other_id"})
    return _account(world, body).merge(body["object"], body["primary_id"], body["other_id"])


async def _faults(world: World, request: Request) -> list[Json]:
    del request
    return [asdict(fault) for fault in world.faults.active()]


async def _add_faults(world: World, request: Request) -> Json:
    body = orjson.loads(await request.body() or b"{}")
    add_faults(world, body if isinstance(body, list) else [body])
    return {"active": len(world.faults.active())}


async def _clear_faults(world: World, request: Request) -> Json:
    del request
    world.faults.clear()
    return {"active": 0}


async def _effects(world: World, request: Request) -> list[Json]:
    query = request.query_params
    since = float(query.get("since", 0))
    changed = query.get("changed")
    rows = [_effect(account, effect) for account in _chosen(world, request) for effect in account.effects if effect.at >= since]
    return [r for r in rows if changed is None or r["changed"] == (changed == "true")]


def _effect(account: PartnerAccount, effect: Effect) -> Json:
    return {"tenant": account.tenant, **asdict(effect)}


def add_faults(world: World, faults: list[Json]) -> None:
    """Switch faults on from their JSON form.

    Raises:
        InvalidError: an unknown kind or key.
    """
    kinds = [k.value for k in FaultKind]
    for fault in faults:
        unknown = set(fault) - FAULT_KEYS
        if unknown or fault.get("kind") not in kinds:
            what = f"unknown keys {sorted(unknown)}" if unknown else f"unknown kind {fault.get('kind')!r}"
            raise InvalidError(
                f"This fault has {what}.", remedy=f"Kinds: {', '.join(kinds)}. Keys: {', '.join(sorted(FAULT_KEYS))}."
            )
        world.faults.add(Fault(**{**fault, "kind": FaultKind(fault["kind"])}))


async def _body(request: Request, wanted: set[str]) -> Json:
    try:
        body = orjson.loads(await request.body())
    except orjson.JSONDecodeError:
        raise InvalidError("The body is not JSON.", remedy=f"Send an object with {', '.join(sorted(wanted))}.") from None
    if not isinstance(body, dict) or not wanted <= set(body):
        raise InvalidError("The body lacks keys.", remedy=f"Send an object with {', '.join(sorted(wanted))}.")
    return body


def _account(world: World, body: Json) -> PartnerAccount:
    found = world.account(body["partner"], body["account"])
    if found is None:
        raise PartnerRefusalError(404, "unknown_account", f"There is no {body['partner']} account {body['account']} here.")
    return found
