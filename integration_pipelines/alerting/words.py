"""The same message for all sinks: a headline and labelled parts, each on one line, without anything a terminal or a mail header acts on."""

from integration_pipelines.core.alerts import Alert, AlertEvent

_LONGEST = 1500
_HEADLINES = {AlertEvent.OPENED: "", AlertEvent.REMINDED: "Still open: ", AlertEvent.CLOSED: "Over: "}


def headline(alert: Alert, event: AlertEvent) -> str:
    """What happened, in one line."""
    return plain(f"{_HEADLINES[event]}{alert.finding.title}", 200)


def parts(alert: Alert, event: AlertEvent) -> dict[str, str]:
    """Label → text, in reading order."""
    finding = alert.finding
    since = f"{alert.opened_at:%Y-%m-%d %H:%M} UTC"
    said = {"What": finding.text}
    if event is AlertEvent.CLOSED and alert.closed_at is not None:
        said["When"] = f"From {since} to {alert.closed_at:%Y-%m-%d %H:%M} UTC."
    else:
        said |= {"What to do": finding.remedy, "Since": since}
    if alert.occurrences > 1 and not finding.is_of_many:
        said["Seen in"] = f"{alert.occurrences} runs"
    return {label: plain(text, _LONGEST) for label, text in said.items() if text}


def plain(text: str, longest: int) -> str:
    """One printable line of at most that length."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= longest else line[: longest - 1] + "…"
