"""What a proof shows: tables for people, `data/proof.json` for programs, and the sentences that say what does not hold."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table

from integration_pipelines.simulation.coverage import Fired, coverage
from integration_pipelines.simulation.promises import promised
from integration_pipelines.simulation.rehearsal import Totals
from integration_pipelines_tests.proof.bugs import BUGS, Hunt

MOST_SHOWN = 10
CRASHES = "crash.json"
"""What `make proof-crash` leaves beside a proof's own figures."""


@dataclass
class Proof:
    """Everything that was lived and hunted.

    Args:
        faults: those that could strike; each has to strike `at_least` times.
        at_least: in a small share of a proof nobody asks for so many.
    """

    faults: Sequence[str]
    at_least: int
    lived: dict[str, Totals] = field(default_factory=dict)  # by world
    hunts: list[Hunt] = field(default_factory=list)
    crash_points: int | None = None  # points at which `make proof-crash` struck; None if that was not run here
    seconds: float = 0.0
    hunting_seconds: float = 0.0

    @property
    def seeds(self) -> int:
        """Different lives."""
        return sum(totals.seeds for totals in self.lived.values())

    @property
    def reproduced(self) -> int:
        """Lives that went the same way twice."""
        return sum(totals.reproduced for totals in self.lived.values())

    @property
    def fired(self) -> Counter[str]:
        """Fault → how often it struck."""
        return sum((totals.fired for totals in self.lived.values()), Counter())

    @property
    def violations(self) -> int:
        """Broken promises; a batch that the engine did not survive is one, too."""
        return sum(len(totals.findings) + len(totals.fell_over) for totals in self.lived.values())

    def coverage(self) -> list[Fired]:
        """Each fault in words."""
        return coverage(self.fired, self.faults)

    def broken(self) -> Iterator[str]:
        """A sentence for everything that does not hold."""
        for world, totals in self.lived.items():
            for found in totals.findings[:MOST_SHOWN]:
                yield f"{world}, life {found.seed}: {found.promise} ({promised(found.promise)}) is broken: {found.text}"
            if len(totals.findings) > MOST_SHOWN:
                yield f"{world}: {len(totals.findings) - MOST_SHOWN} more broken promises"
            for batch, text in totals.fell_over:
                yield f"{world}, lives {batch[0]} to {batch[-1]}: the engine fell over: {text}"
            for seed in totals.differing[:MOST_SHOWN]:
                yield f"{world}, life {seed}: it went another way the second time"
        for one in self.coverage():
            if one.id in self.faults and one.times < self.at_least:
                yield f"{one.id} ({one.words}) struck {one.times} times; {self.at_least} is the least"
        for hunt in self.hunts:
            if hunt.killed_at is None:
                yield f"the planted bug {hunt.bug} survived {hunt.lives} lives: {BUGS[hunt.bug].words}"

    def as_data(self) -> Mapping[str, object]:
        """The shape of `data/proof.json`."""
        return {
            "seeds": self.seeds,
            "violations": self.violations,
            "traces_reproduced": self.reproduced,
            "faults": {one.id: one.times for one in self.coverage()},
            "planted_bugs": {hunt.bug: hunt.killed_at for hunt in self.hunts},
            "crash_points": self.crash_points,
            "seconds": round(self.seconds, 1),
            "planted_bugs_seconds": round(self.hunting_seconds, 1),
            "worlds": {world: totals.seeds for world, totals in self.lived.items()},
        }


def save(proof: Proof, output: Path) -> None:
    """Write the figures, with those of the crash sweep if there are any."""
    output.parent.mkdir(parents=True, exist_ok=True)
    swept = output.with_name(CRASHES)
    proof.crash_points = json.loads(swept.read_text(encoding="utf-8"))["points"] if swept.is_file() else None
    output.write_text(json.dumps(proof.as_data(), indent=2) + "\n", encoding="utf-8")


def show_lives(proof: Proof) -> None:
    """What was lived, and what struck."""
    rows = [
        (world, f"{t.seeds:,}", f"{t.lived:,}", f"{t.acts:,}", f"{t.reproduced:,}", f"{len(t.findings):,}", f"{t.seconds:,.0f} s")
        for world, t in proof.lived.items()
    ]
    _table(("contract", "seeds", "lives", "acts of people", "went the same way twice", "promises broken", "took"), rows)
    _table(("fault", "what went wrong", "how often"), [(one.id, one.words, f"{one.times:,}") for one in proof.coverage()])


def show_hunts(hunts: Sequence[Hunt]) -> None:
    """How each bug was found."""
    rows = [
        (
            h.bug,
            BUGS[h.bug].words,
            h.promise or "survived",
            "" if h.killed_at is None else str(h.killed_at),
            str(h.lives),
            f"{h.seconds:.0f} s",
        )
        for h in hunts
    ]
    _table(("planted bug", "what is wrong", "breaks", "in life", "lives until then", "took"), rows)


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    console = Console(highlight=False, emoji=False)
    table = Table(header_style="bold")
    for place, heading in enumerate(headings):
        number = bool(rows) and all(row[place][:1].isdigit() for row in rows if row[place])
        table.add_column(heading, justify="right" if number else "left", overflow="fold")
    for row in rows:
        table.add_row(*row)
    (console if console.is_terminal else Console(highlight=False, emoji=False, width=180)).print(table, markup=False)
