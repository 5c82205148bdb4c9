"""A verdict holds for the very files it was given about: nothing is pushed that was not judged, whole, as it was observed.

Who judges is `judge`; what a verdict means for single records is the gate's business.
"""

import hashlib
from collections.abc import Mapping

from integration_pipelines.core.contract import Contract
from integration_pipelines.errors import BugError
from integration_pipelines.use_cases.observations import Dataset
from integration_pipelines.use_cases.outcome import BatchReport, TenantReport


def file_digests(observed: Dataset) -> dict[str, str]:
    """Per tenant one hash over the content hashes of the files that its observations are in."""
    digests: dict[str, hashlib._Hash] = {}
    for entry in observed.entries:
        digests.setdefault(entry.tenant_id, hashlib.sha256()).update(f"{entry.sequence} {entry.file.sha256}\n".encode())
    return {tenant: digest.hexdigest() for tenant, digest in digests.items()}


def require_verdicts(report: BatchReport, contract: Contract, observed: Mapping[str, Dataset]) -> None:
    """Stop every tenant that was not judged in full, or whose observations are not the ones that were judged."""
    present = {name: file_digests(observed[name]) for name in contract.objects}
    for tenant in report.alive():
        for name in contract.objects:
            trouble = _trouble(tenant, name, present[name].get(tenant.tenant_id, ""))
            if trouble:
                text = f"Nothing was written for tenant {tenant.tenant_id}: the gate's verdict about {name} {trouble}."
                tenant.fail(BugError(text, remedy="Sync again. If it comes back, report it with the run's id."))
                break


def _trouble(tenant: TenantReport, name: str, digest: str) -> str:
    verdict = tenant.verdicts.get(name)
    if verdict is None:
        return "is missing"
    if not verdict.passed:
        return "is negative"
    if verdict.evaluated != verdict.expected:
        return f"covers {verdict.evaluated} of {verdict.expected} records"
    return "" if tenant.judged.get(name) == digest else "is about other files than those that the plan comes from"
