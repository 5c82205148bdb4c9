"""An escalation as a record: what its ticket says, what the audits say, and names instead of numbers. Meaning of texts is `canonical`'s.

Zendesk's times are whole seconds in UTC and stay as they are. What a number stands for that did not come along is missing, not blank.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from integration_pipelines.core.contract import SourceObject
from integration_pipelines.partners.observe import Flattener
from integration_pipelines.partners.zendesk.escalating import Escalation, Rule, tags_of
from integration_pipelines.partners.zendesk.fields import TicketFields
from integration_pipelines.partners.zendesk.session import Sideloads
from integration_pipelines.partners.zendesk.wire import open_name

Json = dict[str, Any]

TICKET_KEYS = frozenset(
    {
        "id", "url", "external_id", "via", "created_at", "updated_at", "generated_timestamp", "type", "subject", "raw_subject",
        "description", "priority", "status", "recipient", "requester_id", "submitter_id", "assignee_id", "organization_id",
        "group_id", "collaborator_ids", "follower_ids", "email_cc_ids", "forum_topic_id", "problem_id", "has_incidents",
        "is_public", "due_at", "tags", "custom_fields", "fields", "satisfaction_rating", "sharing_agreement_ids",
        "custom_status_id", "encoded_id", "followup_ids", "ticket_form_id", "brand_id", "allow_channelback",
        "allow_attachments", "from_messaging_channel", "result_type", "support_type", "deleted_ticket_form_id",
        "satisfaction_probability", "followup_source_id", "audit", "comment_count",
    }
)  # fmt: skip
"""What a ticket is known to have."""
_COPIED = (
    "subject", "priority", "status", "type", "external_id", "created_at", "updated_at", "requester_id", "assignee_id",
    "organization_id", "group_id",
)  # fmt: skip


def flattener(spec: SourceObject) -> Flattener:
    """Turns escalations into observation batches."""
    return Flattener(spec)


class Composer:
    """Makes the records of an object at a tenant.

    Args:
        spec: the object; only the custom fields and tags that it reads are looked at.
        rule: what counts as escalated.
        fields: the tenant's ticket fields.
        sideloads: names of people, groups and organisations.
    """

    def __init__(self, spec: SourceObject, rule: Rule, fields: TicketFields, sideloads: Sideloads) -> None:
        self._rule = rule
        self._sideloads = sideloads
        opened = [named for column in spec.columns.values() if (named := open_name(column.source)) is not None]
        self._numbers = {name: fields.number(name) for place, name in opened if place == "fields"}
        self._prefixes = [name for place, name in opened if place == "tagged"]

    @property
    def missing(self) -> frozenset[str]:
        """Sources of custom fields that the tenant does not have."""
        return frozenset(f"fields.{name}" for name, number in self._numbers.items() if number is None)

    def marked(self, ticket: Json) -> bool:
        """Whether something that the contract reads stands in the ticket's custom fields or tags, as on one that was escalated before."""
        return any(value not in (None, "") for value in (*self._fields(ticket).values(), *self._tagged(ticket).values()))

    def record(self, ticket: Json, escalation: Escalation, *, newest: bool) -> Json:
        """One escalation. Custom fields and tags are the newest one's; of earlier ones they are missing."""
        number, account = ticket["id"], account_of(ticket)
        found = {name: ticket[name] for name in _COPIED if name in ticket}
        names = self._names(ticket)
        found |= {
            "id": f"{number}-{escalation.seq}",
            "ticket_id": number,
            "seq": escalation.seq,
            "is_current": newest,
            "is_escalated": newest and self._rule.holds(ticket),
            "dedup_key": f"zendesk:{account}:{number}:{escalation.seq}",
            "escalated_at": escalation.began_at,
            "ended_at": escalation.ended_at,
            "ticket_url": f"https://{_host(ticket)}/agent/tickets/{number}",
            "tags": tags_of(ticket),
            **names,
        }
        found["headline"] = f"#{number} {found.get('subject') or 'Ticket without a subject'}"
        found["details"] = _details(found)
        return found | ({"fields": self._fields(ticket), "tagged": self._tagged(ticket)} if newest else {})

    def _fields(self, ticket: Json) -> Json:
        held = {one.get("id"): one.get("value") for one in ticket.get("custom_fields") or [] if isinstance(one, dict)}
        return {name: held[number] for name, number in self._numbers.items() if number in held}

    def _tagged(self, ticket: Json) -> dict[str, str]:
        return {name: ";".join(suffixes(tags_of(ticket), name)) for name in self._prefixes}

    def _names(self, ticket: Json) -> Json:
        found: Json = {}
        for name, kind, key in (
            ("requester", "users", "requester_id"),
            ("assignee", "users", "assignee_id"),
            ("organization", "organizations", "organization_id"),
            ("group", "groups", "group_id"),
        ):
            number = ticket.get(key)
            record = self._sideloads.get(kind, number)
            if number is None:
                found[name] = None
            elif record is not None:
                found[name] = {"name": record.get("name"), "email": record.get("email")}
        if {"organization", "requester"} <= found.keys():
            found["customer"] = (found["organization"] or found["requester"] or {}).get("name")
        return found


def suffixes(tags: list[str], prefix: str) -> list[str]:
    """What follows `<prefix>_` in the tags that begin so; several are all told, so that nobody takes one for the truth."""
    return [tag[len(prefix) + 1 :] for tag in tags if tag.startswith(f"{prefix}_")]


def account_of(ticket: Mapping[str, Any]) -> str:
    """The account's subdomain, from the ticket's own address."""
    return _host(ticket).partition(".")[0]


def _host(ticket: Mapping[str, Any]) -> str:
    return urlsplit(str(ticket.get("url") or "")).hostname or ""


def _details(found: Json) -> str:
    lines = {
        "Ticket": f"{found['ticket_id']} {found['ticket_url']}",
        "Customer": found.get("customer"),
        "Priority": found.get("priority"),
        "Escalated": f"{found['escalated_at']} (number {found['seq']})",
    }
    return "\n".join(f"{name}: {value}" for name, value in lines.items() if value)
