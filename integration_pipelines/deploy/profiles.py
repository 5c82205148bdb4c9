"""The profiles in which the product is run, and the files that set each of them up. What a file says is in `files/`."""

from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

from integration_pipelines.errors import ConfigError

_FILES = "files"
_SHARED = {"standard": ("Dockerfile",), "fast": ("Dockerfile",)}


@dataclass(frozen=True, slots=True)
class Profile:
    """A way to run the product.

    Args:
        name: its folder below `files/`.
        text: what it needs and what for.
    """

    name: str
    text: str


PROFILES = (
    Profile("embedded", "SQLite and Dagster's own launcher: one machine, nothing else installed. What runs by default."),
    Profile("standard", "PostgreSQL and Dagster's own launcher: a process for every run, no broker."),
    Profile("fast", "PostgreSQL, Redis and workers that have everything loaded: webhooks are applied within a second."),
)


def files_of(name: str) -> dict[str, str]:
    """File name → content of everything that sets a profile up.

    Raises:
        ConfigError: there is no such profile.
    """
    if name not in {profile.name for profile in PROFILES}:
        names = ", ".join(profile.name for profile in PROFILES)
        raise ConfigError(f"There is no profile {name}.", remedy=f"Choose one of {names}.")
    root = resources.files("integration_pipelines.deploy") / _FILES
    found: list[Traversable] = [*(root / name).iterdir(), *(root / shared for shared in _SHARED.get(name, ()))]
    return {file.name: file.read_text(encoding="utf-8") for file in sorted(found, key=lambda file: file.name)}


def write_files(name: str, folder: Path, *, overwrite: bool = False) -> list[Path]:
    """Write a profile's files into a folder; returns them.

    Raises:
        ConfigError: there is no such profile, or a file is there already and says something else.
    """
    files = files_of(name)
    folder.mkdir(parents=True, exist_ok=True)
    changed = [f for f, text in files.items() if (folder / f).exists() and (folder / f).read_text(encoding="utf-8") != text]
    if changed and not overwrite:
        raise ConfigError(
            f"{', '.join(changed)} in {folder} would be overwritten.", remedy="Choose another folder, or say --overwrite."
        )
    for file, text in files.items():
        (folder / file).write_text(text, encoding="utf-8")
    return [folder / file for file in files]
