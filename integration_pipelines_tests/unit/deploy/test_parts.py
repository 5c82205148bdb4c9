"""What the profiles bring along: a pool of connections, a short way for events, a worker that knows its launcher."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, cast
from uuid import uuid4

import dagster as dg
import pytest
import sqlalchemy as sa
from dagster._core.instance.ref import InstanceRef
from dagster._core.remote_origin import GrpcServerCodeLocationOrigin, RemoteJobOrigin, RemoteRepositoryOrigin
from dagster._core.run_coordinator import SubmitRunContext
from dagster._core.storage.dagster_run import DagsterRun, DagsterRunStatus
from dagster_celery.config import TASK_EXECUTE_JOB_NAME, TASK_RESUME_JOB_NAME

from integration_pipelines.deploy.pooled_storage import KEPT_CONNECTIONS, PooledPostgresStorage, _pool
from integration_pipelines.deploy.profiles import write_files
from integration_pipelines.deploy.worker import arguments, celery_of
from integration_pipelines.errors import ConfigError
from integration_pipelines_tests.kit import databases

if TYPE_CHECKING:
    from dagster._core.workspace.context import BaseWorkspaceRequestContext

BROKER = {"DAGSTER_CELERY_BROKER": "redis://127.0.0.1:1/0", "DAGSTER_CELERY_RESULTS": "redis://127.0.0.1:1/1"}
CONNECTIONS = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"


@pytest.fixture
def url() -> Iterator[str]:
    """An empty database."""
    made = databases.new_database("pooled")
    yield made
    _pool(made, os.getpid()).dispose()
    databases.forget(made)


def storage(url: str) -> PooledPostgresStorage:
    """As `dagster.yaml` makes it."""
    return PooledPostgresStorage.from_config_value(None, {"postgres_url": url, "should_autocreate_tables": True})


def backends(url: str) -> list[int]:
    """Other connections to the database."""
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        found = [row.pid for row in connection.execute(sa.text(CONNECTIONS))]
    engine.dispose()
    return found


def test_many_instances_share_one_pool(url: str) -> None:
    """A worker opens an instance for every run; its connections do not become more."""
    for number in range(5):
        opened = storage(url)
        opened.run_storage.add_run(DagsterRun(job_name="j", run_id=str(uuid4())))
        assert opened.event_log_storage.get_logs_for_run("none") == []
        assert opened.schedule_storage.all_instigator_state() == []
        assert opened.run_storage.get_runs_count() == number + 1
    assert 1 <= len(backends(url)) <= KEPT_CONNECTIONS


def test_a_restarted_database_is_noticed_in_time(url: str) -> None:
    """Connections that were cut are replaced before anything is asked over them."""
    opened = storage(url)
    assert opened.run_storage.get_runs_count() == 0
    admin = sa.create_engine(databases.postgresql_url(), isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        for backend in backends(url):
            connection.execute(sa.text("SELECT pg_terminate_backend(:pid)"), {"pid": backend})
    admin.dispose()
    assert opened.run_storage.get_runs_count() == 0


def test_a_forked_process_has_a_pool_of_its_own(url: str) -> None:
    """A connection is never used by two processes."""
    assert _pool(url, os.getpid()) is _pool(url, os.getpid())
    assert _pool(url, os.getpid()) is not _pool(url, os.getpid() + 1)


@pytest.mark.parametrize(("trigger", "status"), [("event", DagsterRunStatus.STARTING), ("schedule", DagsterRunStatus.QUEUED)])
def test_event_runs_do_not_queue(tmp_path: Path, trigger: str, status: DagsterRunStatus) -> None:
    """They are with the launcher at once, everything else waits for the daemon."""
    overrides = {
        "run_coordinator": {"module": "integration_pipelines.deploy.coordinator", "class": "EventsFirst", "config": {}},
        "run_launcher": {"module": "dagster._core.test_utils", "class": "MockedRunLauncher", "config": {}},
    }
    with dg.DagsterInstance.from_ref(InstanceRef.from_dir(str(tmp_path), overrides=overrides)) as instance:
        server = GrpcServerCodeLocationOrigin(host="127.0.0.1", port=1)
        origin = RemoteJobOrigin(RemoteRepositoryOrigin(server, "repository"), "job")
        run = instance.run_storage.add_run(DagsterRun("job", str(uuid4()), tags={"trigger": trigger}, remote_job_origin=origin))
        context = SubmitRunContext(run, workspace=cast("BaseWorkspaceRequestContext", None))
        assert instance.run_coordinator.submit_run(context).status is status


def test_a_worker_reads_its_broker_where_the_launcher_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The application has the broker of dagster.yaml and the tasks that carry out runs."""
    write_files("fast", tmp_path)
    for name, value in BROKER.items():
        monkeypatch.setenv(name, value)
    app = celery_of(tmp_path)
    assert (app.conf.broker_url, app.conf.result_backend) == tuple(BROKER.values())
    assert {TASK_EXECUTE_JOB_NAME, TASK_RESUME_JOB_NAME} <= set(app.tasks)
    assert "--queues=events" in arguments("events", 2)


def test_a_home_without_workers_is_refused(tmp_path: Path) -> None:
    """With the way to get the files of one that has them."""
    write_files("embedded", tmp_path)
    with pytest.raises(ConfigError) as refused:
        celery_of(tmp_path)
    assert "deploy files fast" in refused.value.remedy
