"""datacompy over the two sides of `reconcile`.

It compares two tables of the same columns and knows neither canonical forms nor a base. So it is given both sides as files in canonical
form, record beside record, which is most of the work, and must find who differs in what.
"""

from pathlib import Path

import datacompy
import pandas as pd
import pyarrow as pa

from integration_pipelines_tests.benchmarks.meter import Answer, Given, Meter
from integration_pipelines_tests.benchmarks.reconcile_answer import PAIRS, pairs
from integration_pipelines_tests.benchmarks.reconcile_floor import COMPARED, KEY, side_file


def compare(meter: Meter, folder: Path, given: Given) -> Answer:
    """Read both files, compare, and take out what differs."""
    del folder
    home = Path(given["home"])
    _differences(home, given["small"])
    with meter.lap("compare"):
        found = _differences(home, given["tenant"])
    return {"differences": found.num_rows, **pairs(found)}


def _differences(home: Path, tenant_id: str) -> pa.Table:
    left, right = (pd.read_parquet(side_file(home, tenant_id, side)) for side in ("left", "right"))
    compared = datacompy.PandasCompare(left, right, join_columns=KEY, df1_name="left", df2_name="right")
    rows, parts = compared.intersect_rows, []
    for field in COMPARED:
        differing = rows.loc[~rows[f"{field}_match"], [KEY, f"{field}_left", f"{field}_right"]]
        parts.append(differing.set_axis([KEY, "left_value", "right_value"], axis=1).assign(field=field))
    return pa.Table.from_pandas(pd.concat(parts), preserve_index=False).select([c.strip() for c in PAIRS.split(",")])
