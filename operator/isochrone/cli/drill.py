"""`isochrone drill`: takes each site down in turn, and tells where the requests of each origin went."""

import dataclasses
import hashlib
import json
import pathlib
import signal
import sys
import time
from collections.abc import Collection
from typing import TYPE_CHECKING, Any, Final

import click
from click.core import ParameterSource

from isochrone.cli import writable
from isochrone.cli.inputs import Source, Unusable, network_options
from isochrone.cli.text import colour, printable
from isochrone.cli.up import state_folder, state_option

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from isochrone.drill import Report
    from isochrone.drill.areas import Drill
    from isochrone.drill.running import Scene
    from isochrone.drill.traffic import Only
    from isochrone.model import Snapshot
    from isochrone.verify.declared import Declared

    _Signing = tuple[str, Ed25519PrivateKey]
    """A key, and its id before it."""

_GO_WITH: Final = {"--sign": "--report", "--trusted-keys": "--check", "--key": "--live", "--state": "--live"}
"""Options that mean nothing without another one."""


@click.command("drill")
@network_options
@click.option("--site", "sites", multiple=True, metavar="NAME", help="Take this site down. May be repeated.")
@click.option(
    "--all-of",
    "areas",
    multiple=True,
    metavar="AREA",
    help="Take all sites of a country or bloc down, one after the other until none is left. May be repeated.",
)
@click.option("--origin", "origins", multiple=True, metavar="CODE", help="Follow requests from there only.")
@click.option("--tenant", "tenants", multiple=True, metavar="NAME", help="Follow requests of this tenant only.")
@click.option("--route", "routes", multiple=True, metavar="NAME", help="Follow requests for this route only.")
@click.option(
    "--live",
    "is_live",
    is_flag=True,
    help="Kill sites of the network that `isochrone up` runs, and ask its front door.",
)
@state_option
@click.option(
    "--key",
    "api_key",
    envvar="ISOCHRONE_KEY",
    metavar="KEY",
    help="With --live: the key of the tenant whose requests are sent. ISOCHRONE_KEY says it too, and shows it nowhere.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
@click.option(
    "--map", "picture", type=click.Path(path_type=pathlib.Path), metavar="FILE", help="Draw each loss: .svg or .png."
)
@click.option(
    "--report",
    "written",
    type=click.Path(path_type=pathlib.Path, dir_okay=False),
    metavar="FILE",
    help="Write the report there as JSON.",
)
@click.option(
    "--sign",
    "key",
    type=click.Path(path_type=pathlib.Path, dir_okay=False, exists=True),
    metavar="KEY-ID.pem",
    help="Sign what --report writes with this Ed25519 private key. Its file's name is the id of the key.",
)
@click.option(
    "--check",
    "checked",
    type=click.Path(path_type=pathlib.Path, dir_okay=False, exists=True),
    metavar="FILE",
    help="Drill nothing: check the signature of this report.",
)
@click.option(
    "--trusted-keys",
    type=click.Path(path_type=pathlib.Path, file_okay=False, exists=True),
    metavar="DIR",
    help="With --check: public keys, one file KEY-ID.pem each.",
)
def command(source: Source, **given: Any) -> None:
    """Take each site down in turn, and report where requests of each origin, route and tenant went.

    Nothing is touched, unless --live is given: each loss is planned, the configs of all gateways are made, and the
    gateway's own code is asked what it does with them, in the seconds after the loss and once all is planned anew.
    Where something was lawful is read from the policies by the second implementation that `isochrone verify` has.

    Exit status: 0, 1 if something went outside the law, or was refused though somebody could lawfully have answered it,
    or if a report's signature is not good or manifests are not valid, 2 for input that can't be read.
    """
    _check_words(_said())
    if given["checked"] is not None:
        _check(given["checked"], given["trusted_keys"])
        return
    key = _writable(given)
    snapshot = source.network()
    report, declared = _live(snapshot, given) if given["is_live"] else _simulated(snapshot, given)
    _tell(report, as_json=given["as_json"])
    if given["written"] is not None:
        _write(report, given["written"], key)
    if given["picture"] is not None:
        from isochrone.cli import drill_map
        from isochrone.drill import world

        drill_map.draw(report, declared, world.points(snapshot), given["picture"])
    sys.exit(0 if report.passed else 1)


def _said() -> list[str]:
    """The options on the command line. What the environment says is no option that somebody gave."""
    context = click.get_current_context()
    return [
        each.opts[-1]
        for each in context.command.params
        if each.name and context.get_parameter_source(each.name) is ParameterSource.COMMANDLINE
    ]


def _check_words(said: Collection[str]) -> None:
    """No option is passed over: who gave it would believe that it did something."""
    if "--check" in said and (more := [each for each in said if each not in {"--check", "--trusted-keys"}]):
        raise click.UsageError(f"--check looks at a report, and drills nothing: leave out {', '.join(more)}")
    for option, needed in _GO_WITH.items():
        if option in said and needed not in said:
            raise click.UsageError(f"{option} goes with {needed}")


def _writable(given: dict[str, Any]) -> "_Signing | None":
    """The key that is to sign. Ends the command if it is none, or where a file can't be: a live drill kills sites."""
    if given["written"] is not None:
        writable.check("--report", str(given["written"]))
    if given["picture"] is not None:
        from isochrone.cli import map_file

        map_file.check(given["picture"])
    path: pathlib.Path | None = given["key"]
    return None if path is None else (path.stem, _private(path))


def _simulated(snapshot: "Snapshot", given: dict[str, Any]) -> "tuple[Report, Declared]":
    from isochrone.drill import rehearsing, running

    scene, drills = _scene(snapshot, given, _only(given))
    try:
        with rehearsing.gateways() as gateways:
            return running.run(scene, drills, gateways), scene.declared
    except rehearsing.RehearsalError as error:
        raise Unusable(str(error)) from error


def _live(snapshot: "Snapshot", given: dict[str, Any]) -> "tuple[Report, Declared]":
    """Ctrl-C and SIGTERM end it as an error does: with every site brought back."""
    from isochrone.drill import live
    from isochrone.local.folder import Folder
    from isochrone.model.declared import key_of

    if given["api_key"] is None:
        raise click.UsageError("--live needs the key of a tenant: --key, or ISOCHRONE_KEY")
    tenant = _tenant_of(snapshot, given["api_key"])
    scene, drills = _scene(snapshot, given, dataclasses.replace(_only(given), tenants=frozenset({tenant})))
    embeds = frozenset(str(key_of(each)) for each in snapshot.routes if "ChatCompletions" not in each.spec.endpoints)
    network = live.Running(Folder(state_folder(given["state"])).socket, given["api_key"], embeds=embeds)
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        return live.Drilling(scene, network).run(drills), scene.declared
    except live.LiveError as error:
        raise Unusable(f"--live: {error}") from error
    finally:
        signal.signal(signal.SIGTERM, before)


def _tenant_of(snapshot: "Snapshot", key: str) -> str:
    from isochrone.model.declared import key_of

    digest = hashlib.sha256(key.encode()).hexdigest()
    found = [each for each in snapshot.tenants if digest in {one.sha256 for one in each.spec.keys}]
    if not found:
        raise Unusable("--key: it is of no tenant that is declared")
    return str(key_of(found[0]))


def _scene(snapshot: "Snapshot", given: dict[str, Any], only: "Only") -> "tuple[Scene, list[Drill]]":
    """What is followed, and what is taken down."""
    from isochrone.cli.verify import objects_of
    from isochrone.drill import areas, running, traffic, world
    from isochrone.verify import declared as declaring

    objects = list(objects_of(snapshot))
    settings = snapshot.settings
    declared = declaring.read(objects, installation=settings.installation, unbound=settings.unbound)
    now = int(time.time())
    live = sorted(world.points(snapshot).keys() - set(world.away(snapshot, now=now)))
    _check_names(given, declared, live)
    try:
        drills = areas.drills(declared, live, sites=given["sites"], all_of=given["areas"])
    except areas.NoSuchArea as error:
        raise Unusable(str(error)) from error
    followed = traffic.of(declared, snapshot, only)
    if not followed:
        raise Unusable("there is no request to follow: no tenant with a key may call a route, or none as asked for")
    digest = running.digest_of(objects)
    return running.Scene(snapshot=snapshot, declared=declared, digest=digest, traffic=followed, now=now), drills


def _only(given: dict[str, Any]) -> "Only":
    from isochrone.drill.traffic import Only

    return Only(
        origins=frozenset(given["origins"]), tenants=frozenset(given["tenants"]), routes=frozenset(given["routes"])
    )


def _check_names(given: dict[str, Any], declared: "Declared", live: list[str]) -> None:
    from isochrone.geo import codes

    for site in given["sites"]:
        if site not in live:
            raise Unusable(f"--site: no gateway runs at a site {site}; there are: {', '.join(live) or 'none'}")
    for code in given["origins"]:
        if not codes.is_code(code):
            raise Unusable(f"--origin: {code} is no ISO 3166 code, such as DE or US-CA")
    for option, known in (("tenants", declared.tenants), ("routes", declared.routes)):
        for name in given[option]:
            if not any(name in {key, key.rpartition("/")[2]} for key in known):
                raise Unusable(f"--{option[:-1]}: there is no {name}; there are: {', '.join(sorted(known)) or 'none'}")


def _tell(report: "Report", *, as_json: bool) -> None:
    from isochrone.cli import drill_text
    from isochrone.drill.report import document

    if as_json:
        click.echo(json.dumps(document(report), indent=2))
    else:
        click.echo(drill_text.text(report), color=colour(sys.stdout.isatty()))


def _write(report: "Report", path: pathlib.Path, key: "_Signing | None") -> None:
    from isochrone.drill import signing
    from isochrone.drill.report import document

    found = document(report)
    signed = found if key is None else signing.sign(found, key[1], key[0])
    try:
        path.write_text(json.dumps(signed, indent=2) + "\n")
    except OSError as error:
        raise Unusable(f"--report: {path}: {error.strerror}") from error
    click.echo(f"The report is in {path}{'' if key is None else f', signed by {key[0]}'}.", err=True)


def _private(path: pathlib.Path) -> "Ed25519PrivateKey":
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as error:
        raise Unusable(f"--sign: {path} is no private key in PEM form without a password: {error}") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise Unusable(f"--sign: {path} is no Ed25519 key; make one with `openssl genpkey -algorithm ed25519`")
    return key


def _check(path: pathlib.Path, trusted: pathlib.Path | None) -> None:
    from isochrone.cli.verify import trusted_in
    from isochrone.drill import signing

    if trusted is None:
        raise click.UsageError("--check goes with --trusted-keys")
    try:
        report, key_id = signing.check(path.read_bytes(), trusted_in(trusted))
    except signing.BadReport as error:
        click.echo(f"{path}: {printable(str(error))}", err=True)
        sys.exit(1)
    when = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(report["at"]))
    verdict = "passed" if report["passed"] else "failed"
    click.echo(f"Signed by {key_id}, and unchanged: a {report['mode']} drill of {when}, which {verdict}.")
