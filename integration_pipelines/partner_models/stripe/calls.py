"""One request to an account: its parameters and who sent it."""

from dataclasses import dataclass, field, replace

from integration_pipelines.partner_models.base import Json


@dataclass(frozen=True, slots=True)
class Call:
    """A request of the API, or of a person through the control door (`actor`)."""

    values: Json = field(default_factory=dict)
    request_id: str | None = None
    idempotency_key: str | None = None
    actor: str = "api"

    def giving(self, values: Json) -> "Call":
        """The same call, said to have given these values."""
        return replace(self, values=values)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the account answers to a write; a replayed answer names the request it was first given to."""

    status: int
    body: Json
    request_id: str | None = None
    replayed: bool = False
