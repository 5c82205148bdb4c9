"""Too many records gone since the last full read, or all of them: the tenant stops before anything of the new read counts.

What an incremental read reports as deleted is judged record by record elsewhere. A read that is refused leaves no trace in the manifest,
so the next one is held against the same earlier read; a person who knows that the records are really gone says so once.
"""

from collections.abc import Mapping
from datetime import datetime
from fractions import Fraction

import pyarrow.compute as pc

from integration_pipelines.core.contract import Contract, Guards
from integration_pipelines.errors import InvalidError
from integration_pipelines.ports.bundle import Ports
from integration_pipelines.ports.lake import ManifestEntry, Mode, NewEntry
from integration_pipelines.use_cases.absences import Ids, ids_of
from integration_pipelines.use_cases.observations import TALLY_ROWS, tally_of

ACCEPTED = "missing-accepted"
"""The dataset whose newest entry says when a person last accepted that records are gone; the next full read uses it up."""


def refuse_vanished(tenant_id: str, contract: Contract, listed: Mapping[str, Ids], *, ports: Ports) -> None:
    """Compare the tallies of new full reads with those of the last ones.

    Args:
        tenant_id: whose reads.
        contract: with the limits.
        listed: tally's dataset → what a full read named that does not count yet.
        ports: the outside.

    Raises:
        InvalidError: more records are gone than the contract allows; names objects and numbers.
    """
    tallies = {tally_of(name): name for name in contract.objects}
    accepted = _accepted_at(tenant_id, contract, ports)
    told = []
    for tally, present in listed.items():
        before = _last_full(tenant_id, contract, tally, ports)
        if before is not None and (accepted is None or accepted < before.written_at):
            told += _too_many(contract.guards, tallies[tally], before, present, ports)
    if told:
        raise InvalidError(
            f"The read of tenant {tenant_id} was stopped before it counted: {'; '.join(told)}.",
            remedy="Nothing was compared or written. Look whether the partner answers in full and the connection may still see everything. "
            f"If they are really gone: integration-pipelines plans accept-missing {tenant_id}",
        )


def accept_missing(tenant_id: str, contract: Contract, *, actor: str, ports: Ports) -> None:
    """A person says that what the last refused read lacked is really gone: the next full read counts, whatever it lacks."""
    now = ports.clock.now()
    rows = TALLY_ROWS.empty_table()
    file = ports.lake.write(
        tenant_id=tenant_id, dataset=f"{contract.contract}-{ACCEPTED}", schema=TALLY_ROWS, batches=rows.to_batches()
    )
    ports.manifest.append([NewEntry(tenant_id, contract.contract, ACCEPTED, Mode.FULL, file, "")], now)
    ports.audit.append(tenant_id, actor, "missing_accepted", {"integration": contract.contract}, now)


def _accepted_at(tenant_id: str, contract: Contract, ports: Ports) -> datetime | None:
    found = ports.manifest.current([tenant_id], contract.contract, ACCEPTED)
    return found[-1].written_at if found else None


def _last_full(tenant_id: str, contract: Contract, dataset: str, ports: Ports) -> ManifestEntry | None:
    known = ports.manifest.current([tenant_id], contract.contract, dataset)
    return next((entry for entry in known if entry.mode is Mode.FULL), None)


def _too_many(guards: Guards, name: str, before: ManifestEntry, present: Ids, ports: Ports) -> list[str]:
    if len(present) == 0 and before.file.rows:  # however few there were: this is what a partner's hiccup looks like
        return [f"none of the {before.file.rows} {name} that the last full read had is left"]
    limit = max(guards.missing_floor, int(before.file.rows * Fraction(str(guards.max_missing_percent)) / 100))
    if before.file.rows <= limit:
        return []
    earlier = ids_of(ports.lake.read([before.file], TALLY_ROWS).to_batches())
    if earlier.equals(present):
        return []
    earlier = earlier.unique()
    gone = len(earlier.filter(pc.invert(pc.is_in(earlier, value_set=present))))
    if gone <= limit:
        return []
    share = f"{guards.max_missing_percent:g} %"
    return [f"{gone} of {len(earlier)} {name} that the last full read had are gone, the limit is {limit} ({share})"]
