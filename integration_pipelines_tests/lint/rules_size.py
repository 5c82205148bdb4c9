"""Rules about size: what has grown too long to be read in one sitting is split at a natural seam."""

from collections.abc import Iterator

from integration_pipelines_tests.lint.source import Breach, Source

FILE_LINES = 400
FUNCTION_LINES = 60


def long_file(source: Source) -> Iterator[Breach]:
    """A file has one subject."""
    count = len(source.text.splitlines())
    if count > FILE_LINES:
        yield Breach(source.path, FILE_LINES + 1, f"the file has {count} lines, {FILE_LINES} is the limit")


def long_function(source: Source) -> Iterator[Breach]:
    """A function does one thing."""
    for function in source.functions():
        count = (function.end_lineno or function.lineno) - function.lineno + 1
        if count > FUNCTION_LINES:
            yield Breach(source.path, function.lineno, f"{function.name} has {count} lines, {FUNCTION_LINES} is the limit")
