"""What our writes replaced: HubSpot has no conditional write, but it keeps the versions of every property with time and source.

Our version is the newest one that holds what we wrote; the one before it is what really stood there. Read in batches of 50, the most
that HubSpot gives with history (developers.hubspot.com/docs/api/crm/companies).
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from integration_pipelines.partners.hubspot.lists import results_of
from integration_pipelines.partners.hubspot.session import Session
from integration_pipelines.partners.hubspot.wire import property_of
from integration_pipelines.ports.partner import PreImage, RecordWrite

WITH_HISTORY = 50
CLOCKS_DIFFER = timedelta(minutes=10)
"""A version older than our request by more than this is an earlier one that happens to say the same."""

Versions = Sequence[dict[str, Any]]


def of_companies(session: Session, writes: Sequence[RecordWrite], since: datetime) -> list[PreImage]:
    """The pre-image of every written property whose version HubSpot still tells."""
    found: list[PreImage] = []
    for start in range(0, len(writes), WITH_HISTORY):
        chunk = writes[start : start + WITH_HISTORY]
        names = sorted({name for write in chunk for field in write.fields if (name := property_of(field.path))})
        body = {"inputs": [{"id": w.record_id} for w in chunk], "properties": names, "propertiesWithHistory": names}
        reply = session.http.request("POST", f"{session.paths.companies()}/batch/read", json=body, exact=False)
        records = {str(record.get("id")): record for record in results_of(reply)}
        for write in chunk:
            found.extend(_of_record(write, records.get(write.record_id, {}), since - CLOCKS_DIFFER))
    return found


def _of_record(write: RecordWrite, record: dict[str, Any], since: datetime) -> Iterator[PreImage]:
    kept = record.get("propertiesWithHistory")
    versions = kept if isinstance(kept, dict) else {}
    for field in write.fields:
        told = versions.get(property_of(field.path))
        known = [v for v in told if isinstance(v, dict)] if isinstance(told, list) else []
        ours = next((n for n, v in enumerate(known) if _same(v, field.after) and _since(v, since)), None)
        if ours is not None:
            before = known[ours + 1] if ours + 1 < len(known) else {}
            yield PreImage(write.write_id, field.path, _value(before), _who(before))


def _same(version: dict[str, Any], after: str) -> bool:
    """Whether a version says what we wrote; HubSpot trims text and writes numbers its own way."""
    return _plain(_value(version)) == _plain(after)


def _plain(text: str) -> str:
    stripped = text.strip()
    if "." in stripped and stripped.replace(".", "", 1).lstrip("-").isdigit():
        return stripped.rstrip("0").rstrip(".")
    return stripped


def _since(version: dict[str, Any], since: datetime) -> bool:
    try:
        return datetime.fromisoformat(str(version.get("timestamp"))) >= since
    except ValueError:
        return False


def _value(version: dict[str, Any]) -> str:
    value = version.get("value")
    return "" if value is None else str(value)


def _who(version: dict[str, Any]) -> str:
    """Where the replaced value came from, in HubSpot's words: `CRM_UI userId:7`; people's names are not in it."""
    return " ".join(str(version[part]) for part in ("sourceType", "sourceId") if version.get(part))
