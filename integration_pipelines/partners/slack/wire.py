"""How Slack is spoken to: addresses and limits. What its error words mean is `core.slack_words`."""

from integration_pipelines.partners.http import Bucket

DEFAULT, POST = "default", "post"
BUCKETS = {DEFAULT: Bucket(per_second=0.8, burst=5), POST: Bucket(per_second=1.0, burst=3)}
"""Slack takes about one message a second and channel, with short bursts (docs.slack.dev, Rate limits)."""

HOOK = "/services/{}/{}/{}"
HOOK_PARTS = 3
POST_MESSAGE = "/api/chat.postMessage"
AUTH_TEST = "/api/auth.test"
HOSTS = ("slack.com", "slack-gov.com")
"""Where secrets of Slack may be sent, names below them included."""
