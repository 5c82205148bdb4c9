"""`deploy` and `worker`: the files of a profile, and the process that carries out its runs."""

from importlib import import_module
from pathlib import Path

import click

from integration_pipelines.cli.context import settings
from integration_pipelines.cli.show import print_json, say
from integration_pipelines.cli.tables import print_rows
from integration_pipelines.deploy.profiles import PROFILES, write_files
from integration_pipelines.errors import ConfigError


@click.group("deploy")
def deploy() -> None:
    """Ways to run the product, and the files that set each of them up.

    Example: integration-pipelines deploy list
    """


@deploy.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def list_command(as_json: bool) -> None:
    """Name the profiles and what each of them needs.

    Example: integration-pipelines deploy list
    """
    rows = [{"profile": profile.name, "needs": profile.text} for profile in PROFILES]
    if as_json:
        print_json(rows)
    else:
        print_rows(rows, {"profile": "profile", "needs": "what it needs, and what for"})


@deploy.command("files")
@click.argument("profile")
@click.option(
    "--to", "folder", required=True, type=click.Path(file_okay=False, path_type=Path), help="Where to; made if missing."
)
@click.option("--overwrite", is_flag=True, help="Replace files that are there and say something else.")
def files_command(profile: str, folder: Path, overwrite: bool) -> None:
    """Write the files that set a profile up.

    They are dagster.yaml and workspace.yaml, and where the profile has servers a compose file, a Dockerfile, values for Dagster's Helm
    chart, and manifests of what that chart does not have.

    Example: integration-pipelines deploy files fast --to /srv/integration_pipelines
    """
    for path in write_files(profile, folder, overwrite=overwrite):
        say(f"Wrote {path}")


@click.command("worker")
@click.option("--queue", default="events", show_default=True, type=click.Choice(["events", "bulk"]), help="Whose runs.")
@click.option("--processes", default=2, show_default=True, type=click.IntRange(1, 64), help="How many runs at once.")
def worker(queue: str, processes: int) -> None:
    """Carry out runs of the fast profile, with everything loaded, until told to stop.

    Example: integration-pipelines worker --queue events --processes 2
    """
    try:
        module = import_module("integration_pipelines.deploy.worker")  # late, since `--help` need not load Dagster
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"{error.name} is not installed.", remedy="Workers are an extra: pip install 'integration-pipelines[fast]'"
        ) from None
    module.run_worker(settings().home, queue, processes)


COMMANDS = {"deploy": deploy, "worker": worker}
