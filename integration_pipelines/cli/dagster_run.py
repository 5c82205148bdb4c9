"""Run the chain as a Dagster run inside this process, so that the UI shows it whether or not a daemon is up."""

import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from integration_pipelines.core.contract import Contract
from integration_pipelines.errors import ConfigError
from integration_pipelines.settings import Settings
from integration_pipelines.use_cases.launches import run_tags


@contextmanager
def dagster_instance(settings: Settings) -> Iterator[Any]:
    """Dagster's instance of the home. Paths in `dagster.yaml` are relative to the home, so this process moves there."""
    os.environ["DAGSTER_HOME"] = str(settings.home)
    os.chdir(settings.home)
    import dagster as dg  # noqa: PLC0415 - 0.7 s that only runs pay for
    from dagster._core.instance.ref import InstanceRef  # noqa: PLC0415 - the public way in reads the environment only

    # Captured output would swallow what the command prints while a step runs in this very process.
    silent = {"module": "dagster._core.storage.noop_compute_log_manager", "class": "NoOpComputeLogManager"}
    with dg.DagsterInstance.from_ref(InstanceRef.from_dir(str(settings.home), overrides={"compute_logs": silent})) as instance:
        yield instance


def register_tenants(instance: Any, tenant_ids: Sequence[str]) -> None:  # noqa: ANN401 - Dagster is loaded late
    """Make tenants known as partitions; known ones stay."""
    instance.add_dynamic_partitions("tenants", list(tenant_ids))


def run_chain(
    instance: Any,  # noqa: ANN401 - idem
    contract: Contract,
    tenant_ids: Sequence[str],
    *,
    mode: str,
    full: bool,
    record_ids: Sequence[str] = (),
    trigger: str = "manual",
    approve: str = "",
) -> str:
    """One run of the chain for one tenant or a range of them; returns its run id. The outcome is in the store.

    A process has one run at a time: two side by side in threads lock each other out of Dagster's SQLite storage.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Dagster's beta and preview notices are for developers, not for operators
        from integration_pipelines.defs.integrations import integrations  # noqa: PLC0415 - idem
        from integration_pipelines.defs.specs import chain_keys  # noqa: PLC0415 - idem

        register_tenants(instance, tenant_ids)
        job = integrations().resolve_job_def("reconcile_tenant")
        step = f"{contract.contract}_chain"
        config = {"mode": mode, "full": full, "record_ids": list(record_ids), "approve_plan_hash": approve}
        tags = run_tags(
            integration=contract.contract,
            trigger=trigger,
            scope="records" if record_ids else "full",
            contract_version=contract.version,
            tenant=tenant_ids[0] if len(tenant_ids) == 1 else None,
        ) | _range(instance, tenant_ids)
        result = job.execute_in_process(
            instance=instance,
            partition_key=tenant_ids[0] if len(tenant_ids) == 1 else None,
            raise_on_error=False,
            asset_selection=chain_keys(contract),
            tags=tags,
            run_config={"ops": {step: {"config": config}}, "loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        )
    return str(result.run_id)


def _range(instance: Any, tenant_ids: Sequence[str]) -> dict[str, str]:  # noqa: ANN401 - idem
    """The tags of a run over several tenants, which must be neighbours in Dagster's list of them."""
    if len(tenant_ids) == 1:
        return {}
    known = list(instance.get_dynamic_partitions("tenants"))
    places = sorted(known.index(t) for t in tenant_ids)
    if places[-1] - places[0] + 1 != len(places):
        raise ConfigError("These tenants are no range.", remedy="Run them one by one, or all of them.")
    return {"dagster/asset_partition_range_start": known[places[0]], "dagster/asset_partition_range_end": known[places[-1]]}
