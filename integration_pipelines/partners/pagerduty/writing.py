"""Writing incidents: changing one that is there, and making one under a key that no incident has or had.

PagerDuty has no conditional write and recognises no repeat of a change; what is sent are absolute values, and a lost answer is `Unknown`.
Making is safer: while an incident is open PagerDuty refuses a second one with its key on the same service. Once it is resolved the key
would be taken again, so it is looked for in every status first, and after a lost answer before anything else.
"""

from collections.abc import Sequence
from typing import Any

from integration_pipelines.core.contract import SourceObject
from integration_pipelines.errors import ConfigError, ConflictError, ErrorKind, IntegrationError, UnknownOutcomeError
from integration_pipelines.partners.pagerduty import wire
from integration_pipelines.partners.pagerduty.refusals import KEY_TAKEN
from integration_pipelines.partners.pagerduty.session import Session
from integration_pipelines.partners.pagerduty.translate import Severities, severities_of
from integration_pipelines.ports.partner import Applied, FieldWrite, RecordWrite, Refused, Unknown, WriteOutcome

Json = dict[str, Any]


class IncidentWrites:
    """Sends the writes of one object. Thread-safe."""

    def __init__(self, session: Session, spec: SourceObject) -> None:
        self._session = session
        self._spec = spec

    def change(self, write: RecordWrite) -> WriteOutcome:
        """Change one incident; nothing expected is raised."""
        barred = [field.path for field in write.fields if not wire.writable(wire.INCIDENTS, field.path)]
        if barred or not write.fields:
            text = f"PagerDuty does not let {', '.join(barred) or 'nothing'} of an incident be written."
            return Refused(write.write_id, ErrorKind.INVALID, text, "")
        try:
            body = {"incident": {"type": "incident_reference", **_said(write.fields, self._severities())}}
            reply = self._session.http.request(
                "PUT", wire.INCIDENT, ids=(write.record_id,), json=body, headers=self._from(), write=True, exact=False
            )
        except UnknownOutcomeError as error:
            return Unknown(write.write_id, error.message)
        except IntegrationError as error:
            return Refused(write.write_id, error.kind, str(error), error.request_id)
        if _id_in(reply.data) != write.record_id:
            return Unknown(write.write_id, "PagerDuty answered about another incident than the one written.")
        return Applied(write.write_id, reply.request_id)

    def make(self, write: RecordWrite) -> WriteOutcome:
        """Make one incident whose key is the write's record id, or find the one that has or had it; nothing expected is raised."""
        fault = _not_settable(write)
        if fault:
            return Refused(write.write_id, ErrorKind.INVALID, fault, "")
        try:
            services = self.services()
            found = self._session.by_key(write.record_id, services)
            return _found(write, found) if found else self._create(write, services[0])
        except IntegrationError as error:
            return Refused(write.write_id, error.kind, str(error), error.request_id)

    def services(self) -> list[str]:
        """The ids of the contract's services, the one for new incidents first; raises ConfigError if it names none."""
        named = self._spec.options.get("service", ())
        if not named:
            raise ConfigError(
                "Nothing says on which service incidents are made.", remedy="Give the object in the contract the option service."
            )
        return self._session.services(named)

    def _create(self, write: RecordWrite, service: str) -> WriteOutcome:
        incident: Json = {
            "type": "incident",
            "service": {"id": service, "type": "service_reference"},
            "incident_key": write.record_id,
        }
        body = {"incident": incident | _said(write.fields, self._severities())}
        try:
            reply = self._session.http.request(
                "POST", wire.INCIDENT_LIST, json=body, headers=self._from(), write=True, exact=False
            )
        except UnknownOutcomeError as error:
            return self._settled(write, error)
        except ConflictError as error:
            found = self._session.by_key(write.record_id, self.services()) if error.detail == KEY_TAKEN else []
            return _found(write, found) if found else Refused(write.write_id, error.kind, str(error), error.request_id)
        made = _id_in(reply.data)
        if not made:
            return Unknown(write.write_id, "PagerDuty's answer names no incident.")
        return Applied(write.write_id, reply.request_id, made)

    def _settled(self, write: RecordWrite, error: UnknownOutcomeError) -> WriteOutcome:
        """No trustworthy answer: an incident that has the key now was made; if there is none, it may still appear."""
        try:
            found = self._session.by_key(write.record_id, self.services())
        except IntegrationError:
            found = []
        return _found(write, found) if found else Unknown(write.write_id, error.message)

    def _severities(self) -> Severities:
        return severities_of(self._spec, self._session.priorities())

    def _from(self) -> dict[str, str]:
        return {"from": self._session.sender()}


def _said(fields: Sequence[FieldWrite], severities: Severities) -> Json:
    """The fields of a request body; an urgency that is written itself wins over that of the severity."""
    values = {field.path: field.after for field in fields if field.path != "incident_key"}
    body: Json = severities.change(values.pop("severity")) if "severity" in values else {}
    details = values.pop("details", "")
    if details:
        body["body"] = {"type": "incident_body", "details": details}
    return body | values


def _found(write: RecordWrite, found: Sequence[Json]) -> WriteOutcome:
    """The incident that has or had the key stays as it is: the next plan compares it."""
    return Applied(write.write_id, "", str(found[0]["id"]))


def _not_settable(write: RecordWrite) -> str:
    barred = [field.path for field in write.fields if not wire.settable(wire.INCIDENTS, field.path)]
    if barred:
        return f"PagerDuty does not let an incident start with {', '.join(barred)}."
    values = {field.path: field.after for field in write.fields}
    if not 0 < len(write.record_id) <= wire.LONGEST_KEY or values.get("incident_key", write.record_id) != write.record_id:
        return "The incident's key is missing, too long, or not the one it is to be found by."
    return "" if values.get("title") else "An incident needs a title."


def _id_in(data: object) -> str:
    incident = data.get("incident") if isinstance(data, dict) else None
    found = incident.get("id") if isinstance(incident, dict) else None
    return found if isinstance(found, str) else ""
