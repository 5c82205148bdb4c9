"""What questions need: the contracts that ship with the product, DuckDB, and those ports that answer from stored facts.

It is the part of the composition root that costs little: a command that asks opens this alone, `wiring` opens everything.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources
from pathlib import Path

import duckdb
from sqlalchemy.engine import Engine

from integration_pipelines.core.contract import Contract
from integration_pipelines.core.contract_load import load_contract
from integration_pipelines.core.sql import teach
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


def duck_factory(settings: Settings) -> Ducks:
    """DuckDB for the core: limited, in UTC, shut off from network and Python's variables, and from all files but a local lake's.

    One database in memory for tables of any size, made when it is first asked for, and one for few rows that a process keeps; each
    call gives a connection of its own, whose temporary tables nobody else sees. Close it.
    """

    @cache
    def large() -> duckdb.DuckDBPyConnection:
        root = _database(settings.duckdb_limit, settings.duckdb_threads, settings.data / "tmp")
        if "://" not in settings.lake:
            root.execute(f"SET GLOBAL allowed_directories = ['{Path(settings.lake).absolute()}/']")
        root.execute("SET GLOBAL enable_external_access = false")
        return root

    def connect(*, few: bool = False) -> duckdb.DuckDBPyConnection:
        return (_small_database(settings.duckdb_limit, settings.data / "tmp", os.getpid()) if few else large()).cursor()

    return connect


@lru_cache(maxsize=2)
def _small_database(limit: str, spill: Path, process: int) -> duckdb.DuckDBPyConnection:
    """For some hundred rows: a second thread takes longer to wake than they take, and a plan longer to improve than to carry out.

    One that was made before a fork is never used after it.
    """
    del process
    root = _database(limit, 1, spill)
    root.execute("SET GLOBAL enable_external_access = false; SET GLOBAL enable_optimizer = false")
    teach(root)
    return root


def _database(limit: str, threads: int, spill: Path) -> duckdb.DuckDBPyConnection:
    spill.mkdir(parents=True, exist_ok=True)
    root = duckdb.connect()
    root.execute(f"SET GLOBAL memory_limit = '{limit}'; SET GLOBAL threads = {threads}")
    root.execute(
        f"SET GLOBAL temp_directory = '{spill}'; SET GLOBAL TimeZone = 'UTC'; SET GLOBAL preserve_insertion_order = false"
    )
    root.execute("SET GLOBAL python_enable_replacements = false; SET GLOBAL autoinstall_known_extensions = false")
    return root


def sqlite_file(settings: Settings) -> Path | None:
    """The file that the store is, None if it is none."""
    return Path(settings.store_url.removeprefix(SQLITE)) if settings.store_url.startswith(SQLITE) else None


@dataclass(frozen=True, slots=True)
class StoredFacts:
    """The ports of a process that only asks (`Known`)."""

    clock: SystemClock
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
        clock=clock,
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
