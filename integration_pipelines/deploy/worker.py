"""A worker of the fast profile: whole runs, one after the other, in processes that have everything loaded.

The parent imports what runs need, the gate with Great Expectations first of all, and forks; its children share that memory. It opens
no database and no connection before that. Which broker there is, it reads where the launcher reads it: in the home's `dagster.yaml`.
"""

import gc
import os
import warnings
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from celery import Celery
from dagster._core.instance.ref import InstanceRef
from dagster_celery.launcher import CeleryRunLauncher
from dagster_celery.tasks import create_execute_job_task, create_resume_job_task

from integration_pipelines.errors import ConfigError
from integration_pipelines.gate.evaluate import load
from integration_pipelines.store.open import keep_stores_open
from integration_pipelines.use_cases.launches import BULK_QUEUE

_BEHIND = 5
DEFINITIONS = "integration_pipelines.definitions"
NEEDED = (
    DEFINITIONS,
    "integration_pipelines.partners.hubspot.client",
    "integration_pipelines.partners.stripe.client",
    "dagster._cli.api",
    "dagster_postgres",
    "pandas",
    "psycopg2",
)
"""What a run loads at one point or another, beside the gate."""


def run_worker(home: Path, queue: str, processes: int) -> None:
    """Work until told to stop; SIGTERM lets the runs in hand end first.

    Args:
        home: the folder with `dagster.yaml`; becomes the working directory.
        queue: whose runs, `events` or `bulk`.
        processes: how many runs at once.

    Raises:
        ConfigError: the home launches its runs by other means.
    """
    os.environ["DAGSTER_HOME"] = str(home)
    os.chdir(home)
    if queue == BULK_QUEUE:
        os.nice(_BEHIND)  # where both share a machine, events come first
    app = celery_of(home)
    load_everything()
    keep_stores_open()
    app.worker_main(arguments(queue, processes))


def celery_of(home: Path) -> Celery:
    """The launcher's Celery application, with the task that carries out a run."""
    launcher = InstanceRef.from_dir(str(home)).run_launcher
    if not isinstance(launcher, CeleryRunLauncher):
        raise ConfigError(
            f"{home / 'dagster.yaml'} launches runs without workers.",
            remedy="Take the files of the profile that has them: integration-pipelines deploy files fast --to FOLDER",
        )

    create_execute_job_task(launcher.celery)
    create_resume_job_task(launcher.celery)
    return launcher.celery


def load_everything() -> None:
    """Import what runs need, build what Dagster is to run, and let the gate load its engine."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Dagster's beta and preview notices are for developers
        for name in NEEDED:
            import_module(name)
        import_module(DEFINITIONS).defs().get_repository_def()
        load()
    gc.collect()
    gc.freeze()  # what was loaded stays: no run looks through it for garbage, which would also copy it into every child


def arguments(queue: str, processes: int) -> Sequence[str]:
    """Celery's own words for it. Workers need not hear of each other, and none takes a run that it cannot begin."""
    quiet = ("--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel=WARNING")
    return (
        "worker",
        f"--queues={queue}",
        f"--concurrency={processes}",
        f"--hostname={queue}@%h",
        "--prefetch-multiplier=1",
        *quiet,
    )
