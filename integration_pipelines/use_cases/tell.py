"""Messages to people: noted with the finding that asks for them, sent once, tried again for the contract's hours, and never in a sync's way.

A message is stored before anybody tries to send it, under a key that the same finding always has. Whether one without a clear answer is
said again is the contract's word, since no partner here recognises a repeat.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pyarrow as pa

from integration_pipelines.core.alert_words import UNTOLD_FOR
from integration_pipelines.core.backoff import next_try
from integration_pipelines.core.contract import Contract, Notification
from integration_pipelines.core.contract_rules_messages import CHANNEL
from integration_pipelines.errors import ErrorKind, IntegrationError
from integration_pipelines.ports.bundle import Ports
from integration_pipelines.ports.messages import Message, Messenger, Note, NoteState
from integration_pipelines.ports.partner import Applied, Refused, Unknown, WriteOutcome

CLAIM = timedelta(minutes=2)
"""For so long a message belongs to the process that is sending it."""
FIRST_WAIT = timedelta(seconds=30)
SECONDS = 10.0
"""How long one look sends at most; what is left waits for the next one."""
AT_ONCE = 20
_USELESS = {ErrorKind.INVALID, ErrorKind.BUG}
"""Refusals that the same message would get again."""
_DIED = "Whoever was sending it died before an answer was noted."


def note_news(contract: Contract, news: pa.Table, run_ids: Mapping[str, str], *, ports: Ports) -> None:
    """Store what people are to be told (`NEWS`) of those tenants, where they are connected to the partner that tells it."""
    if news.num_rows == 0:
        return
    now, by_name = ports.clock.now(), {n.name: n for n in contract.notifications}
    reachable = {t: {c.partner for c in ports.tenants.connections(t)} for t in run_ids}
    notes = []
    for row in news.to_pylist():
        tenant, one = row["tenant_id"], by_name[row["notification"]]
        if one.partner in reachable.get(tenant, ()):
            ids = (row["event_key"], one.name, one.partner, one.channel, row["text"], row["left_id"], row["right_id"])
            notes.append(Note(tenant, contract.contract, *ids, run_ids[tenant], now))
    ports.outbox.note(notes)


def tell_due(tenant_ids: Sequence[str] | None, *, ports: Ports, seconds: float = SECONDS) -> dict[NoteState, int]:
    """Send what is due for those tenants, or for all; how many messages ended in which state. Nothing expected is raised.

    Tenants whose writes are off or paused are told nothing until that ends.
    """
    installed = [
        (i.tenant_id, i.integration)
        for i in ports.tenants.installations(tenant_ids, None)
        if i.enabled and not i.paused and i.integration in ports.contracts and ports.contracts[i.integration].notifications
    ]
    until, counts = ports.clock.monotonic() + seconds, Counter[NoteState]()
    lines = _Lines(ports)
    try:
        while installed and ports.clock.monotonic() < until:
            now = ports.clock.now()
            claimed = ports.outbox.claim(installed, now, now + CLAIM, AT_ONCE)
            if not claimed:
                break
            for note in claimed:
                late = ports.clock.monotonic() >= until
                done = replace(note, state=NoteState.WAITING, next_try_at=now) if late else _try(note, lines, ports)
                ports.outbox.settle([done])
                counts[done.state] += 1
    finally:
        lines.close()
    return dict(counts)


def unheard_messages(tenant_id: str, integration: str, *, ports: Ports) -> list[Note]:
    """What was tried and not heard, as long as it is news."""
    since = ports.clock.now() - UNTOLD_FOR
    open_ones = ports.outbox.find([tenant_id], states=(NoteState.WAITING, NoteState.SENDING, NoteState.GIVEN_UP))
    return [n for n in open_ones if n.integration == integration and n.error_kind and n.asked_at >= since]


def say_again(tenant_id: str, *, ports: Ports) -> int:
    """Let messages that were given up be tried for the contract's hours once more; how many they are."""
    now = ports.clock.now()
    given_up = ports.outbox.find([tenant_id], states=(NoteState.GIVEN_UP,))
    ports.outbox.settle(
        [replace(n, state=NoteState.WAITING, attempts=0, unclear=0, asked_at=now, next_try_at=now) for n in given_up]
    )
    return len(given_up)


@dataclass(slots=True)
class _Lines:
    """Messengers that are open, by tenant and partner."""

    ports: Ports
    held: dict[tuple[str, str], tuple[Messenger, str]] = field(default_factory=dict)

    def say(self, note: Note) -> WriteOutcome:
        """Send a message to where its tenant wants it."""
        key = note.tenant_id, note.partner
        if key not in self.held:
            options = self.ports.tenants.options(*key)
            self.held[key] = self.ports.connectors.messenger(*key), next(iter(options.get(CHANNEL, ())), "")
        messenger, channel = self.held[key]
        return messenger.send(Message(f"{note.integration}:{note.event_key}", channel or note.channel, note.text))

    def close(self) -> None:
        """Give connections back."""
        for messenger, _ in self.held.values():
            messenger.close()


def _try(note: Note, lines: _Lines, ports: Ports) -> Note:
    """One try and what became of it."""
    contract = ports.contracts[note.integration]
    one = next((n for n in contract.notifications if n.name == note.notification), None)
    if one is None:
        return _given_up(note, ErrorKind.CONFIG, "The contract does not ask for this message any more.")
    if note.state is NoteState.SENDING:  # nobody else holds it, so whoever did is gone
        note = replace(note, unclear=note.unclear + 1, error_kind=str(ErrorKind.TRANSIENT), error_text=_DIED)
        if note.unclear > one.repeats_when_unclear:
            return _given_up(note, ErrorKind.TRANSIENT, _DIED)
        # Before it is said again: whoever dies now, too, must leave it known that this was the second time.
        ports.outbox.settle([replace(note, next_try_at=ports.clock.now() + CLAIM)])
    try:
        outcome = lines.say(note)
    except IntegrationError as error:
        outcome = Refused(note.event_key, error.kind, str(error), error.request_id)
    return _settled(replace(note, attempts=note.attempts + 1), outcome, contract, one, ports.clock.now())


def _settled(note: Note, outcome: WriteOutcome, contract: Contract, one: Notification, now: datetime) -> Note:
    if isinstance(outcome, Applied):
        return replace(note, state=NoteState.SENT, sent_at=now, next_try_at=None, error_kind="", error_text="")
    if isinstance(outcome, Unknown):
        note = replace(note, unclear=note.unclear + 1)
        kind, text, useless = ErrorKind.TRANSIENT, outcome.text, note.unclear > one.repeats_when_unclear
    else:
        request = f" (request {outcome.request_id})" if outcome.request_id else ""
        kind, text, useless = outcome.kind, f"{outcome.text}{request}", outcome.kind in _USELESS
    due = None if useless else next_try(note.attempts, note.asked_at, now, contract.failure.retry_hours, FIRST_WAIT)
    if due is None:
        return _given_up(note, kind, text)
    return replace(note, state=NoteState.WAITING, next_try_at=due, error_kind=str(kind), error_text=text)


def _given_up(note: Note, kind: ErrorKind, text: str) -> Note:
    return replace(note, state=NoteState.GIVEN_UP, next_try_at=None, error_kind=str(kind), error_text=text)
