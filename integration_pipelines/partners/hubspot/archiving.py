"""Batch archive: companies go to HubSpot's archive, from which people can restore them for 90 days. Nothing is ever purged here."""

from collections.abc import Sequence

from integration_pipelines.errors import ErrorKind, UnknownOutcomeError
from integration_pipelines.partners.http import PartnerHttp
from integration_pipelines.partners.hubspot.refusals import kind_of, reason
from integration_pipelines.partners.hubspot.wire import BATCH, Paths
from integration_pipelines.ports.partner import Applied, RecordWrite, Refused, Unknown, WriteOutcome

_REFUSED = frozenset({400, 404, 409, 422})


def archive_companies(http: PartnerHttp, paths: Paths, writes: Sequence[RecordWrite]) -> list[WriteOutcome]:
    """One outcome per write. HubSpot answers a whole batch with nothing at all, and passes over ids that are not there."""
    outcomes: list[WriteOutcome] = []
    for start in range(0, len(writes), BATCH):
        outcomes += _batch(http, f"{paths.companies()}/batch/archive", writes[start : start + BATCH])
    return outcomes


def _batch(http: PartnerHttp, path: str, writes: Sequence[RecordWrite]) -> list[WriteOutcome]:
    body = {"inputs": [{"id": write.record_id} for write in writes]}
    try:
        reply = http.request("POST", path, json=body, write=True, idempotent=True, empty_ok=True, exact=False, accept=_REFUSED)
    except UnknownOutcomeError as error:
        return [Unknown(write.write_id, error.message) for write in writes]
    if reply.status not in _REFUSED:
        return [Applied(write.write_id, reply.request_id) for write in writes]
    if len(writes) > 1:
        return [outcome for write in writes for outcome in _batch(http, path, [write])]
    said = reply.data if isinstance(reply.data, dict) else {}
    kind: ErrorKind = kind_of(said, reply.status)
    text = f"HubSpot refused to archive the record: {reason(said) or f'status {reply.status}'}."
    return [Refused(writes[0].write_id, kind, text, reply.request_id)]
