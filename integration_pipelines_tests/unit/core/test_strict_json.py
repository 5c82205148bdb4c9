"""What of a body from outside is read, and what is refused."""

import pytest

from integration_pipelines.core.strict_json import DEEPEST, parse
from integration_pipelines.errors import InvalidError


@pytest.mark.parametrize(
    ("body", "document"),
    [
        (b'{"a": [1, -2.5, true, null, "x"], "b": {}}', {"a": [1, -2.5, True, None, "x"], "b": {}}),
        (b" [\n\t9007199254740992, -9007199254740992, 1e3 ]\r\n", [2**53, -(2**53), 1000.0]),
        (b'"\\u00e9 \\ud83d\\ude00 \xc3\xa9"', "é 😀 é"),
        (b'{"a": {"a": 1}}', {"a": {"a": 1}}),
        (b"[" * DEEPEST + b"]" * DEEPEST, None),
    ],
)
def test_plain_json_is_read(body: bytes, document: object) -> None:
    """Numbers, texts and nesting that mean the same everywhere."""
    found = parse(body)
    assert document is None or found == document


@pytest.mark.fault("E11", "E12", "H16")
@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b'{"a": 1} {"b": 2}', "not JSON"),
        (b"{'a': 1}", "not JSON"),
        (b'{"a": 1,}', "not JSON"),
        (b'{"a": 01}', "not JSON"),
        (b'"a\x00b"', "not JSON"),
        (b'"a\nb"', "not JSON"),
        (b'{"a": "\xff"}', "not UTF-8"),
        (b'"\xed\xa0\x80"', "not UTF-8"),
        (b'"\xc0\xaf"', "not UTF-8"),
        (b'\xef\xbb\xbf{"a": 1}', "byte order mark"),
        ('{"a": 1}'.encode("utf-16"), "byte order mark"),
        ('{"a": 1}'.encode("utf-16-le"), "not JSON"),
        (b'{"id": 1, "id": 2}', "key twice"),
        (b'{"x": [{"id": 1, "\\u0069d": 2}]}', "key twice"),
        (b"[" * 100_000 + b"]" * 100_000, "nested"),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "nested"),
        (b"[" * (DEEPEST + 1) + b"]" * (DEEPEST + 1), "nested"),
        (b'{"a": NaN}', "number is none"),
        (b"[-Infinity]", "number is none"),
        (b"[1e400]", "too large"),
        (b"[-1e400]", "too large"),
        (b"[9007199254740993]", "too large to be exact"),
        (b"[-9007199254740993]", "too large to be exact"),
        (b"[" + b"9" * 100_000 + b"]", "too large to be exact"),
        (b'{"a": "\\ud800"}', "half a letter"),
        (b'{"\\udc00": 1}', "half a letter"),
        (b'["\\ude00\\ud83d"]', "half a letter"),
        (b'{"a": "x\\u0000y"}', "NUL"),
    ],
)  # fmt: skip
def test_what_could_be_read_in_two_ways_is_refused_with_the_reason(body: bytes, why: str) -> None:
    """The reason is said, and nothing of the body is repeated."""
    with pytest.raises(InvalidError, match=why) as refused:
        parse(body)
    assert refused.value.__suppress_context__
