"""A gateway that is told to end before it listens for signals."""

import subprocess
import sys

TOLD_WHILE_IMPORTING = """
import os, signal, sys, types
from isochrone_gateway import starting
assert "isochrone_gateway.server" not in sys.modules
class Cli(types.ModuleType):
    def __getattr__(self, name):
        os.kill(os.getpid(), signal.SIGTERM)
        signal.pause()
sys.modules["isochrone_gateway.server"] = types.ModuleType("server")
sys.modules["isochrone_gateway.server.cli"] = Cli("cli")
starting.main()
"""


def test_it_ends_in_order_also_while_it_is_imported() -> None:
    found = subprocess.run([sys.executable, "-c", TOLD_WHILE_IMPORTING], check=False, timeout=120)
    assert found.returncode == 0
