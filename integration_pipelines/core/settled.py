"""The values that count on both sides of a link, and which links need no second look: nothing differs, and the base says the same.

Of a settled link only the value that each field should have is kept, so that what is carried through the rest of a pass is small.
"""

from collections.abc import Mapping

from integration_pipelines.core.contract import Contract, FieldType, SyncField
from integration_pipelines.core.sql import name, text

MIXED = "MIXED"
"""The currency of amounts that are in several ones; such an amount is always looked at."""
_BITS = 60


def owner_side(contract: Contract, spec: SyncField) -> str:
    """`left`, `right` or `two_way`."""
    return "two_way" if spec.owner == "two_way" else contract.side_of(spec.owner)


def on_primary_only(contract: Contract, spec: SyncField) -> bool:
    """Whether a field is compared once per left record, under its oldest link: all that is written to the left side."""
    return owner_side(contract, spec) != "left"


def owners(contract: Contract, field: str, row: str = "") -> str:
    """The value that a field should have, by its owner; `row` is what the row is called, where several are joined."""
    left, right = row + name("l_" + field), row + name("r_" + field)
    return f"coalesce({right}, {left})" if owner_side(contract, contract.fields[field]) == "right" else left


def compared_bit(place: int) -> str:
    """The bit that says whether the field at that place of the compared ones has a value on both sides."""
    return f"(compared_{place // _BITS} & {1 << place % _BITS})"


def judged_by_row(contract: Contract, fields: Mapping[str, SyncField], formed: str) -> str:
    """The query for `wide`, from one that has `l_`, `r_` and `z_` columns in canonical form.

    Effective values take the place of what the sides say; `settled` and the `compared_<n>` bits are added. A settled row has in
    `l_<field>` what the field should be, and nulls in `r_<field>` and `z_<field>`.
    """
    pairs = {f: (name("l_" + f), name("r_" + f), name("z_" + f)) for f in fields}
    agree = [
        f"coalesce({left} = {right} AND {z} = {left}, {left} IS NULL OR {right} IS NULL)" for left, right, z in pairs.values()
    ]
    pure = [f"coalesce({currency_of(contract, s)} <> '{MIXED}', true)" for s in fields.values() if s.type is FieldType.MONEY]
    settled = " AND ".join(("NOT coalesce(followed, false)", *agree, *pure))
    shown = [
        f"CASE WHEN settled THEN {owners(contract, f)} ELSE {left} END AS {left}, "
        f"CASE WHEN NOT settled THEN {right} END AS {right}, CASE WHEN NOT settled THEN {z} END AS {z}"
        for f, (left, right, z) in pairs.items()
    ]
    return f"""SELECT {KEPT}, settled, {", ".join(_bits(list(pairs.values())))}, {", ".join(shown)}
      FROM (SELECT *, {settled} AS settled FROM ({_effective(contract, fields, formed)}))"""


KEPT = """tenant_id, link_id, left_id, right_id, is_new, is_primary, siblings, dispute, followed, rollup_trouble, record_label,
  left_observed_at, right_observed_at"""
"""Of a link and its records, whatever the fields."""


def currency_of(contract: Contract, spec: SyncField) -> str:
    """The column with the currency of an amount, as the amount's owner states it."""
    return name(("l_" if owner_side(contract, spec) == "left" else "r_") + (spec.currency_field or ""))


def _bits(pairs: list[tuple[str, str, str]]) -> list[str]:
    bits = [
        f"CASE WHEN {left} IS NOT NULL AND {right} IS NOT NULL THEN {1 << n % _BITS} ELSE 0 END"
        for n, (left, right, _) in enumerate(pairs)
    ]
    return [
        f"({' + '.join(bits[start : start + _BITS])})::BIGINT AS compared_{start // _BITS}"
        for start in range(0, len(bits), _BITS)
    ]


def _effective(contract: Contract, fields: Mapping[str, SyncField], formed: str) -> str:
    """Effective values, and null where a field is compared under another link."""
    columns = []
    for field, spec in fields.items():
        left, right = _owners_value(contract, field)
        if on_primary_only(contract, spec):  # a roll-up is of all links; any other value is the oldest link's, refused or not
            chosen = "is_primary" if spec.left.rollup or spec.right.rollup else "is_oldest"
            left = f"CASE WHEN {chosen} THEN {left} END"
        columns.append(f"{left} AS {name('l_' + field)}, {right} AS {name('r_' + field)}, {name('z_' + field)}")
    return f"SELECT {KEPT}, {', '.join(columns)} FROM ({formed})"


def _owners_value(contract: Contract, field: str) -> tuple[str, str]:
    """The effective values on both sides: the owner's blank becomes what the contract says a blank means."""
    spec = contract.fields[field]
    values = {"left": name("l_" + field), "right": name("r_" + field)}
    side = owner_side(contract, spec)
    if side != "two_way":
        own = values[side]
        meant = {"clear": own, "default": f"coalesce(nullif({own}, ''), CASE WHEN {own} = '' THEN {text(spec.default)} END)"}
        values[side] = meant.get(spec.blank, f"nullif({own}, '')")
    return values["left"], values["right"]
