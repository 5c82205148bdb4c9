"""The shapes of what is kept between runs, as a contract makes them: bases and merged customers."""

import pyarrow as pa

from integration_pipelines.core.contract import Contract
from integration_pipelines.core.merge import compared_fields
from integration_pipelines.core.tables import TEXT, TIME

PARTS = pa.list_(
    pa.struct([("record_id", TEXT), ("status", TEXT), ("monthly_minor", TEXT), ("currency", TEXT), ("observed_at", TIME)])
)
"""What a customer's roll-up is made up of; money in minor units, as whole numbers of any length."""


def base_schema(contract: Contract) -> pa.Schema:
    """The shape of a base: the last value that both sides were seen to hold, per link and compared field."""
    columns = ["tenant_id", "link_id", *compared_fields(contract)]
    return pa.schema([(column, pa.string()) for column in columns])


def merged_schema(contract: Contract) -> pa.Schema:
    """The shape of the merged customers: per link the value that each compared field should have, and what its roll-up is made up of."""
    text = ("record_label", *compared_fields(contract))
    columns: dict[str, pa.DataType] = {
        "tenant_id": TEXT,
        "link_id": TEXT,
        "left_id": TEXT,
        "right_id": TEXT,
        "is_primary": pa.bool_(),
    }
    parts = {} if contract.rollup is None else {"parts": PARTS}
    return pa.schema(columns | dict.fromkeys(text, TEXT) | parts)
