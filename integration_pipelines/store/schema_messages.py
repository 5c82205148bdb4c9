"""Tables of what people are told at other products, and of what a tenant says its partners mean."""

import sqlalchemy as sa

from integration_pipelines.store.columns import Utc, Words
from integration_pipelines.store.schema_parts import METADATA, count, of_tenant, text, time

NOTIFICATIONS = sa.Table(
    "notifications",
    METADATA,
    text("tenant_id", key=True),
    text("integration", key=True),
    sa.Column("event_key", Words, primary_key=True, comment="the same whenever the same thing is found"),
    sa.Column("notification", Words, nullable=False, comment="its name in the contract"),
    text("partner"),
    sa.Column("channel", Words, nullable=False, comment="blank: the one that the tenant says"),
    text("text"),
    text("left_id"),
    text("right_id"),
    text("run_id"),
    time("asked_at"),
    sa.Column("state", Words, nullable=False, comment="waiting, sending, sent or given_up"),
    count("attempts"),
    sa.Column("unclear", sa.BigInteger, nullable=False, comment="tries of which nobody knows whether they were heard"),
    sa.Column("next_try_at", Utc, nullable=True, comment="of one that is being sent: when somebody else may take it"),
    time("sent_at", optional=True),
    text("error_kind"),
    text("error_text"),
    sa.Index(None, "state", "next_try_at"),
)

PARTNER_OPTIONS = sa.Table(
    "partner_options",
    METADATA,
    of_tenant(),
    text("partner", key=True),
    text("option", key=True),
    sa.Column("values", Words, nullable=False, comment="JSON: list of texts"),
    time("set_at"),
)
