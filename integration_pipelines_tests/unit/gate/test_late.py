"""What loading the gate's engine leaves for later, seen from a process of its own."""

import json
import subprocess
import sys

SCRIPT = """
import json, sys
from integration_pipelines.gate.evaluate import load
from integration_pipelines.gate.late import UNUSED
load()
promised = {name: type(sys.modules[name]).__name__ for name in UNUSED}
parts = [name for name in sys.modules if name.startswith(("altair.vegalite", "boto3.session", "scipy.stats._"))]
from scipy import stats
median = float(stats.norm.ppf(0.5))
finders = [type(finder).__name__ for finder in sys.meta_path]
print(json.dumps([promised, parts, median, type(sys.modules["scipy.stats"]).__name__, finders]))
"""


def test_what_no_contract_uses_is_loaded_when_it_is_used() -> None:
    """Great Expectations finds its modules, none of their content is loaded, and one that is asked for is all there."""
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", SCRIPT], capture_output=True, text=True, check=True)
    promised, parts, median, afterwards, finders = json.loads(done.stdout)
    assert promised == dict.fromkeys(["altair", "boto3", "scipy.stats"], "_LazyModule")
    assert parts == []
    assert (median, afterwards) == (0.0, "module")
    assert "_LateFinder" not in finders
