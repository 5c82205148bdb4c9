"""The lake and its manifest, in memory: a file is whole or not there, and counts once the manifest names it."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime

import pyarrow as pa

from integration_pipelines.errors import BugError, ConflictError
from integration_pipelines.ports.lake import Lake, Manifest, ManifestEntry, Mode, NewEntry, StoredFile, Watermark
from integration_pipelines.simulation.memory.state import State
from integration_pipelines.simulation.process import Process


class MemoryLake(Lake):
    """Files by path; the path stands for the content's hash, since no two files have the same."""

    def __init__(self, state: State, process: Process) -> None:
        self._state, self._process = state, process

    def write(self, *, tenant_id: str, dataset: str, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> StoredFile:
        """Whole, or not at all."""
        path = self._state.named(tenant_id, dataset)
        rows = self._state.files[path] = pa.Table.from_batches(batches, schema)
        # Of a process that was killed a file may be there or not: nothing names it, so nobody can tell.
        self._process.quietly(tenant_id, f"a file of {dataset} was written", lambda: None)
        return StoredFile(path, path, rows.num_rows, rows.num_rows)

    def read(self, files: Sequence[StoredFile], schema: pa.Schema | None = None) -> pa.Table:
        """All rows of those files."""
        if len(files) == 1 and schema is not None:
            return self._one(files[0], schema)
        parts = [self._one(file, schema or self._state.files[file.path].schema) for file in files]
        return pa.concat_tables(parts) if parts else (schema or pa.schema([])).empty_table()

    def remove(self, paths: Sequence[str]) -> None:
        """They are gone."""
        for path in paths:
            self._state.files.pop(path, None)

    def sweep(self, known_paths: set[str], older_than: datetime) -> list[str]:
        """Files that nobody names."""
        del older_than
        swept = sorted(self._state.files.keys() - known_paths)
        self.remove(swept)
        return swept

    def _one(self, file: StoredFile, schema: pa.Schema) -> pa.Table:
        found = self._state.files.get(file.path)
        if found is None:
            raise BugError(f"The file {file.path} is gone.")
        if found.schema.names == schema.names:
            return found
        missing = [n for n in schema.names if n not in found.schema.names]
        for name in missing:
            found = found.append_column(name, pa.nulls(found.num_rows, schema.field(name).type))
        return found.select(schema.names)


class MemoryManifest(Manifest):
    """Which files count; sequences count up per tenant and dataset. One integration only."""

    def __init__(self, state: State, process: Process) -> None:
        self._state, self._process = state, process

    def append(self, entries: Sequence[NewEntry], at: datetime) -> list[ManifestEntry]:
        """In one transaction per tenant: what a process does for several tenants at once it does for each that it lives for."""
        by_tenant: dict[str, list[NewEntry]] = defaultdict(list)
        for entry in entries:
            by_tenant[entry.tenant_id].append(entry)
        added: list[ManifestEntry] = []
        if len(by_tenant) == 1:
            ((tenant, mine),) = by_tenant.items()
            what = f"{', '.join(dict.fromkeys(e.dataset for e in mine))} counted"
            self._process.quietly(tenant, what, lambda: added.extend(self._append(mine, at)))
            return added
        alive = self._process.survivors(by_tenant, "files counted")
        for tenant, mine in by_tenant.items():
            if tenant in alive:
                added += self._append(mine, at)
        self._process.survived(by_tenant, "files counted")
        return added

    def replace(self, entries: Sequence[ManifestEntry], by: NewEntry, at: datetime) -> None:
        """One file for the newest ones of a dataset."""
        known = self._state.manifest[by.tenant_id, by.dataset]
        if not entries or [e.sequence for e in known[-len(entries) :]] != [e.sequence for e in entries]:
            raise ConflictError("Those are not the newest files any more.")
        newest = entries[-1].sequence

        def keep() -> None:
            entry = ManifestEntry(by.tenant_id, by.integration, by.dataset, by.mode, newest, by.file, by.run_id, at)
            known[-len(entries) :] = [entry]

        self._process.quietly(by.tenant_id, f"small files of {by.dataset} were put together", keep)

    def current(self, tenant_ids: Sequence[str], integration: str, dataset: str) -> list[ManifestEntry]:
        """Per tenant the newest full file and every later delta."""
        del integration
        known = self._state.manifest
        if len(tenant_ids) == 1:
            return list(known.get((tenant_ids[0], dataset), ()))
        return [entry for tenant in sorted(tenant_ids) for entry in known.get((tenant, dataset), ())]

    def watermark(self, tenant_id: str, integration: str, dataset: str) -> Watermark | None:
        """The newest."""
        del integration
        return self._state.watermarks.get((tenant_id, dataset))

    def forget(self, tenant_ids: Sequence[str], integration: str, datasets: Sequence[str]) -> list[str]:
        """They count no more."""
        del integration
        gone = [e for t in tenant_ids for d in datasets for e in self._state.manifest.pop((t, d), [])]
        return sorted(e.file.path for e in gone)

    def paths(self) -> set[str]:
        """Every path that counts, and the plans'."""
        counted = {e.file.path for of in self._state.manifest.values() for e in of}
        return counted | {plan.file.path for of in self._state.plans.values() for plan in of}

    def _append(self, entries: Sequence[NewEntry], at: datetime) -> list[ManifestEntry]:
        added = []
        for e in entries:
            known = self._state.manifest[e.tenant_id, e.dataset]
            if any(one.file.path == e.file.path for one in known):
                raise ConflictError(f"The file {e.file.path} counts already.")
            sequence = known[-1].sequence + 1 if known else 1
            entry = ManifestEntry(e.tenant_id, e.integration, e.dataset, e.mode, sequence, e.file, e.run_id, at)
            if e.mode is Mode.FULL:
                known.clear()
            known.append(entry)
            added.append(entry)
            if e.watermark is not None:
                self._state.watermarks[e.tenant_id, e.dataset] = e.watermark
        return added
