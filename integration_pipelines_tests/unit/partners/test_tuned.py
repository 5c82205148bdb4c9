"""A connector with a tenant's own options: what the tenant says goes before the contract, and nothing else of the partner is lost."""

from collections.abc import Sequence

import pyarrow as pa

from integration_pipelines.core.contract import SourceObject
from integration_pipelines.partners.tuned import TunedConnector
from integration_pipelines.ports.partner import Connector
from integration_pipelines_tests.kit.escalated import support_incidents
from integration_pipelines_tests.kit.fakes import FakeAccount, FakeClock, FakeConnector

SPEC = support_incidents().objects["support_escalations"]


class Asking(FakeConnector):
    """Remembers what it was told an object means."""

    meant: SourceObject | None = None

    def fetch(self, name: str, spec: SourceObject, record_ids: Sequence[str]) -> pa.Table:
        """Only the object matters."""
        del name, record_ids
        self.meant = spec
        return pa.table({})


def meant(**options: tuple[str, ...]) -> SourceObject:
    """What the partner's connector is told."""
    inner = Asking("zendesk", "t1", FakeAccount({}), FakeClock())
    TunedConnector(inner, options).fetch("support_escalations", SPEC, [])
    assert inner.meant is not None
    return inner.meant


def test_what_the_tenant_says_goes_first() -> None:
    """Options that the contract's object does not have are about something else."""
    told = meant(escalated_tags=("vip",), channel=("#a",))
    assert told.options == {**SPEC.options, "escalated_tags": ("vip",)}
    assert told.columns == SPEC.columns
    assert SPEC.options["escalated_tags"] == ("escalated",)


def test_every_call_is_handed_on() -> None:
    """Whatever a connector can be asked, the partner's own answers; a default of the port would hide it."""
    asked = {name for name in vars(Connector) | vars(Connector.__base__ or object) if not name.startswith("_")} - {
        "partner",
        "write_batch",
    }
    assert asked - vars(TunedConnector).keys() == set()
