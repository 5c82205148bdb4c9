"""What a benchmark gives: ratios of two things measured in one run, printed for people and written as JSON.

How something is measured is `alone`'s and `meter`'s business, what is compared each benchmark's own.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Figure:
    """`value` of ours beside `against_value` of the other; `ratio` is ours divided by the other's, and may be promised not to exceed."""

    name: str
    value: float
    unit: str
    against: str
    against_value: float
    at_most: float | None = None  # what is promised of the ratio

    @property
    def ratio(self) -> float:
        """Ours divided by the other's."""
        return self.value / self.against_value if self.against_value else 0.0

    @property
    def broken(self) -> str | None:
        """What is said of a promise that does not hold."""
        if self.at_most is None or self.ratio <= self.at_most:
            return None
        return f"{self.name}: {self.ratio:.2f} times {self.against}; promised are {self.at_most:g} at most."


@dataclass(frozen=True, slots=True)
class Part:
    """A table of its own beside the figures: how something splits up, for which there is nothing to compare with."""

    sentence: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome of one benchmark: one sentence that says what is compared, the figures, and what a reader should know besides."""

    sentence: str
    figures: tuple[Figure, ...]
    notes: tuple[str, ...] = ()
    parts: tuple[Part, ...] = ()


def show(report: Report) -> None:
    """Print the sentence, then the table, then notes and further tables."""
    headings = ("measured", "ours", "other", "unit", "ours / other", "at most", "the other is")
    rows = [
        (f.name, _readable(f.value), _readable(f.against_value), f.unit, f"{f.ratio:.2f}", _promised(f), f.against)
        for f in report.figures
    ]
    _print(report.sentence, headings, rows, report.notes)
    for part in report.parts:
        _print(part.sentence, part.headings, part.rows, ())


def _promised(figure: Figure) -> str:
    if figure.at_most is None:
        return ""
    return f"{figure.at_most:g}, BROKEN" if figure.broken else f"{figure.at_most:g}"


def save(figures: Sequence[Figure], path: Path) -> None:
    """The list that `data/benchmarks.json` holds."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [
        {
            "name": f.name,
            "value": round(f.value, 4),
            "unit": f.unit,
            "against": f.against,
            "against_value": round(f.against_value, 4),
            "ratio": round(f.ratio, 4),
        }
        for f in figures
    ]
    path.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")


def _print(sentence: str, headings: Sequence[str], rows: Sequence[Sequence[str]], notes: Sequence[str]) -> None:
    out = Console(highlight=False, width=150)
    out.print(f"\n{sentence}")
    table = Table()
    for heading in headings:
        words = heading in {headings[0], "unit", "the other is"}
        table.add_column(heading, justify="left" if words else "right")
    for row in rows:
        table.add_row(*row)
    out.print(table)
    for note in notes:
        out.print(f"  {note}", style="dim")


def _readable(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:,.2f}"
