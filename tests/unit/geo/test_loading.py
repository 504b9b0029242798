"""The command line imports this package on every start, so its tables must wait until they are needed."""

import subprocess
import sys

import pytest

MODULES = ["areas", "blocs", "codes", "land", "latency", "places", "population", "suggestions", "tables"]


@pytest.mark.parametrize("module", MODULES)
def test_importing_reads_no_table(module: str) -> None:
    script = f"import sys, isochrone.geo.{module}; print('csv' in sys.modules or 'json' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
