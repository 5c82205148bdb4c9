"""Reading Stripe's form encoding: `a[b]=1`, `items[0][price]=x`, `expand[]=y`, percent-encoded or not."""

import re
from typing import Any
from urllib.parse import parse_qsl

from integration_pipelines.partner_models.base import Json
from integration_pipelines.partner_models.stripe.refusals import invalid

_KEY = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")
_MOST_FIELDS = 2000
_DEEPEST = 8


def decode(encoded: str | bytes) -> Json:
    """The nested parameters of a query or a body. Indexed arrays stay hashes of numbers, since metadata may look the same."""
    try:
        text = encoded.decode() if isinstance(encoded, bytes) else encoded
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict")
    except ValueError:  # too many fields, or bytes that are no UTF-8
        raise invalid("The request's parameters could not be read.") from None
    values: Json = {}
    for name, value in pairs:
        match = _KEY.fullmatch(name)
        if match is None:
            raise invalid(f"Invalid parameter name: {name[:100]}")
        path = [match[1], *re.findall(r"\[([^\[\]]*)\]", match[2])]
        if len(path) > _DEEPEST:
            raise invalid("The request's parameters are nested too deep.", param=match[1])
        _put(values, path, value)
    return values


def _put(node: Any, path: list[str], value: str) -> None:  # noqa: ANN401 - a hash or an array, checked below
    """Walk to the last segment; `[]` appends, and opens a new hash when the last one already has the next name."""
    for position, segment in enumerate(path[:-1]):
        following = path[position + 1]
        empty: Any = [] if following == "" else {}
        if isinstance(node, list):
            if not node or not isinstance(node[-1], dict) or following in node[-1]:
                node.append(empty)
            node = node[-1]
        else:
            node = node.setdefault(segment, empty)
        if not isinstance(node, list if following == "" else dict):
            raise invalid("A parameter is given both as a value and as a hash.", param=path[0])
    if isinstance(node, list):
        node.append(value)
    else:
        node[path[-1]] = value
