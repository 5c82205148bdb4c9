"""The audit chain in SQL: every act carries the hash of the act before it, so that no act can be changed, removed or moved unseen.

A chain cannot show that its newest acts were cut off together with its head; whoever must prove that keeps the head's hash elsewhere.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import groupby
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from integration_pipelines.ports.evidence import Audit
from integration_pipelines.store import dialect
from integration_pipelines.store.columns import time_text
from integration_pipelines.store.engine import reading, scope, writing
from integration_pipelines.store.schema import AUDIT_HEADS, AUDIT_LOG

BEGINNING = "0" * 64
"""What the first act of a chain names as the act before it."""


class SqlAudit(Audit):
    """One chain per tenant; appends to the same chain wait for each other."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def append(self, tenant_id: str, actor: str, act: str, facts: dict[str, str], at: datetime) -> None:
        """Add one act; `facts` never hold customer data."""
        heads = AUDIT_HEADS.c
        with writing(self._engine, (tenant_id,)) as connection:
            first = {"tenant_id": tenant_id, "seq": 0, "hash": BEGINNING}
            connection.execute(dialect.insert(connection, AUDIT_HEADS).on_conflict_do_nothing(), first)
            mine = sa.select(heads.seq, heads.hash).where(heads.tenant_id == tenant_id).with_for_update()
            seq, previous = connection.execute(mine).one()
            row = {"tenant_id": tenant_id, "seq": seq + 1, "at": at, "actor": actor, "act": act}
            row |= {"facts": _canonical(facts), "previous_hash": previous}
            row["hash"] = _hash(row)
            connection.execute(AUDIT_LOG.insert(), row)
            moved = sa.update(AUDIT_HEADS).where(heads.tenant_id == tenant_id).values(seq=row["seq"], hash=row["hash"])
            connection.execute(moved)

    def verify(self, tenant_id: str | None = None) -> tuple[int, list[str]]:
        """How many acts were checked, and one line per break of a chain."""
        acts = sa.select(AUDIT_LOG).order_by(AUDIT_LOG.c.tenant_id, AUDIT_LOG.c.seq)
        heads = sa.select(AUDIT_HEADS)
        if tenant_id is not None:
            acts = acts.where(AUDIT_LOG.c.tenant_id == tenant_id)
            heads = heads.where(AUDIT_HEADS.c.tenant_id == tenant_id)
        checked, breaks = 0, []
        with reading(self._engine, scope(None if tenant_id is None else (tenant_id,))) as connection:
            ends = {row.tenant_id: (row.seq, row.hash) for row in connection.execute(heads)}
            for tenant, rows in groupby(_rows(connection, acts), key=lambda r: str(r["tenant_id"])):
                chain = list(rows)
                checked += len(chain)
                breaks += _breaks(tenant, chain, ends.pop(tenant, None))
        breaks += [f"tenant {t}: all {seq} acts are gone" for t, (seq, _) in sorted(ends.items()) if seq]
        return checked, breaks


def _rows(connection: Connection, query: sa.Select[Any]) -> Iterator[dict[str, Any]]:
    for row in connection.execution_options(yield_per=5_000).execute(query).mappings():
        yield {str(name): value for name, value in row.items()}


def _breaks(tenant: str, chain: list[dict[str, Any]], head: tuple[int, str] | None) -> list[str]:
    found = []
    seq, previous = 0, BEGINNING
    for row in chain:
        where = f"tenant {tenant}, act {row['seq']}"
        if row["seq"] != seq + 1:
            found.append(f"{where}: {row['seq'] - seq - 1} acts before it are missing")
        elif row["previous_hash"] != previous:
            found.append(f"{where}: does not follow the act before it")
        if row["hash"] != _hash(row):
            found.append(f"{where}: was changed after it was written")
        seq, previous = row["seq"], row["hash"]
    if head != (seq, previous):
        found.append(f"tenant {tenant}: the chain ends at act {seq}, its head says otherwise")
    return found


def _hash(row: Mapping[str, Any]) -> str:
    told = {name: row[name] for name in ("tenant_id", "seq", "actor", "act", "facts", "previous_hash")}
    return hashlib.sha256(_canonical(told | {"at": time_text(row["at"])}).encode()).hexdigest()


def _canonical(value: Mapping[str, Any]) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
