"""Values that a partner keeps in its own spelling: trimmed, in other case, rounded, cut off, a phone number with other blanks.

What was written and what is shown right after it mean the same only if one can have become the other by such a change; anything else is
somebody's edit. A pair that was seen once is remembered for that record and field, so that it never looks like a difference again.
"""

import unicodedata
from decimal import ROUND_HALF_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal, InvalidOperation

from integration_pipelines.core.contract import FieldType

SHORTEST_CUT = 32
"""A text that was cut off shows at least so many characters; a shorter beginning may be another word."""
SHORTEST_NUMBER = 6
"""Digits of a phone number that tell it from others."""
LONGEST_CODE = 3
"""A country's code has three digits at most (ITU-T E.164)."""
_AMOUNTS = frozenset({FieldType.MONEY, FieldType.INTEGER, FieldType.DECIMAL})
"""Of these every sign and every point counts; they may be rounded, and that is all."""
_NAMES = frozenset({FieldType.ID, FieldType.IDS})
"""Of these every mark and every digit counts."""


def means_the_same(kind: FieldType, written: str, shown: str) -> bool:
    """Whether a partner may have made `shown` of `written` (both canonical text of that type) by keeping it its own way."""
    if not written or not shown:
        return False
    if kind in _AMOUNTS:
        return _rounded(written, shown)
    if kind in _NAMES:
        return written.strip().casefold() == shown.strip().casefold()
    if len(shown) >= SHORTEST_CUT and written.strip().startswith(shown.strip()):
        return True
    bare_written, bare_shown = _bare(written), _bare(shown)
    if bare_written and bare_written == bare_shown:
        return True
    return _rounded(written, shown) or _same_number(written, shown)


def _bare(text: str) -> str:
    """Letters and digits alone, whatever their case, width or accents' form."""
    return "".join(c for c in unicodedata.normalize("NFKC", text).casefold() if c.isalnum())


def _rounded(written: str, shown: str) -> bool:
    try:
        exact, kept = Decimal(written), Decimal(shown)
    except InvalidOperation:
        return False
    if not exact.is_finite() or not kept.is_finite() or kept == exact:
        return exact.is_finite() and kept == exact
    exponent = kept.as_tuple().exponent
    if not isinstance(exponent, int) or exponent > 0:
        return False
    unit = Decimal(1).scaleb(exponent)
    try:
        return any(exact.quantize(unit, how) == kept for how in (ROUND_HALF_UP, ROUND_HALF_EVEN, ROUND_HALF_DOWN))
    except InvalidOperation:  # more digits than a number of the usual precision holds
        return False


def _same_number(written: str, shown: str) -> bool:
    """The same phone number, with or without the country's code or the leading zero."""
    if any(c.isalpha() for c in written + shown):
        return False
    one, other = ("".join(c for c in text if c.isdigit()).lstrip("0") for text in (written, shown))
    shorter, longer = sorted((one, other), key=len)
    return len(shorter) >= SHORTEST_NUMBER and longer.endswith(shorter) and len(longer) - len(shorter) <= LONGEST_CODE
