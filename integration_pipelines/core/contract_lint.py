"""Refuses contracts that are well formed but dangerous: two owners, maps that lose values, rules that name nothing, silent columns.

The door to the linter: which rules there are and in what order they run. What a partner really has is asked of its `Catalogue`, so that
nothing here knows a partner. The rules are `contract_rules_*`; each is a small function that yields findings.
"""

from collections.abc import Mapping

from integration_pipelines.core import contract_rules_creates as making
from integration_pipelines.core import contract_rules_fields as fields
from integration_pipelines.core import contract_rules_messages as messages
from integration_pipelines.core import contract_rules_objects as objects
from integration_pipelines.core import contract_rules_values as values
from integration_pipelines.core import contract_rules_whole as whole
from integration_pipelines.core.contract import Contract
from integration_pipelines.core.contract_findings import Catalogue, Finding, Rule, Severity, written_sides

__all__ = ["Catalogue", "Finding", "Severity", "lint", "written_sides"]

_STAGES: tuple[tuple[Rule, ...], ...] = (
    (objects.roles,),
    (objects.mains,),
    (objects.reserved_names, objects.columns_named, objects.parents, fields.owners),
    (
        objects.partner_fields, objects.options, objects.expectations, objects.used,
        fields.sides, fields.targets, fields.created, fields.loops, fields.lookups, fields.privacy,
        values.types, values.maps, values.gates, values.defaults, values.money,
        whole.matching, making.creates, messages.notifications, whole.rollup, whole.line_items, whole.limits, whole.scopes, whole.words,
    ),
)  # fmt: skip
"""A stage relies on what the stages before it found to be there."""


def lint(contract: Contract, catalogues: Mapping[str, Catalogue]) -> list[Finding]:
    """All findings, part by part; no error among them means the contract may be used.

    Args:
        contract: a loaded contract.
        catalogues: partner → what it has.
    """
    found: list[Finding] = []
    for stage in _STAGES:
        found += [finding for rule in stage for finding in rule(contract, catalogues)]
        if any(finding.severity is Severity.ERROR for finding in found):
            break
    return list(dict.fromkeys(found))
