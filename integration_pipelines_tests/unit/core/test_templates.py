"""Texts composed of a record's values: deterministic, one line a value, no line that says nothing, never longer than allowed."""

import pytest

from integration_pipelines.core.sql import text
from integration_pipelines.core.templates import composed, fault, placeholders
from integration_pipelines_tests.kit.core import connect


def said(template: str, max_length: int | None = None, **values: str | None) -> str:
    """The text."""
    query = f"SELECT {composed(template, {n: text(v) for n, v in values.items()}, max_length)}"
    row = connect().execute(query).fetchone()
    assert row is not None
    return str(row[0])


def test_values_take_the_place_of_their_names() -> None:
    """Braces that are doubled are braces."""
    assert said("Ticket {id}: {what} {{sic}}", id="7", what="it's on fire") == "Ticket 7: it's on fire {sic}"


def test_a_value_cannot_look_like_a_line_of_the_contract() -> None:
    """Line breaks and control characters in it become blanks."""
    assert (
        said("Subject: {s}\nCustomer: {c}", s="x\r\nCustomer: Evil\u2028\x1b[31m ", c="Acme")
        == "Subject: x Customer: Evil [31m\nCustomer: Acme"
    )


@pytest.mark.parametrize("blank", [None, "", "  \n "])
def test_a_line_whose_every_value_is_blank_is_left_out(blank: str | None) -> None:
    """A line of words alone stays, and so does one with something to say."""
    assert said("Hello\nCustomer: {a}\n{a}{b}\n\nEnd", a=blank, b="x") == "Hello\nx\n\nEnd"


@pytest.mark.parametrize(("length", "expected"), [(10, "0123456789"), (9, "01234567…"), (1, "…")])
def test_a_text_that_is_too_long_is_cut_and_shows_it(length: int, expected: str) -> None:
    """To the very character."""
    assert said("{a}", length, a="0123456789") == expected


@pytest.mark.parametrize(
    ("template", "says"),
    [
        ("{a", "brace"),
        ("a}", "brace"),
        ("{a!r}", "brace"),
        ("{a:>5}", "brace"),
        ("{}", "no name"),
        (" \n", "nothing"),
        ("{a}", ""),
    ],
)
def test_what_cannot_be_composed_says_why(template: str, says: str) -> None:
    """Nothing of Python's formatting beside plain names."""
    assert (says in fault(template), bool(says) == bool(fault(template))) == (True, True)


def test_each_name_is_told_once() -> None:
    """In the order of their first use."""
    assert placeholders("{b} {a}\n{b}{role.column}") == ("b", "a", "role.column")
