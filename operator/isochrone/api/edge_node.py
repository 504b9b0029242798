"""EdgeNode: a point of presence. A place, the Kubernetes cluster that it is, and its gateway."""

import enum
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from isochrone.api.edge_node_status import EdgeNodeStatus
from isochrone.api.evidence_level import SHOWN, Evidence
from isochrone.api.gateway_evidence import GatewayEvidence
from isochrone.api.resource import AGE, READY, REASON, Column, KindInfo, Resource
from isochrone.api.scalars import (
    HOSTNAME,
    Annotations,
    Cidr,
    Duration,
    Host,
    Hostname,
    Iata,
    Jurisdiction,
    Label,
    LabelMap,
    Latitude,
    Longitude,
    Money,
    ObjectName,
    Port,
    Text,
    WebOrigin,
    comparing,
)
from isochrone.api.schema import SET, Model, Rule, immutable
from isochrone.api.selectors import SecretKeyRef


class ClusterType(enum.StrEnum):
    """How the hub reaches the Kubernetes cluster of a site."""

    LOCAL = "Local"
    KUBECONFIG = "Kubeconfig"
    CLUSTER_PROFILE = "ClusterProfile"
    REMOTE = "Remote"


class Delivery(enum.StrEnum):
    """Who applies a site's objects. Exactly one does."""

    PUSH = "Push"
    PULL = "Pull"
    GIT_OPS = "GitOps"


class State(enum.StrEnum):
    """Whether a site takes part."""

    ACTIVE = "Active"
    DRAINING = "Draining"
    DISABLED = "Disabled"


class Coordinates(Model):
    """A point on the earth, WGS 84."""

    latitude: Latitude
    """Degrees north, WGS 84."""
    longitude: Longitude
    """Degrees east, WGS 84."""


class Place(Model):
    """Where a site stands: an IATA code, or a jurisdiction with coordinates."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            rule="has(self.iata) != (has(self.jurisdiction) || has(self.coordinates))",
            message="give either iata, or jurisdiction and coordinates",
        ),
        Rule(
            rule="has(self.iata) || has(self.jurisdiction) == has(self.coordinates)",
            message="jurisdiction and coordinates go together: one says which law, the other how far",
        ),
        SHOWN,
        Rule(
            rule="has(self.iata) == has(oldSelf.iata) && (!has(self.iata) || self.iata == oldSelf.iata)"
            " && has(self.jurisdiction) == has(oldSelf.jurisdiction)"
            " && (!has(self.jurisdiction) || self.jurisdiction == oldSelf.jurisdiction)"
            " && has(self.coordinates) == has(oldSelf.coordinates)"
            " && (!has(self.coordinates) || self.coordinates.latitude == oldSelf.coordinates.latitude"
            " && self.coordinates.longitude == oldSelf.coordinates.longitude)",
            message="a site does not move: create another EdgeNode, so that no evidence changes its place",
        ),
    )

    iata: Iata | None = None
    """The IATA code of the nearest airport in the same jurisdiction."""
    jurisdiction: Jurisdiction | None = None
    """The country or subdivision whose law holds there."""
    coordinates: Coordinates | None = None
    """The point on the map, for estimating round-trip times."""
    evidence: Evidence = Evidence.DECLARED
    """How well the place is known: declared by its owner, contracted (a document), or attested (by hardware)."""
    evidence_ref: Text | None = None
    """The document or attestation that shows the place, for auditors."""


class ClusterProfileRef(Model):
    """A ClusterProfile of the Cluster Inventory API (multicluster.x-k8s.io)."""

    namespace: Label
    """The namespace of the ClusterProfile."""
    name: ObjectName
    """The name of the ClusterProfile."""


class Cluster(Model):
    """The Kubernetes cluster of a site."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            rule="(self.type == 'Kubeconfig') == has(self.kubeconfigSecretRef)",
            message="kubeconfigSecretRef goes with type Kubeconfig, and only with it",
        ),
        Rule(
            rule="(self.type == 'ClusterProfile') == has(self.clusterProfileRef)",
            message="clusterProfileRef goes with type ClusterProfile, and only with it",
        ),
    )

    type: ClusterType = ClusterType.LOCAL
    """Local: this very cluster. Kubeconfig: by a Secret. ClusterProfile: by the cluster inventory. Remote: the hub has
    no credentials for it, its own operator pulls, or GitOps delivers."""
    kubeconfig_secret_ref: SecretKeyRef | None = None
    """A kubeconfig in a Secret of the namespace isochrone-system. Exec and auth plug-ins, file paths and
    insecure-skip-tls-verify are refused."""
    cluster_profile_ref: ClusterProfileRef | None = None
    """The ClusterProfile that says how to reach it."""


class Advertise(Model):
    """Where other sites reach this site's gateway."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            rule="!self.host.matches('^[^:]+:[0-9]+$')",
            message="host takes no port: port has a field of its own",
            field=".host",
        ),
        Rule(
            rule=f"self.host.matches('^({HOSTNAME}|[0-9a-f]*:[0-9a-f]*:[0-9a-f:.]*)$')"
            " || self.host.matches('^[^:]+:[0-9]+$|[^a-z0-9.:-]')",
            message="host is a DNS name or an IP address, such as fra1.example.com or 192.0.2.10",
            field=".host",
        ),
    )

    host: Host
    """A host name or an IP address."""
    port: Port = 8443
    """The port for peers (mutual TLS)."""


class GatewayAutoscaling(Model):
    """A HorizontalPodAutoscaler for the gateway."""

    max_replicas: Annotated[int, Field(ge=1, le=100)]
    """The most gateway pods that the autoscaler may start."""
    target_cpu_percent: Annotated[int, Field(ge=10, le=100)] = 70
    """The mean CPU use to aim at."""


class ClientAddress(Model):
    """Where the gateway takes a client's address from."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            rule="self.source == 'Connection' || has(self.trustedProxies) && size(self.trustedProxies) > 0",
            message="ProxyProtocol and XForwardedFor need trustedProxies: anybody else could forge the address",
        ),
        Rule(
            rule="!has(self.trustedProxies) || self.trustedProxies.all(network, !network.endsWith('/0'))",
            message="a network that ends in /0 is everybody, who could then forge the address: name the networks of"
            " the proxies",
            field=".trustedProxies",
        ),
    )

    source: Literal["Connection", "ProxyProtocol", "XForwardedFor"] = "Connection"
    """The connection itself, the PROXY protocol (v2), or the header X-Forwarded-For."""
    trusted_proxies: Annotated[list[Cidr], Field(max_length=64), SET] | None = None
    """The networks of the proxies in front of the gateway. An address that anybody else gives is not believed."""


class GatewayTls(Model):
    """The certificate of the gateway's data port."""

    secret_name: ObjectName
    """A kubernetes.io/tls Secret in isochrone-system of the site's cluster."""


class Gateway(Model):
    """The AI gateway of a site."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            rule="!has(self.autoscaling) || self.autoscaling.maxReplicas >= self.replicas",
            message="autoscaling.maxReplicas is below replicas",
            field=".autoscaling",
        ),
    )

    replicas: Annotated[int, Field(ge=1, le=100)] = 2
    """How many gateway pods; the least number when autoscaling is on."""
    autoscaling: GatewayAutoscaling | None = None
    """Scale the gateway by CPU use."""
    service_type: Literal["ClusterIP", "NodePort", "LoadBalancer"] = "ClusterIP"
    """The type of the gateway's Service."""
    service_annotations: Annotations | None = None
    """Annotations for the Service, as load balancers want them."""
    hostname: Hostname | None = None
    """The public host name of this site, which refusals point clients to. Without it, none do."""
    advertise: Advertise | None = None
    """Where peers reach it. Without it, this site sends to its peers but serves none."""
    tls: GatewayTls | None = None
    """TLS on the data port. Without it, the port speaks plain HTTP."""
    client_address: ClientAddress | None = None
    """Where a client's address is taken from."""
    cors_origins: Annotated[list[WebOrigin], Field(max_length=64), SET] | None = None
    """Web origins whose pages may call this gateway."""
    anonymous_access: Literal["Deny", "Allow"] = "Deny"
    """Whether requests without a key are answered."""
    evidence: GatewayEvidence | None = None
    """Keep evidence of where requests were processed, which anybody can check afterwards. Without it, none is kept."""


class Staleness(Model):
    """What happens as the configuration of a cut-off site ages."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            rule=comparing(
                "duration(self.maxAge) >= duration('1m')",
                "maxAge",
            ),
            message="maxAge is below 1m: the site would count as cut off between two deliveries",
            field=".maxAge",
        ),
        Rule(
            rule=comparing(
                "duration(self.hardMaxAge) >= duration(self.maxAge)",
                "hardMaxAge",
                "maxAge",
            ),
            message="hardMaxAge is below maxAge",
            field=".hardMaxAge",
        ),
    )

    max_age: Duration = "24h"
    """Past this age, only candidates in the site's own country remain."""
    hard_max_age: Duration = "720h"
    """Past this age, requests that a policy binds are refused."""


class Egress(Model):
    """What traffic out of a site costs."""

    price_per_gib: Annotated[Money, Field(alias="pricePerGiB")] = "0"
    """US dollars per GiB that leaves the site."""


class Images(Model):
    """Where a site pulls container images from."""

    registry_prefix: Annotated[str, Field(pattern="^[a-z0-9][a-z0-9._:/-]*[a-z0-9]$", max_length=255)] | None = None
    """A mirror that is put in front of every image, as in `registry.example.com/mirror`."""
    pull_secrets: Annotated[list[ObjectName], Field(max_length=16), SET] | None = None
    """Names of image pull Secrets in the namespaces of the site."""


class Cleanup(Model):
    """What becomes of a site's objects when the EdgeNode is deleted."""

    policy: Literal["Delete", "Orphan"] = "Delete"
    """Delete them, or leave them running."""
    timeout: Duration = "10m"
    """How long an unreachable cluster may hold the deletion up. After it, a tombstone cleans up when it comes back."""


class EdgeNodeSpec(Model):
    """What a site is."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            rule="self.delivery != 'Push' || self.cluster.type != 'Remote'",
            message="the hub has no credentials to push to a Remote cluster: set delivery to Pull or GitOps,"
            " or give a kubeconfig",
            field=".delivery",
        ),
        Rule(
            rule="self.delivery != 'Pull' || self.cluster.type == 'Remote'",
            message="with delivery Pull the hub needs no credentials: set cluster.type to Remote",
            field=".delivery",
        ),
        Rule(
            rule="has(self.nodeSelector) == has(oldSelf.nodeSelector)"
            " && (!has(self.nodeSelector) || self.nodeSelector == oldSelf.nodeSelector)",
            message="a site keeps its nodes, which are where its place is: create another EdgeNode and drain this one",
            field=".nodeSelector",
        ),
    )

    place: Place
    """Where the machines of this site stand, and how that is known. Residency policies are decided by it. It can't be
    changed afterwards, except for the evidence."""
    cluster: Annotated[
        Cluster,
        immutable("a site keeps its cluster: create another EdgeNode and drain this one"),
    ] = Cluster()
    """The Kubernetes cluster that runs this site's gateway and engines. It can't be changed afterwards."""
    node_selector: LabelMap | None = None
    """Labels of the nodes that belong to this site, where several sites share the cluster. Pods of this site run on
    no others. It can't be changed afterwards: it says which machines stand at `place`."""
    gateway: Gateway = Gateway()
    """The AI gateway of this site: how many pods, under which name, and how clients and other sites reach it."""
    delivery: Delivery = Delivery.PUSH
    """Who applies this site's objects. Push: the hub. Pull: the operator in the site's own cluster. GitOps: a GitOps
    tool, from files."""
    staleness: Staleness = Staleness()
    """How old the site's configuration may grow while the hub is out of reach, before the site serves less."""
    egress: Egress = Egress()
    """The price of traffic that leaves this site, which placement adds to the cost of serving clients from here."""
    images: Images | None = None
    """The registry and the pull secrets for the container images of this site."""
    cleanup: Cleanup = Cleanup()
    """Whether the objects in the site's cluster are deleted with this EdgeNode, and how long that may take."""
    state: State = State.ACTIVE
    """Active; Draining: no new work, what runs is finished; Disabled: nothing runs."""


class EdgeNode(Resource):
    """A point of presence: where it is, the Kubernetes cluster that it is, and its gateway."""

    info: ClassVar[KindInfo] = KindInfo(
        plural="edgenodes",
        short_name="edge",
        scope="Cluster",
        columns=(
            Column(name="IATA", path=".spec.place.iata", description="IATA code of the place, if it has one"),
            Column(name="Jurisdiction", path=".status.jurisdiction", description="Whose law holds there"),
            Column(name="Evidence", path=".spec.place.evidence", priority=1),
            Column(name="Cluster", path=".spec.cluster.type", priority=1),
            Column(name="Delivery", path=".spec.delivery", priority=1),
            Column(name="State", path=".spec.state"),
            Column(name="GPUs", path=".status.devices", type="integer", description="GPUs declared here"),
            Column(name="Used", path=".status.devicesUsed", type="integer", description="GPUs in use"),
            READY,
            REASON,
            AGE,
        ),
    )
    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            rule="self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$') && size(self.metadata.name) <= 48",
            message="the name becomes part of others: at most 48 of a-z, 0-9 and '-', beginning with a letter",
            field=".metadata.name",
        ),
    )

    kind: Literal["EdgeNode"] = "EdgeNode"
    """Always EdgeNode."""
    spec: EdgeNodeSpec
    """The place of the site, its Kubernetes cluster, and the settings of its gateway."""
    status: EdgeNodeStatus | None = None
    """What the operator found: conditions, the delivered version, the gateway, and the GPUs in use."""
