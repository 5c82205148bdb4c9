"""What is imported is declared, what is declared is locked, and the lock is one that anyone can install from anywhere."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterable
from importlib.metadata import packages_distributions

import pytest

from integration_pipelines_tests.lint.source import PACKAGE, ROOT, TESTS, Source, under

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
STUBS = {"_typeshed"}


def plain(name: str) -> str:
    """A distribution's name as registries compare it."""
    return re.sub(r"[-_.]+", "-", re.split(r"[ ;<>=!~\[]", name, maxsplit=1)[0]).lower()


PRODUCT = {plain(d) for d in PROJECT["project"]["dependencies"]}
EXTRAS = {plain(d) for extra in PROJECT["project"]["optional-dependencies"].values() for d in extra}
EVERYTHING = PRODUCT | EXTRAS | {plain(d) for group in PROJECT["dependency-groups"].values() for d in group}
PROFILES = f"{PACKAGE}/deploy"
"""Where an extra may be imported: what only a profile needs comes with that profile."""
LOCKED = {plain(name) for name in re.findall(r"^([A-Za-z0-9._-]+)==", LOCK, flags=re.MULTILINE)}


def imported(sources: Iterable[Source]) -> dict[str, str]:
    """Foreign top-level modules → one file that imports them."""
    found: dict[str, str] = {}
    for source in sources:
        for node in ast.walk(source.tree):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) and node.module else []
            found |= {name.partition(".")[0]: source.path for name in names}
    ours = {PACKAGE, TESTS, *STUBS, *sys.stdlib_module_names}
    return {module: path for module, path in found.items() if module not in ours}


@pytest.mark.parametrize(("folder", "declared"), [(PACKAGE, PRODUCT), (PROFILES, PRODUCT | EXTRAS), (TESTS, EVERYTHING)])
def test_every_import_is_declared(folder: str, declared: set[str]) -> None:
    """Nothing works only because something else happens to bring it along."""
    homes = packages_distributions()
    undeclared = {
        module: path
        for module, path in imported(s for s in under(folder) if folder != PACKAGE or not s.path.startswith(PROFILES)).items()
        if not {plain(home) for home in homes.get(module, [])} & declared
    }
    assert undeclared == {}


def test_every_dependency_is_locked_with_hashes() -> None:
    """`make lock` was run after the last change of a dependency, and nothing can be swapped on the way."""
    assert set() == EVERYTHING - LOCKED
    entries = re.split(r"\n(?=[A-Za-z0-9])", LOCK.strip())
    assert [entry.partition(" ")[0] for entry in entries if "--hash=sha256:" not in entry] == []


def test_the_lock_names_no_address() -> None:
    """Whoever installs chooses where from."""
    assert re.findall(r"https?://|^-.*$", LOCK, flags=re.MULTILINE) == []


def test_only_one_unfinished_release_is_locked() -> None:
    """The partner's date-versioned SDK exists as a preview only; everything else is finished."""
    unfinished = re.findall(r"^([a-z0-9._-]+)==[0-9.]+(?:a|b|rc|\.dev)[0-9]+", LOCK, flags=re.MULTILINE)
    assert unfinished == ["hubspot-sdk"]


@pytest.mark.parametrize("target", ["demo", "test", "bench", "lint", "types", "format", "lock", "clean", "help"])
def test_the_makefile_has_what_people_type(target: str) -> None:
    """Each target exists and is explained by `make help`."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert re.search(rf"^{target}:.* ## \S", makefile, flags=re.MULTILINE)


def test_the_gate_of_a_change_is_the_same_for_all() -> None:
    """What is run before a change lands is what people run."""
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert script.startswith("#!/usr/bin/env bash")
    assert "set -euo pipefail" in script
    assert re.search(r"^make test$", script, flags=re.MULTILINE)
