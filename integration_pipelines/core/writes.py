"""The states of one intended write, the moves between them, and the keys under which partners recognise a repeat."""

import hashlib
from enum import StrEnum


class WriteState(StrEnum):
    """Where a write stands."""

    PLANNED = "planned"
    SENT = "sent"
    SUPERSEDED = "superseded"
    APPLIED = "applied"
    FAILED = "failed"
    UNKNOWN = "unknown"
    CONFIRMED = "confirmed"
    UNDONE = "undone"


MOVES: dict[WriteState, frozenset[WriteState]] = {
    WriteState.PLANNED: frozenset({WriteState.SENT, WriteState.SUPERSEDED}),
    WriteState.SENT: frozenset({WriteState.APPLIED, WriteState.FAILED, WriteState.UNKNOWN}),
    WriteState.UNKNOWN: frozenset({WriteState.APPLIED, WriteState.FAILED, WriteState.SENT}),
    WriteState.APPLIED: frozenset({WriteState.CONFIRMED}),
    WriteState.CONFIRMED: frozenset({WriteState.UNDONE}),
    WriteState.FAILED: frozenset(),
    WriteState.SUPERSEDED: frozenset(),
    WriteState.UNDONE: frozenset(),
}

KEY_PREFIX = "integration_pipelines"


def write_id(plan_id: str, target: str, target_id: str) -> str:
    """One id per record and plan, the same however often the plan is applied."""
    digest = hashlib.sha256(f"{plan_id}\x1f{target}\x1f{target_id}".encode()).hexdigest()
    return f"write_{digest[:32]}"


def idempotency_key(tenant_id: str, target: str, write: str) -> str:
    """The same for every repeat of one write and for no other; the prefix marks our own echoes (Stripe: 255 characters)."""
    return f"{KEY_PREFIX}:{tenant_id}:{target}:{write}"
