"""Reading what a request asks for: its query and its JSON body, refused as HubSpot refuses them."""

import orjson
from starlette.requests import Request

from integration_pipelines.partner_models.base import Json
from integration_pipelines.partner_models.hubspot.refusals import invalid


async def body_of(request: Request) -> Json:
    """The JSON object in the body."""
    try:
        found = orjson.loads(await request.body())
    except orjson.JSONDecodeError:
        found = None
    if not isinstance(found, dict):
        raise invalid("Invalid input JSON: the body must be an object.")
    return found


def whole_number(request: Request, name: str, default: int) -> int:
    """A number in the query."""
    text = request.query_params.get(name, "")
    if not text:
        return default
    try:
        return int(text)
    except ValueError:
        raise invalid(f"{name} must be a whole number.") from None


def flag(request: Request, name: str) -> bool:
    """A true or false in the query, false if absent."""
    text = request.query_params.get(name, "false").lower()
    if text not in {"true", "false", ""}:
        raise invalid(f"{name} must be true or false.")
    return text == "true"


def word(request: Request, name: str) -> str | None:
    """A text in the query; blank counts as absent."""
    return request.query_params.get(name) or None


def words(request: Request, name: str) -> tuple[str, ...]:
    """Names in the query, separated by commas, repeated, or both."""
    return tuple(part for text in request.query_params.getlist(name) for part in text.split(",") if part)
