"""JSON replies of the sandbox, written by orjson because long lists are what benchmarks read.

Only the encoding belongs here; what a reply says is each partner's own business.
"""

import json
from collections.abc import Mapping

import orjson
from starlette.responses import Response


def json_reply(body: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON response of the given status; `headers` are added to it."""
    try:
        encoded = orjson.dumps(body)
    except orjson.JSONEncodeError:  # half a surrogate pair or a huge number was planted: as escapes and digits both can travel
        encoded = json.dumps(body).encode()
    return Response(encoded, status_code=status, headers=headers, media_type="application/json")
