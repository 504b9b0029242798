"""Compile the gateway's request path: `python hack/compile.py FOLDER` puts a compiled copy of the package there.

The request path is typed Python, and mypyc makes a C extension of it as it stands (docs/decisions/0012). Nothing needs
this to work: without a C compiler, or Python's headers, the same modules run as they are.
"""

import argparse
import contextlib
import pathlib
import shutil

PACKAGE = pathlib.Path(__file__).parent.parent / "gateway" / "isochrone_gateway"
COMPILED = (
    "ledger/meter.py",
    "ledger/metrics.py",
    "ledger/queue.py",
    "route/affinity.py",
    "route/breaker.py",
    "route/candidates.py",
    "route/endpoints.py",
    "route/health.py",
    "route/keys.py",
    "route/limits.py",
    "route/retry.py",
    "route/standing.py",
    "server/exchange.py",
    "server/framing.py",
    "server/heads.py",
    "server/http1.py",
    "server/lifetime.py",
    "server/listener.py",
    "server/timers.py",
    "server/pipeline/answers.py",
    "server/pipeline/attempt.py",
    "server/pipeline/backends.py",
    "server/pipeline/decide.py",
    "server/pipeline/engines.py",
    "server/pipeline/entrance.py",
    "server/pipeline/entry.py",
    "server/pipeline/handling.py",
    "server/pipeline/outgoing.py",
    "server/pipeline/callers.py",
    "server/pipeline/record.py",
    "server/pipeline/revision.py",
    "server/pipeline/rulings.py",
    "server/pipeline/services.py",
    "server/pipeline/visit.py",
    "upstream/attempt.py",
    "upstream/call.py",
    "upstream/connection.py",
    "upstream/lane.py",
    "upstream/pool.py",
    "upstream/response.py",
    "upstream/simple.py",
    "upstream/target.py",
    "wire/body.py",
    "wire/http.py",
    "wire/members.py",
    "wire/remote.py",
    "wire/sse.py",
    "wire/stream.py",
    "wire/usage.py",
)
"""What each request or each piece of a stream passes. Structs that msgspec decodes into can't be among it: mypyc keeps
no annotations."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--level", default="3"); parser.add_argument("--multi", action="store_true"); f=parser.parse_args(); compile_into(f.folder, f.level, f.multi)


def compile_into(folder: pathlib.Path, level, multi) -> None:
    """Copy the package and compile it in place there."""
    from mypyc.build import mypycify
    from setuptools import Distribution

    copy = folder / PACKAGE.name
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__", "*.so"))
    with contextlib.chdir(folder):
        paths = [f"{PACKAGE.name}/{name}" for name in COMPILED]
        extensions = mypycify(paths, opt_level=level, debug_level="1", multi_file=multi)
        command = Distribution({"name": PACKAGE.name, "ext_modules": extensions}).get_command_obj("build_ext")
        command.inplace = True
        command.ensure_finalized()
        command.run()


if __name__ == "__main__":
    main()
