"""Dagster's way in; nothing is built until it is asked for."""

from pathlib import Path

import dagster as dg


@dg.definitions
def defs() -> dg.Definitions:
    """Everything under `defs/`."""
    return dg.load_from_defs_folder(path_within_project=Path(__file__).parent)
