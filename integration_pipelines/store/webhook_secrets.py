"""Secrets of webhooks in SQL, sealed as they were given. One that has ended stays listed until it is forgotten."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from integration_pipelines.ports.webhooks import Scheme, WebhookSecret, WebhookSecrets
from integration_pipelines.store.engine import reading, scope, writing
from integration_pipelines.store.schema import WEBHOOK_SECRETS

_S = WEBHOOK_SECRETS.c


class SqlWebhookSecrets(WebhookSecrets):
    """Of all tenants and apps."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, secret: WebhookSecret) -> None:
        """Store one more."""
        with writing(self._engine, (secret.tenant_id,)) as connection:
            connection.execute(WEBHOOK_SECRETS.insert(), asdict(secret) | {"scheme": secret.scheme.value})

    def load(self, tenant_id: str | None, partner: str | None = None) -> list[WebhookSecret]:
        """By tenant, partner and age, retired ones too; None means every tenant and app, or every partner."""
        query = sa.select(WEBHOOK_SECRETS).order_by(_S.tenant_id, _S.partner, _S.added_at, _S.secret_id)
        if tenant_id is not None:
            query = query.where(_S.tenant_id == tenant_id)
        if partner is not None:
            query = query.where(_S.partner == partner)
        with reading(self._engine, scope(None if tenant_id is None else (tenant_id,))) as connection:
            rows = connection.execute(query).mappings()
            return [WebhookSecret(**{**row, "scheme": Scheme(row["scheme"])}) for row in rows]

    def retire(self, tenant_id: str, partner: str, secret_ids: Sequence[str], at: datetime) -> None:
        """Let those end at that moment; one that ends earlier already keeps its end."""
        mine = (_S.tenant_id == tenant_id, _S.partner == partner, _S.secret_id.in_(secret_ids))
        later = sa.or_(_S.retires_at.is_(None), _S.retires_at > at)
        with writing(self._engine, (tenant_id,)) as connection:
            connection.execute(sa.update(WEBHOOK_SECRETS).where(*mine, later).values(retires_at=at))

    def forget(self, tenant_id: str | None, before: datetime | None) -> int:
        """Remove secrets that ended before then, or (None) all of that tenant; returns how many."""
        gone = sa.delete(WEBHOOK_SECRETS)
        if tenant_id is not None:
            gone = gone.where(_S.tenant_id == tenant_id)
        if before is not None:
            gone = gone.where(_S.retires_at < before)
        with writing(self._engine, scope(None if tenant_id is None else (tenant_id,))) as connection:
            return connection.execute(gone).rowcount
