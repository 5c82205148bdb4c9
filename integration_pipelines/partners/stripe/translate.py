"""What Stripe's values mean: its JSON to neutral text, and neutral text to its form fields.

Times are unix seconds, an expanded object stands for its id, lists come wrapped; amounts are minor units and stay as they are.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from integration_pipelines.core.contract import Column, FieldType, NestedColumn, SourceObject
from integration_pipelines.partners.observe import Flattener, Json, neutral_text
from integration_pipelines.ports.partner import FieldWrite

OPEN_MAPS = frozenset({"metadata"})
"""Writing '' removes a metadata key, so an absent key is a blank one."""


def flattener(spec: SourceObject) -> Flattener:
    """What turns pages of that object into batches."""
    otherwise = {FieldType.DATETIME: neutral_time, FieldType.DATE: neutral_date, FieldType.ID: neutral_id}
    return Flattener(spec, otherwise=otherwise, open_maps=OPEN_MAPS, unwrap=rows)


def rows(value: Json) -> list[object]:
    """The rows of a Stripe list object; any other object is a list of one."""
    data = value.get("data")
    return data if value.get("object") == "list" and isinstance(data, list) else [value]


def neutral_time(value: object) -> str:
    """Unix seconds as `YYYY-MM-DDTHH:MM:SSZ`; what is no time stays visible as it is."""
    return _time(value) if type(value) is int else neutral_text(value)


def neutral_date(value: object) -> str:
    """Unix seconds as the day in UTC."""
    return _time(value).partition("T")[0] if type(value) is int else neutral_text(value)


def neutral_id(value: object) -> str:
    """The id of an expanded object; anything else as text."""
    if isinstance(value, dict) and isinstance(value.get("id"), str):
        return str(value["id"])
    return neutral_text(value)


def metadata_form(fields: Sequence[FieldWrite]) -> list[tuple[str, str]]:
    """Form fields of a write: `metadata[key]=value`; an empty value removes the key. Paths have been checked by `writable`."""
    return [(f"metadata[{field.path.partition('.')[2]}]", field.after) for field in fields]


def sources(spec: SourceObject) -> frozenset[str]:
    """Every path a contract reads, nested ones with the sources of the lists around them."""
    return frozenset(path for column in spec.columns.values() for path in _paths(column, ""))


def _paths(column: Column | NestedColumn, prefix: str) -> list[str]:
    own = f"{prefix}{column.source}"
    return [own, *(path for nested in column.fields.values() for path in _paths(nested, f"{own}."))]


@lru_cache(maxsize=65_536)
def _time(seconds: Any) -> str:  # noqa: ANN401 - cached by value
    try:
        return f"{datetime.fromtimestamp(seconds, tz=UTC).isoformat()[:19]}Z"
    except (OverflowError, ValueError, OSError):
        return str(seconds)
