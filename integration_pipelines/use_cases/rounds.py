"""Several rounds of one run, told as one: what an event run did for each tenant from its first event to its last."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from integration_pipelines.core.guards import PlanNumbers
from integration_pipelines.use_cases.outcome import BatchReport, Read, RunOutcome, TenantReport

_WEIGHT = (
    RunOutcome.FAILED,
    RunOutcome.PAUSED,
    RunOutcome.HELD,
    RunOutcome.WRITTEN,
    RunOutcome.PLANNED,
    RunOutcome.IN_SYNC,
    RunOutcome.SKIPPED,
)
"""What a run of several rounds ended as: the first of these that any of them did."""


def as_one(reports: Sequence[BatchReport]) -> BatchReport:
    """The rounds of a run as one report; the tables are those of the last round."""
    by_tenant: dict[str, list[TenantReport]] = {}
    for report in reports:
        for tenant_id, tenant in report.tenants.items():
            by_tenant.setdefault(tenant_id, []).append(tenant)
    return replace(reports[-1], tenants={t: _tenant(rounds) for t, rounds in sorted(by_tenant.items())})


def _tenant(rounds: Sequence[TenantReport]) -> TenantReport:
    last = rounds[-1]
    if len(rounds) == 1:
        return last
    outcomes = {r.outcome for r in rounds}
    return replace(
        last,
        outcome=next((o for o in _WEIGHT if o in outcomes), last.outcome),
        reason="; ".join(dict.fromkeys(r.reason for r in rounds if r.reason)),
        reads=_reads([r.reads for r in rounds]),
        counts=_sum([r.counts for r in rounds]),
        numbers=_numbers([r.numbers for r in rounds if r.numbers is not None]),
        plan=next((r.plan for r in reversed(rounds) if r.plan is not None), None),
        writes=_sum([r.writes for r in rounds]),
        outcomes=_sum([r.outcomes for r in rounds]),
        imbalances=tuple(i for r in rounds for i in r.imbalances),
        balanced=_all([r.balanced for r in rounds]),
        certified=_all([r.certified for r in rounds]),
        calls=sum(r.calls for r in rounds),
        acknowledged={record: at for r in rounds for record, at in r.acknowledged.items()},
    )


def _reads(rounds: Sequence[Mapping[str, Read]]) -> dict[str, Read]:
    found: dict[str, Read] = {}
    for reads in rounds:
        for name, read in reads.items():
            before = found.get(name)
            found[name] = read if before is None else replace(read, rows=before.rows + read.rows, calls=before.calls + read.calls)
    return found


def _numbers(rounds: Sequence[PlanNumbers]) -> PlanNumbers | None:
    if not rounds:
        return None
    summed = ("records", "updates", "blankings", "creates", "deletes")
    return replace(rounds[-1], **{name: sum(getattr(n, name) for n in rounds) for name in summed})


def _sum(counts: Sequence[Mapping[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for one in counts:
        total.update(one)
    return dict(total)


def _all(said: Sequence[bool | None]) -> bool | None:
    known = [one for one in said if one is not None]
    return all(known) if known else None
