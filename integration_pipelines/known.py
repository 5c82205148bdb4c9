"""What questions need: the contracts that ship with the product, and those ports that answer from stored facts.

It is the part of the composition root that costs little: a command that asks opens this alone, `wiring` opens everything.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path

from sqlalchemy.engine import Engine

from integration_pipelines.core.contract import Contract
from integration_pipelines.core.contract_load import load_contract
from integration_pipelines.duck import duck_factory
from integration_pipelines.errors import ConfigError
from integration_pipelines.ports.bundle import Ducks
from integration_pipelines.settings import Settings
from integration_pipelines.store.clock import SortableIds, SystemClock
from integration_pipelines.store.diffs import SqlDiffs
from integration_pipelines.store.engine import make_engine
from integration_pipelines.store.lake import ParquetLake
from integration_pipelines.store.ledger import SqlLedger
from integration_pipelines.store.links import SqlLinks
from integration_pipelines.store.manifest import SqlManifest
from integration_pipelines.store.quarantine import SqlQuarantine
from integration_pipelines.store.retries import SqlOverwrites
from integration_pipelines.store.revision import is_current
from integration_pipelines.store.tenants import SqlTenantStore

SQLITE = "sqlite:///"


class _Packaged(Mapping[str, Contract]):
    """A file of that name holds it; it is read when it is asked for."""

    def __init__(self) -> None:
        folder = resources.files("integration_pipelines") / "contracts"
        self._files = {f.name.removesuffix(".yaml"): f for f in folder.iterdir() if f.name.endswith(".yaml")}
        self._read: dict[str, Contract] = {}

    def __getitem__(self, name: str) -> Contract:
        if name not in self._read:
            file = self._files[name]
            self._read[name] = load_contract(file.read_text(encoding="utf-8"), file.name)
        return self._read[name]

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._files))

    def __len__(self) -> int:
        return len(self._files)

    def __contains__(self, name: object) -> bool:
        return name in self._files


@cache
def packaged_contracts() -> Mapping[str, Contract]:
    """Every contract that ships with the product, by name."""
    return _Packaged()


def sqlite_file(settings: Settings) -> Path | None:
    """The file that the store is, None if it is none."""
    return Path(settings.store_url.removeprefix(SQLITE)) if settings.store_url.startswith(SQLITE) else None


@dataclass(frozen=True, slots=True)
class StoredFacts:
    """The ports of a process that only asks (`Known`)."""

    contracts: Mapping[str, Contract]
    tenants: SqlTenantStore
    links: SqlLinks
    diffs: SqlDiffs
    quarantine: SqlQuarantine
    ledger: SqlLedger
    overwrites: SqlOverwrites
    manifest: SqlManifest
    lake: ParquetLake
    duck: Ducks
    at_once: int = 8


@contextmanager
def open_known(settings: Settings) -> Iterator[StoredFacts | None]:
    """What is stored, closed at the end; None if the store is to be made or brought up to date first."""
    file = sqlite_file(settings)
    if file is not None and not file.exists():
        yield None
        return
    engine = make_engine(settings.store_url)
    try:
        yield _stored(settings, engine) if _ready(engine) else None
    finally:
        engine.dispose()


def _ready(engine: Engine) -> bool:
    """Whether it may be read as it is; where even that is refused, opening it in full finds out what is missing."""
    try:
        return is_current(engine)
    except ConfigError:
        return False


def _stored(settings: Settings, engine: Engine) -> StoredFacts:
    clock = SystemClock()
    return StoredFacts(
        contracts=packaged_contracts(),
        tenants=SqlTenantStore(engine, clock),
        links=SqlLinks(engine),
        diffs=SqlDiffs(engine),
        quarantine=SqlQuarantine(engine),
        ledger=SqlLedger(engine),
        overwrites=SqlOverwrites(engine),
        manifest=SqlManifest(engine),
        lake=ParquetLake(settings.lake, SortableIds(clock)),
        duck=duck_factory(settings),
    )
