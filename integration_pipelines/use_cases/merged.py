"""The merged customers as they are kept for people: one file of all of a tenant's, and beside it what later looks at a few changed."""

import pyarrow as pa
import pyarrow.compute as pc

from integration_pipelines.core.contract import Contract
from integration_pipelines.core.shapes import merged_schema
from integration_pipelines.use_cases.observations import newest_rows

DATASET = "merged_customers"
GONE = pa.field("gone", pa.bool_())


def kept_schema(contract: Contract) -> pa.Schema:
    """Merged customers as they lie in the lake: `gone` marks links that are none any more; null is as good as false.

    `parts` is null in files that were written before they were kept.
    """
    return merged_schema(contract).append(GONE)


def counting(rows: pa.Table) -> pa.Table:
    """Of rows in the order of their files those that count, without `gone`."""
    newest = newest_rows(rows.append_column("_place", pa.array(range(rows.num_rows), pa.int64())), "link_id", "_place")
    here = newest.filter(pc.invert(pc.is_in(newest["gone"], value_set=pa.array([True], pa.bool_()))))
    return here.drop_columns(["gone", "_place"])
