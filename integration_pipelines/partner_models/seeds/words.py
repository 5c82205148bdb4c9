"""The words, shares and catalogue that seeds are made of, read once from the checkout's `data/seeds`. How they are used is elsewhere."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from integration_pipelines.errors import ConfigError
from integration_pipelines.partner_models.base import Json

_INSIDE = Path("data") / "seeds"


@cache
def words() -> dict[str, list[str]]:
    """Lists of words by kind."""
    loaded: dict[str, list[str]] = _read("words.json")
    return loaded


@cache
def shares(table: str) -> dict[str, int]:
    """How many in a thousand are of which kind; the tables are described in `data/seeds/README.md`."""
    loaded: dict[str, int] = _read("shares.json")[table]
    return loaded


@cache
def catalogue() -> Json:
    """Products, amounts by currency, tiers, special prices and coupons."""
    loaded: Json = _read("catalogue.json")
    return loaded


def _read(name: str) -> Any:  # noqa: ANN401 - JSON
    """A file of the checkout that holds the package, or of the one we stand in when the package is installed elsewhere."""
    roots = (*Path(__file__).resolve().parents, Path.cwd(), *Path.cwd().parents)
    found = next((path for root in roots if (path := root / _INSIDE / name).is_file()), None)
    if found is None:
        raise ConfigError(
            f"The sandbox's seeds are missing: {_INSIDE / name}.", remedy="Run it from a checkout that has data/seeds."
        )
    return json.loads(found.read_text(encoding="utf-8"))
