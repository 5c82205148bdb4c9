"""The history that is kept: which file holds which day, and what it says. Filling it is `history`."""

from collections.abc import Sequence
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc

from integration_pipelines.core.contract import Contract
from integration_pipelines.core.tables import HISTORY
from integration_pipelines.ports.bundle import Ports
from integration_pipelines.ports.history import History
from integration_pipelines.ports.lake import Manifest, StoredFile


def history_dataset(object_name: str, day: date) -> str:
    """The dataset with one day of an object's changes: one file, replaced as a whole."""
    return f"{object_name}-history-{day.isoformat()}"


def kept_day(ports: Ports, tenant_id: str, integration: str, object_name: str, day: date) -> pa.Table:
    """One day of one tenant's object (`HISTORY`)."""
    entries = ports.manifest.current([tenant_id], integration, history_dataset(object_name, day))
    return ports.lake.read([entry.file for entry in entries], HISTORY)


def kept_files(
    history: History,
    manifest: Manifest,
    tenant_ids: Sequence[str],
    integration: str,
    *,
    objects: Sequence[str] = (),
    since: date | None = None,
) -> list[StoredFile]:
    """The files of every day that holds changes, since a day; by object and day."""
    days = history.load(tenant_ids, integration, objects=objects, first=since)
    wanted = sorted({(day.object, day.day) for day in days if day.rows})
    datasets = [history_dataset(name, day) for name, day in wanted]
    return [entry.file for entry in manifest.current_of(tenant_ids, integration, datasets)]


def load_history(tenant_id: str, contract: Contract, object_name: str, record_id: str, *, ports: Ports) -> pa.Table:
    """Everything that is kept of one record's past (`HISTORY`), newest first."""
    files = kept_files(ports.history, ports.manifest, [tenant_id], contract.contract, objects=[object_name])
    rows = ports.lake.read(files, HISTORY).filter(pc.field("record_id") == record_id)
    return rows.sort_by([("changed_at", "descending"), ("field", "ascending")])
