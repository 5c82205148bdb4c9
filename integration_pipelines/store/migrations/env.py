"""What Alembic runs around a migration. The connection, already in a locked transaction, is handed over by `store.migrate`."""

from alembic import context

from integration_pipelines.store.schema import METADATA

_connection = context.config.attributes["connection"]
context.configure(connection=_connection, target_metadata=METADATA, transactional_ddl=True, compare_type=True)
context.run_migrations()
