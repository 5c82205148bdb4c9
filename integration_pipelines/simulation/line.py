"""What goes wrong on the line between us and a partner: answers that are lost, late, partial, refused, stale or not there at all."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from integration_pipelines.errors import AuthError, ErrorKind, RateLimitedError, TransientError
from integration_pipelines.ports.partner import Applied, RecordWrite, Refused, Unknown, WriteOutcome
from integration_pipelines.simulation.accounts import Account, Effect, Record, Side
from integration_pipelines.simulation.life import Life
from integration_pipelines.simulation.making import Making


@dataclass(frozen=True, slots=True)
class Sent:
    """One record's write as it was sent: column → value."""

    object: str
    write: RecordWrite
    values: Mapping[str, str]
    making: Making | None = None
    """Where the record is to be made, unless one holds the value that the write calls its record."""


_REFUSALS: Mapping[str, tuple[tuple[ErrorKind, ...], str]] = {
    "H13": ((ErrorKind.TRANSIENT, ErrorKind.INVALID), "This record was refused."),
    "H21": ((ErrorKind.TRANSIENT,), "The record is locked."),
    "H22": ((ErrorKind.BUG,), "The key is known from another write."),
    "H23": ((ErrorKind.CONFLICT,), "The record is not as it was."),
}


@dataclass(slots=True)
class UnderWay:
    """A write that we gave up and that the partner still has before it."""

    account: Account
    sent: Sent
    run_id: str


def _answers_nothing(life: Life, side: Side) -> None:
    """A side that said no once says so until the run is over."""
    if life.calm:
        return
    fault = life.troubled.get(side)
    if fault is None:
        fault = next((f for f in ("A02", "H03") if life.strikes(f)), None)
        if fault is None:
            return
        life.troubled[side] = fault
        life.tell("says no", side=side, fault=fault)
    if fault == "A02":
        raise AuthError("The partner does not accept our credentials any more.", remedy="Connect it again.")
    raise RateLimitedError("The partner's daily quota is used up.", retry_after=86_400.0)


def reading_fails(life: Life, side: Side) -> None:
    """Raises where a read gives nothing that could be used."""
    if not life.rates or life.calm:
        return
    _answers_nothing(life, side)
    if life.strikes("H01", 0.5):
        raise RateLimitedError("The partner asks us to wait.", retry_after=120.0)
    for fault, text in (
        ("H07", "refused the connection"),
        ("H11", "broke off in the middle of an answer"),
        ("H12", "answered with a page of HTML"),
    ):
        if life.strikes(fault, 0.5):
            life.tell("read failed", side=side, fault=fault)
            raise TransientError(f"The partner {text}.")


def writing_fails(life: Life, side: Side) -> None:
    """Raises where a whole request was refused before anything of it was carried out."""
    if not life.rates or life.calm:
        return
    _answers_nothing(life, side)
    if life.strikes("A06"):
        life.tell("write refused", side=side, fault="A06")
        raise AuthError("The connection may not write any more.", remedy="Grant the scope again.")
    if life.strikes("H01"):
        life.tell("write refused", side=side, fault="H01")
        raise RateLimitedError("The partner asks us to wait.", retry_after=120.0)
    if life.strikes("H07"):
        life.tell("write refused", side=side, fault="H07")
        raise TransientError("The partner refused the connection.")


def left_out(life: Life, ids: list[str]) -> list[str]:
    """What a list shows of those records: a page that moves while it is read hides one; an outage shows none and calls that an answer."""
    if not life.rates or life.calm or not ids:
        return ids
    if life.strikes("D30"):
        life.tell("an empty list")
        return []
    if life.strikes("H20"):
        gone = life.stream("H20 which").one(ids)
        life.tell("a list without one", record=gone)
        return [i for i in ids if i != gone]
    return ids


def answered(life: Life, account: Account, sent: Sequence[Sent], run_id: str) -> list[WriteOutcome]:
    """Carry out what arrives, and answer what gets through."""
    cut = life.strikes("H10", 0.7)
    outcomes: list[WriteOutcome] = []
    for place, one in enumerate(sent):
        if cut and place == (len(sent) + 1) // 2:
            life.tell("cut off", side=account.side)
            return [*outcomes, *(Unknown(later.write.write_id, "the connection was cut") for later in sent[place:])]
        outcomes.append(_one(life, account, one, run_id))
    return outcomes if not cut else [Unknown(o.write_id, "the connection was cut") for o in outcomes]


def _one(life: Life, account: Account, sent: Sent, run_id: str) -> WriteOutcome:
    write = sent.write
    if sent.making is None and write.record_id not in account.objects[sent.object]:
        return Refused(write.write_id, ErrorKind.INVALID, "There is no such record.", "")
    if account.remembers and account.keys.get(write.idempotency_key, sent.values) != sent.values:
        life.breaks("H22", f"the write of {sent.object} {write.record_id} was sent again with other content under the same key")
    refused = _refused(life, account, write)
    if refused is not None:
        return refused
    if life.strikes("H05"):
        life.tell("not carried out", side=account.side, record=write.record_id)
        return Unknown(write.write_id, "The partner answered with an error.")
    if life.strikes("H09"):
        life.tell("given up", side=account.side, record=write.record_id)
        life.under_way.append(UnderWay(account, sent, run_id))
        return Unknown(write.write_id, "No answer in time.")
    if life.strikes("H06") and life.stream("H06 how").chance(0.5):
        return Unknown(write.write_id, "A gateway gave up.")
    made = carry_out(life, account, sent, run_id)
    if any(life.strikes(fault) for fault in ("H08", "H14")):
        life.tell("answer lost", side=account.side, record=write.record_id)
        return Unknown(write.write_id, "The answer was lost.")
    return Applied(write.write_id, "", made)


def _refused(life: Life, account: Account, write: RecordWrite) -> Refused | None:
    """What a partner says that does not carry a write out."""
    for fault, (kinds, text) in _REFUSALS.items():
        if life.strikes(fault):
            life.tell("refused", side=account.side, record=write.record_id)
            return Refused(write.write_id, life.stream(f"{fault} how").one(kinds), text, "")
    return None


def carry_out(life: Life, account: Account, sent: Sent, run_id: str, *, late: bool = False) -> str:
    """What was sent is entered; a repeat that the partner knows by its key changes nothing. Returns the id of a record that was made."""
    write, where = sent.write, (sent.object, sent.write.record_id)
    if sent.making is not None:
        record_id, effect = sent.making.carried_out(life, account, write, sent.values)
        if effect is not None:
            account.effects.append(replace(effect, run_id=run_id, late=late))
        return record_id
    if account.remembers and write.idempotency_key in account.keys:
        return ""
    account.keys[write.idempotency_key] = sent.values
    shown = dict(account.objects[where[0]][where[1]])
    at = life.tell(
        "arrived late" if late else "wrote", side=account.side, object=where[0], record=where[1], values=dict(sent.values)
    )
    before = account.put(at, where, sent.values, "engine", (write.write_id, write.idempotency_key))
    fields = {column: (before[column].value, value) for column, value in sent.values.items()}
    account.effects.append(
        Effect(at, account.side, *where, write.write_id, write.idempotency_key, fields, before, run_id, late=late)
    )
    if life.strikes("H27"):
        account.lagging[where] = (shown, 1 + life.stream("H27 how").below(3))
    return ""


def lagging(account: Account, where: tuple[str, str], record: Record | None) -> Record | None:
    """What a replica shows of a record."""
    known = account.lagging.get(where)
    if known is None or record is None:
        return record
    shown, left = known
    if left > 1:
        account.lagging[where] = (shown, left - 1)
    else:
        del account.lagging[where]
    return shown


def arrive(life: Life, often: float) -> None:
    """Some of what is under way arrives now."""
    if not life.under_way:
        return
    chance = life.stream("H09 when")
    for one in list(life.under_way):
        if chance.chance(often):
            life.under_way.remove(one)
            if one.sent.making is not None or one.sent.write.record_id in one.account.objects[one.sent.object]:
                carry_out(life, one.account, one.sent, one.run_id, late=True)


def all_quiet(life: Life) -> None:
    """Nothing is under way or behind any more, and nobody says no."""
    arrive(life, 1.0)
    life.troubled.clear()
    for account in life.accounts.values():
        account.lagging.clear()
