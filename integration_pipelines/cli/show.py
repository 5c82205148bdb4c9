"""Printing for people and for programs: tables on a terminal, JSON on request, money and numbers readable. No decisions here."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.table import Table

Row = Mapping[str, Any]
PIPE_WIDTH = 180


def console() -> Console:
    """Standard output; plain text of a fixed width when it is a pipe."""
    out = Console(highlight=False)
    return out if out.is_terminal else Console(highlight=False, width=PIPE_WIDTH)


def plain(value: object) -> str:
    """A cell as text."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,}" if isinstance(value, int) else str(value)


def print_json(data: object) -> None:
    """Machine-readable, times as ISO 8601."""
    print(json.dumps(data, default=lambda v: v.isoformat() if isinstance(v, datetime) else str(v), ensure_ascii=False, indent=2))  # noqa: T201 - this is the command's output


def print_rows(rows: Sequence[Row], columns: Mapping[str, str], *, title: str = "", empty: str = "Nothing.") -> None:
    """A table of those columns (key → heading); hostile text is shown as text, never as markup."""
    out = console()
    if not rows:
        out.print(empty, markup=False)
        return
    table = Table(title=title or None, title_justify="left", header_style="bold")
    for key, heading in columns.items():
        number = all(isinstance(r.get(key), int) and not isinstance(r.get(key), bool) for r in rows)
        table.add_column(heading, justify="right" if number else "left", overflow="fold")
    for row in rows:
        table.add_row(*(_safe(plain(row.get(key))) for key in columns))
    out.print(table)


def print_facts(facts: Mapping[str, object], *, title: str = "") -> None:
    """Name and value, one a line."""
    out = console()
    if title:
        out.print(title, style="bold", markup=False)
    width = max((len(name) for name in facts), default=0)
    for name, value in facts.items():
        out.print(f"  {name.ljust(width)}  {plain(value)}", markup=False, soft_wrap=True)


def say(text: str) -> None:
    """One line for a person."""
    console().print(text, markup=False, soft_wrap=True)


def _safe(text: str) -> str:
    """Short enough for a cell, without control characters or markup."""
    cleaned = "".join(c if c.isprintable() else " " for c in text).replace("[", "\\[")
    return cleaned if len(cleaned) <= 160 else cleaned[:157] + "…"  # noqa: PLR2004 - a cell, not a document


def selected(rows: Iterable[Row], columns: Iterable[str]) -> list[dict[str, Any]]:
    """Only those columns, in that order."""
    keys = list(columns)
    return [{key: row.get(key) for key in keys} for row in rows]
