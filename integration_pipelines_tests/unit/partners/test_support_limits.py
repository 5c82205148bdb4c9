"""Our own limits for Zendesk, PagerDuty and Slack: whatever we do in one minute, burst included, stays below what the partner takes."""

import pytest

from integration_pipelines.partners.http import Bucket
from integration_pipelines.partners.pagerduty import wire as pagerduty
from integration_pipelines.partners.slack import wire as slack
from integration_pipelines.partners.zendesk import wire as zendesk


@pytest.mark.parametrize(
    ("bucket", "per_minute"),
    [
        (zendesk.BUCKETS[zendesk.DEFAULT], 200),
        (zendesk.BUCKETS[zendesk.EXPORT], 10),
        (pagerduty.BUCKETS[pagerduty.DEFAULT], 960),
        (slack.BUCKETS[slack.POST], 64),
    ],
)
def test_no_minute_of_ours_is_more_than_the_partner_takes(bucket: Bucket, per_minute: int) -> None:
    """A full burst and a minute's refill on top of it."""
    assert bucket.burst + bucket.per_second * 60 <= per_minute
