"""Runs that start in a moment with Dagster's own launcher: forked from a process that has loaded what they need.

Dagster's code server starts a process for every run, by the way of Python's `multiprocessing` that begins with an empty interpreter:
seconds of imports before anything is done. Python's `forkserver` offers the same (processes, queues, events, who died and why), but
forks them from a process that has imported `preloaded` and does nothing else. Only the way is exchanged; who launches, watches and
terminates a run stays Dagster's. Where there is no such way, or Dagster keeps it elsewhere, runs start as they always did.
"""

import multiprocessing
import os
import sys
import threading
from multiprocessing import forkserver

from dagster._core.instance.ref import InstanceRef

PRELOADED = "integration_pipelines.deploy.preloaded"
_SERVER = "dagster._grpc.server"
_WAY = "_mp_ctx"


def fork_runs() -> bool:
    """Let a code server in this process fork its runs; whether there is one that does. Called again it changes nothing."""
    server = getattr(sys.modules.get(_SERVER), "DagsterApiServer", None)
    if server is None or not sys.platform.startswith("linux"):  # elsewhere libraries may not bear to be forked
        return False
    way = multiprocessing.get_context("forkserver")
    way.set_forkserver_preload([PRELOADED])
    # Set on the class, this goes before what the server noted of itself when it was made, which was before it loaded us.
    setattr(server, _WAY, property(lambda _: way, lambda *_: None))
    return True


def fork_runs_of_this_server() -> None:
    """The same in the process of a code server alone, where loading for the first run begins now, beside the caller.

    Where runs are carried out by workers, as in the fast profile, the code server starts none.
    """
    if "grpc" in sys.argv[1:] and starts_runs(os.environ.get("DAGSTER_HOME")) and fork_runs():
        threading.Thread(target=forkserver.ensure_running, name="runs-warm-up", daemon=True).start()


def starts_runs(home: str | None) -> bool:
    """Whether runs are started by Dagster's own launcher, as `dagster.yaml` in that folder says; without a folder they are."""
    launcher = None if home is None else InstanceRef.from_dir(home).run_launcher_data
    return launcher is None or launcher.class_name == "DefaultRunLauncher"
