"""What a bench is: one modelled account, served over HTTP, and the connector that speaks to it.

Only what differs between partners is in its subclasses: how an account is filled, and which of its fields the suite may use.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from integration_pipelines.core.contract import SourceObject
from integration_pipelines.partner_models.base import Effect, Fault, FaultKind, Faults, Json, PartnerAccount
from integration_pipelines.partners.http import Line
from integration_pipelines.ports.partner import Connector
from integration_pipelines_tests.kit.core import crm_billing
from integration_pipelines_tests.kit.partner_fakes import OpenQuota, VirtualClock

TOKEN = "token-that-must-never-be-seen"
CANARY = "canary-value-of-a-customer"
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Words:
    """The names that the suite needs: the main object, what a person edits there, and what we write there."""

    main: str  # in the contract
    held_as: str  # at the partner
    edited: str  # what a person edits, as the partner's field
    edited_column: str
    written: str  # what we write, as a contract's source
    written_column: str
    unknown_id: str
    values: tuple[str, str] = ("Grün & 金", "")  # written one after the other
    method: str = "POST"  # of a write


class Bench(ABC):
    """One account, served, and the connector that speaks to it."""

    words: Words
    account: PartnerAccount
    deletes = True
    """Whether the partner lets records go."""
    remembers = True
    """Whether the partner tells what a write replaced. One that refuses a write because somebody was quicker need not."""
    closed: frozenset[str] = frozenset()
    """Values of a column `status` with which a record can no longer be edited."""

    def __init__(self, url: str, faults: Faults, at: list[float]) -> None:
        self.url = url
        self.faults = faults
        self.at = at
        self.quota = OpenQuota()
        self.clock = VirtualClock(lambda: datetime.fromtimestamp(at[0], tz=UTC))
        self.objects = dict(self.read_objects())

    @classmethod
    def read_objects(cls) -> Mapping[str, SourceObject]:
        """What is read there, by its name in the contract."""
        role = crm_billing().objects[cls.words.main].role
        return {name: spec for name, spec in crm_billing().objects.items() if spec.role == role}

    @staticmethod
    def told(state: Mapping[str, list[Json]], partner_object: str) -> dict[str, Json]:
        """The records that a full read of an object has to bring, by id, from everything that an account holds."""
        return {str(record["id"]): record for record in state[partner_object]}

    @staticmethod
    @abstractmethod
    def dial(line: Line) -> Connector:
        """A connector of that connection."""

    def connect(self, token: str = TOKEN) -> Connector:
        """A connector of the account."""
        return self.dial(self.line(token))

    def line(self, token: str = TOKEN) -> Line:
        """The connection to the account."""
        return Line(tenant_id="t1", base_url=self.url, token=lambda: token, quota=self.quota, clock=self.clock)

    @abstractmethod
    def fill(self) -> None:
        """Three main records and what belongs to them, with every declared column filled somewhere, all of them old."""

    @abstractmethod
    def remove(self, record_id: str) -> None:
        """A person deletes a main record."""

    @abstractmethod
    def surprise(self, record_id: str) -> None:
        """The partner adds a field that nobody knows, holding `CANARY`, to a main record."""

    @property
    def spec(self) -> SourceObject:
        """The main object."""
        return self.objects[self.words.main]

    def held(self) -> dict[str, Json]:
        """The main records as the partner holds them, by id."""
        return self.told(self.account.state(), self.spec.partner_object)

    def open_ids(self) -> list[str]:
        """The main records that may be written."""
        return sorted(self.held())

    def edit(self, record_id: str, value: str) -> None:
        """A person edits a main record."""
        self.account.edit(self.words.held_as, self.held_id(record_id), {self.words.edited: value})

    @staticmethod
    def held_id(record_id: str) -> str:
        """What the partner calls the record that a person edits."""
        return record_id

    def effects(self) -> list[Effect]:
        """What our writes changed."""
        return [effect for effect in self.account.effects if effect.actor == "api" and effect.changed]

    def later(self, seconds: float) -> None:
        """Let time pass, so that indexes catch up."""
        self.at[0] += seconds

    def fault(
        self, kind: FaultKind, *, method: str = "", path: str = "", times: int = 1, skip: int = 0, **params: object
    ) -> None:
        """Switch a fault on."""
        self.faults.add(Fault(kind, method=method, path=path, times=times, skip=skip, params=dict(params)))
