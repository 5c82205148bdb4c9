"""Tables of webhooks: accepted events, and the secrets that partners sign them with."""

import sqlalchemy as sa

from integration_pipelines.store.columns import Utc, Words
from integration_pipelines.store.schema_parts import METADATA, partial_index, text, time

IS_WAITING = sa.text("outcome = 'waiting'")

WEBHOOK_EVENTS = sa.Table(
    "webhook_events",
    METADATA,
    text("tenant_id", key=True),
    text("partner", key=True),
    text("event_id", key=True),
    sa.Column("integration", Words, primary_key=True, comment="blank: none of the tenant's reads what the event names"),
    text("type"),
    sa.Column("kind", Words, nullable=False, comment="records, wide, gap or uninstall: what it asks for"),
    sa.Column("records", Words, nullable=False, comment="JSON: [[partner object, id], …]"),
    sa.Column("occurred_at", Utc, nullable=True, comment="as the partner says"),
    time("received_at"),
    sa.Column("landed_path", Words, nullable=False, comment="relative to the landing zone"),
    time("landed_at"),
    sa.Column("seen_at", Utc, nullable=True, comment="when the sensor first saw it wait"),
    sa.Column("started_at", Utc, nullable=True, comment="when the run that took it last began with it"),
    sa.Column("written_at", Utc, nullable=True, comment="when the partner acknowledged the last write for its records"),
    sa.Column("outcome", Words, nullable=False, comment="waiting, applied, equal, echo, held, ignored or quarantined"),
    sa.Column("applied_at", Utc, nullable=True, comment="when a run said what became of it"),
    text("run_id", optional=True),
    text("reason"),
    sa.Column(
        "echo_key", Words, nullable=False, comment="idempotency key of the request that caused it, where the partner tells it"
    ),
    # Holds only what waits, with all that the sensor asks, so that asking costs the same however much is settled.
    partial_index("ix_webhook_events_waiting", "tenant_id", "integration", "received_at", "seen_at", "outcome", where=IS_WAITING),
    sa.Index(None, "landed_at"),
)

WEBHOOK_SECRETS = sa.Table(
    "webhook_secrets",
    METADATA,
    sa.Column("tenant_id", Words, primary_key=True, comment="`app`: of an app whose one address serves all tenants"),
    text("partner", key=True),
    text("secret_id", key=True),
    sa.Column("scheme", Words, nullable=False, comment="partner: its own signature; standard: Standard Webhooks"),
    sa.Column("sealed_secret", sa.LargeBinary, nullable=False),
    time("added_at"),
    sa.Column("retires_at", Utc, nullable=True, comment="what is signed with it is refused from then on"),
)
