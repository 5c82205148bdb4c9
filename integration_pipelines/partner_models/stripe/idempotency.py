"""The memory of idempotency keys: the first answer is given again, whatever it was."""

import hashlib
import json
from dataclasses import dataclass, replace

from integration_pipelines.partner_models.base import Json
from integration_pipelines.partner_models.stripe.calls import Answer
from integration_pipelines.partner_models.stripe.refusals import idempotency_in_flight, idempotency_mismatch, invalid

KEPT_SECONDS = 86_400
_LONGEST_KEY = 255


@dataclass(slots=True)
class _Entry:
    """What is known of a key: which request, since when, who carries it out, and how it ended (None: not yet)."""

    fingerprint: str
    at: float
    owner: str | None
    answer: Answer | None = None


def fingerprint(method: str, path: str, values: Json) -> str:
    """What two requests must agree in to count as the same."""
    text = json.dumps([method, path, values], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


class IdempotencyKeys:
    """Keys of one account, kept for 24 hours after their first use."""

    def __init__(self) -> None:
        self._entries: dict[str, _Entry] = {}

    def begin(self, key: str, print_of_request: str, owner: str | None, now: float) -> Answer | None:
        """Claim a key. Returns the stored answer if there is one; refuses other parameters and keys in flight."""
        if not 0 < len(key) <= _LONGEST_KEY:
            raise invalid(f"Idempotency keys must have 1 to {_LONGEST_KEY} characters.")
        self._prune(now)
        entry = self._entries.get(key)
        if entry is None:
            self._entries[key] = _Entry(print_of_request, now, owner)
            return None
        if entry.fingerprint != print_of_request:
            raise idempotency_mismatch()
        if entry.answer is not None:
            return replace(entry.answer, replayed=True)
        if owner is None or entry.owner != owner:
            raise idempotency_in_flight()
        return None

    def finish(self, key: str, answer: Answer) -> None:
        """Remember the first answer, server errors included."""
        if key in self._entries:
            self._entries[key].answer = answer

    def _prune(self, now: float) -> None:
        """Keys are kept in the order of their first use, so the old ones are in front."""
        while self._entries and now - next(iter(self._entries.values())).at >= KEPT_SECONDS:
            del self._entries[next(iter(self._entries))]

    def forget(self, key: str) -> None:
        """The request was refused before anything was carried out: the key is free again."""
        self._entries.pop(key, None)
