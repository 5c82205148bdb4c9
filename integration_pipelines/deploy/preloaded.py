"""What a run needs, loaded by importing this: by the process that runs are forked from (`forked_runs`), before it forks the first.

It opens no database and no connection, so that each run opens its own. Great Expectations is left out: it is as large as all else
together, and only runs that read everything need it.
"""

import gc
import warnings
from importlib import import_module
from importlib.util import find_spec

DEFINITIONS = "integration_pipelines.definitions"
NEEDED = (
    DEFINITIONS,
    "dagster._grpc.impl",
    "integration_pipelines.gate.judge",
    "integration_pipelines.partners.hubspot.client",
    "integration_pipelines.partners.stripe.client",
    "integration_pipelines.store.cipher",
    "sqlalchemy.dialects.sqlite",
)
IF_INSTALLED = ("psycopg2", "dagster_postgres", "sqlalchemy.dialects.postgresql.psycopg2")


def load() -> None:
    """Import it, and build what Dagster is to run."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Dagster's beta and preview notices are for developers
        for name in (*NEEDED, *(name for name in IF_INSTALLED if find_spec(name))):
            import_module(name)
        import_module(DEFINITIONS).defs().get_repository_def()
    gc.collect()
    gc.freeze()  # what was loaded stays: no run looks through it for garbage, which would also copy it into every child


load()
