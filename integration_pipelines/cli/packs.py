"""`pack list|show|install`: a contract with all that a tenant has to say before it works there."""

from collections.abc import Mapping, Sequence

import click

from integration_pipelines.cli.context import actor, ports
from integration_pipelines.cli.show import print_json, say
from integration_pipelines.cli.tables import print_rows
from integration_pipelines.core.packs import Pack, Question
from integration_pipelines.errors import ConfigError
from integration_pipelines.use_cases.packs import install_pack
from integration_pipelines.wiring import packaged_packs


@click.group("pack")
def pack() -> None:
    """Packs: an integration with its questions, defaults and steps.

    Example: integration-pipelines pack show support_escalation
    """


@pack.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def list_packs(as_json: bool) -> None:
    """List the packs that there are.

    Example: integration-pipelines pack list
    """
    rows = [{"pack": p.pack, "title": p.title, "integration": p.contract, "story": " ".join(p.story.split())} for p in _packs()]
    if as_json:
        print_json(rows)
    else:
        print_rows(rows, {"pack": "pack", "title": "title", "integration": "integration", "story": "what it does"})


@pack.command("show")
@click.argument("name")
def show(name: str) -> None:
    """Say what a pack does, asks, and needs afterwards.

    Example: integration-pipelines pack show support_escalation
    """
    found = _pack(name)
    say(f"{found.title} (integration {found.contract})")
    say(" ".join(found.story.split()))
    print_rows(
        [_told(q) for q in found.questions],
        {"name": "answer", "ask": "question", "why": "why", "choices": "choices", "default": "default"},
    )
    say("After it was installed:")
    for step in found.steps:
        say(f"  {step.format(tenant='TENANT')}")


@pack.command("install")
@click.argument("name")
@click.argument("tenant")
@click.option(
    "--set", "given", multiple=True, metavar="ANSWER=VALUE[,VALUE]", help="Answer a question; may be given several times."
)
@click.option("--defaults", is_flag=True, help="Ask nothing: what is not set gets its default.")
def install(name: str, tenant: str, given: tuple[str, ...], defaults: bool) -> None:
    """Install a pack at a tenant, switched off. What is not set is asked for, with its default. Repeat it to answer otherwise.

    Example: integration-pipelines pack install support_escalation acme --set service=PXYZ123 --set escalated_tags=vip,escalated --defaults
    """
    found, said = _pack(name), _given(given)
    with ports() as opened:
        known = opened.tenants.find(tenant)
        if not defaults:
            said |= {q.name: _asked(q) for q in found.questions if q.name not in said}
        kept = install_pack(known.tenant_id, found, said, actor=actor(), ports=opened)
    for (partner, option), values in kept.items():
        say(f"{partner} {option}: {', '.join(values) or '(nothing)'}")
    say(f"Installed {found.title} for {known.name}. Writes are off. Next:")
    for step in found.steps:
        say(f"  {step.format(tenant=known.tenant_id)}")


def _packs() -> Sequence[Pack]:
    return list(packaged_packs().values())


def _pack(name: str) -> Pack:
    known = {p.pack: p for p in _packs()}
    if name not in known:
        raise ConfigError(f"There is no pack {name}.", remedy=f"Choose one of: {', '.join(known)}.")
    return known[name]


def _given(given: Sequence[str]) -> dict[str, Sequence[str]]:
    found: dict[str, Sequence[str]] = {}
    for one in given:
        name, equals, values = one.partition("=")
        if not equals:
            raise click.UsageError(f"--set {one} has no value; write --set {one}=VALUE.")
        found[name.strip()] = [v.strip() for v in values.split(",") if v.strip()]
    return found


def _asked(question: Question) -> Sequence[str]:
    choices = f" ({', '.join(question.choices)})" if question.choices else ""
    more = ", several with commas" if question.several else ""
    said = click.prompt(f"{question.ask} {question.why}\n{question.name}{choices}{more}", default=",".join(question.default))
    return [v.strip() for v in said.split(",") if v.strip()]


def _told(question: Question) -> Mapping[str, str]:
    default = "needed" if question.required else ", ".join(question.default) or "(none)"
    choices = ", ".join(question.choices) or "any text"
    return {"name": question.name, "ask": question.ask, "why": question.why, "choices": choices, "default": default}


COMMANDS = {"pack": pack}
