"""What both sides of `extract` are told, as plain data, so that neither side's process holds the other's libraries."""

import hashlib
from collections.abc import Iterable
from typing import TypedDict

from integration_pipelines_tests.benchmarks.meter import Answer

PAGE = 100
"""Records a request, the partners' own maximum; the connectors ask for as many."""


class Task(TypedDict):
    """What to read and where it is; travels as JSON."""

    object: str  # the contract's word
    partner: str
    path: str  # below the account's base address
    fields: list[str]  # the top-level fields that the contract reads
    properties: list[str]  # what HubSpot must be asked for by name
    small: dict[str, str]  # the account to warm up on: base_url, token
    large: dict[str, str]  # the account to be measured on


def which(ids: Iterable[object]) -> Answer:
    """How many records were read, and a digest of their ids; a doubled id counts twice."""
    names = sorted(str(name) for name in ids)
    return {"records": len(names), "digest": hashlib.sha256("\n".join(names).encode()).hexdigest()}
