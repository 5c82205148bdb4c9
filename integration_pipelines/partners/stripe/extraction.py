"""One read of a Stripe object under way: pages or single records, completed, counted and turned into batches."""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime

import pyarrow as pa

from integration_pipelines.errors import BugError
from integration_pipelines.partners.observe import Flattener, Json, UnknownCounter
from integration_pipelines.ports.clock import Clock
from integration_pipelines.ports.lake import Mode, Watermark
from integration_pipelines.ports.partner import Extraction, ExtractionSummary

BATCH_ROWS = 1000
"""Several pages make a batch: turning a thousand rows at once costs a fifth of turning a hundred ten times."""


class Start:
    """When a read began, by our clock or Stripe's, whichever was earlier; nothing that changes later may be missed."""

    def __init__(self, now: datetime) -> None:
        self.at = now

    def partner_time(self, at: datetime) -> None:
        """Stripe's own time of the first answer."""
        self.at = min(self.at, at)


class StripeExtraction(Extraction):
    """See `Extraction`.

    Args:
        mode: what is really done.
        reason: why.
        pages: the records, completed.
        flattener: turns them into batches.
        known: top-level names that are not reported as unknown.
        start: when the read began.
        clock: for the time of each page.
        tenant_id: whose records.
        calls: requests sent so far.
        token: makes the watermark's token.
    """

    def __init__(  # noqa: PLR0913 - made in one place, by keyword
        self,
        *,
        mode: Mode,
        reason: str,
        pages: Callable[[], Iterable[list[Json]]],
        flattener: Flattener,
        known: frozenset[str],
        start: Start,
        clock: Clock,
        tenant_id: str,
        calls: Callable[[], int],
        token: Callable[[datetime], str],
    ) -> None:
        self.mode = mode
        self.reason = reason
        self.schema = flattener.schema
        self._pages = pages
        self._flattener = flattener
        self._unknown = UnknownCounter(known)
        self._start = start
        self._clock = clock
        self._tenant = tenant_id
        self._calls = calls
        self._calls_before = 0
        self._token = token
        self._summary: ExtractionSummary | None = None

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        """Batches of about a thousand rows; an object without records gives none."""
        waiting: list[Json] = []
        observed_at = self._clock.now()
        for page in self._pages():
            self._unknown.see(page)
            waiting += page
            if len(waiting) >= BATCH_ROWS:
                yield self._flattener.batch(waiting, tenant_id=self._tenant, observed_at=observed_at)
                waiting, observed_at = [], self._clock.now()
        if waiting:
            yield self._flattener.batch(waiting, tenant_id=self._tenant, observed_at=observed_at)
        watermark = Watermark(self._token(self._start.at), self._start.at)
        self._summary = ExtractionSummary(watermark, self._unknown.counts(), (), self._calls())

    @property
    def summary(self) -> ExtractionSummary:
        """See `Extraction.summary`."""
        if self._summary is None:
            raise BugError("The summary of a read was asked for before its last batch.", remedy="Iterate to the end first.")
        return self._summary
