"""What an HTTP answer means for a message: arrived, worth another try, or never. The sinks' own answers are read by the sinks."""

from integration_pipelines.alerting.http import Answer
from integration_pipelines.ports.alerts import Arrived, NotArrived

_MEANS_YES = range(200, 300)
_GONE = 410
_MEANS_NEVER = {400, 413, 422}
"""The message itself is refused. Anything else may be mended at the other end or in the settings, so it is tried again."""


def verdict(answer: Answer) -> Arrived | NotArrived:
    """By status alone."""
    if answer.fault:
        return NotArrived(answer.fault)
    if answer.status in _MEANS_YES:
        return Arrived()
    if answer.status == _GONE:
        return NotArrived("It answered 410: it wants no more messages.", again=False)
    return NotArrived(f"It answered {answer.status}.", again=answer.status not in _MEANS_NEVER, after_seconds=answer.retry_after)
