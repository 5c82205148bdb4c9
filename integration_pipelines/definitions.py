"""Dagster's way in; nothing is built until it is asked for."""

from functools import cache
from pathlib import Path

import dagster as dg


@dg.definitions
def defs() -> dg.Definitions:
    """Everything under `defs/`."""
    return _built()


@cache
def _built() -> dg.Definitions:
    """Built once a process: Dagster asks several times for every run, and to build them takes as long as to carry out a small one."""
    return dg.load_from_defs_folder(path_within_project=Path(__file__).parent)
