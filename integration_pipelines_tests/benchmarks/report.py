"""What a benchmark gives: ratios of two things measured in one run, printed for people and written as JSON."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Figure:
    """`value` of ours beside `against_value` of the other; `ratio` is ours divided by the other's."""

    name: str
    value: float
    unit: str
    against: str
    against_value: float

    @property
    def ratio(self) -> float:
        """Ours divided by the other's."""
        return self.value / self.against_value if self.against_value else 0.0


def show(sentence: str, figures: Sequence[Figure]) -> None:
    """One sentence that says what is compared, then the table."""
    out = Console(highlight=False, width=150)
    table = Table(title=sentence, title_justify="left")
    for heading in ("measured", "ours", "other", "unit", "ours / other", "the other is"):
        table.add_column(heading, justify="left" if heading in {"measured", "unit", "the other is"} else "right")
    for f in figures:
        table.add_row(f.name, f"{f.value:,.2f}", f"{f.against_value:,.2f}", f.unit, f"{f.ratio:.2f}", f.against)
    out.print(table)


def save(figures: Sequence[Figure], path: Path) -> None:
    """The list that `data/benchmarks.json` holds."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [{**asdict(f), "ratio": round(f.ratio, 4)} for f in figures]
    path.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
