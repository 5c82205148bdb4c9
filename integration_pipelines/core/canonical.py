"""The canonical form of each field type, as SQL expressions over text.

Two values are the same when their canonical forms are equal text. Null stays null (missing), blank is '', and a value that
cannot be read as its type keeps its own text, so that it differs from every proper value instead of vanishing.
"""

from integration_pipelines.core.contract import FieldType
from integration_pipelines.core.sql import text_list

# Stripe's minor units. ISK and UGX have no decimals in ISO 4217, but Stripe keeps stating them with two
# (docs.stripe.com/currencies, special cases), so they are absent here on purpose.
ZERO_DECIMALS = ("BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF")
THREE_DECIMALS = ("BHD", "JOD", "KWD", "OMR", "TND")

_BLANKS = "chr(9)||chr(10)||chr(11)||chr(12)||chr(13)||chr(32)||chr(160)"


def decimals(currency: str) -> str:
    """How many decimals a currency has (0, 2 or 3), from an expression with its upper-case code."""
    return f"CASE WHEN {currency} IN {text_list(ZERO_DECIMALS)} THEN 0 WHEN {currency} IN {text_list(THREE_DECIMALS)} THEN 3 ELSE 2 END"


def canonical(kind: FieldType, raw: str) -> str:
    """The canonical form of an expression that holds raw text of that type (money: see `minor_from_major`)."""
    trimmed = f"trim({raw}, {_BLANKS})"
    by_kind = {
        FieldType.TEXT: f"nfc_normalize({trimmed})",
        FieldType.EMAIL: f"lower(nfc_normalize({trimmed}))",
        FieldType.DOMAIN: f"regexp_replace(lower(nfc_normalize({trimmed})), '^www\\.', '')",
        FieldType.CURRENCY: f"upper({trimmed})",
        FieldType.BOOLEAN: f"lower({trimmed})",
        FieldType.INTEGER: _or_own(f"TRY_CAST({trimmed} AS HUGEINT)::VARCHAR", trimmed),
        FieldType.DECIMAL: _or_own(_plain_decimal(f"TRY_CAST({trimmed} AS DECIMAL(38, 12))::VARCHAR"), trimmed),
        FieldType.DATE: _or_own(f"strftime(TRY_CAST({trimmed} AS DATE), '%Y-%m-%d')", trimmed),
        FieldType.DATETIME: _or_own(f"strftime(TRY_CAST({trimmed} AS TIMESTAMPTZ), '%Y-%m-%dT%H:%M:%SZ')", trimmed),
        FieldType.IDS: f"array_to_string(list_sort(list_distinct(string_split({trimmed}, ';'))), ';')",
    }
    return f"CASE WHEN {raw} IS NULL THEN NULL WHEN {trimmed} = '' THEN '' ELSE {by_kind.get(kind, trimmed)} END"


def minor_from_major(raw: str, currency: str) -> str:
    """Major units as decimal text (`1234.5`) to canonical minor units (`123450`) of a currency.

    An amount finer than the minor unit keeps its own text: it is no amount of that currency.
    """
    scaled = f"(pico({raw}) * (10 ** ({decimals(currency)}))::HUGEINT)"
    exact = f"CASE WHEN {scaled} % 1000000000000 = 0 THEN ({scaled} // 1000000000000)::VARCHAR END"
    return f"CASE WHEN {raw} IS NULL THEN NULL WHEN trim({raw}) = '' THEN '' ELSE coalesce({exact}, {raw}) END"


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


def _plain_decimal(fixed: str) -> str:
    return f"regexp_replace(regexp_replace({fixed}, '0+$', ''), '\\.$', '')"
