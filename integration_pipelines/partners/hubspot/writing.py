"""Batch updates and upserts: at most 100 companies a request, and a bad one never spoils its batch. Archiving is `archiving`.

HubSpot takes a whole batch or answers 207 with the faults of single records; but one malformed input (an unknown property, a
value that is no option) makes it refuse everything, so a refused batch is halved until the culprit stands alone. HubSpot has no
keys under which it would recognise a repeat. Our writes are absolute values, so a repeat cannot add anything up, yet it could
replace what somebody entered meanwhile: a write without a trustworthy answer is `Unknown`, and is sent again only after a read.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any

from integration_pipelines.errors import (
    AuthError,
    ErrorKind,
    RateLimitedError,
    TransientError,
    UnknownOutcomeError,
)
from integration_pipelines.partners.http import PartnerHttp, Reply
from integration_pipelines.partners.hubspot.refusals import NO_SUCH_PROPERTY, kind_of, named_in, properties_named, reason
from integration_pipelines.partners.hubspot.wire import BATCH, Paths, property_of
from integration_pipelines.ports.partner import Applied, RecordWrite, Refused, Unknown, WriteOutcome

Group = list[RecordWrite]

_REFUSED = frozenset({400, 404, 409, 422})


class BatchUpdate:
    """Sends changed properties of companies.

    Args:
        http: the connection.
        paths: where HubSpot has what.
        unique: for an upsert, the unique property whose value each write's `record_id` is; without it companies are named by id.
    """

    def __init__(self, http: PartnerHttp, paths: Paths, unique: str = "") -> None:
        self._http = http
        self._unique = unique
        self._path = f"{paths.companies()}/batch/{'upsert' if unique else 'update'}"

    def send(self, writes: Sequence[RecordWrite]) -> list[WriteOutcome]:
        """One outcome per write.

        Raises:
            AuthError, RateLimitedError, TransientError: before anything was sent. Later on, such a fault becomes the outcome of
                the writes that it kept from being sent.
        """
        outcomes: list[WriteOutcome] = [_unspeakable(write) for write in writes if not _speakable(write)]
        todo = deque(_groups([write for write in writes if _speakable(write)]))
        while todo:
            group = todo.popleft()
            try:
                settled, again = self._send_group(group)
            except (AuthError, RateLimitedError, TransientError) as error:
                if not outcomes:
                    raise
                unsent = [write for later in (group, *todo) for write in later]
                return [*outcomes, *(Refused(write.write_id, error.kind, str(error), error.request_id) for write in unsent)]
            outcomes.extend(settled)
            todo.extendleft(reversed(again))
        return outcomes

    def _send_group(self, group: Group) -> tuple[list[WriteOutcome], list[Group]]:
        """Outcomes, and smaller groups to be sent instead."""
        try:
            reply = self._http.request(
                "POST",
                self._path,
                json={"inputs": [self._input(write) for write in group]},
                write=True,
                exact=False,
                accept=_REFUSED,
            )
        except UnknownOutcomeError as error:
            return [Unknown(write.write_id, error.message) for write in group], []
        return (_answered(group, reply, self._unique), []) if reply.status not in _REFUSED else _refused(group, reply)

    def _input(self, write: RecordWrite) -> dict[str, Any]:
        values = {property_of(field.path): field.after for field in write.fields}
        named = {"id": write.record_id, "properties": values, "objectWriteTraceId": write.write_id}
        return named | ({"idProperty": self._unique} if self._unique else {})


def _groups(writes: Sequence[RecordWrite]) -> Iterator[Group]:
    """Batches in the given order; a record that comes twice starts a new one, since HubSpot refuses it twice in one."""
    group: Group = []
    for write in writes:
        if len(group) == BATCH or any(other.record_id == write.record_id for other in group):
            yield group
            group = []
        group.append(write)
    if group:
        yield group


def _refused(group: Group, reply: Reply) -> tuple[list[WriteOutcome], list[Group]]:
    """The whole batch was refused and nothing changed: name the culprit, or halve."""
    error = reply.data if isinstance(reply.data, dict) else {}
    if len(group) == 1:
        return [_refusal(group[0], error, reply.status, reply.request_id)], []
    absent = {f"properties.{name}" for name in properties_named(error, NO_SUCH_PROPERTY)}
    hit = [write for write in group if any(field.path in absent for field in write.fields)]
    if hit:  # all who carry a property that does not exist share the fault; halving down to each would cost many errors
        rest = [write for write in group if write not in hit]
        return [_refusal(write, error, reply.status, reply.request_id) for write in hit], [rest] if rest else []
    middle = len(group) // 2
    return [], [group[:middle], group[middle:]]


def _answered(group: Group, reply: Reply, unique: str) -> list[WriteOutcome]:
    """200 or 207: who is in the results was changed, who is in the errors was not, about anybody else we know nothing."""
    data = reply.data if isinstance(reply.data, dict) else {}
    done = {name: str(item.get("id") or "") for item in _dicts(data.get("results")) for name in _names(item, unique)}
    faults: dict[str, dict[str, Any]] = {}
    for error in _dicts(data.get("errors")):
        about = named_in(error, "objectWriteTraceId") or named_in(
            error, "ids"
        )  # `id` names somebody else: who has the value already
        faults.update(dict.fromkeys(about, error))
    outcomes: list[WriteOutcome] = []
    for write in group:
        fault = faults.get(write.write_id) or faults.get(write.record_id)
        record_id = done.get(write.write_id) or done.get(write.record_id)
        if fault is not None:
            outcomes.append(_refusal(write, fault, 400, reply.request_id))
        elif record_id:
            outcomes.append(Applied(write.write_id, reply.request_id, record_id if unique else ""))
        else:
            outcomes.append(Unknown(write.write_id, "HubSpot's answer does not mention the record."))
    return outcomes


def _names(item: dict[str, Any], unique: str) -> set[str]:
    """What a record in an answer may be recognised by: our trace, and its id or the unique value it was asked for by."""
    properties = item.get("properties")
    key = properties.get(unique) if unique and isinstance(properties, dict) else item.get("id")
    return {str(name) for name in (item.get("objectWriteTraceId"), key) if name}


def _refusal(write: RecordWrite, error: dict[str, Any], status: int, request_id: str) -> Refused:
    said = reason(error) or f"status {status}"
    return Refused(write.write_id, kind_of(error, status), f"HubSpot refused the record: {said}.", request_id)


def _speakable(write: RecordWrite) -> bool:
    """Whether the text can travel at all: half a surrogate pair cannot."""
    return all(_is_utf8(field.after) for field in write.fields)


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _unspeakable(write: RecordWrite) -> Refused:
    names = ", ".join(field.path for field in write.fields if not _is_utf8(field.after))
    return Refused(write.write_id, ErrorKind.INVALID, f"The text of {names} has half a character in it.", "")


def _dicts(value: object) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
