"""The addresses of the modelled Slack: an incoming webhook, which answers in plain text, and the web API, which answers 200 with `ok`."""

import itertools
from collections.abc import Callable, Mapping

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from integration_pipelines.partner_models.base import Fault, Faults, Json, PartnerRefusalError
from integration_pipelines.partner_models.slack.account import SlackAccount, refused
from integration_pipelines.sandbox.asked import bearer, json_object
from integration_pipelines.sandbox.guarded import Operation, Wording, routes_of
from integration_pipelines.sandbox.http_faults import Face
from integration_pipelines.sandbox.json_reply import json_reply

Find = Callable[[str], SlackAccount | None]
HOOK = "/services"
_TOO_MANY = 429


def slack_routes(find_account: Find, faults: Faults, find_hook: Find) -> list[Route]:
    """All routes; `find_account` knows bots' tokens, `find_hook` what follows `/services/` in a webhook's address."""
    numbers = itertools.count(1)

    def face(scope: str) -> Face[SlackAccount]:
        return Face(
            token_of=_hook_of if scope == HOOK else lambda request: bearer(request, "bearer"),
            find_account=find_hook if scope == HOOK else find_account,
            unauthorized=lambda request: _refusal(request, refused("no_service" if scope == HOOK else "invalid_auth", 404)),
            forbidden=lambda request, _: _refusal(
                request, refused("action_prohibited" if scope == HOOK else "missing_scope", 403)
            ),
            rate_limited=_rate_limited,
            server_error=_server_error,
            refused=_refusal,
            scopes=lambda _: frozenset({"incoming-webhook" if scope == HOOK else scope}),
        )

    def headers() -> Mapping[str, str]:
        return {"x-slack-req-id": f"{next(numbers):032x}"}

    operations = [
        Operation("POST", f"{HOOK}/{{team}}/{{hook}}/{{secret}}", _by_hook, HOOK),
        Operation("POST", "/api/chat.postMessage", _by_bot, "chat:write"),
        Operation("POST", "/api/auth.test", _about, "identify"),
    ]
    nothing = Wording(face, lambda _, __: {}, headers, lambda request: _refusal(request, refused("unknown_method", 404)))
    return routes_of(operations, faults, nothing)


async def _by_hook(request: Request, account: SlackAccount) -> Response:
    account.post_by_hook(await _body(request))
    return PlainTextResponse("ok")


async def _by_bot(request: Request, account: SlackAccount) -> Response:
    return json_reply(account.post(await _body(request)))


async def _about(_: Request, account: SlackAccount) -> Response:
    return json_reply(account.about())


async def _body(request: Request) -> Json:
    body = await json_object(request)
    if body is None:
        raise refused("invalid_payload" if _is_hook(request) else "invalid_json", 400)
    return body


def _refusal(request: Request, refusal: PartnerRefusalError) -> Response:
    """A webhook says one word with a status; the web API says 200 and `ok: false`, but for 429."""
    wait = refusal.facts.get("retry_after")
    headers = {"Retry-After": str(wait)} if wait is not None else None
    if _is_hook(request):
        return PlainTextResponse(refusal.code, refusal.status, headers)
    status = refusal.status if refusal.status == _TOO_MANY else 200
    return json_reply({"ok": False, "error": "ratelimited" if status == _TOO_MANY else refusal.code}, status, headers)


def _rate_limited(request: Request, _: SlackAccount, __: Fault) -> Response:
    return _refusal(request, refused("rate_limited", _TOO_MANY))


async def _server_error(_: Request, __: SlackAccount, ___: Fault, status: int) -> Response:
    return PlainTextResponse("server_error", status)


def _hook_of(request: Request) -> str:
    return "/".join(str(request.path_params[name]) for name in ("team", "hook", "secret"))


def _is_hook(request: Request) -> bool:
    return f"{HOOK}/" in request.url.path
