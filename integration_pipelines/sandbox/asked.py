"""Reading what a request asks for, where partners refuse it alike: a JSON body, whole numbers and lists in the query."""

import orjson
from starlette.requests import Request

from integration_pipelines.partner_models.base import Json


async def json_object(request: Request) -> Json | None:
    """The JSON object in the body; None for anything else."""
    try:
        found = orjson.loads(await request.body())
    except orjson.JSONDecodeError:
        return None
    return found if isinstance(found, dict) else None


def whole(text: str) -> int | None:
    """A number from 0; None for anything else."""
    return int(text) if text.isascii() and text.isdigit() else None


def listed(text: str) -> tuple[str, ...]:
    """What commas separate."""
    return tuple(part for part in text.split(",") if part)


def bearer(request: Request, *schemes: str) -> str:
    """The credential of an `Authorization` header of one of these schemes, '' if none."""
    scheme, _, credential = request.headers.get("authorization", "").partition(" ")
    return credential.strip() if scheme.lower() in schemes else ""
