"""The canonical form of each field type, as SQL expressions over text.

Two values are the same when their canonical forms are equal text. Null stays null (missing), blank is '', and a value that
cannot be read as its type keeps its own text, so that it differs from every proper value instead of vanishing.
"""

from collections.abc import Callable

from integration_pipelines.core.contract import FieldType
from integration_pipelines.core.sql import text, text_list

# Stripe's minor units. ISK and UGX have no decimals in ISO 4217, but Stripe keeps stating them with two
# (docs.stripe.com/currencies, special cases), so they are absent here on purpose.
ZERO_DECIMALS = ("BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF")
THREE_DECIMALS = ("BHD", "JOD", "KWD", "OMR", "TND")

BLANKS = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000\ufeff" + "".join(map(chr, range(0x2000, 0x200C)))
"""What Unicode calls white space, and the two marks of no width; partners trim it or do not, so it never counts at either end."""
_BLANKS = text(BLANKS)
_NOTHING_TO_TRIM = "([!-~]([ -~]*[!-~])?)?"
"""Printable ASCII that neither begins nor ends with a blank."""


_PLAIN = frozenset(
    {FieldType.TEXT, FieldType.EMAIL, FieldType.DOMAIN, FieldType.CURRENCY, FieldType.BOOLEAN, FieldType.ENUM, FieldType.ID}
)
"""Types whose form of plain text is found by its letters alone."""
_DAY = "[1-9][0-9]{3}-[0-9]{2}-[0-9]{2}"
"""A day as its canonical form spells it."""
_TWO_DECIMALS = ("USD", "EUR", "GBP")


def trimmed(raw: str) -> str:
    """An expression without the blanks at its ends.

    To trim that many characters costs ten times what it costs to see that there are none, as in nearly every text there is.
    """
    return f"CASE WHEN regexp_full_match({raw}, '{_NOTHING_TO_TRIM}') THEN {raw} ELSE trim({raw}, {_BLANKS}) END"


def decimals(currency: str) -> str:
    """How many decimals a currency has (0, 2 or 3), from an expression with its upper-case code."""
    places = {**dict.fromkeys(ZERO_DECIMALS, 0), **dict.fromkeys(THREE_DECIMALS, 3)}
    return f"CASE {currency} {' '.join(f'WHEN {text(code)} THEN {n}' for code, n in places.items())} ELSE 2 END"  # a list would be joined


def canonical(kind: FieldType, raw: str) -> str:
    """The canonical form of an expression that holds raw text of that type (money: see `minor_from_major`).

    Times are compared to the second, since not every partner keeps more. Plain text is looked at once: it has neither blanks to trim nor
    letters to compose, so that most of what is left to do is nothing.
    """
    if kind in _PLAIN:
        plain = f"regexp_full_match({raw}, '{_NOTHING_TO_TRIM}')"
        return f"CASE WHEN {plain} THEN {_form(kind, raw, str)} ELSE {_general(kind, f'trim({raw}, {_BLANKS})')} END"
    if kind is FieldType.DATE:
        quick = f"regexp_full_match({raw}, '{_DAY}') AND TRY_CAST({raw} AS DATE) IS NOT NULL"
        return f"CASE WHEN {raw} = '' OR {quick} THEN {raw} ELSE {_general(kind, trimmed(raw))} END"
    return f"CASE WHEN {raw} = '' THEN '' ELSE {_general(kind, trimmed(raw))} END"


def _general(kind: FieldType, bare: str) -> str:
    """The form of any text without blanks at its ends.

    The text is named by a lambda: written out wherever it is needed, forms of forms would grow beyond what DuckDB plans in no time.
    """
    form = f"CASE WHEN bare = '' THEN '' ELSE {_form(kind, 'bare', _composed)} END"
    return f"list_transform([{bare}], lambda bare: {form})[1]"


def fixed(kind: FieldType, raw: str) -> str:
    """Whether text is its own canonical form: true of no other text, and of nearly all that is. Cheaper than to make the form."""
    plain = f"length({raw}) = strlen({raw}) AND {raw} >= '!' AND {raw}[-1] >= '!'"  # ASCII without a blank or control at its ends
    cheap = {
        **dict.fromkeys((FieldType.TEXT, FieldType.ENUM, FieldType.ID), plain),
        **dict.fromkeys((FieldType.EMAIL, FieldType.BOOLEAN), f"{plain} AND lower({raw}) = {raw}"),
        FieldType.CURRENCY: f"{plain} AND upper({raw}) = {raw}",
        FieldType.DOMAIN: f"{plain} AND lower({raw}) = {raw} AND NOT starts_with({raw}, 'www.')",
        FieldType.INTEGER: f"TRY_CAST({raw} AS BIGINT)::VARCHAR = {raw}",
        FieldType.DATE: f"{raw} >= '1000' AND {raw} < ':' AND TRY_CAST({raw} AS DATE)::VARCHAR = {raw}",
    }
    return f"({raw} = '' OR {cheap.get(kind, f'{canonical(kind, raw)} = {raw}')})"


def _form(kind: FieldType, bare: str, composed: Callable[[str], str]) -> str:
    by_kind = {
        FieldType.TEXT: composed(bare),
        FieldType.EMAIL: composed(
            f"lower({bare})"
        ),  # composed after lowering: some letters have a composed form in lower case only
        FieldType.DOMAIN: f"regexp_replace({composed(f'lower({bare})')}, '^(?:www\\.)+([^.\\s\\pZ]+\\..+)$', '\\1')",
        FieldType.CURRENCY: f"upper({bare})",
        FieldType.BOOLEAN: f"lower({bare})",
        FieldType.INTEGER: _or_own(_whole(bare), _or_own(_plain_decimal(bare), bare)),
        FieldType.DECIMAL: _or_own(_plain_decimal(bare), bare),
        FieldType.DATE: _or_own(_moment(bare, "DATE", "%Y-%m-%d"), bare),
        FieldType.DATETIME: _or_own(_moment(bare, "TIMESTAMPTZ", "%Y-%m-%dT%H:%M:%SZ"), bare),
        FieldType.IDS: _id_set(bare),
    }
    return by_kind.get(kind, bare)


def minor_from_major(raw: str, currency: str) -> str:
    """Major units as decimal text (`1234.5`) to canonical minor units (`123450`) of a currency.

    An amount finer than the minor unit keeps its own text: it is no amount of that currency. The usual spelling of the usual amount
    takes the short way: the result is the same.
    """
    bare, unit = trimmed(raw), f"(10 ** (12 - {decimals(currency)}))::HUGEINT"
    exact = f"CASE WHEN pico({bare}) % {unit} = 0 THEN (pico({bare}) // {unit})::VARCHAR END"
    general = f"CASE WHEN {raw} IS NULL THEN NULL WHEN {bare} = '' THEN '' ELSE coalesce({exact}, {bare}) END"
    usual = f"{currency} IN {text_list(_TWO_DECIMALS)} AND regexp_full_match({raw}, '-?[0-9]{{1,14}}\\.[0-9]{{2}}')"
    return f"CASE WHEN {usual} THEN replace({raw}, '.', '')::BIGINT::VARCHAR ELSE {general} END"


def major_from_minor(minor: str, currency: str) -> str:
    """Canonical minor units to decimal text in major units with all decimals of the currency; '' stays ''."""
    places = f"({decimals(currency)})"
    digits = f"lpad(ltrim({minor}, '-'), {places} + 1, '0')"
    sign = f"CASE WHEN {minor} LIKE '-%' THEN '-' ELSE '' END"
    padded = f"CASE WHEN length(ltrim({minor}, '-')) > {places} THEN ltrim({minor}, '-') ELSE {digits} END"
    body = (
        f"CASE WHEN {places} = 0 THEN ltrim({minor}, '-') ELSE left({padded}, -{places}) || '.' || right({padded}, {places}) END"
    )
    return f"CASE WHEN {minor} IS NULL OR {minor} = '' THEN {minor} ELSE {sign} || {body} END"


def _or_own(expression: str, own: str) -> str:
    return f"coalesce({expression}, {own})"


def _composed(bare: str) -> str:
    """NFC; DuckDB would cut what follows a NUL, and text with a NUL is no proper text: it stays as it is."""
    return f"CASE WHEN contains({bare}, chr(0)) THEN {bare} ELSE nfc_normalize({bare}) END"


def _whole(bare: str) -> str:
    return f"CASE WHEN regexp_full_match({bare}, '[+-]?[0-9]{{1,38}}') THEN TRY_CAST({bare} AS HUGEINT)::VARCHAR END"


def _plain_decimal(bare: str) -> str:
    return f"regexp_replace(regexp_replace(exact({bare})::VARCHAR, '0+$', ''), '\\.$', '')"


def _moment(bare: str, kind: str, spelling: str) -> str:
    """Only what begins with a day of four-digit years: DuckDB reads `epoch` and `infinity` as times, too."""
    return f"CASE WHEN regexp_matches({bare}, '^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}') THEN strftime(TRY_CAST({bare} AS {kind}), '{spelling}') END"


def _id_set(bare: str) -> str:
    parts = f"list_transform(string_split({bare}, ';'), lambda part: {trimmed('part')})"
    return f"array_to_string(list_sort(list_distinct(list_filter({parts}, lambda part: part <> ''))), ';')"
