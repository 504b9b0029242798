"""`isochrone verify`: an independent proof that what sites are to run keeps the law."""

import asyncio
import json
import pathlib
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, Literal

import click

from isochrone.cli.inputs import Source, Unusable, network_options
from isochrone.cli.text import colour

if TYPE_CHECKING:
    from isochrone.model import Snapshot
    from isochrone.verify import Found
    from isochrone_gateway.config import Verify

_KUSTOMIZATION: Final = "kustomization.yaml"
_REMOTE: Final = ("://", "?ref=", "git@")
"""What marks a resource that kustomize would fetch."""


@click.command("verify")
@network_options
@click.option(
    "--configs",
    type=click.Path(path_type=pathlib.Path, file_okay=False, exists=True),
    metavar="DIR",
    help="What `isochrone render` wrote: a folder for each cluster.",
)
@click.option(
    "--cluster",
    "members",
    multiple=True,
    type=click.Path(path_type=pathlib.Path, dir_okay=False, exists=True),
    metavar="KUBECONFIG",
    help="Read what runs in this cluster. May be repeated, once for each cluster that has sites.",
)
@click.option(
    "--trusted-keys",
    type=click.Path(path_type=pathlib.Path, file_okay=False, exists=True),
    metavar="DIR",
    help="Public keys, one file KEY-ID.pem each, as gateways trust them: configs that none signed are errors.",
)
@click.option(
    "--unbound",
    type=click.Choice(["Allow", "Deny"]),
    help="What is meant to hold where no policy binds, as in the operator's settings. Default: Allow.",
)
@click.option("--hf-endpoint", metavar="URL", help="Where hf:// leads, if to a mirror, as in the operator's settings.")
@click.option("--s3-endpoint", metavar="URL", help="Where s3:// leads, if not to AWS, as in the operator's settings.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
def command(
    source: Source,
    *,
    configs: pathlib.Path | None,
    members: tuple[pathlib.Path, ...],
    trusted_keys: pathlib.Path | None,
    unbound: Literal["Allow", "Deny"] | None,
    as_json: bool,
    **endpoints: str | None,
) -> None:
    """Prove that no request can get to where a residency policy forbids it, or show the path.

    What users declare (-f, or --kubeconfig) is compared with what gateways are to run: with --configs what was
    rendered, with --cluster what is in clusters; without either, what would be rendered now from files, or what is
    in the hub's own cluster. Policies are read by a second implementation that shares no code with the operator's.

    Exit status: 0 if it is proved, 1 if not, or if manifests are not valid, 2 for input that can't be read.
    """
    from isochrone import verify
    from isochrone.cli import verify_text

    if configs is not None and members:
        raise click.UsageError("give --configs or --cluster, not both")
    stores = _stores(endpoints)
    snapshot = _meant(source.network(), unbound)
    declared = verify.declared.read(
        objects_of(snapshot),
        installation=snapshot.settings.installation,
        unbound=snapshot.settings.unbound,
        stores=stores,
    )
    clusters = _read(source, configs, members) or _rendered(snapshot, stores)
    trusted = None if trusted_keys is None else trusted_in(trusted_keys)
    try:
        report = verify.verify(declared, clusters, trusted=trusted)
    except verify.MalformedError as error:
        raise Unusable(str(error)) from error
    if as_json:
        click.echo(json.dumps(verify_text.document(report), indent=2))
    else:
        click.echo(verify_text.text(report), color=colour(sys.stdout.isatty()))
    sys.exit(0 if report.holds else 1)


def _meant(snapshot: "Snapshot", unbound: Literal["Allow", "Deny"] | None) -> "Snapshot":
    import dataclasses

    if unbound is None:
        return snapshot
    return dataclasses.replace(snapshot, settings=dataclasses.replace(snapshot.settings, unbound=unbound))


def objects_of(snapshot: "Snapshot") -> Iterable[Mapping[str, Any]]:
    """What is declared as JSON: the verifier reads it by itself."""
    kinds = (snapshot.edge_nodes, snapshot.routes, snapshot.policies, snapshot.providers, snapshot.tenants)
    for each in (resource for kind in kinds for resource in kind):
        yield {**each.model_dump(mode="json", by_alias=True, exclude_none=True), "kind": type(each).__name__}
    for name, labels in snapshot.namespaces.items():
        yield {"kind": "Namespace", "metadata": {"name": name, "labels": dict(labels)}}


def _stores(endpoints: Mapping[str, str | None]) -> Mapping[str, str]:
    """Scheme of weights -> where it leads. Ends the command if one is no URL."""
    from isochrone.verify import egress

    found = {scheme: url for scheme in ("hf", "s3") if (url := endpoints[f"{scheme}_endpoint"]) is not None}
    for scheme, url in found.items():
        try:
            egress.remote_of(url)
        except ValueError:
            raise click.UsageError(f"--{scheme}-endpoint is a URL such as https://models.example.com") from None
    return found


def _read(
    source: Source, configs: pathlib.Path | None, members: tuple[pathlib.Path, ...]
) -> "Mapping[str, list[Found]]":
    """What was rendered before, or runs; empty if neither is named."""
    if configs is not None:
        return written(configs)
    if members:
        return {str(each): _deployed(each, None) for each in members}
    if source.kubeconfig is not None:
        return {str(source.kubeconfig): _deployed(source.kubeconfig, source.context)}
    return {}


def written(folder: pathlib.Path) -> "Mapping[str, list[Found]]":
    """The files of each cluster that its kustomization lists: no others are applied."""
    listed = sorted(each.parent for each in (*folder.glob(_KUSTOMIZATION), *folder.glob(f"*/{_KUSTOMIZATION}")))
    if not listed:
        raise Unusable(f"{folder} is not of isochrone render: no folder in it has a {_KUSTOMIZATION}")
    return {str(each): _of_folder(each) for each in listed}


def _of_folder(folder: pathlib.Path) -> "list[Found]":
    path = folder / _KUSTOMIZATION
    kustomization = _yaml(path)
    if more := sorted(map(str, set(kustomization) - {"apiVersion", "kind", "resources"})):
        raise Unusable(f"{path} changes what its files say, by {', '.join(more)}: render it anew")
    names = kustomization.get("resources") or []
    if not isinstance(names, list) or not all(isinstance(each, str) for each in names):
        raise Unusable(f"{path}: resources must be a list of files")
    return [found for name in names for found in _of_file(folder, name)]


def _of_file(folder: pathlib.Path, name: str) -> "Iterator[Found]":
    path = folder / name
    if any(mark in name for mark in _REMOTE):
        raise Unusable(f"{folder / _KUSTOMIZATION}: {name} is elsewhere, and isn't read: write what it holds to a file")
    if path.is_dir():
        raise Unusable(f"{folder / _KUSTOMIZATION}: {name} is a folder, and isn't read: list its files instead")
    yield from _objects(_yaml(path), str(path))


def _objects(found: Mapping[str, Any], where: str) -> "Iterator[Found]":
    """An object, or each of a list: kubectl takes for one whatever has items, and applies those."""
    from isochrone.verify import Found

    if "items" in found or found.get("kind") == "List":
        items = found.get("items")
        if not str(found.get("kind")).endswith("List") or not isinstance(items, list):
            raise Unusable(f"{where} has items, but is no list of objects")
        for number, each in enumerate(items):
            yield from _objects(each if isinstance(each, dict) else {}, f"{where}, items[{number}]")
        return
    metadata, words = found.get("metadata"), (found.get("apiVersion"), found.get("kind"))
    if not all(isinstance(each, str) for each in words) or not isinstance(metadata, dict) or "name" not in metadata:
        raise Unusable(f"{where} holds no object, or more than one")
    yield Found(found, where)


def _yaml(path: pathlib.Path) -> Mapping[str, Any]:
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        found = yaml.load(path.read_bytes(), Loader=loader)  # noqa: S506 - a safe loader, the fast one if it is there
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise Unusable(f"{path} can't be read: {error}") from error
    if not isinstance(found, dict):
        raise Unusable(f"{path} holds no object")
    return found


def _deployed(kubeconfig: pathlib.Path, context: str | None) -> "list[Found]":
    from isochrone.kube.deployed import deployed
    from isochrone.kube.errors import ClusterError
    from isochrone.kube.reader import Object, connected
    from isochrone.verify import Found

    async def reading() -> tuple[Object, ...]:
        async with connected(kubeconfig, context) as reader:
            return await deployed(reader)

    try:
        objects = asyncio.run(reading())
    except ClusterError as error:
        raise Unusable(str(error)) from error
    return [Found(each, f"{kubeconfig}: {_named(each)}", is_live=True) for each in objects]


def _named(item: Mapping[str, Any]) -> str:
    metadata = item["metadata"]
    return f"{item['kind']} {metadata.get('namespace', '')}/{metadata['name']}"


def _rendered(snapshot: "Snapshot", stores: Mapping[str, str]) -> "Mapping[str, list[Found]]":
    """What the operator would render now, weights coming from there."""
    import datetime as dt
    import time

    from isochrone import plan as planning
    from isochrone.render import bundle as bundles
    from isochrone.render.settings import RenderSettings
    from isochrone.verify import Found
    from isochrone_gateway.config import Release

    now = int(time.time())
    planned = planning.replan(None, snapshot, now=now)
    routings = planning.routing(snapshot, planned.plan, now=now, prepared=planned.prepared)
    release = Release(
        installation=snapshot.settings.installation,
        epoch=1,
        sequence=1,
        issued_at=dt.datetime.fromtimestamp(now, dt.UTC),
    )
    public = RenderSettings().hf_endpoint
    settings = RenderSettings(hf_endpoint=stores.get("hf", public), s3_endpoint=stores.get("s3"))
    clusters: dict[str, list[Found]] = {}
    for each in bundles.render(snapshot, planned.plan, routings.at, settings=settings):
        index = [] if each.config is None else [bundles.index_object(each, release)]
        found = (Found(item, f"rendered for {each.cluster}: {_named(item)}") for item in (*each.objects, *index))
        clusters.setdefault(each.cluster, []).extend(found)
    return clusters


def trusted_in(folder: pathlib.Path) -> "Verify":
    """Who verifies by the public keys of a folder."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    keys: dict[str, Ed25519PublicKey] = {}
    for path in sorted(folder.glob("*.pem")):
        try:
            key = load_pem_public_key(path.read_bytes())
        except (OSError, ValueError) as error:
            raise Unusable(f"{path} is no public key in PEM form: {error}") from error
        if not isinstance(key, Ed25519PublicKey):
            raise Unusable(f"{path} is no Ed25519 key")
        keys[path.stem] = key
    if not keys:
        raise Unusable(f"{folder} has no file KEY-ID.pem, so no config could be trusted")

    def verify(key_id: str, message: bytes, signature: bytes) -> bool:
        try:
            keys[key_id].verify(signature, message)
        except (KeyError, InvalidSignature):
            return False
        return True

    return verify
