"""Kill this process at a chosen durable step of a run, as a power cut would: nothing is flushed, rolled back or given back.

The product knows nothing of it: every port that keeps something, and every connector, stands behind a wrapper that counts calls. How
runs are started in processes of their own is `crash_server`; what must hold afterwards is the tests'.
"""

import os
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, cast

from integration_pipelines.ports.bundle import Connectors, Ports
from integration_pipelines.ports.messages import Messenger
from integration_pipelines.ports.partner import Connector, Door
from integration_pipelines.ports.tenants import Connection

DURABLE: dict[str, tuple[str, ...]] = {
    "leases": ("take_all", "renew_all", "renew", "give_back_all"),
    "lake": ("write", "note_writer"),
    "manifest": ("append",),
    "links": ("save",),
    "diffs": ("record",),
    "quarantine": ("replace",),
    "unknown_fields": ("record",),
    "plans": ("save", "decide"),
    "ledger": ("intend", "send", "settle"),
    "runs": ("start", "finish", "save_outcomes", "save_field_counts"),
    "retries": ("save", "clear"),
    "overwrites": ("record",),
    "spellings": ("save",),
    "inbox": ("take", "settle"),
}
"""What a run keeps, by port."""
PARTNER_STEPS = ("write", "fetch", "pre_images", "ensure_properties")

Call = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Point:
    """The `nth` time that this side ("before" or "after") of a step is reached."""

    step: str
    side: str
    nth: int = 1


class Watch:
    """Counts the steps that are reached, and acts at one of them."""

    def __init__(self, point: Point | None, act: Callable[[], None]) -> None:
        self.seen: Counter[tuple[str, str]] = Counter()
        self._point = point
        self._act = act
        self._lock = threading.Lock()

    def reach(self, step: str, side: str) -> None:
        """This step begins or has ended."""
        with self._lock:
            self.seen[step, side] += 1
            here = self._point == Point(step, side, self.seen[step, side])
        if here:
            self._act()

    def around(self, step: str, call: Call) -> Call:
        """The same call, watched."""

        def watched(*arguments: object, **named: object) -> object:
            self.reach(step, "before")
            result = call(*arguments, **named)
            self.reach(step, "after")
            return result

        return watched


def die() -> None:
    """What `kill -9` does."""
    os.kill(os.getpid(), signal.SIGKILL)


class _Watched:
    """Passes everything on to a port, and watches what it keeps."""

    def __init__(self, inner: object, name: str, methods: tuple[str, ...], watch: Watch) -> None:
        self._inner, self._name, self._methods, self._watch = inner, name, methods, watch

    def __getattr__(self, name: str) -> object:
        found = getattr(self._inner, name)
        return self._watch.around(f"{self._name}.{name}", found) if name in self._methods else found


class _WatchedPages(_Watched):
    """An extraction whose pages are steps of their own."""

    def __iter__(self) -> Iterator[object]:
        for page in cast("Any", self._inner):
            self._watch.reach("connector.page", "before")
            yield page
            self._watch.reach("connector.page", "after")


class _WatchedConnector(_Watched):
    """A connector whose writes, reads by id and pages are watched."""

    def extract(self, *arguments: object) -> object:
        """See `Connector`."""
        return _WatchedPages(cast("Connector", self._inner).extract(*cast("Any", arguments)), "pages", (), self._watch)


class _WatchedConnectors(Connectors):
    """Opens watched connectors."""

    def __init__(self, inner: Connectors, watch: Watch) -> None:
        self._inner, self._watch = inner, watch

    def open(self, tenant_id: str, partner: str) -> Connector:
        """See `Connectors`."""
        made = _WatchedConnector(self._inner.open(tenant_id, partner), "connector", PARTNER_STEPS, self._watch)
        return cast("Connector", made)

    def open_with(self, connection: Connection) -> Door:
        """See `Connectors`."""
        return self._inner.open_with(connection)

    def messenger(self, tenant_id: str, partner: str) -> Messenger:
        """See `Connectors`."""
        return self._inner.messenger(tenant_id, partner)


def watched(ports: Ports, watch: Watch) -> Ports:
    """The same ports, every durable step of them watched."""
    changes: dict[str, Any] = {name: _Watched(getattr(ports, name), name, methods, watch) for name, methods in DURABLE.items()}
    return replace(ports, connectors=_WatchedConnectors(ports.connectors, watch), **changes)
