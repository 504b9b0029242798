"""Peers: the other sites' gateways, as seen from here."""

from typing import Annotated

from isochrone_gateway.config.record import Address, Hostname, Index0, Milliseconds, Name, Record, whole


class Peer(Record, frozen=True, kw_only=True):
    """Another site's gateway. Its certificate must carry the server name or URI given here, both if both are.

    That is asked of it where requests are sent to it, at `address`, its peer port, and where it sends requests: a
    certificate that would do for two peers is accepted from neither. `hostname` is its public name, if it has one.
    """

    site: Name
    address: Address
    hostname: Hostname | None = None
    place: Index0
    server_name: Hostname | None = None
    uri: Annotated[str, whole("spiffe://[a-z0-9._-]+(/[A-Za-z0-9._-]+)*", max_length=512)] | None = None
    rtt_ms: Milliseconds = 0
