"""What `isochrone audit` reads: evidence, what it is held against, and which requests are asked for.

Options are declared here once, so that each of its commands understands them alike.
"""

import dataclasses
import datetime as dt
import difflib
import functools
import pathlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

import click

from isochrone.cli.inputs import Unusable

if TYPE_CHECKING:
    from isochrone.audit import Anchor, KeyRing, Report, Source, Wanted
    from isochrone.geo.areas import Area

OUTCOMES: Final = ("Answered", "Partial", "Refused", "Failed", "ClientGone", "Unknown")

_PROOF: Final = (
    click.option(
        "--anchors",
        multiple=True,
        type=click.Path(path_type=pathlib.Path, dir_okay=False, exists=True),
        metavar="FILE",
        help="Anchors kept elsewhere, one JSON object a line. May be repeated.",
    ),
    click.option(
        "--trusted-keys",
        type=click.Path(path_type=pathlib.Path, file_okay=False, exists=True),
        metavar="DIR",
        help="Public keys of gateways, files *.pem. Without it the keys beside the evidence are believed.",
    ),
)
_MAY_SKIP: Final = click.option(
    "--no-verify", is_flag=True, help="Don't look whether the evidence was tampered with; each line says so."
)
_FILTERS: Final = (
    click.option("--tenant", "tenants", multiple=True, metavar="ID", help="Of this tenant. May be repeated."),
    click.option("--route", "routes", multiple=True, metavar="ID", help="For this route. May be repeated."),
    click.option(
        "--policy", "policies", multiple=True, metavar="NAME", help="That this policy binds. May be repeated."
    ),
    click.option("--site", "sites", multiple=True, metavar="SITE", help="At this site's gateways. May be repeated."),
    click.option(
        "--outcome",
        "outcomes",
        multiple=True,
        type=click.Choice(OUTCOMES, case_sensitive=False),
        metavar="OUTCOME",
        help=f"That ended so: {', '.join(OUTCOMES)}. May be repeated.",
    ),
    click.option(
        "--origin",
        metavar="AREA",
        help="Whose data may come from there. AREA: codes and blocs with commas between, as in EU,CH or US-CA.",
    ),
    click.option("--outside", metavar="AREA", help="Processed at some place that isn't surely inside AREA."),
    click.option("--inside", metavar="AREA", help="Processed, and at every place surely inside AREA."),
    click.option("--since", metavar="TIME", help="Begun then or later: a date, or date and time; UTC if it says none."),
    click.option("--until", metavar="TIME", help="Begun before then."),
)


def proof_options(command: Callable[..., None]) -> Callable[..., None]:
    """`--anchors` and `--trusted-keys`."""
    return _decorated(command, _PROOF)


def evidence_options(command: Callable[..., None]) -> Callable[..., None]:
    """Those, `--no-verify`, and the filters, given to the command as its `proving` and its `filters`."""

    @functools.wraps(command)
    def gathered(**options: Any) -> None:
        proving, filters = (
            kind(**{field.name: options.pop(field.name) for field in dataclasses.fields(kind)})
            for kind in (Proving, Filters)
        )
        command(proving=proving, filters=filters, **options)

    return _decorated(gathered, (*_FILTERS, *_PROOF, _MAY_SKIP))


def _decorated(command: Callable[..., None], options: Sequence[Callable[..., Any]]) -> Callable[..., None]:
    for option in reversed(options):
        command = option(command)
    return command


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Proving:
    """What evidence is held against."""

    anchors: tuple[pathlib.Path, ...]
    trusted_keys: pathlib.Path | None
    no_verify: bool

    def read(self, roots: Sequence[pathlib.Path]) -> "Evidence":
        """All chains below these folders. Ends the command if there are none, or they can't be read."""
        from isochrone import audit

        if self.no_verify and (self.anchors or self.trusted_keys is not None):
            raise click.UsageError("--no-verify asks for no proof: leave it out, or --anchors and --trusted-keys")
        missing = [each for each in roots if not each.is_dir()]
        if missing:
            raise Unusable(f"{missing[0]} is no folder: give those that have a folder for each site")
        unique = list({each.resolve(): each for each in roots}.values())
        trusted, anchors = trusted_in(self.trusted_keys), anchors_in(self.anchors)
        try:
            reports = None if self.no_verify else audit.prove(unique, trusted=trusted, anchors=anchors)
            return Evidence(audit.sources(unique, reports), reports)
        except (audit.NotEvidence, OSError) as error:
            raise Unusable(str(error)) from error


@dataclasses.dataclass(frozen=True, slots=True)
class Evidence:
    """Chains, and what was found of them; None if that wasn't looked for."""

    sources: "tuple[Source, ...]"
    reports: "tuple[Report, ...] | None"

    @property
    def holds(self) -> bool:
        """Whether nothing is known to be wrong."""
        return all(each.holds for each in self.reports or ())

    def at(self, sites: Sequence[str]) -> "Evidence":
        """That of some sites; of all if none is named. What was found stays: it may be why something isn't there."""
        known = sorted({each.site for each in self.sources})
        for site in sites:
            if site not in known:
                near = difflib.get_close_matches(site, known, n=1)
                hint = f"; did you mean {near[0]}?" if near else f"; there are: {', '.join(known) or 'none'}"
                raise Unusable(f"--site: there is no evidence of {site}{hint}")
        if not sites:
            return self
        return Evidence(tuple(each for each in self.sources if each.site in sites), self.reports)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What was said of which requests are asked for."""

    tenants: tuple[str, ...]
    routes: tuple[str, ...]
    policies: tuple[str, ...]
    sites: tuple[str, ...]
    outcomes: tuple[str, ...]
    origin: str | None
    outside: str | None
    inside: str | None
    since: str | None
    until: str | None

    @property
    def said(self) -> list[str]:
        """The options that were given."""
        options = {"tenants": "tenant", "routes": "route", "policies": "policy", "sites": "site", "outcomes": "outcome"}
        named = (each.name for each in dataclasses.fields(self) if getattr(self, each.name))
        return [f"--{options.get(name, name)}" for name in named]

    def wanted(self) -> "Wanted":
        """The same, understood. Ends the command if something isn't."""
        from isochrone.audit import Wanted

        return Wanted(
            tenants=frozenset(self.tenants),
            routes=frozenset(self.routes),
            policies=frozenset(self.policies),
            sites=frozenset(self.sites),
            outcomes=frozenset(self.outcomes),
            origin=_area("--origin", self.origin),
            outside=_area("--outside", self.outside),
            inside=_area("--inside", self.inside),
            since=_time("--since", self.since),
            until=_time("--until", self.until),
        )


def _area(option: str, text: str | None) -> "Area | None":
    from isochrone.audit import NoArea, area

    try:
        return area(text) if text is not None else None
    except NoArea as error:
        raise Unusable(f"{option}: {error}") from error


def _time(option: str, text: str | None) -> float | None:
    if text is None:
        return None
    try:
        at = dt.datetime.fromisoformat(text)
    except ValueError as error:
        raise Unusable(f"{option}: {text} is no time, such as 2026-11-26 or 2026-11-26T23:01:00Z") from error
    return (at if at.tzinfo is not None else at.replace(tzinfo=dt.UTC)).timestamp()


def anchors_in(paths: Sequence[pathlib.Path]) -> "list[Anchor]":
    """The anchors of some files. Ends the command if one has none in it, or other things."""
    return [each for path in paths for each in _anchors(path)]


def _anchors(path: pathlib.Path) -> "list[Anchor]":
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise Unusable(f"{path}: {error.strerror}") from error
    found = [_anchor(each, f"{path}, line {number}") for number, each in enumerate(lines, 1) if each.strip()]
    if not found:
        raise Unusable(f"{path} is empty, so it holds no evidence to anything; leave it out, or fetch anchors anew")
    return found


def _anchor(line: bytes, where: str) -> "Anchor":
    import msgspec

    from isochrone.audit import Anchor

    try:
        return msgspec.json.decode(line, type=Anchor)
    except msgspec.MsgspecError as error:
        raise Unusable(f"{where}, is no anchor: {error}") from error


def trusted_in(folder: pathlib.Path | None) -> "KeyRing | None":
    """The public keys of a folder; None if none is given. Ends the command if there are none in it."""
    from isochrone.audit import keys

    if folder is None:
        return None
    try:
        found = keys.trusted(folder)
    except ValueError as error:
        raise Unusable(str(error)) from error
    if not found:
        raise Unusable(f"{folder} has no file *.pem, so nothing could be trusted")
    return found
