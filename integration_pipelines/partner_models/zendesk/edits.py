"""What people do in Zendesk's pages: change tickets, comment on them, throw them away, change ticket fields."""

from integration_pipelines.partner_models.base import Json
from integration_pipelines.partner_models.zendesk import tickets
from integration_pipelines.partner_models.zendesk.refusals import bad_request, not_found
from integration_pipelines.partner_models.zendesk.store import PERSON, Hand, Store

_CUSTOM = "custom_fields."


def edit(store: Store, object_name: str, record_id: str, fields: Json) -> Json:
    """Change a record; returns it.

    Args:
        store: the account's records.
        object_name: `tickets` or `ticket_fields`.
        record_id: its number.
        fields: a ticket's attributes as the API names them; a custom field as `custom_fields.<number>`; `comment` is an internal
            note; `deleted: true` throws the ticket away.

    Raises:
        PartnerRefusalError: 404 for what is not there, 422 for a value that the page would not take.
    """
    if not record_id.isascii() or not record_id.isdigit():
        raise not_found()
    if object_name == "tickets":
        return _ticket(store, int(record_id), fields)
    if object_name == "ticket_fields":
        before = dict(store.fields.get(int(record_id)))
        after = store.fields.update(int(record_id), fields, store.now())
        shown = {name: after.get(name) for name in fields}
        store.wrote(object_name, int(record_id), {n: before.get(n) for n in fields}, shown, Hand(PERSON, store.now()))
        return after
    raise not_found()


def _ticket(store: Store, number: int, fields: Json) -> Json:
    if fields.get("deleted") is True:
        tickets.delete(store, number, PERSON)
        return store.tickets[number]
    body = {name: value for name, value in fields.items() if not name.startswith(_CUSTOM) and name not in {"comment", "deleted"}}
    unknown = body.keys() - {*tickets.PLAIN, "tags"}
    if unknown:
        raise bad_request(f"A ticket has no attribute {', '.join(sorted(unknown))} that a person could change.")
    custom = [{"id": name.removeprefix(_CUSTOM), "value": value} for name, value in fields.items() if name.startswith(_CUSTOM)]
    if custom:
        body["custom_fields"] = custom
    if "comment" in fields:
        body["comment"] = {"body": fields["comment"], "public": False}
    return tickets.update(store, number, body, PERSON)
