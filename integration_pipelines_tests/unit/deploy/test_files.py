"""The files of every profile: they are what Dagster, Compose and Dagster's chart take, and they say the same things."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import dagster as dg
import pytest
import yaml
from dagster._cli import cli as dagster_cli
from dagster._core.instance.ref import InstanceRef
from dagster._core.run_coordinator import QueuedRunCoordinator
from dagster._daemon.cli import cli as daemon_cli
from dagster_webserver.cli import dagster_webserver

from integration_pipelines.cli.main import app
from integration_pipelines.deploy.profiles import PROFILES, files_of, write_files
from integration_pipelines.errors import ConfigError
from integration_pipelines_tests.kit.stack import databases_of
from integration_pipelines_tests.lint.source import ROOT

NAMES = [profile.name for profile in PROFILES]
SERVED = ["standard", "fast"]
PROGRAMS: dict[str, click.Command] = {
    "integration-pipelines": app, "dagster": dagster_cli, "dagster-daemon": daemon_cli, "dagster-webserver": dagster_webserver,
}  # fmt: skip
BROKER = {"DAGSTER_CELERY_BROKER": "redis://127.0.0.1:1/0", "DAGSTER_CELERY_RESULTS": "redis://127.0.0.1:1/1"}
CHART = {
    "global", "generatePostgresqlPasswordSecret", "postgresql", "dagster-user-deployments", "runLauncher", "dagsterWebserver",
    "dagsterDaemon", "retention", "computeLogManager", "telemetry", "rabbitmq", "redis", "flower", "additionalInstanceConfig",
}  # fmt: skip
CHART_INSIDE = {
    "global": {"postgresqlSecretName"},
    "postgresql": {"enabled", "postgresqlHost", "postgresqlUsername", "postgresqlDatabase", "postgresqlScheme", "service"},
    "dagster-user-deployments": {"enabled", "deployments"},
    "runLauncher": {"type", "config"},
    "dagsterWebserver": {"image", "dbPoolRecycle", "envSecrets", "resources"},
    "dagsterDaemon": {
        "enabled", "image", "envSecrets", "resources", "runCoordinator", "runMonitoring", "runRetries", "sensors", "schedules",
    },
}  # fmt: skip
CHART_DEPLOYMENT = {"name", "image", "dagsterApiGrpcArgs", "port", "envSecrets", "resources"}
"""The chart's names, as its values schema of 1.13 has them."""


def read(profile: str, name: str) -> dict[str, Any]:
    """A file of a profile."""
    found: dict[str, Any] = yaml.safe_load(files_of(profile)[name])
    return found


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Databases of its own and a broker that nobody speaks to."""
    with databases_of() as said:
        for name, value in (said | BROKER).items():
            monkeypatch.setenv(name, value)
        yield


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize("profile", NAMES)
def test_dagster_takes_the_instance(profile: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A real instance opens: pooled PostgreSQL or SQLite, the launcher of the profile, one run a tenant, an end to every run."""
    write_files(profile, tmp_path)
    monkeypatch.chdir(tmp_path)
    with dg.DagsterInstance.from_ref(InstanceRef.from_dir(str(tmp_path))) as instance:
        storage = instance.get_ref().storage_data
        launcher, coordinator = type(instance.run_launcher).__name__, instance.run_coordinator
        assert instance.run_monitoring_max_runtime_seconds == 3600
        assert not instance.telemetry_enabled
        assert instance.get_runs_count() == 0
    assert storage is not None
    assert storage.class_name == {"embedded": "DagsterSqliteStorage"}.get(profile, "PooledPostgresStorage")
    assert launcher == {"fast": "CeleryRunLauncher"}.get(profile, "DefaultRunLauncher")
    assert isinstance(coordinator, QueuedRunCoordinator)
    limits = coordinator.get_run_queue_config().tag_concurrency_limits
    assert {limit["key"]: limit["limit"] for limit in limits} == {"tenant": 1, "dagster/partition": 1}


def test_the_embedded_profile_is_what_runs_by_default() -> None:
    """The checkout's own files, to the letter."""
    assert files_of("embedded") == {
        name: (ROOT / name).read_text(encoding="utf-8") for name in ("dagster.yaml", "workspace.yaml")
    }


def commands(profile: str) -> Iterator[tuple[str, list[str]]]:
    """Every command that a compose file or a manifest starts of ours or of Dagster's, with where it stands."""
    for name, service in read(profile, "compose.yaml")["services"].items():
        if service.get("image", "").startswith("${IMAGE"):
            yield f"compose: {name}", service["command"]
    for kind in yaml.safe_load_all(files_of(profile)["manifests.yaml"]):
        for container in kind["spec"].get("template", {}).get("spec", {}).get("containers", ()):
            yield f"manifests: {kind['metadata']['name']}", container["command"]
    for deployment in read(profile, "values.yaml")["dagster-user-deployments"]["deployments"]:
        yield "values: code", ["dagster", "api", "grpc", "--port", str(deployment["port"]), *deployment["dagsterApiGrpcArgs"]]


@pytest.mark.parametrize("profile", SERVED)
def test_every_command_exists_with_its_options(profile: str) -> None:
    """Each is a program of ours or of Dagster's, and that program's own parser takes its words."""
    found = list(commands(profile))
    assert len(found) == {"standard": 6, "fast": 10}[profile]
    for place, (program, *words) in found:
        command = PROGRAMS[program]
        while isinstance(command, click.Group):
            name = words.pop(0)
            inner = command.get_command(click.Context(command), name)
            assert inner is not None, f"{place}: no {name}"
            command = inner
        command.make_context(program, words, resilient_parsing=False)


@pytest.mark.parametrize("profile", SERVED)
def test_compose_gives_every_process_what_it_asks_for(profile: str) -> None:
    """All that dagster.yaml reads from the environment is set, secrets have no default, and only loopback is published."""
    composed, text = read(profile, "compose.yaml"), files_of(profile)["compose.yaml"]
    asked = {line.split("env: ")[1].rstrip("}") for line in files_of(profile)["dagster.yaml"].splitlines() if "env: " in line}
    products = {n: s for n, s in composed["services"].items() if s.get("image", "").startswith("${IMAGE")}
    for name, service in products.items():
        assert asked <= set(service["environment"]), name
        assert set(service["depends_on"]) <= set(composed["services"]), name
    assert "${POSTGRES_PASSWORD:?" in text
    assert "${INTEGRATION_PIPELINES_MASTER_KEY:?" in text
    ports = [port for service in composed["services"].values() for port in service.get("ports", ())]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)
    volumes = (
        {mount.split(":")[0] for s in composed["services"].values() for mount in s["volumes"]} if profile == "standard" else set()
    )
    assert {v for v in volumes if not v.startswith("./")} <= set(composed["volumes"])


@pytest.mark.parametrize("profile", SERVED)
def test_workers_and_receiver_are_there(profile: str) -> None:
    """Events and bulk have workers of their own in the fast profile; the standard one has no broker."""
    services = set(read(profile, "compose.yaml")["services"])
    both = {"postgres", "code", "webserver", "daemon", "receiver"}
    assert services == (both | {"redis", "events", "bulk"} if profile == "fast" else both)


@pytest.mark.parametrize("profile", SERVED)
def test_values_are_in_the_words_of_the_chart(profile: str) -> None:
    """Every key is one that Dagster's chart knows, and what it cannot say is said as in dagster.yaml, word for word."""
    values, instance = read(profile, "values.yaml"), read(profile, "dagster.yaml")
    assert set(values) == CHART
    for name, known in CHART_INSIDE.items():
        assert set(values[name]) <= known, name
    assert all(set(deployment) <= CHART_DEPLOYMENT for deployment in values["dagster-user-deployments"]["deployments"])
    same = {"nux", "run_queue", "run_coordinator", "sensors", "run_monitoring", "retention"} & set(instance)
    assert values["additionalInstanceConfig"] == {name: instance[name] for name in same}
    launcher = values["runLauncher"]["config"]["customRunLauncher"]
    assert launcher == instance.get(
        "run_launcher", {"module": "dagster._core.launcher", "class": "DefaultRunLauncher", "config": {}}
    )


@pytest.mark.parametrize("profile", SERVED)
def test_manifests_hang_together(profile: str) -> None:
    """Each selector finds its pods, each mount its volume, each volume its claim."""
    kinds = list(yaml.safe_load_all(files_of(profile)["manifests.yaml"]))
    claims = {k["metadata"]["name"] for k in kinds if k["kind"] == "PersistentVolumeClaim"}
    for deployment in (k for k in kinds if k["kind"] == "Deployment"):
        pod = deployment["spec"]["template"]
        assert deployment["spec"]["selector"]["matchLabels"] == pod["metadata"]["labels"]
        volumes = {v["name"]: v for v in pod["spec"]["volumes"]}
        mounted = {m["name"] for c in pod["spec"]["containers"] for m in c["volumeMounts"]}
        assert mounted == set(volumes)
        assert {v["persistentVolumeClaim"]["claimName"] for v in volumes.values() if "persistentVolumeClaim" in v} <= claims


def test_the_image_is_built_from_what_a_checkout_has() -> None:
    """Every file that is copied exists, and what is installed is held to the lock."""
    text = files_of("fast")["Dockerfile"]
    copied = [word for line in text.splitlines() if line.startswith("COPY ") for word in line.split()[1:-1]]
    assert copied
    assert all((ROOT / name).exists() for name in copied)
    assert "--require-hashes" in text
    assert "--constraint requirements.lock" in text
    assert files_of("standard")["Dockerfile"] == text


def test_files_that_somebody_changed_are_not_overwritten(tmp_path: Path) -> None:
    """Unless told so; writing the same again changes nothing."""
    written = write_files("fast", tmp_path / "new")
    assert sorted(path.name for path in written) == sorted(files_of("fast"))
    write_files("fast", tmp_path / "new")
    (tmp_path / "new" / "compose.yaml").write_text("mine", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"compose\.yaml"):
        write_files("fast", tmp_path / "new")
    write_files("fast", tmp_path / "new", overwrite=True)
    assert (tmp_path / "new" / "compose.yaml").read_text(encoding="utf-8") == files_of("fast")["compose.yaml"]


def test_an_unknown_profile_is_refused() -> None:
    """With the names of those there are."""
    with pytest.raises(ConfigError) as refused:
        files_of("cheap")
    assert "embedded, standard, fast" in refused.value.remedy
