"""Writing to a ticket: custom fields and tags of ours, and an internal note, each as a safe update.

Zendesk refuses a safe update if somebody changed the ticket after the stamp that comes with it (409). The stamp is that of the ticket as
it was when it was fetched for the comparison before the write, so nothing that was not seen is ever replaced. After a refusal the ticket
is read again: while what we want to change still says what it said, the write goes on with the new stamp, at most three times.
`updated_at` counts whole seconds: two changes within one second look like one to Zendesk.
"""

import re
import threading
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from integration_pipelines.core.contract import SourceObject
from integration_pipelines.errors import ErrorKind, IntegrationError, UnknownOutcomeError
from integration_pipelines.partners.zendesk import wire
from integration_pipelines.partners.zendesk.escalating import tags_of
from integration_pipelines.partners.zendesk.looking import Access, Looked, Looker
from integration_pipelines.partners.zendesk.translate import suffixes
from integration_pipelines.ports.partner import Applied, RecordWrite, Refused, Unknown, WriteOutcome

_CONFLICT = 409
_MOST_TRIES = 3
_MOST_SEEN = 2000
_TAG_PART = re.compile(r"[a-z0-9][a-z0-9_-]{0,79}")

Json = dict[str, Any]


class Seen:
    """Tickets as they were fetched last by this connection, the newest ones only. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: OrderedDict[int, Looked] = OrderedDict()

    def keep(self, looked: Looked) -> None:
        """Remember a ticket."""
        with self._lock:
            self._held[looked.ticket["id"]] = looked
            self._held.move_to_end(looked.ticket["id"])
            if len(self._held) > _MOST_SEEN:
                self._held.popitem(last=False)

    def get(self, number: int) -> Looked | None:
        """A ticket; None if it was not fetched or is forgotten."""
        with self._lock:
            return self._held.get(number)

    def forget(self, number: int) -> None:
        """After a write, or when it is gone."""
        with self._lock:
            self._held.pop(number, None)


class TicketUpdate:
    """Sends the writes of one object. Thread-safe.

    Args:
        access: the conversation.
        spec: the object; its option `note_fields` says which fields' new values are also left as a note.
        seen: what was fetched before.
    """

    def __init__(self, access: Access, spec: SourceObject, seen: Seen) -> None:
        self._session = access.session
        self._looker = Looker(access, spec)
        self._noted = frozenset(spec.options.get("note_fields", ()))
        self._seen = seen

    def send(self, write: RecordWrite) -> WriteOutcome:
        """One write and its outcome; nothing expected is raised."""
        try:
            return self._send(write)
        except IntegrationError as error:
            return Refused(write.write_id, error.kind, str(error), error.request_id)

    def _send(self, write: RecordWrite) -> WriteOutcome:
        parts = wire.parts_of(write.record_id)
        fault = "Zendesk does not know the record." if parts is None else self._unwritable(write)
        if parts is None or fault:
            return Refused(write.write_id, ErrorKind.INVALID, fault, "")
        number, seq = parts
        basis = self._seen.get(number) or self._look(number)
        for _ in range(_MOST_TRIES):
            fault, kind = _not_writable_now(basis, seq)
            if basis is None or fault:
                return Refused(write.write_id, kind, fault, "")
            outcome = self._put(write, number, basis)
            if outcome is not None:
                return outcome
            fresh = self._look(number)
            if fresh is not None and self._said(write, fresh.ticket) != self._said(write, basis.ticket):
                break
            basis = fresh
        return Refused(
            write.write_id, ErrorKind.CONFLICT, "The ticket was changed by somebody else meanwhile; it is planned again.", ""
        )

    def _put(self, write: RecordWrite, number: int, basis: Looked) -> WriteOutcome | None:
        """One safe update; None if the ticket has changed since."""
        self._seen.forget(number)
        body = {"ticket": self._body(write, basis.ticket)}
        try:
            reply = self._session.http.request(
                "PUT", wire.TICKET, ids=(str(number),), json=body, write=True, exact=False, accept=frozenset({_CONFLICT})
            )
        except UnknownOutcomeError as error:
            return self._settled(write, number, error)
        if reply.status == _CONFLICT:
            return None
        answered = reply.data.get("ticket") if isinstance(reply.data, dict) else None
        if not isinstance(answered, dict) or answered.get("id") != number:
            return Unknown(write.write_id, "Zendesk answered about another ticket than the one written.")
        self._seen.keep(Looked(answered, basis.escalations))
        return Applied(write.write_id, reply.request_id)

    def _settled(self, write: RecordWrite, number: int, error: UnknownOutcomeError) -> WriteOutcome:
        """No trustworthy answer: a ticket that shows all of it was written; about any other one nothing is known yet."""
        wanted = {field.path: field.after for field in write.fields}
        try:
            ticket = self._session.ticket(number)
        except IntegrationError:
            ticket = None
        if ticket is not None and self._said(write, ticket) == wanted:
            return Applied(write.write_id, error.request_id)
        return Unknown(write.write_id, error.message)

    def _body(self, write: RecordWrite, ticket: Json) -> Json:
        body: Json = {"safe_update": True, "updated_stamp": ticket["updated_at"]}
        tags, custom, before = tags_of(ticket), [], self._said(write, ticket)
        for field in write.fields:
            place, _, name = field.path.partition(".")
            if place == "tagged":
                tags = [tag for tag in tags if not tag.startswith(f"{name}_")] + (
                    [f"{name}_{field.after}"] if field.after else []
                )
            else:
                custom.append({"id": self._looker.fields.number(name), "value": field.after or None})
        if custom:
            body["custom_fields"] = custom
        if tags != tags_of(ticket):
            body["tags"] = tags
        note = _note({f.path: f.after for f in write.fields if f.after != before[f.path]}, self._noted)
        return body | ({"comment": {"body": note, "public": False}} if note else {})

    def _said(self, write: RecordWrite, ticket: Json) -> dict[str, str]:
        """What the ticket says where the write writes."""
        held = {one.get("id"): one.get("value") for one in ticket.get("custom_fields") or [] if isinstance(one, dict)}
        found: dict[str, str] = {}
        for field in write.fields:
            place, _, name = field.path.partition(".")
            value = ";".join(suffixes(tags_of(ticket), name)) if place == "tagged" else held.get(self._looker.fields.number(name))
            found[field.path] = "" if value is None else str(value)
        return found

    def _look(self, number: int) -> Looked | None:
        return self._looker.tickets([number]).get(number)

    def _unwritable(self, write: RecordWrite) -> str:
        for field in write.fields:
            place, _, name = field.path.partition(".")
            if not wire.writable(wire.ESCALATIONS, field.path):
                return f"Zendesk does not let {field.path} of an escalation be written."
            if place == "fields" and self._looker.fields.number(name) is None:
                return f"This Zendesk account has no ticket field {name}; approve the plan again, so that it is made."
            if place == "tagged" and field.after and not _TAG_PART.fullmatch(field.after):
                return f"What is to stand in {field.path} is no tag."
        return "" if write.fields else "The write says nothing."


def _not_writable_now(basis: Looked | None, seq: int) -> tuple[str, ErrorKind]:
    if basis is None or seq > basis.newest:
        return "Zendesk does not know the record.", ErrorKind.INVALID
    if seq < basis.newest:
        return "The ticket was escalated again, and its fields belong to the newer escalation.", ErrorKind.CONFLICT
    return "", ErrorKind.INVALID


def _note(changed: Mapping[str, str], noted: frozenset[str]) -> str:
    """The note for what changed; '' if nothing that is to be noted did, or it was cleared."""
    lines = [
        f"{name.replace('_', ' ').capitalize()}: {after}"
        for path, after in changed.items()
        if (name := path.partition(".")[2]) in noted and after
    ]
    return "\n".join(lines)
