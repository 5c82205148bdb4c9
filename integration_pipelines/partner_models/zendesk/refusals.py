"""How Zendesk says no: a word in `error`, a sentence in `description`, and details by field. The wire shape belongs to the sandbox."""

from integration_pipelines.partner_models.base import Json, PartnerRefusalError


def not_found() -> PartnerRefusalError:
    """404: no such record, or a deleted one."""
    return PartnerRefusalError(404, "RecordNotFound", "Not found")


def invalid(details: dict[str, list[str]]) -> PartnerRefusalError:
    """422: values that are refused, by field."""
    told: Json = {field: [{"description": text, "error": "InvalidValue"} for text in texts] for field, texts in details.items()}
    return PartnerRefusalError(422, "RecordInvalid", "Record validation errors", details=told)


def bad_request(what: str) -> PartnerRefusalError:
    """400: a parameter says something that is not allowed."""
    return PartnerRefusalError(400, "InvalidParameter", what)


def too_recent() -> PartnerRefusalError:
    """422: an export cannot start in the last minute."""
    return PartnerRefusalError(422, "StartTimeTooRecent", "The start_time is too recent: it must be at least one minute ago.")


def outdated() -> PartnerRefusalError:
    """409: a safe update came with an old stamp."""
    return PartnerRefusalError(409, "UpdateConflict", "The ticket was updated after the stamp that came with this safe update.")


def too_many(wait: int) -> PartnerRefusalError:
    """429 with the seconds until the next request is taken."""
    return PartnerRefusalError(429, "TooManyRequests", "The number of allowed requests was exceeded.", retry_after=wait)
