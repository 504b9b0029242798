"""How a gateway is reached: by applications and clients, and by its peers. The admin port is behind no Service."""

from isochrone.render.gateway.subject import DATA, PEER, Subject
from isochrone.render.manifest import Json, filled
from isochrone.render.names import cut
from isochrone.render.service import traffic_distribution

_HTTP, _HTTPS = 80, 443


def services(subject: Subject) -> list[Json]:
    """One Service; two where clients and peers are promised the same port."""
    data = _data_port(subject)
    peer = _peer_port(subject)
    if peer is None:
        return [_service(subject, subject.name, [data])]
    if peer["port"] != data["port"]:
        return [_service(subject, subject.name, [data, peer])]
    return [_service(subject, subject.name, [data]), _service(subject, cut(f"{subject.name}-peer"), [peer])]


def port(subject: Subject) -> int:
    """Where clients reach it: `http://<route>.<namespace>.svc` names no port."""
    return _HTTPS if subject.site.spec.gateway.tls else _HTTP


def _service(subject: Subject, name: str, ports: list[Json]) -> Json:
    gateway = subject.site.spec.gateway
    spec = filled(
        type=gateway.service_type,
        ipFamilyPolicy="PreferDualStack",
        selector=subject.selector,
        ports=ports,
        # Else a node's address stands in for the client's, and requests take one more hop.
        externalTrafficPolicy="Local" if gateway.service_type == "LoadBalancer" else None,
        trafficDistribution=traffic_distribution(subject.observation.kubernetes),
    )
    annotations = dict(gateway.service_annotations or {})
    return subject.manifest("v1", "Service", name=name, annotations=annotations, spec=spec)


def _data_port(subject: Subject) -> Json:
    name = "https" if subject.site.spec.gateway.tls else "http"
    return {"name": name, "port": port(subject), "targetPort": DATA}


def _peer_port(subject: Subject) -> Json | None:
    advertise = subject.site.spec.gateway.advertise
    if not subject.is_reached or advertise is None:
        return None
    return {"name": PEER, "port": advertise.port, "targetPort": PEER}
