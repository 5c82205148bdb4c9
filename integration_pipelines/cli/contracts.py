"""`contract lint|show|scopes`: a contract checked, said in plain words, and what it asks of a tenant."""

import sys
from pathlib import Path

import click

from integration_pipelines.cli.show import print_json, say
from integration_pipelines.cli.tables import print_rows
from integration_pipelines.core.contract import Contract
from integration_pipelines.errors import ConfigError, ContractError


@click.group("contract")
def contract() -> None:
    """Check a contract, say it in plain words, list its scopes.

    FILE is a path or the name of a packaged contract.

    Example: integration-pipelines contract show crm_billing
    """


def load(file: str) -> Contract:
    """A contract by its file or, if it comes with the product, by its name."""
    from integration_pipelines.core.contract_load import load_contract  # noqa: PLC0415 - `--help` need not load it
    from integration_pipelines.known import packaged_contracts  # noqa: PLC0415 - idem

    path = Path(file)
    if path.is_file():
        try:
            return load_contract(path.read_text(encoding="utf-8"), path.name)
        except UnicodeDecodeError:
            raise ConfigError(f"{path.name} is not UTF-8 text.", remedy="Save it as UTF-8.") from None
    known = packaged_contracts()
    if file not in known:
        raise ConfigError(f"There is no file and no packaged contract {file}.", remedy=f"Packaged contracts: {', '.join(known)}.")
    return known[file]


@contract.command("lint")
@click.argument("file")
def lint(file: str) -> None:
    """Refuse a contract that is dangerous. Exits 1 on any error.

    Found are ambiguous owners, maps that lose values, loops, unwatched columns, fields that the partner does not have, and more.

    Example: integration-pipelines contract lint my_contract.yaml
    """
    from integration_pipelines.core.contract_lint import Severity  # noqa: PLC0415 - idem
    from integration_pipelines.core.contract_lint import lint as check  # noqa: PLC0415 - idem
    from integration_pipelines.wiring import catalogues  # noqa: PLC0415 - idem

    try:
        findings = check(load(file), catalogues())
    except ContractError as error:
        for problem in error.problems:
            say(problem)
        say(f"{len(error.problems)} problems. The contract is refused.")
        sys.exit(1)
    for finding in findings:
        say(f"{finding.severity}: {finding.place}: {finding.message} {finding.remedy}")
    errors = sum(1 for f in findings if f.severity is Severity.ERROR)
    say("The contract is sound." if not errors else f"{errors} errors. The contract is refused.")
    if errors:
        sys.exit(1)


@contract.command("show")
@click.argument("file", default="crm_billing")
def show(file: str) -> None:
    """Say a contract in plain words (Markdown).

    Example: integration-pipelines contract show crm_billing
    """
    from integration_pipelines.core.contract_show import show as words  # noqa: PLC0415 - idem

    print(words(load(file)))  # noqa: T201 - Markdown goes out as it is


@contract.command("scopes")
@click.argument("file", default="crm_billing")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def scopes(file: str, as_json: bool) -> None:
    """List the permissions it asks of a tenant, each with its reason.

    Example: integration-pipelines contract scopes crm_billing
    """
    from integration_pipelines.core.contract_show import scopes as asked  # noqa: PLC0415 - idem

    rows = [dict(zip(("role", "partner", "scope", "reason"), row, strict=True)) for row in asked(load(file))]
    if as_json:
        print_json(rows)
    else:
        print_rows(rows, {"role": "role", "partner": "partner", "scope": "scope", "reason": "why"})


COMMANDS = {"contract": contract}
