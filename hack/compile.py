"""Compile the gateway's request path: `python hack/compile.py FOLDER` puts a compiled copy of the package there.

The request path is typed Python, and mypyc makes a C extension of it as it stands (docs/decisions/0012). Nothing needs
this to work: where it isn't compiled, the same modules run as they are.
"""

import argparse
import contextlib
import hashlib
import importlib.metadata
import importlib.util
import os
import pathlib
import shutil
import subprocess
import sys
import sysconfig

FLAGS = ("-fno-semantic-interposition", "-fno-plt")
"""Nobody replaces one of our functions when the extension is loaded, so they may be inlined and called directly."""
PACKAGE = pathlib.Path(__file__).parent.parent / "gateway" / "isochrone_gateway"
COMPILED = (
    "ledger/evidence/chain.py",
    "ledger/evidence/keeping.py",
    "ledger/evidence/pen.py",
    "ledger/hops.py",
    "ledger/meter.py",
    "ledger/metrics.py",
    "ledger/queue.py",
    "ledger/withheld.py",
    "route/affinity.py",
    "route/breaker.py",
    "route/candidates.py",
    "route/endpoints.py",
    "route/health.py",
    "route/keys.py",
    "route/limits.py",
    "route/retry.py",
    "route/sharing.py",
    "route/standing.py",
    "server/backlog.py",
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
    "server/pipeline/chain.py",
    "server/pipeline/collecting.py",
    "server/pipeline/decide.py",
    "server/pipeline/engines.py",
    "server/pipeline/entrance.py",
    "server/pipeline/evidence.py",
    "server/pipeline/entry.py",
    "server/pipeline/handling.py",
    "server/pipeline/hosting.py",
    "server/pipeline/nobody.py",
    "server/pipeline/outgoing.py",
    "server/pipeline/peer_entrance.py",
    "server/pipeline/peers.py",
    "server/pipeline/callers.py",
    "server/pipeline/record.py",
    "server/pipeline/regions.py",
    "server/pipeline/revision.py",
    "server/pipeline/rulings.py",
    "server/pipeline/reading.py",
    "server/pipeline/sending.py",
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
    "wire/hop.py",
    "wire/http.py",
    "wire/members.py",
    "wire/remote.py",
    "wire/sse.py",
    "wire/stream.py",
    "wire/tail.py",
    "wire/usage.py",
)
"""What each request or each piece of a stream passes. Structs that msgspec decodes into can't be among it: mypyc keeps
no annotations."""


def main() -> int:
    """Compile, unless what is there is what would be made; 1 if this machine can't."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=pathlib.Path, help="where to put it; what was there is replaced")
    folder: pathlib.Path = parser.parse_args().folder.absolute()
    mark = folder / "made-from"
    sources = fingerprint()  # Before anything is compiled: who changes a file meanwhile gets it compiled the next time.
    if mark.exists() and mark.read_text(encoding="ascii") == sources:
        return 0
    print(f"==> Compiling the request path into {folder}: a minute or two", flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        headers = find_headers(folder / "headers")
        os.environ.update(find_compiler(), CFLAGS=" ".join([*FLAGS, *(f"-I{path}" for path in headers)]))
    except MissingError as error:
        print(f"The request path can't be compiled: {error}", file=sys.stderr)
        return 1
    compile_into(folder)
    mark.write_text(sources, encoding="ascii")
    return 0


def fingerprint() -> str:
    """Changes with the package, with this script, with mypyc and with Python."""
    digest = hashlib.sha256(f"{sys.version} {importlib.metadata.version('mypy')}".encode())
    for path in (pathlib.Path(__file__), *sorted(PACKAGE.rglob("*.py"))):
        digest.update(path.read_bytes())
    return digest.hexdigest()


class MissingError(Exception):
    """What is missing, and how to get it."""


def find_compiler() -> dict[str, str]:
    """The environment that says which C compiler to use: the machine's, else the one that PyPI's `ziglang` brings."""
    if shutil.which(os.environ.get("CC", "cc").split()[0]):
        return {}
    if importlib.util.find_spec("ziglang") is None:
        raise MissingError("there is no C compiler; install gcc, or ziglang from PyPI")
    return {"CC": f"{sys.executable} -m ziglang cc", "LDSHARED": f"{sys.executable} -m ziglang cc -shared"}


def find_headers(folder: pathlib.Path) -> list[pathlib.Path]:
    """Where Python's headers are, if not where Python looks: Debian has them in a package of its own."""
    if (pathlib.Path(sysconfig.get_path("include")) / "Python.h").exists():
        return []
    version = sysconfig.get_python_version()
    folder.mkdir()
    try:
        subprocess.run(["apt-get", "download", "--quiet", f"libpython{version}-dev"], cwd=folder, check=True)
        subprocess.run(["dpkg", "-x", *map(str, folder.glob("*.deb")), str(folder)], check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise MissingError(
            f"there is no Python.h; install python3-dev, or what your system calls it ({error})"
        ) from error
    return [folder / "usr" / "include" / f"python{version}", folder / "usr" / "include"]


def compile_into(folder: pathlib.Path) -> None:
    """Copy the package there, and compile it in place."""
    from mypyc.build import mypycify
    from setuptools import Distribution

    copy = folder / PACKAGE.name
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__", "*.so"))
    with contextlib.chdir(folder):
        paths = [f"{PACKAGE.name}/{name}" for name in COMPILED]
        extensions = mypycify(paths, opt_level="2", debug_level="0")
        command = Distribution({"name": PACKAGE.name, "ext_modules": extensions}).get_command_obj("build_ext")
        command.inplace = True
        command.ensure_finalized()
        command.run()
        shutil.rmtree("build")


if __name__ == "__main__":
    sys.exit(main())
