"""The peers of this gateway: how well and how far each is as seen from here, and which of them a certificate is of.

A peer is probed at its peer port, over the same mutual TLS as requests: what a probe finds well would take a request.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from isochrone_gateway.config.peers import Peer
from isochrone_gateway.route.candidates import Figures
from isochrone_gateway.route.health import Health
from isochrone_gateway.route.rtt import RoundTrip
from isochrone_gateway.upstream.addresses import ANYWHERE
from isochrone_gateway.upstream.probes import Observation, Probe
from isochrone_gateway.upstream.target import Target, TlsSettings
from isochrone_gateway.wire import hop

_KEEP_ALIVE: Final = 30.0
"""Gateways keep unused connections for 75 seconds unless told otherwise, and a handshake with a far one is dear."""
_NAMES: Final = frozenset({"DNS", "IP Address"})


class PeerSite:
    """One peer, as seen from here."""

    __slots__ = ("_rtt", "figures", "health", "key", "probe", "problem", "site", "target")

    def __init__(self, peer: Peer, tls: TlsSettings) -> None:
        host, _, port = peer.address.rpartition(":")
        self.site = peer.site
        self.key = f"peer:{peer.site}"
        self.target = Target(
            host=host.strip("[]"),
            port=int(port),
            authority=peer.address.encode(),
            name=self.key,
            tls=tls,
            addresses=ANYWHERE,
            keep_alive=_KEEP_ALIVE,
        )
        self.probe = Probe(key=self.key, target=self.target, health_path=hop.HEALTH_PATH)
        self.health = Health()
        self.figures = Figures()
        self.problem = ""
        """Why the last probe didn't find it well."""
        self._rtt = RoundTrip()

    def observed(self, observation: Observation) -> bool:
        """What a probe found. Gives whether it became ready."""
        was_ready = self.health.is_ready(observation.at)
        self.health.probed(observation.at, is_well=observation.is_well)
        self.problem = observation.problem
        if observation.is_well:
            self._rtt.answered(observation.seconds)
            self.figures.rtt_ms = self._rtt.ms
        return self.health.is_ready(observation.at) and not was_ready

    def describe(self, now: float) -> dict[str, Any]:
        rtt = self.figures.rtt_ms
        return {
            "health": self.health.state(now).value,
            "rttMs": None if rtt is None else round(rtt, 1),
            "problem": self.problem or None,
        }


class Identities:
    """Which peer a certificate is of: it must carry the server name or URI that the config says, both if both are."""

    def __init__(self, peers: Iterable[Peer]) -> None:
        self._claims: dict[str, list[Peer]] = {}
        for peer in peers:
            for name in (peer.server_name, peer.uri):
                if name is not None:
                    self._claims.setdefault(name, []).append(peer)

    def site_of(self, certificate: Mapping[str, Any]) -> str | None:
        """The site; None if the certificate is of no peer, or would do for two."""
        shown = certificate.get("subjectAltName", ())
        names = {value.lower() for kind, value in shown if kind in _NAMES}
        uris = {value for kind, value in shown if kind == "URI"}
        found = {peer.site for name in names | uris for peer in self._claims.get(name, ()) if _is(peer, names, uris)}
        return found.pop() if len(found) == 1 else None


def _is(peer: Peer, names: set[str], uris: set[str]) -> bool:
    return (peer.server_name is None or peer.server_name in names) and (peer.uri is None or peer.uri in uris)
