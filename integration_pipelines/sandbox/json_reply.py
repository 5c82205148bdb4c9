"""JSON replies of the sandbox, written by orjson because long lists are what benchmarks read.

Only the encoding belongs here; what a reply says is each partner's own business.
"""

from collections.abc import Mapping

import orjson
from starlette.responses import Response


def json_reply(body: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON response of the given status; `headers` are added to it."""
    return Response(orjson.dumps(body), status_code=status, headers=headers, media_type="application/json")
