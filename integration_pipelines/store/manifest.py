"""The lake's manifest and its watermarks in SQL. The files themselves are `lake`'s."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from integration_pipelines.errors import ConflictError
from integration_pipelines.ports.lake import Manifest, ManifestEntry, Mode, NewEntry, StoredFile, Watermark
from integration_pipelines.store import dialect
from integration_pipelines.store.bulk import upsert
from integration_pipelines.store.engine import EVERYONE, reading, writing
from integration_pipelines.store.schema import LAKE_MANIFEST, WATERMARKS, WRITE_PLANS

_M = LAKE_MANIFEST.c
_Dataset = tuple[str, str, str]


class SqlManifest(Manifest):
    """Which files count. Sequences count up per tenant, integration and dataset."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def append(self, entries: Sequence[NewEntry], at: datetime) -> list[ManifestEntry]:
        """Make files visible and move their watermarks, all in one transaction.

        Raises:
            ConflictError: one of the files is visible already; nothing was changed.
        """
        if not entries:
            return []
        with writing(self._engine, {e.tenant_id for e in entries}) as connection:
            dialect.serialise(connection, "lake_manifest")
            added = _numbered(entries, _newest(connection, entries), at)
            connection.execute(LAKE_MANIFEST.insert(), [_row(e) for e in added])
            marks = {_dataset(e): e.watermark for e in entries if e.watermark is not None}
            rows = [
                {"tenant_id": t, "integration": i, "dataset": d, "token": mark.token, "taken_at": mark.taken_at}
                for (t, i, d), mark in marks.items()
            ]
            upsert(connection, WATERMARKS, rows)
        return added

    def replace(self, entries: Sequence[ManifestEntry], by: NewEntry, at: datetime) -> None:
        """Let one file stand for the newest ones of a dataset, in one transaction.

        Raises:
            ConflictError: they are not the newest any more; nothing was changed.
        """
        mine = (_M.tenant_id == by.tenant_id, _M.integration == by.integration, _M.dataset == by.dataset)
        listed = [entry.sequence for entry in entries]
        with writing(self._engine, (by.tenant_id,)) as connection:
            dialect.serialise(connection, "lake_manifest")
            newest = _newest(connection, [by])
            gone = connection.execute(sa.delete(LAKE_MANIFEST).where(*mine, _M.sequence.in_(listed))).rowcount
            if gone != len(listed) or newest[_dataset(by)] != max(listed):
                raise ConflictError("Somebody else changed the lake's manifest meanwhile.", remedy="Run again.")
            connection.execute(LAKE_MANIFEST.insert(), [_row(e) for e in _numbered([by], newest, at)])

    def current(self, tenant_ids: Sequence[str], integration: str, dataset: str) -> list[ManifestEntry]:
        """Per tenant the newest full file and every later delta, by ascending sequence."""
        return self._current(tenant_ids, integration, _M.dataset == dataset)

    def current_of(self, tenant_ids: Sequence[str], integration: str, datasets: Sequence[str]) -> list[ManifestEntry]:
        """The same for several datasets in one question."""
        places = {dataset: place for place, dataset in enumerate(datasets)}
        found = self._current(tenant_ids, integration, _M.dataset.in_(places)) if places else []
        return sorted(found, key=lambda entry: places[entry.dataset])

    def _current(self, tenant_ids: Sequence[str], integration: str, wanted: sa.ColumnElement[bool]) -> list[ManifestEntry]:
        mine = (_M.tenant_id.in_(tenant_ids), _M.integration == integration, wanted)
        key = (_M.tenant_id, _M.dataset)
        full = sa.select(*key, sa.func.max(_M.sequence).label("first")).where(*mine, _M.mode == Mode.FULL.value)
        newest = full.group_by(*key).subquery()
        query = (
            sa.select(LAKE_MANIFEST)
            .outerjoin(newest, sa.and_(newest.c.tenant_id == _M.tenant_id, newest.c.dataset == _M.dataset))
            .where(*mine, _M.sequence >= sa.func.coalesce(newest.c.first, 0))
            .order_by(*key, _M.sequence)
        )
        with reading(self._engine, tenant_ids) as connection:
            return [_entry(row) for row in connection.execute(query)]

    def watermark(self, tenant_id: str, integration: str, dataset: str) -> Watermark | None:
        """The newest watermark of that dataset, if it was ever read."""
        w = WATERMARKS.c
        query = sa.select(w.token, w.taken_at).where(w.tenant_id == tenant_id, w.integration == integration, w.dataset == dataset)
        with reading(self._engine, (tenant_id,)) as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else Watermark(row.token, row.taken_at)

    def forget(self, tenant_ids: Sequence[str], integration: str, datasets: Sequence[str]) -> list[str]:
        """Let no file of those datasets count any more; returns their paths, in order."""
        if not tenant_ids or not datasets:
            return []
        mine = (_M.tenant_id.in_(tenant_ids), _M.integration == integration, _M.dataset.in_(datasets))
        with writing(self._engine, tenant_ids) as connection:
            found = connection.scalars(sa.select(_M.path).where(*mine).order_by(_M.path)).all()
            connection.execute(sa.delete(LAKE_MANIFEST).where(*mine))
        return [str(path) for path in found]

    def paths(self) -> set[str]:
        """Every path that any row names, plans' files among them; what a sweep must keep."""
        # any tenant: a sweep must keep everybody's files
        query = sa.union(sa.select(_M.path), sa.select(WRITE_PLANS.c.file_path))
        with reading(self._engine, EVERYONE) as connection:
            return {str(path) for path in connection.scalars(query)}


def _dataset(entry: NewEntry) -> _Dataset:
    return entry.tenant_id, entry.integration, entry.dataset


def _newest(connection: Connection, entries: Sequence[NewEntry]) -> dict[_Dataset, int]:
    """The highest sequence so far of every dataset concerned."""
    key = (_M.tenant_id, _M.integration, _M.dataset)
    parts = [sorted({part[i] for part in map(_dataset, entries)}) for i in range(3)]
    query = sa.select(*key, sa.func.max(_M.sequence)).where(*(c.in_(p) for c, p in zip(key, parts, strict=True))).group_by(*key)
    return {(t, i, d): newest for t, i, d, newest in connection.execute(query)}


def _numbered(entries: Sequence[NewEntry], newest: dict[_Dataset, int], at: datetime) -> list[ManifestEntry]:
    added = []
    for e in entries:
        newest[_dataset(e)] = sequence = newest.get(_dataset(e), 0) + 1
        added.append(ManifestEntry(e.tenant_id, e.integration, e.dataset, e.mode, sequence, e.file, e.run_id, at))
    return added


def _row(entry: ManifestEntry) -> dict[str, Any]:
    named = {n: getattr(entry, n) for n in ("tenant_id", "integration", "dataset", "sequence", "run_id", "written_at")}
    file = {n: getattr(entry.file, n) for n in ("path", "sha256", "rows", "bytes")}
    return named | file | {"mode": entry.mode.value}


def _entry(row: sa.Row[Any]) -> ManifestEntry:
    file = StoredFile(row.path, row.sha256, row.rows, row.bytes)
    return ManifestEntry(
        row.tenant_id, row.integration, row.dataset, Mode(row.mode), row.sequence, file, row.run_id, row.written_at
    )
