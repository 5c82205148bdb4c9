"""How a run's process comes to be: forked from one that has loaded everything, by what Dagster's code server itself asks for."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from integration_pipelines.deploy.forked_runs import starts_runs
from integration_pipelines.deploy.profiles import write_files

SERVED = """
import json, multiprocessing, os, signal, sys, time
from integration_pipelines.deploy.forked_runs import fork_runs

def run(answers):
    began = time.process_time()
    from integration_pipelines.definitions import defs
    jobs = defs().get_repository_def().job_names
    answers.put(["sync_records" in jobs, "pandas" in sys.modules, time.process_time() - began])

def die():
    os.kill(os.getpid(), signal.SIGKILL)

if __name__ == "__main__":
    before = fork_runs()
    from dagster._grpc.server import DagsterApiServer
    server = DagsterApiServer.__new__(DagsterApiServer)
    server._mp_ctx = multiprocessing.get_context("spawn")
    forks = fork_runs()
    way = server._mp_ctx
    answers = way.Queue()
    child = way.Process(target=run, args=[answers])
    child.start()
    said = answers.get(timeout=90)
    child.join()
    killed = way.Process(target=die)
    killed.start()
    killed.join(30)
    ends = [child.exitcode, killed.exitcode, killed.is_alive()]
    print(json.dumps([before, forks, way.get_start_method(), ends, said[:2], said[2] < 0.2]))
"""


def test_a_code_server_forks_its_runs_from_a_process_that_has_loaded_them(tmp_path: Path) -> None:
    """Where there is a code server its way is `forkserver`, whatever it chose; a run's process has the definitions, and it is known how it ended."""
    script = tmp_path / "served.py"
    script.write_text(SERVED, encoding="utf-8")
    run = subprocess.run([sys.executable, "-W", "ignore", script], capture_output=True, text=True, check=False, timeout=180)
    assert json.loads(run.stdout) == [False, True, "forkserver", [0, -9, False], [True, False], True], run.stderr


@pytest.mark.parametrize(("profile", "starts"), [("embedded", True), ("standard", True), ("fast", False)])
def test_nothing_is_kept_ready_where_workers_carry_out_the_runs(tmp_path: Path, profile: str, starts: bool) -> None:
    """What the profile's own file says of the launcher; a folder without one has Dagster's."""
    write_files(profile, tmp_path)
    assert starts_runs(str(tmp_path)) is starts
    assert starts_runs(None)
