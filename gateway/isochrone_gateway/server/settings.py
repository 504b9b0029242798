"""The command line of `isochrone-gateway`: what a gateway must know before it has a config."""

import argparse
import dataclasses
import os
import pathlib
import re
import socket
from collections.abc import Sequence
from typing import Final, NoReturn

from isochrone_gateway.source.credentials import SERVICE_ACCOUNT

_KUBERNETES: Final = "kubernetes:"
_OBJECT_NAME: Final = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
_COLLECTOR: Final = re.compile(r"https?://[^/]")
_MAX_WORKERS: Final = 1024


@dataclasses.dataclass(frozen=True)
class Folder:
    """The config is in a folder."""

    path: pathlib.Path


@dataclasses.dataclass(frozen=True)
class ConfigMap:
    """The config is in ConfigMaps; this one has the index."""

    name: str


@dataclasses.dataclass(frozen=True)
class Address:
    """Where to listen. An empty host means all addresses."""

    host: str
    port: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """What was asked for."""

    config: Folder | ConfigMap
    lease: str | None
    pod: str
    installation: str | None
    site: str | None
    workers: int
    secrets: pathlib.Path | None
    state: pathlib.Path | None
    admin: Address | None
    status_token: pathlib.Path | None
    trusted_keys: pathlib.Path | None
    service_account: pathlib.Path
    log_percent: int
    otlp: str | None
    evidence: pathlib.Path | None
    evidence_key: pathlib.Path | None


class _Parser(argparse.ArgumentParser):
    """Says what to do in one line, without the whole usage before it."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"isochrone-gateway: {message}\nTry: isochrone-gateway --help\n")


def parse(arguments: Sequence[str]) -> Settings:
    """Read the command line; ends the process with status 2 if it is wrong."""
    parser = _parser()
    found = parser.parse_args(arguments)
    folders = {"--secrets": found.secrets}
    if isinstance(found.config, ConfigMap):
        found.lease = found.lease or found.config.name
    else:
        folders["--trusted-keys"] = found.trusted_keys  # In a pod, it may come later.
        if found.lease is not None:
            parser.error("--lease goes with --config kubernetes:NAME")
    if (found.evidence is None) != (found.evidence_key is None):
        parser.error("--evidence and --evidence-key go together")
    for option, path in folders.items():
        if path is not None and not path.is_dir():
            parser.error(f"{option}: {path} is not a folder")
    if found.otlp is not None and not _COLLECTOR.match(found.otlp):
        parser.error(f"--otlp: {found.otlp} is no http:// or https:// address")
    return Settings(**vars(found), pod=os.environ.get("POD_NAME") or socket.gethostname())


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="isochrone-gateway",
        description="Runs one gateway: an OpenAI-compatible endpoint for the models of one site and its peers.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="SIGTERM drains, a second one ends at once, SIGHUP reads everything again.",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add(
        "--config",
        required=True,
        type=_source,
        metavar="FOLDER|kubernetes:NAME",
        help="where the config is: a folder with index.json and its shards, which is watched; "
        "or the ConfigMap that holds the index, in this pod's namespace",
    )
    add(
        "--lease",
        type=_name,
        metavar="NAME",
        help="the Lease in this pod's namespace on which the gateway says which config it runs, as the pod that "
        "POD_NAME says; it has to be there (default: the name of the ConfigMap)",
    )
    add(
        "--installation",
        type=_name,
        metavar="NAME",
        help="the installation that this gateway belongs to: a config of another one is refused",
    )
    add(
        "--site",
        type=_name,
        metavar="NAME",
        help="the site that this gateway is at: a config for another one is refused, also one that --state holds",
    )
    add(
        "--workers",
        default=1,
        type=_workers,
        metavar="N",
        help="worker processes, about one for each core (default: 1)",
    )
    add("--secrets", type=pathlib.Path, metavar="FOLDER", help="where the secret files are that the config names")
    add(
        "--state",
        type=pathlib.Path,
        metavar="FOLDER",
        help="keeps the last good config and the engines found last, to start from when their sources are away",
    )
    add(
        "--admin",
        type=_address,
        metavar="HOST:PORT",
        help="where /healthz, /readyz, /metrics and /status are; without it where the config says, once there is one",
    )
    add(
        "--status-token",
        type=pathlib.Path,
        metavar="FILE",
        help="holds the bearer token that /status asks for; without it there is no /status",
    )
    add(
        "--trusted-keys",
        type=pathlib.Path,
        metavar="FOLDER",
        help="public keys, one file KEY-ID.pem each, read again while it runs; "
        "with it, only a config that one of them signed is run",
    )
    add(
        "--service-account",
        type=pathlib.Path,
        default=SERVICE_ACCOUNT,
        metavar="FOLDER",
        help=f"token, ca.crt and namespace for the Kubernetes API (default: {SERVICE_ACCOUNT})",
    )
    add(
        "--log-percent",
        default=100,
        type=_percent,
        metavar="N",
        help="how many of the answered requests are logged; of the others, all are (default: 100)",
    )
    add(
        "--otlp",
        metavar="URL",
        help="the OpenTelemetry collector that gets traces, by OTLP over HTTP; "
        "said instead of OTEL_EXPORTER_OTLP_ENDPOINT, beside which the other standard variables apply",
    )
    add(
        "--evidence",
        type=pathlib.Path,
        metavar="FOLDER",
        help="where evidence of where requests were processed is kept, if the config asks for it",
    )
    add(
        "--evidence-key",
        type=pathlib.Path,
        metavar="FILE",
        help="the Ed25519 key, in PEM, that signs the evidence; outside of its folder; made if it isn't there",
    )
    return parser


def _source(text: str) -> Folder | ConfigMap:
    if not text.startswith(_KUBERNETES):
        return Folder(pathlib.Path(text))
    name = text.removeprefix(_KUBERNETES)
    if not _OBJECT_NAME.fullmatch(name):
        raise argparse.ArgumentTypeError(f"{name!r} is not the name of a ConfigMap")
    return ConfigMap(name)


def _name(text: str) -> str:
    if not _OBJECT_NAME.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no name: lower-case letters, digits, dashes and dots")
    return text


def _address(text: str) -> Address:
    host, separator, port = text.rpartition(":")
    if not separator or not port.isdecimal() or not 0 <= int(port) < 2**16:
        raise argparse.ArgumentTypeError(f"{text!r} is not HOST:PORT; say :9090 for all addresses")
    return Address(host.removeprefix("[").removesuffix("]"), int(port))


def _workers(text: str) -> int:
    return _whole(text, least=1, most=_MAX_WORKERS)


def _percent(text: str) -> int:
    return _whole(text, least=0, most=100)


def _whole(text: str, *, least: int, most: int) -> int:
    if not text.isdecimal() or not least <= int(text) <= most:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {least} to {most}")
    return int(text)
