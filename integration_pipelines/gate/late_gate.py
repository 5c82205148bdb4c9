"""The gate, loaded when somebody asks it: commands that only read never do."""

from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING, cast

from integration_pipelines.ports.gate import Gate, GateResult

if TYPE_CHECKING:
    import pyarrow as pa

    from integration_pipelines.core.contract import SourceObject


class LateGate(Gate):
    """`judge.ExpectationGate`, made at the first question."""

    @cached_property
    def _gate(self) -> Gate:
        return cast("Gate", import_module("integration_pipelines.gate.judge").ExpectationGate())

    def warm_up(self) -> None:
        """Load it, and what it judges by, beside the caller."""
        self._gate.warm_up()

    def judge(
        self, name: str, spec: "SourceObject", observed: "pa.Table", tenants: tuple[str, ...], *, few: bool = False
    ) -> GateResult:
        """Ask it."""
        return self._gate.judge(name, spec, observed, tenants, few=few)
