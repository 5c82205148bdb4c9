"""What one modelled account holds: its tables, its clock, its ids, and the one way a change becomes visible.

Every accepted write goes through `commit`, which notes the effect and makes the event. The rules of each object belong to
its own module; reading and rendering belong to `views`.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from integration_pipelines.partner_models.base import Effect, Json
from integration_pipelines.partner_models.stripe import events, views
from integration_pipelines.partner_models.stripe.calls import Call
from integration_pipelines.partner_models.stripe.refusals import no_such
from integration_pipelines.partner_models.stripe.table import Table

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_ABSENT = object()


def new_tables() -> dict[str, Table]:
    """Empty tables of every object, with the indexes that lists and roll-ups filter by."""
    return {
        "customers": Table("customers", indexes=("email",)),
        "subscriptions": Table("subscriptions", indexes=("customer",)),
        "subscription_items": Table("subscription_items", indexes=("subscription",), newest_first=False),
        "prices": Table("prices", indexes=("product",)),
        "products": Table("products"),
        "coupons": Table("coupons"),
        "discounts": Table("discounts"),
        "events": Table("events"),
        "webhook_endpoints": Table("webhook_endpoints"),
    }


@dataclass(slots=True)
class Store:
    """The state of one account.

    Args:
        account: the account's id; ids of new records derive from it, so a seed gives the same ids again.
        now: the clock, seconds since the epoch.
        note: where accepted writes are remembered.
        livemode: false for a test-mode account.
        inline_items: how many items a subscription shows before `has_more`.
        retention_seconds: how long events can be read.
    """

    account: str
    now: Callable[[], float]
    note: Callable[[Effect], None]
    livemode: bool = True
    inline_items: int = 10
    retention_seconds: float = events.RETENTION_SECONDS
    tables: dict[str, Table] = field(default_factory=new_tables)
    listeners: list[Callable[[Json], None]] = field(default_factory=list)
    plans: dict[str, tuple[Json, Json, Json]] = field(default_factory=dict)
    undelivered: dict[str, set[str]] = field(default_factory=dict)
    journal: list[tuple[Table, str, Json | None]] = field(default_factory=list)
    outbox: list[Callable[[], object]] = field(default_factory=list)
    minted: int = 0

    def seconds(self) -> int:
        """The time as Stripe writes it."""
        return int(self.now())

    def mint(self, prefix: str, length: int = 14) -> str:
        """The next id with a prefix; the same for the same account and order of events."""
        self.minted += 1
        number = int.from_bytes(hashlib.sha256(f"{self.account}:{prefix}:{self.minted}".encode()).digest(), "big")
        digits = []
        for _ in range(length):
            number, digit = divmod(number, len(_ALPHABET))
            digits.append(_ALPHABET[digit])
        return f"{prefix}_{''.join(digits)}"

    def require(self, object_name: str, record_id: str, *, param: str = "id", status: int = 404) -> Json:
        """The live record of that id; a deleted one counts as missing."""
        record = self.tables[object_name].get(record_id)
        if record is None or record.get("deleted"):
            raise no_such(object_name, record_id, param=param, status=status)
        return record

    def put(self, object_name: str, record: Json) -> None:
        """Replace a record without telling anybody; `commit` tells."""
        table = self.tables[object_name]
        self.journal.append((table, record["id"], table.get(record["id"])))
        table.put(record, self.now())

    def drop(self, object_name: str, record_id: str) -> None:
        """Remove a record without a trace."""
        table = self.tables[object_name]
        self.journal.append((table, record_id, table.get(record_id)))
        table.drop(record_id)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing: a refusal in the middle of a write leaves no record, effect or event behind."""
        self.journal.clear()
        self.outbox.clear()
        try:
            yield
        except BaseException:
            for table, record_id, old in reversed(self.journal):
                if old is not None:
                    table.put(old, self.now())
                else:
                    table.drop(record_id)
            raise
        else:
            for tell in tuple(self.outbox):
                tell()
        finally:
            self.journal.clear()
            self.outbox.clear()

    def view(self, object_name: str, record_id: str) -> Json:
        """The record as an unexpanded reply shows it."""
        return views.render(self, object_name, self.tables[object_name].records[record_id])

    def created(self, object_name: str, record: Json, call: Call, event: str) -> Json:
        """Add a record, note it, make its event; returns its view."""
        self.put(object_name, record)
        after = self.view(object_name, record["id"])
        self.commit(object_name, None, after, call, event)
        return after

    def changed(self, object_name: str, record_id: str, change: Callable[[], Json], call: Call, event: str) -> Json:
        """Replace a record by what `change` returns, note it, make its event; returns its view."""
        before = self.view(object_name, record_id)
        self.put(object_name, change())
        after = self.view(object_name, record_id)
        self.commit(object_name, before, after, call, event)
        return after

    def commit(self, object_name: str, before: Json | None, after: Json, call: Call, event: str) -> None:
        """When the transaction ends: note what a write did and, if it changed anything, make the event ('' for none).

        `before` and `after` are views; `before` is None for a creation.
        """
        fields = tuple(sorted(_paths({name: value for name, value in call.values.items() if name != "expand"})))
        changed = before != after
        effect = Effect(
            at=self.now(),
            partner="stripe",
            account=self.account,
            object=object_name,
            id=after["id"],
            fields=fields,
            before=_values(before or {}, fields),
            after=_values(after, fields),
            idempotency_key=call.idempotency_key,
            changed=changed,
            actor=call.actor,
        )
        self.outbox.append(lambda: self.note(effect))
        if changed and event:
            self.outbox.append(lambda: events.record(self, event, before, after, call))


def _paths(given: Mapping[str, Any], prefix: str = "") -> list[str]:
    found: list[str] = []
    for name, value in given.items():
        if isinstance(value, Mapping) and value and not all(str(key).isdigit() for key in value):
            found += _paths(value, f"{prefix}{name}.")
        else:
            found.append(prefix + name)
    return found


def _values(view: Mapping[str, Any], fields: tuple[str, ...]) -> Json:
    """The values at dotted paths; metadata keys may hold dots themselves, so a path is tried as one key first. Absent: None."""
    return {path: None if (value := _at(view, path)) is _ABSENT else value for path in fields}


def _at(node: object, path: str) -> Any:  # noqa: ANN401 - whatever JSON holds there
    head, _, rest = path.partition(".")
    if isinstance(node, list) and head.isdigit() and int(head) < len(node):
        return _at(node[int(head)], rest) if rest else node[int(head)]
    if not isinstance(node, Mapping):
        return _ABSENT
    if path in node:
        return node[path]
    return _at(node.get(head, _ABSENT), rest) if rest else _ABSENT
