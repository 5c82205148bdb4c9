"""The words and shares that seeds are made of, read once from the checkout's `data/seeds`."""

import json
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from integration_pipelines.errors import ConfigError

FOLDER = Path(__file__).resolve().parents[3] / "data" / "seeds"


@cache
def words() -> dict[str, list[str]]:
    """Lists of words by kind."""
    loaded: dict[str, list[str]] = _read("words.json")
    return loaded


@cache
def shares(kind: str) -> dict[str, int]:
    """How many in a thousand customers are of which kind."""
    loaded: dict[str, int] = _read("shares.json")[kind]
    return loaded


def _read(name: str) -> Any:  # noqa: ANN401 - JSON
    path = FOLDER / name
    if not path.is_file():
        raise ConfigError(f"The sandbox's seeds are missing: {path}.", remedy="Run it from a checkout that has data/seeds.")
    return json.loads(path.read_text(encoding="utf-8"))


def kinds(kind: str, customers: int, rng: Random, plain: str) -> list[str]:
    """One kind per customer: each at least once where there is room for it, then by the shares, shuffled."""
    table = shares(kind)
    rest = max(0, 1000 - sum(table.values()))
    names, weights = [*table, plain], [*table.values(), rest]
    sure = list(table) if customers >= 2 * len(table) else []
    drawn = rng.choices(names, weights, k=customers - len(sure))
    mixed = sure + drawn
    rng.shuffle(mixed)
    return mixed
