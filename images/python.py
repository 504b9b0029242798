"""The Python of this machine as files of an image: interpreter, standard library, the shared libraries they need.

A Debian base image would bring the same. Here it is whatever Python runs this, in /usr/local of the image.
"""

import pathlib
import re
import subprocess
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from typing import Final

from images.oci import File, Link

VERSION: Final = f"{sys.version_info.major}.{sys.version_info.minor}"
EXECUTABLE: Final = f"/usr/local/bin/python{VERSION}"
LIBRARY: Final = f"usr/local/lib/python{VERSION}"

_LEFT_OUT: Final = {
    "__pycache__",
    "dist-packages",
    "ensurepip",
    "idlelib",
    "lib2to3",
    "site-packages",
    "test",
    "tests",
    "tkinter",
    "turtledemo",
}
_LEFT_OUT_TOO: Final = ("config-", "_tkinter.", "_test", "_ctypes_test", "_xxtest")
_COUNTED_ON: Final = (
    *("libnss_dns.so.2", "libnss_files.so.2", "libresolv.so.2"),  # by glibc, to resolve names
    *("libgcc_s.so.1", "libstdc++.so.6", "libdl.so.2", "libpthread.so.0", "librt.so.1", "libutil.so.1"),
)
"""What is there without being asked for: with these every wheel for Linux starts (PEP 513)."""
_RESOLVED: Final = re.compile(r"(?:(\S+) => )?(/\S+) \(0x")
_AUTHORITIES: Final = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem")


def interpreter() -> dict[str, File | Link]:
    """Python and its standard library, without what only developers need."""
    library = pathlib.Path(sysconfig.get_path("stdlib"))
    found: dict[str, File | Link] = {f"{LIBRARY}/{path}": file for path, file in folder(library, without=_LEFT_OUT)}
    found |= {
        EXECUTABLE[1:]: File(_executable(), 0o755),
        "usr/local/bin/python3": Link(f"python{VERSION}"),
        "etc/passwd": File(b"root:x:0:0:root:/:/sbin/nologin\nisochrone:x:1000:1000::/:/sbin/nologin\n"),
        "etc/group": File(b"root:x:0:\nisochrone:x:1000:\n"),
        "etc/nsswitch.conf": File(b"hosts: files dns\n"),
        "etc/ssl/certs/ca-certificates.crt": File(_authorities()),
        "tmp/": File(b"", 0o1777),
    }
    return found


def folder(root: pathlib.Path, *, without: Iterable[str] = ("__pycache__",)) -> Iterator[tuple[str, File]]:
    """All files below a folder, by their path in it; links are followed."""
    left_out = set(without)
    for path in sorted(root.rglob("*")):
        parts = path.relative_to(root).parts
        if path.is_file() and not any(part in left_out or part.startswith(_LEFT_OUT_TOO) for part in parts):
            yield "/".join(parts), File(path, 0o755 if path.stat().st_mode & 0o100 else 0o644)


def libraries(binaries: Iterable[pathlib.Path]) -> dict[str, File | Link]:
    """The shared libraries that these files need and don't bring along.

    All of them are put where libc is, which is a folder that its loader looks into without being told.
    """
    needed = _needed(binaries)
    libc = next(path for name, path in needed.items() if name.startswith("libc.so"))
    extra = {name: libc.parent / name for name in _COUNTED_ON if (libc.parent / name).exists()}
    found: dict[str, File | Link] = {}
    for name, path in {**needed, **extra}.items():
        place = path if name.startswith("ld-") else libc.parent / name
        found[str(place)[1:]] = File(path.resolve(), 0o755)
    return found


def _needed(binaries: Iterable[pathlib.Path]) -> dict[str, pathlib.Path]:
    """By the name under which it is asked for; the loader by its own."""
    own = [path for path in binaries if path.suffix == ".so" or ".so." in path.name or path == _executable()]
    names = {path.name for path in own}
    told = subprocess.run(["ldd", *map(str, own)], capture_output=True, text=True, check=False).stdout
    found = {}
    for line in told.splitlines():
        if match := _RESOLVED.search(line):
            path = pathlib.Path(match[2])
            found[match[1] or path.name] = path
    return {name: path for name, path in sorted(found.items()) if name not in names}


def _executable() -> pathlib.Path:
    return pathlib.Path(sys._base_executable).resolve()  # type: ignore[attr-defined] # noqa: SLF001 - not the environment's


def _authorities() -> bytes:
    """Whom this machine trusts."""
    return next((path.read_bytes() for each in _AUTHORITIES if (path := pathlib.Path(each)).exists()), b"")
