"""What a short command does not load, and that it is there when somebody needs it after all."""

import json
import os
import subprocess
import sys

_PRELUDE = "from integration_pipelines.cli.later import load_later; load_later()\n"


def _said(program: str) -> list[object]:
    """What a fresh process says about itself."""
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, env=os.environ, text=True)
    found: list[object] = json.loads(run.stdout)
    return found


def test_a_stand_in_is_passed_by_as_long_as_nobody_uses_it() -> None:
    """A library that names a module, or a function of it, in passing has not loaded it."""
    program = """
import asyncio, sys, json
from importlib.metadata import entry_points
kept = asyncio.iscoroutine
print(json.dumps(["asyncio.events" in sys.modules, "email" in sys.modules]))
"""
    assert _said(_PRELUDE + program) == [False, False]


def test_a_stand_in_becomes_the_module_when_it_is_used() -> None:
    """By whichever way: an attribute, a kept function, or a part of it; and those who come later find the module itself."""
    program = """
import sys, json
import asyncio as early
import importlib.metadata
read = importlib.metadata.version("pytest")
from importlib.metadata import entry_points, version
kept = early.iscoroutine
import asyncio.events
from asyncio import sleep
async def told():
    await sleep(0)
    return "told"
waiting = told()
found = [kept(waiting), early.run(waiting), early.Lock.__name__, asyncio.events.AbstractEventLoop.__name__]
import asyncio as late
found += [late is not early, late.Lock is early.Lock, len(entry_points(group="pytest11")) > 0, version("pytest") == read]
print(json.dumps(found))
"""
    assert _said(_PRELUDE + program) == [True, "told", "Lock", "AbstractEventLoop", True, True, True, True]


def test_what_is_loaded_already_stays_as_it_is() -> None:
    """Somebody else's asyncio is not taken away."""
    program = "import asyncio, json, sys\nbefore = sys.modules['asyncio']\n" + _PRELUDE
    assert _said(program + "print(json.dumps([sys.modules['asyncio'] is before]))") == [True]
