"""Dagster's way in; nothing is built until it is asked for."""

from functools import cache
from importlib import import_module

import dagster as dg

from integration_pipelines.defs.arrow_alone import load_arrow_alone
from integration_pipelines.deploy.forked_runs import fork_runs_of_this_server


@dg.definitions
def defs() -> dg.Definitions:
    """Everything under `defs/`."""
    return _built()


@cache
def _built() -> dg.Definitions:
    """Built once a process: Dagster asks several times for every run, and to build them takes as long as to carry out a small one.

    Dagster's own loading of a folder describes every kind of component that is installed first, which takes twice as long as all else.
    """
    load_arrow_alone()
    fork_runs_of_this_server()
    built: dg.Definitions = import_module("integration_pipelines.defs.integrations").integrations()
    return built
