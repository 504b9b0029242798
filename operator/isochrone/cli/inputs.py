"""What commands read: manifests in files, or the objects of a hub's cluster.

Options are declared here once, so that each command understands them alike.
"""

import asyncio
import dataclasses
import functools
import os
import pathlib
import sys
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

import click

from isochrone.cli.text import colour

if TYPE_CHECKING:
    from isochrone.kube.reader import Reader
    from isochrone.manifests import Reading
    from isochrone.model import Snapshot

_INVALID, _UNUSABLE = 1, 2


class Unusable(click.ClickException):
    """Input that can't be opened, or that has nothing in it to work on."""

    exit_code = _UNUSABLE


_OPTIONS: Final = (
    click.option(
        "-f",
        "--filename",
        "paths",
        multiple=True,
        metavar="DIR|FILE|-",
        help="Manifests: a file, a folder with all that is in it, or - for standard input. May be repeated.",
    ),
    click.option(
        "--exclude",
        multiple=True,
        metavar="GLOB",
        help="Leave out files of folders, by name or path below the folder, as in 'values.yaml'. May be repeated.",
    ),
    click.option(
        "--kubeconfig",
        type=click.Path(path_type=pathlib.Path),
        metavar="FILE",
        help="Read the objects of the hub's cluster, and what runs there, instead of files. Without -f: $KUBECONFIG, or"
        " ~/.kube/config, when left out.",
    ),
    click.option("--context", metavar="NAME", help="The context of the kubeconfig, if not its current one."),
)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where the network is declared: in files, or in a hub's cluster."""

    paths: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    kubeconfig: pathlib.Path | None = None
    context: str | None = None

    def network(self) -> "Snapshot":
        """The network. Ends the command if it can't be read or is not valid."""
        if bool(self.paths) == (self.kubeconfig is not None):
            raise click.UsageError("say what to read: manifests with -f, or a hub's cluster with --kubeconfig")
        if self.kubeconfig is None:
            return declared(self.paths, self.exclude)
        from isochrone.kube.gather import gather

        return read_cluster(gather, self.kubeconfig, self.context)

    def __str__(self) -> str:
        """As it is said on the command line."""
        if self.kubeconfig is not None:
            return f"--kubeconfig {self.kubeconfig}" + (f" --context {self.context}" if self.context else "")
        return " ".join([*(f"-f {path}" for path in self.paths), *(f"--exclude {glob}" for glob in self.exclude)])


def ones_own() -> pathlib.Path | None:
    """The kubeconfig that kubectl takes where none is named, if there is one: $KUBECONFIG may name several."""
    if named := os.environ.get("KUBECONFIG"):
        return pathlib.Path(named)
    return default if (default := own_default()).exists() else None


def own_default() -> pathlib.Path:
    """Where kubectl keeps its kubeconfig."""
    return pathlib.Path.home() / ".kube" / "config"


def network_options(command: Callable[..., None]) -> Callable[..., None]:
    """`-f`, `--exclude`, `--kubeconfig` and `--context`, given to the command as its `source`."""

    @functools.wraps(command)
    def with_source(**options: Any) -> None:
        named = {field.name: options.pop(field.name) for field in dataclasses.fields(Source)}
        if not named["paths"]:
            named["kubeconfig"] = named["kubeconfig"] or ones_own()
        command(source=Source(**named), **options)

    decorated: Callable[..., None] = with_source
    for option in reversed(_OPTIONS):
        decorated = option(decorated)
    return decorated


def read_cluster(
    gather: "Callable[[Reader], Awaitable[Snapshot]]", kubeconfig: pathlib.Path, context: str | None
) -> "Snapshot":
    """What is read from the cluster of a kubeconfig. Ends the command if it can't be."""
    from isochrone.kube.errors import ClusterError
    from isochrone.kube.reader import connected

    async def reading() -> "Snapshot":
        async with connected(kubeconfig, context) as reader:
            return await gather(reader)

    try:
        return asyncio.run(reading())
    except ClusterError as error:
        raise Unusable(str(error)) from error


def declared(paths: Sequence[str], exclude: Sequence[str] = ()) -> "Snapshot":
    """What manifests declare. Errors in them end the command; warnings are counted on standard error."""
    from isochrone import validate
    from isochrone.cli import report

    reading = read(paths, exclude)
    examined = validate.examine(reading.manifests)
    findings = sorted([*validate.of_text(reading.faults), *examined.findings], key=validate.Finding.order)
    objects = sum(map(validate.is_checked, reading.manifests))
    summary = report.Summary.of(findings, objects=objects, passed_over=0)
    again = f"{_ourselves()} validate {' '.join(f'-f {path}' for path in paths)}"
    if summary.errors:
        errors = [finding for finding in findings if finding.severity is validate.Severity.ERROR]
        said = report.as_text(errors, report.Summary.of(errors, objects=objects, passed_over=0))
        click.echo(said, err=True, color=colour(sys.stderr.isatty()))
        click.echo(f"These are not valid, so there is nothing to plan. All findings: {again}", err=True)
        sys.exit(_INVALID)
    if not objects:
        raise Unusable(nothing_to_check(len(reading.manifests)))
    if summary.warnings:
        noun = "warning" if summary.warnings == 1 else "warnings"
        click.echo(f"{summary.warnings} {noun}; {again} shows them\n", err=True)
    return examined.snapshot


def _ourselves() -> str:
    """How this program can be typed here."""
    program = pathlib.Path(sys.argv[0])
    return typed(program, "isochrone") if program.name == "isochrone" else "isochrone"


def typed(program: pathlib.Path, name: str) -> str:
    """A program of a virtual environment below this folder by its path: it need not be on the shell's."""
    try:
        return str(program.absolute().parent.relative_to(pathlib.Path.cwd()) / name)
    except ValueError:
        return name


def nothing_to_check(read_objects: int) -> str:
    """So that a wrong folder does not pass for a sound one."""
    found = (
        f"{read_objects} objects, all of other API groups" if read_objects > 1 else "one object, of another API group"
    )
    known = found if read_objects else "they are empty"
    return f"nothing to check: no object of isochrone.dev among the manifests ({known})"


def read(paths: Sequence[str], exclude: Sequence[str]) -> "Reading":
    """The manifests in these files."""
    from isochrone import manifests

    try:
        return manifests.read(paths, exclude=exclude)
    except manifests.Unreadable as error:
        raise Unusable(str(error)) from error
