"""Build images from this machine's Python and PyPI, without a container engine: `python -m images.build [IMAGE ...]`.

    operator   isochrone: hub and members           gateway   isochrone-gateway and isochrone-fetch
    engine     llama.cpp, by way of xllamacpp       pause     holds a pod's network, where there is no registry

They are what the Dockerfiles beside this describe, on another base, for clusters that the tests make and for those who
have no registry. Archives in the OCI layout go to `build/images`; the same inputs give the same digests.
"""

import argparse
import dataclasses
import hashlib
import os
import pathlib
import sys
import time
import tomllib
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from images import oci, packages, python
from images.oci import File, Image, Link
from images.packages import PLACE, ROOT, BuildError

REGISTRY: Final = "ghcr.io/isochrone-dev"
_ENGINE: Final = "xllamacpp==2026.10.11549"
_USER: Final = "1000:1000"
_KEPT_S: Final = 14 * 24 * 3600
"""How long layers are kept that nothing uses."""
_ENVIRONMENT: Final = (
    "PATH=/usr/local/bin:/usr/bin:/bin",
    f"PYTHONPATH=/{PLACE}",
    "PYTHONUNBUFFERED=1",
    "PYTHONDONTWRITEBYTECODE=1",
    "SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt",
)

_Tree = dict[str, File | Link]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What is in an image, beside Python."""

    title: str
    entrypoint: str
    extra: str | None = None
    """Of pyproject.toml: its locked packages."""
    pinned: tuple[str, ...] = ()
    """Packages in place of an extra."""
    folders: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """Our packages -> where they are."""
    scripts: Mapping[str, str] = dataclasses.field(default_factory=dict)


RECIPES: Final[Mapping[str, Recipe]] = {
    "operator": Recipe(
        title="Isochrone operator",
        entrypoint="isochrone",
        extra="operator",
        folders={"isochrone": "operator/isochrone", "isochrone_gateway": "gateway/isochrone_gateway"},
        scripts={"isochrone": "isochrone.cli"},
    ),
    "gateway": Recipe(
        title="Isochrone gateway",
        entrypoint="isochrone-gateway",
        extra="gateway",
        folders={"isochrone_gateway": "gateway/isochrone_gateway", "isochrone_fetch": "gateway/isochrone_fetch"},
        scripts={"isochrone-gateway": "isochrone_gateway.starting", "isochrone-fetch": "isochrone_fetch.cli"},
    ),
    "engine": Recipe(
        title="llama.cpp from PyPI",
        entrypoint="llama-server",
        pinned=(_ENGINE,),
        folders={"images/llama_server.py": "images/llama_server.py"},
        scripts={"llama-server": "images.llama_server"},
    ),
}
_PAUSE_TITLE: Final = "Holds a pod's network"
_PAUSE: Final = b"""#!%s
import signal

signal.sigwait({signal.SIGTERM, signal.SIGINT})
"""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How images are built."""

    compiled: pathlib.Path | None = None
    """Where `make compile` has put the gateway's package; None: as it is in the repository."""
    cache: pathlib.Path
    """Layers that take long, by what they are made from."""


def name_of(image: str, tag: str = "") -> str:
    """`operator` -> ghcr.io/isochrone-dev/isochrone-operator:0.1.0"""
    return f"{REGISTRY}/isochrone-{image}:{tag or version()}"


def version() -> str:
    """The project's."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        found: str = tomllib.load(file)["project"]["version"]
    return found


def images(names: Sequence[str], options: Options, tags: Sequence[str] = ("",)) -> list[Image]:
    """These images, each under all tags: the project's version for an empty one. Only their labels differ, then."""
    base = _cached(options, _base_key(), lambda: packages.with_bytecode(_base()))
    found = []
    for name in names:
        layers = [base, *_upper_layers(name, options)]
        title, entrypoint = (
            (_PAUSE_TITLE, "pause") if name == "pause" else (RECIPES[name].title, RECIPES[name].entrypoint)
        )
        found += [
            Image(name=name_of(name, tag), layers=layers, config=_config(title, entrypoint, tag or version()))
            for tag in tags
        ]
    return found


def _upper_layers(name: str, options: Options) -> list[bytes]:
    """What is on top of Python: packages, then what is ours."""
    if name == "pause":
        # Of no use elsewhere; but Python's layer is there already.
        return [oci.layer({"usr/local/bin/pause": File(_PAUSE % python.EXECUTABLE.encode(), 0o755)})]
    recipe = RECIPES[name]
    asked = packages.requirements(recipe.extra, recipe.pinned)
    bought = _cached(options, f"{_base_key()}\0{asked}", lambda: _with_libraries(packages.installed(asked)))
    return [bought, oci.layer(packages.own(_folders(recipe, options), recipe.scripts))]


def _base() -> _Tree:
    tree: _Tree = python.interpreter()
    binaries = [each.content for each in tree.values() if isinstance(each, File)]
    return {**tree, **python.libraries(path for path in binaries if isinstance(path, pathlib.Path))}


def _with_libraries(tree: _Tree) -> _Tree:
    """Those that are in the base already are there twice, as the same file: they are small."""
    return {**packages.binaries_of(tree), **tree}


def _folders(recipe: Recipe, options: Options) -> dict[str, pathlib.Path]:
    found = {name: ROOT / path for name, path in recipe.folders.items()}
    if options.compiled is not None and recipe.extra == "gateway":
        found["isochrone_gateway"] = options.compiled / "isochrone_gateway"
        # What mypyc makes for all modules together lies beside the package.
        found |= {path.name: path for path in options.compiled.glob("*.so")}
    return found


def _config(title: str, entrypoint: str, tag: str) -> dict[str, object]:
    labels = {
        "org.opencontainers.image.title": title,
        "org.opencontainers.image.version": tag,
        "org.opencontainers.image.licenses": "Apache-2.0",
    }
    return {"Entrypoint": [f"/usr/local/bin/{entrypoint}"], "Env": list(_ENVIRONMENT), "User": _USER, "Labels": labels}


def _base_key() -> str:
    sources = [pathlib.Path(__file__).parent / f"{name}.py" for name in ("oci", "python", "packages")]
    return "\0".join([sys.version, sys.base_prefix, *(each.read_text() for each in sources)])


def _cached(options: Options, key: str, make: Callable[[], _Tree]) -> bytes:
    """A layer that only depends on `key`. What nobody has used for weeks goes when something new comes."""
    stored = options.cache / f"{hashlib.sha256(key.encode()).hexdigest()[:24]}.tar"
    if stored.exists():
        stored.touch()
    else:
        stored.parent.mkdir(parents=True, exist_ok=True)
        for each in stored.parent.iterdir():
            if time.time() - each.stat().st_mtime > _KEPT_S:
                each.unlink(missing_ok=True)
        unfinished = stored.with_suffix(f".{os.getpid()}")
        unfinished.write_bytes(oci.layer(make()))
        unfinished.rename(stored)
    return stored.read_bytes()


def cache() -> pathlib.Path:
    """Beside the other things that are made once per user."""
    own = os.environ.get("ISOCHRONE_CACHE")
    shared = os.environ.get("XDG_CACHE_HOME") or str(pathlib.Path.home() / ".cache")
    return (pathlib.Path(own) if own else pathlib.Path(shared, "isochrone")) / "images"


def main() -> int:
    """Build what is asked for; 1 if that can't be."""
    every = [*RECIPES, "pause"]
    parser = argparse.ArgumentParser(prog="python -m images.build", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("images", nargs="*", metavar="IMAGE", help=f"of {', '.join(every)}; all of them if left out")
    parser.add_argument("--to", type=pathlib.Path, default=ROOT / "build" / "images", help="the folder of the archives")
    parser.add_argument("--tag", default="", help="the project's version if left out")
    parser.add_argument("--compiled", type=pathlib.Path, metavar="FOLDER", help="where `make compile` put the gateway")
    asked = parser.parse_args()
    if unknown := set(asked.images) - set(every):
        parser.error(f"there is no {min(unknown)}")
    options = Options(compiled=asked.compiled, cache=cache())
    asked.to.mkdir(parents=True, exist_ok=True)
    try:
        for each in asked.images or every:
            archive = asked.to / f"{each}.tar"
            (digest,) = oci.write(images([each], options, [asked.tag]), archive)
            size = archive.stat().st_size / 1024 / 1024
            print(f"{name_of(each, asked.tag)}  {digest}  {size:.0f} MiB  {archive}", flush=True)
    except BuildError as error:
        print(f"images: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
