"""What runs leave behind for people, in memory: links, differences, refused records, runs, spellings, failed writes and replaced edits."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial

import pyarrow as pa
import pyarrow.compute as pc

from integration_pipelines.core.tables import OUTCOMES, QUARANTINE, SPELLINGS, TEXT, UNKNOWN_FIELDS
from integration_pipelines.ports.evidence import Audit, Diffs, Links, Quarantine, Run, Runs, UnknownFields
from integration_pipelines.ports.retries import Overwrite, Overwrites, Retries, Retry, Spellings
from integration_pipelines.simulation.memory.state import State
from integration_pipelines.simulation.process import Process


def only(table: pa.Table, tenants: set[str]) -> pa.Table:
    """The rows of those tenants."""
    return table.filter(pc.is_in(table["tenant_id"], value_set=pa.array(sorted(tenants), TEXT)))


def tenants_in(table: pa.Table) -> list[str]:
    """Whose rows there are."""
    return [str(t) for t in table["tenant_id"].unique().to_pylist()]


class MemoryLinks(Links):
    """Links by id; a right-hand record with two live ones is refused."""

    def __init__(self, state: State, process: Process) -> None:
        self._state, self._process = state, process

    def load(self, tenant_ids: Sequence[str], integration: str) -> pa.Table:
        """All of them."""
        del integration
        return self._state.links.table(tenant_ids)

    def find(
        self, tenant_ids: Sequence[str], integration: str, *, states: Sequence[str] = (), records: Sequence[str] = ()
    ) -> pa.Table:
        """Those that the filters let through."""
        del integration
        wanted = set(records)
        return self._state.links.table(
            tenant_ids,
            lambda r: (
                (not states or r["state"] in states)
                and (not wanted or bool(wanted & {r["left_id"], r["right_id"], r["link_id"]}))
            ),
        )

    def live_counts(self, tenant_ids: Sequence[str], integration: str) -> dict[str, int]:
        """Of those that have any."""
        del integration
        counts = {t: sum(1 for r in self._state.links.of[t].values() if r["state"] == "live") for t in tenant_ids}
        return {tenant: count for tenant, count in counts.items() if count}

    def save(self, links: pa.Table, *, decided: bool = False) -> None:
        """By id; words that are null stay as they were, and so does what a person decided since."""
        by_tenant = defaultdict(list)
        for row in links.to_pylist():
            known = self._state.links.of[row["tenant_id"]].get(row["link_id"])
            if decided or known is None or known["decided_by"] is None or known["updated_at"] <= row["updated_at"]:
                by_tenant[row["tenant_id"]].append(row)
        alive = self._process.survivors(by_tenant, "links were kept")
        for tenant in sorted(alive):
            known = self._state.links.of[tenant]
            for row in by_tenant[tenant]:
                earlier = known.get(row["link_id"], {})
                for word in ("match_evidence", "decided_by"):
                    row[word] = row[word] if row[word] is not None else earlier.get(word)
            after = known | {row["link_id"]: row for row in by_tenant[tenant]}
            live = [row["right_id"] for row in after.values() if row["state"] == "live"]
            if len(live) != len(set(live)):
                self._state.refused.append((tenant, "a right-hand record would have two live links"))
                continue
            self._state.links.put(tenant, by_tenant[tenant])
        self._process.survived(by_tenant, "links were kept")


class MemoryDiffs(Diffs):
    """Open differences, and every row that was ever noted."""

    def __init__(self, state: State, process: Process) -> None:
        self._state, self._process = state, process

    def unresolved(self, tenant_ids: Sequence[str], integration: str, records: Sequence[str] | None = None) -> pa.Table:
        """Those not resolved, of all records or of some."""
        del integration
        mine = only(self._state.open_diffs, set(tenant_ids))
        return mine if records is None else _about(mine, records, records)

    def record(self, diffs: pa.Table, run_ids: dict[str, str]) -> None:
        """By id."""
        del run_ids
        tenants = tenants_in(diffs)
        alive = self._process.survivors(tenants, "differences were kept")
        new = only(diffs, alive) if len(alive) < len(tenants) else diffs
        known = self._state.open_diffs
        kept = known.filter(pc.invert(pc.is_in(known["diff_id"], value_set=new["diff_id"].combine_chunks())))
        still = new.filter(pc.is_null(new["resolved_at"]))
        self._state.open_diffs = pa.concat_tables([kept, still]).combine_chunks()
        self._state.noted_diffs.append(new)
        self._process.survived(tenants, "differences were kept")

    def load(
        self, tenant_ids: Sequence[str], integration: str, *, since: datetime | None = None, fields: Sequence[str] = ()
    ) -> pa.Table:
        """The open ones."""
        del since, fields
        return self.unresolved(tenant_ids, integration)

    def of_records(self, tenant_id: str, integration: str, left_ids: Sequence[str], right_ids: Sequence[str]) -> pa.Table:
        """The open ones about those records."""
        del integration
        return _about(only(self._state.open_diffs, {tenant_id}), left_ids, right_ids)


def _about(diffs: pa.Table, left_ids: Sequence[str], right_ids: Sequence[str]) -> pa.Table:
    """Those that have one of those records."""
    left, right = (
        pc.is_in(diffs[column], value_set=pa.array(ids, TEXT)) for column, ids in (("left_id", left_ids), ("right_id", right_ids))
    )
    return diffs.filter(pc.or_(left, right))


class MemoryQuarantine(Quarantine):
    """What is refused now, by tenant."""

    def __init__(self, state: State, process: Process) -> None:
        self._state, self._process = state, process

    def replace(
        self, refused: pa.Table, tenant_ids: Sequence[str], integration: str, objects: Sequence[str] | pa.Table, at: datetime
    ) -> None:
        """The present truth about all records of those objects, or about some."""
        del integration, at
        alive = self._process.survivors(tenant_ids, "refused records were kept")
        if isinstance(objects, pa.Table):
            spoken_of = {tuple(row.values()) for row in objects.select(["tenant_id", "object", "record_id"]).to_pylist()}
            for tenant in alive:
                mine = self._state.quarantine.get(tenant, [])
                self._state.quarantine[tenant] = [r for r in mine if (tenant, r["object"], r["record_id"]) not in spoken_of]
        else:
            for tenant in alive:
                mine = self._state.quarantine.get(tenant, [])
                self._state.quarantine[tenant] = [r for r in mine if r["object"] not in objects]
        for row in refused.to_pylist():
            if row["tenant_id"] in alive:
                self._state.quarantine[row["tenant_id"]].append(row)
        self._process.survived(tenant_ids, "refused records were kept")

    def load(self, tenant_ids: Sequence[str], integration: str, *, include_resolved: bool = False) -> pa.Table:
        """What is refused now."""
        del include_resolved
        rows = [row | {"integration": integration} for t in tenant_ids for row in self._state.quarantine.get(t, ())]
        return pa.Table.from_pylist(rows, QUARANTINE)

    def of_records(self, tenant_id: str, integration: str, records: Sequence[str]) -> pa.Table:
        """Of these, what is refused now."""
        rows = self.load([tenant_id], integration)
        return rows.filter(pc.is_in(rows["record_id"], value_set=pa.array(records, TEXT)))


class NoUnknownFields(UnknownFields):
    """Nobody looks at unknown fields here."""

    def record(self, rows: pa.Table, at: datetime) -> None:
        """Forget them."""

    def load(self, tenant_ids: Sequence[str], integration: str) -> pa.Table:
        """None."""
        del tenant_ids, integration
        return UNKNOWN_FIELDS.empty_table()


class MemoryRuns(Runs):
    """Runs and their balances."""

    def __init__(self, state: State, process: Process) -> None:
        self._state, self._process = state, process

    def start(self, runs: Sequence[Run]) -> None:
        """They began."""
        for run in runs:
            self._state.runs[run.tenant_id].append(run)

    def finish(self, runs: Sequence[Run]) -> None:
        """They ended, but for those that were killed."""
        alive = self._process.survivors([r.tenant_id for r in runs], "the run was noted as ended")
        for run in runs:
            if run.tenant_id in alive:
                mine = self._state.runs[run.tenant_id]
                mine[:] = [run if r.run_id == run.run_id else r for r in mine]

    def last(self, tenant_ids: Sequence[str] | None, integration: str, limit: int = 1) -> list[Run]:
        """Newest first."""
        del integration
        wanted = sorted(self._state.runs) if tenant_ids is None else sorted(tenant_ids)
        return [run for t in wanted for run in self._state.runs[t][::-1][:limit]]

    def since(self, tenant_ids: Sequence[str], integration: str, trigger: str, since: datetime) -> list[Run]:
        """Newest first."""
        del integration
        mine = (run for t in sorted(tenant_ids) for run in self._state.runs[t][::-1])
        return [run for run in mine if run.trigger == trigger and run.started_at >= since]

    def of_run(self, run_id: str) -> list[Run]:
        """That run."""
        return [r for _, of in sorted(self._state.runs.items()) for r in of if r.run_id == run_id]

    def save_outcomes(self, outcomes: pa.Table, integration: str, run_ids: dict[str, str]) -> None:
        """The newest balance of each tenant."""
        del integration
        alive = self._process.survivors(run_ids, "the balance was kept")
        if alive:
            self._state.outcomes["newest"] = {**self._state.outcomes["newest"], **dict.fromkeys(alive, outcomes)}
        self._process.survived(run_ids, "the balance was kept")

    def save_field_counts(self, counts: pa.Table, integration: str, run_ids: dict[str, str]) -> None:
        """Nobody looks at them here."""

    def outcomes(self, tenant_id: str, integration: str, run_id: str) -> pa.Table:
        """Rows (`OUTCOMES`) of the newest balance."""
        del integration, run_id
        found = self._state.outcomes["newest"].get(tenant_id)
        return OUTCOMES.empty_table() if found is None else only(found, {tenant_id})


class MemoryAudit(Audit):
    """Acts in their order; nobody tampers here."""

    def __init__(self, state: State, process: Process) -> None:
        self._state, self._process = state, process

    def append(self, tenant_id: str, actor: str, act: str, facts: dict[str, str], at: datetime) -> None:
        """One more."""
        del actor, at
        self._process.quietly(tenant_id, "an act was noted", partial(self._state.audit[tenant_id].append, (act, facts)))

    def verify(self, tenant_id: str | None = None) -> tuple[int, list[str]]:
        """How many acts there are; nobody breaks a chain here."""
        wanted = self._state.audit if tenant_id is None else [tenant_id]
        return sum(len(self._state.audit[t]) for t in list(wanted)), []


class MemoryRetries(Retries):
    """Failed writes by record."""

    def __init__(self, state: State, process: Process) -> None:
        self._state, self._process = state, process

    def load(self, tenant_ids: Sequence[str], integration: str) -> list[Retry]:
        """Ordered."""
        del integration
        return [r for t in sorted(tenant_ids) for _, r in sorted(self._state.retries.get(t, {}).items())]

    def due(self, at: datetime) -> list[tuple[str, str]]:
        """Of all that have a write to be tried again by then."""
        found = {
            (r.tenant_id, r.integration)
            for of in self._state.retries.values()
            for r in of.values()
            if r.next_try_at and r.next_try_at <= at
        }
        return sorted(found)

    def save(self, retries: Sequence[Retry]) -> None:
        """By record."""
        for retry in retries:
            keep = partial(self._state.retries[retry.tenant_id].update, {(retry.target, retry.target_id): retry})
            self._process.quietly(retry.tenant_id, "a failed write was kept in mind", keep)

    def clear(self, tenant_id: str, integration: str, records: Sequence[tuple[str, str]]) -> None:
        """Forget them."""
        del integration

        def forget() -> None:
            for record in records:
                self._state.retries[tenant_id].pop(record, None)

        if records:
            self._process.quietly(tenant_id, "failed writes were forgotten", forget)


class MemoryOverwrites(Overwrites):
    """Replaced edits by write and field."""

    def __init__(self, state: State, process: Process) -> None:
        self._state, self._process = state, process

    def record(self, overwrites: Sequence[Overwrite]) -> None:
        """By write and field."""

        def keep(tenant: str) -> None:
            self._state.overwrites[tenant].update({(o.write_id, o.field): o for o in overwrites if o.tenant_id == tenant})

        for tenant in sorted({o.tenant_id for o in overwrites}):
            self._process.quietly(tenant, "a replaced edit was kept", partial(keep, tenant))

    def load(self, tenant_ids: Sequence[str], integration: str, *, since: datetime | None = None) -> list[Overwrite]:
        """Newest first."""
        del integration
        found = [
            o for t in tenant_ids for o in self._state.overwrites.get(t, {}).values() if since is None or o.detected_at >= since
        ]
        return sorted(found, key=lambda o: (-o.detected_at.timestamp(), o.write_id, o.field))

    def of_records(self, tenant_id: str, integration: str, target_ids: Sequence[str]) -> list[Overwrite]:
        """Newest first."""
        return [o for o in self.load([tenant_id], integration) if o.target_id in target_ids]


class MemorySpellings(Spellings):
    """By record and field."""

    def __init__(self, state: State, process: Process) -> None:
        self._state, self._process = state, process

    def load(self, tenant_ids: Sequence[str], integration: str) -> pa.Table:
        """Ordered."""
        del integration
        return self._state.spellings.table(tenant_ids)

    def save(self, spellings: pa.Table, integration: str, at: datetime) -> None:
        """By record and field."""
        del integration, at
        by_tenant: dict[str, list[Mapping[str, str]]] = defaultdict(list)
        for row in spellings.to_pylist():
            by_tenant[row["tenant_id"]].append(row | {"_key": "|".join(row[n] for n in SPELLINGS.names[1:4])})
        alive = self._process.survivors(by_tenant, "spellings were kept")
        for tenant in sorted(alive):
            self._state.spellings.put(tenant, [dict(r) for r in by_tenant[tenant]])
        self._process.survived(by_tenant, "spellings were kept")
