"""How long events took: whole and stage by stage, of those that led to a write."""

from datetime import UTC, datetime, timedelta

import pytest

from integration_pipelines.core.latency import Moments, latency, quantiles

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def event(landed: float, seen: float | None, started: float | None, written: float | None) -> Moments:
    """An event by the seconds after which it reached each stage."""
    later = [None if s is None else NOON + timedelta(seconds=s) for s in (seen, started, written)]
    return Moments(NOON, NOON + timedelta(seconds=landed), *later)


@pytest.mark.parametrize(
    ("count", "expected"),
    [(1, (1, 1, 1)), (2, (1, 2, 2)), (10, (5, 10, 10)), (100, (50, 95, 99)), (101, (51, 96, 100)), (1000, (500, 950, 990))],
)
def test_a_quantile_is_a_value_that_occurred(count: int, expected: tuple[int, int, int]) -> None:
    """The nearest rank: as many of a hundred lie at or below it as it says, in whatever order they came."""
    found = quantiles([float(n) for n in range(count, 0, -1)])
    assert (found["p50"], found["p95"], found["p99"]) == expected


def test_stages_add_up_to_the_whole() -> None:
    """Each stage is counted from the one before that was reached."""
    found = latency([event(0.5, 2.0, 3.0, 5.0)])
    assert found is not None
    assert found.seconds == {"p50": 5.0, "p95": 5.0, "p99": 5.0}
    assert {stage: values["p50"] for stage, values in found.stages.items()} == {
        "landed": 0.5,
        "seen": 1.5,
        "started": 1.0,
        "written": 2.0,
    }


@pytest.mark.parametrize("seen", [None, 4.0])
def test_an_event_that_a_run_took_before_the_sensor_looked_was_never_seen(seen: float | None) -> None:
    """Nothing of its time is the sensor's."""
    found = latency([event(0.5, seen, 3.0, 5.0)])
    assert found is not None
    assert {stage: values["p50"] for stage, values in found.stages.items()} == {"landed": 0.5, "started": 2.5, "written": 2.0}


def test_only_events_that_led_to_a_write_count() -> None:
    """Echoes, equal ones and those that wait say nothing of how long a change takes."""
    assert latency([event(0.1, 0.2, 0.3, None), event(0.1, None, None, None)]) is None
    found = latency([event(0.1, 0.2, 0.3, None), event(0.1, 0.2, 0.3, 4.0)])
    assert found is not None
    assert (found.written, found.seconds["p99"]) == (1, 4.0)
