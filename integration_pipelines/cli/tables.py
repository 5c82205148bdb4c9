"""Tables and lists of facts for people, on a terminal or in a pipe."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from integration_pipelines.cli.show import one_line, plain

Row = Mapping[str, Any]
PIPE_WIDTH = 180
LONGEST_CELL = 160  # a cell, not a document


def console() -> Console:
    """Standard output; plain text of a fixed width when it is a pipe. Nothing in a text is taken for an emoji's name."""
    out = Console(highlight=False, emoji=False)
    return out if out.is_terminal else Console(highlight=False, emoji=False, width=PIPE_WIDTH)


def print_rows(rows: Sequence[Row], columns: Mapping[str, str], *, title: str = "", empty: str = "Nothing.") -> None:
    """A table of those columns (key → heading); hostile text is shown as text, never as markup."""
    out = console()
    if not rows:
        out.print(one_line(empty), markup=False)
        return
    if title:
        out.print(Text(one_line(title), style="bold"), soft_wrap=True)
    table = Table(header_style="bold")
    for key, heading in columns.items():
        number = all(isinstance(r.get(key), int) and not isinstance(r.get(key), bool) for r in rows)
        table.add_column(heading, justify="right" if number else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(_short(plain(row.get(key)))) for key in columns))
    out.print(table)


def print_facts(facts: Mapping[str, object], *, title: str = "") -> None:
    """Name and value, one a line."""
    out = console()
    if title:
        out.print(Text(one_line(title), style="bold"), soft_wrap=True)
    width = max((len(name) for name in facts), default=0)
    for name, value in facts.items():
        out.print(f"  {name.ljust(width)}  {one_line(plain(value))}".rstrip(), markup=False, soft_wrap=True)


def _short(text: str) -> str:
    """Short enough for a cell."""
    cleaned = one_line(text)
    return cleaned if len(cleaned) <= LONGEST_CELL else cleaned[: LONGEST_CELL - 1] + "…"
