"""Printing for people and for programs: lines, JSON on request, times and numbers readable. No decisions here; tables are `tables`."""

import json
from datetime import datetime

import click


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
    click.echo(
        json.dumps(data, default=lambda v: v.isoformat() if isinstance(v, datetime) else str(v), ensure_ascii=False, indent=2)
    )


def say(text: str) -> None:
    """One line for a person."""
    click.echo(one_line(text))


def one_line(text: str) -> str:
    """Text without anything that a terminal would act on: control characters, escape sequences, marks that turn text around."""
    return "".join(c if c.isprintable() else " " for c in text)
