"""Dagster resources: one that gives assets the product's ports. No logic belongs here."""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from integration_pipelines.ports.bundle import Ports
from integration_pipelines.settings import load_settings
from integration_pipelines.wiring import open_ports


class ProductResource(dg.ConfigurableResource[None]):
    """Opens the ports for one step; settings come from the environment, never from run config."""

    @contextmanager
    def ports(self) -> Iterator[Ports]:
        """All ports, closed when the step ends."""
        with open_ports(load_settings()) as ports:
            yield ports
