"""Texts that a contract composes of a record's values, as SQL: the same record always gives the same text.

`{name}` stands for a value, `{{` and `}}` for the braces themselves. A value is put on one line, so that it cannot look like a line of the
contract's own; a line whose every value is blank or missing is left out.
"""

import string
from collections.abc import Mapping

from integration_pipelines.core.sql import text

_Part = tuple[str, str | None]  # what stands before a value, and the value's name
_ONE_LINE = "trim(regexp_replace(coalesce({0}, ''), '[\\s\\pC\\pZ]+', ' ', 'g'))"


def placeholders(template: str) -> tuple[str, ...]:
    """The names in a text, each once, in order; raises ValueError as `fault` tells."""
    return tuple(dict.fromkeys(name for line in _lines(template) for _, name in line if name is not None))


def fault(template: str) -> str:
    """Why a text cannot be composed, or ''."""
    try:
        names = placeholders(template)
    except ValueError:
        return "A brace is open or stands alone."
    if not template.strip():
        return "It says nothing."
    return "A value has no name." if "" in names else ""


def composed(template: str, values: Mapping[str, str], max_length: int | None = None) -> str:
    """An expression for the text.

    Args:
        template: a text without `fault`.
        values: name → expression, for every placeholder.
        max_length: characters after which it is cut; the cut shows.
    """
    lines = [_line(parts, values) for parts in _lines(template)]
    whole = f"concat_ws(chr(10), {', '.join(lines)})"
    if max_length is None:
        return whole
    return f"CASE WHEN length({whole}) > {max_length} THEN left({whole}, {max_length - 1}) || '…' ELSE {whole} END"


def _line(parts: list[_Part], values: Mapping[str, str]) -> str:
    shown = [(before, None if name is None else _ONE_LINE.format(values[name])) for before, name in parts]
    words = [word for before, value in shown for word in ((text(before),) if before else ()) + ((value,) if value else ())]
    line = " || ".join(words) or "''"
    blank = " AND ".join(f"{value} = ''" for _, value in shown if value is not None)
    return f"CASE WHEN {blank} THEN NULL ELSE {line} END" if blank else line


def _lines(template: str) -> list[list[_Part]]:
    """Line by line what stands before each value and its name; the last part of a line may have no value."""
    return [
        [
            (before, None if name is None else _plain(name, spec, conversion))
            for before, name, spec, conversion in string.Formatter().parse(line)
        ]
        for line in template.strip().splitlines()
    ]


def _plain(name: str, spec: str | None, conversion: str | None) -> str:
    """A name, and nothing that would format it."""
    if spec or conversion:
        raise ValueError(name)
    return name
