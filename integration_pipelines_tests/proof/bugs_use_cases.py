"""Bugs planted around the heart: approvals, sending, settling, looking behind, retries, and what a run says of itself."""

from integration_pipelines_tests.proof.planting import Bug, Code

_USE = "integration_pipelines.use_cases."

DECISIONS = (
    Bug(
        "approval_of_anything",
        "who approved one plan approved whatever is wanted now",
        (
            Code(
                _USE + "planning",
                "_still_wanted",
                'still = writes.filter(pc.is_in(writes["fingerprint"], value_set=stored["fingerprint"].combine_chunks()))',
                "still = writes",
            ),
        ),
    ),
    Bug(
        "first_plan_unseen",
        "an installation's first plan waits for nobody",
        (Code(_USE + "planning", "_state", "numbers.records and not installation.first_plan_approved", "False"),),
    ),
    Bug(
        "held_plan_goes_out",
        "a plan that a limit stopped is carried out",
        (Code(_USE + "planning", "_own", "if plan.state is PlanState.HELD:", "if plan is None:"),),
        world="tight",
    ),
)

SENDING = (
    Bug(
        "no_look_before",
        "a record is written without a look at what it says now, and what was replaced is not asked",
        (
            Code(
                _USE + "push",
                "_Sender.send",
                'self._stands(record, changes) if operation == "update"',
                'record is not None if operation == "update"',
            ),
            Code(_USE + "overwrites", "find_overwrites", "ports.overwrites.record(found)", "found.clear()"),
        ),
        seeds=600,
    ),
    Bug(
        "no_look_behind",
        "nobody asks what a write really replaced",
        (Code(_USE + "overwrites", "find_overwrites", "ports.overwrites.record(found)", "found.clear()"),),
        seeds=600,
    ),
    Bug(
        "unknown_is_failed",
        "a write without an answer is called failed",
        (
            Code(
                _USE + "push",
                "_settled",
                'Settled(outcome.write_id, WriteState.UNKNOWN, "transient", outcome.text)',
                'Settled(outcome.write_id, WriteState.FAILED, "transient", outcome.text)',
            ),
            Code(
                _USE + "push",
                "_state",
                "if isinstance(outcome, Refused) else WriteState.UNKNOWN",
                "if outcome else WriteState.UNKNOWN",
            ),
        ),
    ),
    Bug(
        "unknown_is_applied",
        "a write without an answer is taken to be carried out",
        (
            Code(
                _USE + "push",
                "_settled",
                'Settled(outcome.write_id, WriteState.UNKNOWN, "transient", outcome.text)',
                "Settled(outcome.write_id, WriteState.APPLIED)",
            ),
            Code(
                _USE + "push",
                "_state",
                "if isinstance(outcome, Refused) else WriteState.UNKNOWN",
                "if isinstance(outcome, Refused) else WriteState.APPLIED",
            ),
        ),
    ),
)

SETTLING = (
    Bug(
        "open_for_ever",
        "a write that was found carried out stays open",
        (Code(_USE + "conclude", "conclude", '_confirm(report, contract, dict.fromkeys(quiet, ""), (first,), ports)', "None"),),
    ),
    Bug(
        "never_again",
        "a write that failed once is never tried again",
        (Code(_USE + "retrying", "_due", "return retry.next_try_at is not None and retry.next_try_at <= now", "return False"),),
    ),
    Bug(
        "differences_are_not_kept",
        "what differs is written and not noted",
        (Code(_USE + "conclude", "_marked", "ports.diffs.record(marked, dict(run_ids))", "None"),),
    ),
)

CLAIMS = (
    Bug(
        "certified_in_spite_of_failures",
        "a run is certified although writes failed",
        (Code(_USE + "conclude", "_settle_proved", "and not undone and not open_again", "and not open_again"),),
    ),
)

READING = (
    Bug(
        "strict_cursor",
        "the read of what changed begins after the moment at which the last one ended, not at it",
        (
            Code(
                _USE + "extract",
                "_object",
                "extraction = connector.extract(name, spec, since)",
                "extraction = connector.extract(name, spec, since and type(since)(str(int(since.token) + 1), since.taken_at))",
            ),
        ),
        seeds=600,
    ),
    Bug(
        "event_done_before_it_is",
        "an event is called done when it is taken, and not when what it names was looked at",
        (
            Code(
                _USE + "events",
                "_Run.take",
                "taken = self._sorted(ready)",
                "taken = self._sorted(ready); self._tell([Settled(e, EventOutcome.EQUAL) for e in taken.events])",
            ),
        ),
        seeds=600,
        course=2,
    ),
    Bug(
        "event_is_believed",
        "what an event names is not read again",
        (Code(_USE + "fetch", "_tenant", "tables = reading.read(touched)", "tables = {}"),),
        seeds=600,
        course=2,
    ),
    Bug(
        "own_writes_are_forgotten",
        "a look does not know which values we sent and nobody confirmed yet",
        (
            Code(
                _USE + "look",
                "_intents",
                "return intents(unsettled, [",
                "return intents(unsettled.slice(0, 0), [",
            ),
        ),
        world="plain",
        seeds=600,
        course=1,
    ),
)

STOPPING = (
    Bug(
        "differences_after_the_writes",
        "what differs is kept when all was sent, and a process that is killed before keeps nothing",
        (
            Code(
                _USE + "sync",
                "_act",
                "    report.diffs = fate_rows(alive, result, decisions, ports)\n",
                "",
                more=(
                    ("    return pushed\n", "    report.diffs = fate_rows(alive, result, decisions, ports)\n    return pushed\n"),
                ),
            ),
        ),
        seeds=600,
    ),
)

BUGS = (*DECISIONS, *SENDING, *SETTLING, *CLAIMS, *READING, *STOPPING)
