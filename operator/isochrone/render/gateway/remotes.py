"""Whom a gateway calls outside of its site: peers, endpoints of providers, the store of its bucket."""

from collections.abc import Iterator

from isochrone.law.atlas import bucket_of
from isochrone.model import hosts
from isochrone.model.hosts import Remote
from isochrone.render.gateway.subject import Subject


def of(subject: Subject) -> Iterator[Remote]:
    """All of them. A peer of the same cluster that is reached as a Service is found by its pods' labels instead."""
    for other in subject.others:
        advertise = other.spec.gateway.advertise
        is_beside = other.metadata.name in subject.beside
        if advertise is None or (is_beside and hosts.SERVICE.fullmatch(advertise.host)):
            continue
        yield hosts.of_peer(advertise)
    for provider in subject.providers:
        yield from (hosts.of_endpoint(endpoint) for endpoint in provider.spec.endpoints)
    if (bucket := bucket_of(subject.site)) is not None:
        yield hosts.of_bucket(bucket)


def split(address: str) -> tuple[str, int]:
    """`IP:port`, with brackets around an IPv6 address."""
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)
