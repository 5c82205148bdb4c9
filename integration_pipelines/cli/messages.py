"""`messages`: what people were told at other products, what was not heard, and another try."""

from dataclasses import asdict

import click

from integration_pipelines.cli.context import actor, ports
from integration_pipelines.cli.show import print_json, say
from integration_pipelines.cli.tables import print_rows
from integration_pipelines.ports.messages import NoteState
from integration_pipelines.use_cases.tell import say_again, tell_due

HEADINGS = {
    "asked_at": "asked for", "notification": "message", "partner": "where", "state": "state", "attempts": "tries", "said": "says",
    "error": "last answer",
}  # fmt: skip


@click.group("messages")
def messages() -> None:
    """Messages to people at other products, such as a chat, that a contract asks for.

    Example: integration-pipelines messages list acme
    """


@messages.command("list")
@click.argument("tenant")
@click.option("--state", type=click.Choice([s.value for s in NoteState]), help="Only those in this state.")
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True, help="At most so many, newest first.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def list_messages(tenant: str, state: str | None, limit: int, as_json: bool) -> None:
    """List a tenant's messages, newest first, with what became of each.

    Example: integration-pipelines messages list acme --state given_up
    """
    with ports() as opened:
        found = opened.tenants.find(tenant)
        states = (NoteState(state),) if state else ()
        notes = opened.outbox.find([found.tenant_id], states=states, limit=limit)
    rows = [asdict(note) | {"state": note.state.value} for note in notes]
    if as_json:
        print_json(rows)
        return
    shown = [
        {**r, "said": r["text"].partition("\n")[0], "error": f"{r['error_kind']}: {r['error_text']}".strip(": ")} for r in rows
    ]
    print_rows(shown, HEADINGS, empty="No message was asked for yet.")


@messages.command("retry")
@click.argument("tenant")
def retry(tenant: str) -> None:
    """Try messages that were given up once more.

    Now, and then for the contract's hours.

    Example: integration-pipelines messages retry acme
    """
    with ports() as opened:
        found = opened.tenants.find(tenant)
        count = say_again(found.tenant_id, ports=opened)
        if count:
            opened.audit.append(found.tenant_id, actor(), "messages_retried", {"messages": str(count)}, opened.clock.now())
        sent = tell_due([found.tenant_id], ports=opened)
    became = ", ".join(f"{n} {state.value.replace('_', ' ')}" for state, n in sorted(sent.items())) or "nothing was due"
    say(f"{count} messages are tried again: {became}.")


COMMANDS = {"messages": messages}
