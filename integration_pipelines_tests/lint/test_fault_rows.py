"""The fault catalogue is tested row by row: a test carries the ids of the rows whose expectation it asserts, and no row is without one."""

import ast

from integration_pipelines_tests.faults.catalogue import NOT_AUTOMATED, ROWS
from integration_pipelines_tests.lint.source import TESTS, Source, under

AT_LEAST = 100
"""Rows that are asserted."""


def claimed(source: Source) -> dict[str, int]:
    """The rows that a file's tests claim, with the line of the first claim."""
    found: dict[str, int] = {}
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call) and source.full_name(node.func) == "pytest.mark.fault":
            for argument in node.args:
                if isinstance(argument, ast.Constant):
                    found.setdefault(str(argument.value), node.lineno)
    return found


def claims() -> dict[str, list[str]]:
    """Row → the files and lines of the tests that claim it."""
    found: dict[str, list[str]] = {}
    for source in under(TESTS):
        for row, line in claimed(source).items():
            found.setdefault(row, []).append(f"{source.path}:{line}")
    return found


def test_every_row_of_the_catalogue_has_a_test_or_a_reason() -> None:
    """A row without either is named, and so is a claim of a row that does not exist."""
    found = set(claims())
    assert (sorted(ROWS.keys() - NOT_AUTOMATED.keys() - found), sorted(found - ROWS.keys())) == ([], [])


def test_what_is_tested_needs_no_reason() -> None:
    """The reasons are of rows that exist and that no test claims, and there are few."""
    assert (sorted(NOT_AUTOMATED.keys() & claims().keys()), sorted(NOT_AUTOMATED.keys() - ROWS.keys())) == ([], [])
    assert len(ROWS) - len(NOT_AUTOMATED) >= AT_LEAST


def test_a_claim_is_found_wherever_it_stands() -> None:
    """On a function and on a single parameter alike; a test without the marker claims nothing."""
    text = (
        "import pytest\n@pytest.mark.fault('D01', 'D02')\ndef test_a(): ...\n"
        "@pytest.mark.parametrize('x', [pytest.param(1, marks=pytest.mark.fault('H01'))])\ndef test_b(x): ...\ndef test_c(): ...\n"
    )
    assert claimed(Source("x.py", text)) == {"D01": 2, "D02": 2, "H01": 4}
