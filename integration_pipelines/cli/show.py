"""Printing for people and for programs: tables on a terminal, JSON on request, money and numbers readable. No decisions here."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

Row = Mapping[str, Any]
PIPE_WIDTH = 180
LONGEST_CELL = 160  # a cell, not a document


def console() -> Console:
    """Standard output; plain text of a fixed width when it is a pipe. Nothing in a text is taken for an emoji's name."""
    out = Console(highlight=False, emoji=False)
    return out if out.is_terminal else Console(highlight=False, emoji=False, width=PIPE_WIDTH)


def plain(value: object) -> str:
    """A cell as text; times are UTC and say so."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%SZ")
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,}" if isinstance(value, int) else str(value)


def age(seconds: int | None) -> str:
    """Seconds as people say them: `45 s`, `12 min`, `3 h 5 min`, `4 d 2 h`."""
    if seconds is None:
        return ""
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86_400
    if minutes < 1:
        return f"{seconds} s"
    if hours < 1:
        return f"{minutes} min"
    return f"{hours} h {minutes % 60} min" if days < 1 else f"{days} d {hours % 24} h"


def print_json(data: object) -> None:
    """Machine-readable, times as ISO 8601."""
    print(json.dumps(data, default=lambda v: v.isoformat() if isinstance(v, datetime) else str(v), ensure_ascii=False, indent=2))  # noqa: T201 - this is the command's output


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


def say(text: str) -> None:
    """One line for a person."""
    console().print(one_line(text), markup=False, soft_wrap=True)


def one_line(text: str) -> str:
    """Text without anything that a terminal would act on: control characters, escape sequences, marks that turn text around."""
    return "".join(c if c.isprintable() else " " for c in text)


def _short(text: str) -> str:
    """Short enough for a cell."""
    cleaned = one_line(text)
    return cleaned if len(cleaned) <= LONGEST_CELL else cleaned[: LONGEST_CELL - 1] + "…"
