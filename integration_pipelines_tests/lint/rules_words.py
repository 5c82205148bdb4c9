"""Rule about words: nothing kept in the repository tells of the machine or the network on which it was written."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

from integration_pipelines_tests.lint.source import ROOT, Breach

_KEPT = {".py", ".toml", ".yaml", ".yml", ".md", ".lock", ".json", ".csv", ".ipynb", ".sh", ".mako", ".html", ".css", ".txt", ""}
_SKIPPED = {".git", ".venv", ".hypothesis", "__pycache__"}
_MADE_AT_RUN_TIME = ("data",)
_KEPT_OF_IT = (("data", "seeds"), ("data", "README.md"))
# Written in pieces, so that this file does not break its own rule.
_TRACES = {
    "a person's or machine's own folder": re.compile(r"(?<![\w./{}-])/" + r"(?:home|Users|root|work|workspace|mnt|opt)/[\w.]"),
    "an address to download from": re.compile("|".join([r"\bpypi\." + "org", "files.python" + "hosted", "registry.npm" + "js"])),
    "a setting of the download client": re.compile("--(?:extra-)?index" + "-url|--find" + "-links|--trusted" + "-host"),
}


def kept_texts() -> Iterator[tuple[str, str]]:
    """Path and text of everything that is written by hand or generated into the repository."""
    for folder, inner, names in os.walk(ROOT):
        inner[:] = sorted(n for n in inner if n not in _SKIPPED and not n.endswith(("_cache", ".egg-info")))
        for path in (Path(folder) / name for name in sorted(names)):
            inside = path.relative_to(ROOT)
            kept = inside.parts[:1] != _MADE_AT_RUN_TIME or inside.parts[:2] in _KEPT_OF_IT
            if kept and path.suffix in _KEPT:
                yield inside.as_posix(), path.read_text(encoding="utf-8")


def traces(path: str, text: str) -> Iterator[Breach]:
    """Folders, hosts and client settings that mean something on one machine only."""
    for number, line in enumerate(text.splitlines(), 1):
        for what, pattern in _TRACES.items():
            if pattern.search(line):
                yield Breach(path, number, f"{what} is named")
