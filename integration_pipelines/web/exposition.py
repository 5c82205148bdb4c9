"""Figures from the store in Prometheus' text format. Which figures there are is the store's matter."""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from integration_pipelines.ports.writing import Metrics


class StoreCollector(Collector):
    """Turns figures into gauges."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """One family a figure."""
        for name, rows in sorted(self._metrics.figures().items()):
            labels = sorted({key for row, _ in rows for key in row})
            family = GaugeMetricFamily(name, name.removeprefix("integration_pipelines_").replace("_", " "), labels=labels)
            for row, value in rows:
                family.add_metric([row.get(label, "") for label in labels], value)
            yield family


def exposition(metrics: Metrics) -> str:
    """The whole page."""
    registry = CollectorRegistry()
    registry.register(StoreCollector(metrics))
    return generate_latest(registry).decode()
