"""Bugs planted where records are made and people are told of it."""

from integration_pipelines_tests.proof.planting import Bug, Code

_CORE, _USE = "integration_pipelines.core.", "integration_pipelines.use_cases."
_WORLD = "incidents"

MAKING = (
    Bug(
        "made_without_its_key",
        "a record is made without the value that it is to be known by",
        (Code(_CORE + "creates", "_values", "{**rule.columns, rule.unique: rule.value}", "rule.columns"),),
        world=_WORLD,
    ),
    Bug(
        "made_for_anybody",
        "a record is made whatever the other one says, although the contract says for which",
        (Code(_CORE + "creates", "_leave_out", "in rule.when.items():", "in dict[str, tuple[str, ...]]().items():"),),
        world=_WORLD,
    ),
    Bug(
        "made_for_what_was_there_before",
        "a record is made for what is older than the installation",
        (Code(_CORE + "creates", "_leave_out", "if rule.since is not None:", "if rule is None:"),),
        world=_WORLD,
    ),
    Bug(
        "refused_create_is_forgotten",
        "a record that was refused once is never made",
        (Code(_USE + "retrying", "_due", "return retry.next_try_at is not None and retry.next_try_at <= now", "return False"),),
        world=_WORLD,
    ),
)

TELLING = (
    Bug(
        "nobody_is_told",
        "of a record that was made people are told nothing",
        (Code(_USE + "sync", "_prove", "note_news(contract, again.result.news, run_ids, ports=ports)", "None"),),
        world=_WORLD,
    ),
    Bug(
        "said_until_it_is_answered",
        "a message without an answer is said again until there is one",
        (
            Code(
                _USE + "tell",
                "_settled",
                "outcome.text, note.unclear > one.repeats_when_unclear",
                "outcome.text, note is None",
            ),
        ),
        world=_WORLD,
        seeds=1_500,
    ),
    Bug(
        "sent_and_not_noted",
        "a message that was heard waits to be said again",
        (
            Code(
                _USE + "tell",
                "_settled",
                "state=NoteState.SENT, sent_at=now, next_try_at=None",
                "next_try_at=now + CLAIM, sent_at=now",
            ),
        ),
        world=_WORLD,
    ),
)

BUGS = (*MAKING, *TELLING)
