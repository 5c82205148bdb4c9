"""What the params of a fault may say."""

import pytest

from integration_pipelines.errors import InvalidError
from integration_pipelines.sandbox.fault_params import check_params


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"seconds": 0, "status": 504},
        {"seconds": 0.25, "short": True},
        {"retry_after": 120},
        {"retry_after": "Wed, 21 Oct 2026 07:28:00 GMT"},
        {"retry_after": "soon", "policy": "DAILY"},
        {"scope": "customer_write"},
        {"stored": False, "should_retry": True},
    ],
)
def test_what_a_fault_heeds_is_let_through(params: dict[str, object]) -> None:
    """Also a malformed Retry-After, which partners do send."""
    check_params(params)


@pytest.mark.parametrize(
    ("params", "named"),
    [
        ({"seconds": "soon"}, "seconds"),
        ({"seconds": -1}, "seconds"),
        ({"seconds": True}, "seconds"),
        ({"seconds": float("inf")}, "seconds"),
        ({"status": 200}, "status"),
        ({"status": "500"}, "status"),
        ({"retry_after": None}, "retry_after"),
        ({"retry_after": "1\r\nX-Planted: 1"}, "retry_after"),
        ({"retry_after": "später"}, "retry_after"),
        ({"scope": 5}, "scope"),
        ({"short": 1}, "short"),
        ({"secnds": 3}, "unknown"),
    ],
)
def test_what_would_break_when_it_strikes_is_refused(params: dict[str, object], named: str) -> None:
    """The message names the param and the remedy lists what may be said."""
    with pytest.raises(InvalidError) as refused:
        check_params(params)
    assert named in refused.value.message
    assert "seconds (a number from 0)" in refused.value.remedy
