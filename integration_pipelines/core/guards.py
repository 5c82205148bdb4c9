"""Limits of a plan: what one tenant's plan would do, what was written lately, and the sentence that says which limit is broken.

What a plan is made of is `plan`; whether a person approved it is the use cases' business.
"""

from dataclasses import dataclass
from fractions import Fraction

from integration_pipelines.core.contract import Guards


@dataclass(frozen=True, slots=True)
class PlanNumbers:
    """What one tenant's plan would do."""

    tenant_id: str
    plan_hash: str
    records: int  # target records, whatever is done to them
    updates: int  # fields of records that exist
    blankings: int  # fields that would become blank
    links: int  # live links, the whole that the limits are shares of
    creates: int = 0  # records that would be made
    deletes: int = 0  # records that would be archived

    @property
    def changed(self) -> int:
        """Records that exist and would be changed."""
        return self.records - self.creates - self.deletes

    def as_dict(self) -> dict[str, int]:
        """The whole numbers by name."""
        counts = {"records": self.records, "updates": self.updates, "blankings": self.blankings, "links": self.links}
        return counts | {"creates": self.creates, "deletes": self.deletes}


@dataclass(frozen=True, slots=True)
class Written:
    """What was written for a tenant within a stretch of time and without a person's approval."""

    records: int = 0  # different records that were changed
    blankings: int = 0
    creates: int = 0


@dataclass(frozen=True, slots=True)
class GuardVerdict:
    """`passed`, or the sentence that says which limit was broken by which number."""

    passed: bool
    reason: str
    limits: dict[str, int]


def guard(guards: Guards, numbers: PlanNumbers, lately: Written | None = None) -> GuardVerdict:
    """Refuse a surprising change: limits are shares of the live links with a floor, so that small tenants stay workable.

    Args:
        guards: the contract's limits.
        numbers: what the plan would do.
        lately: what counts on top of it, so that many small plans are held to the limits of a large one; None for a whole plan.
    """
    before = lately or Written()
    records = max(guards.update_floor, _share(numbers.links, guards.max_update_percent))
    blankings = max(guards.blanking_floor, _share(numbers.links, guards.max_blanking_percent))
    share = f"({guards.max_update_percent:g} % of {numbers.links} links)"
    told = [
        _broken("records would change", numbers.changed, before.records, records, share),
        _broken(
            "values would be blanked", numbers.blankings, before.blankings, blankings, f"({guards.max_blanking_percent:g} %)"
        ),
        _broken("records would be created", numbers.creates, before.creates, guards.max_creates, ""),
    ]
    if numbers.deletes:
        told.append(f"{numbers.deletes} records would be deleted, which always waits for approval")
    broken = [sentence for sentence in told if sentence]
    limits = {"max_records": records, "max_blankings": blankings, "max_creates": guards.max_creates, "max_deletes": 0}
    return GuardVerdict(not broken, "; ".join(broken), limits)


def _broken(what: str, planned: int, before: int, limit: int, share: str) -> str:
    """The sentence for a limit that a plan breaks; a plan that does none of it breaks nothing."""
    if not planned or planned + before <= limit:
        return ""
    earlier = f" on top of {before} in the last 24 hours" if before else ""
    return f"{planned} {what}{earlier}, the limit is {limit} {share}".rstrip()


def _share(links: int, percent: float) -> int:
    """The whole records within a share: exact, and never one more than the share."""
    return int(links * Fraction(str(percent)) / 100)
