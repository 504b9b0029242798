"""The authority of gateways' certificates is replaced under load, by the operator, in real clusters with real gateways.

Paris has no engines, so each of its requests crosses to Frankfurt, and both ends prove who they are. What makes a step
go on is the operator's; only its half hour of patience is shortened, once every gateway is seen to have taken the step.
"""

import base64
import contextlib
import dataclasses
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest
from cryptography import x509
from tests.cluster.engines import is_engine
from tests.cluster.fleet import SYSTEM, Fleet, Member, Site
from tests.cluster.lifecycle import Behaviour
from tests.cluster.operators import PACE, OperatorProcess
from tests.cluster.test_gateways import chat
from tests.cluster.waiting import until

from isochrone import certificates, manifests
from isochrone.certificates import Authority, State, pem, stored
from isochrone.certificates.credentials import has_signed
from isochrone.certificates.rotation import SETTLE
from isochrone.controller.keys import ROTATE
from isochrone.render.config.peers import identity_of

pytestmark = pytest.mark.usefixtures("kube")

Json = Mapping[str, Any]

EXAMPLE: Final = Path(__file__).parents[2] / "examples" / "quickstart"
SITES: Final = ("fra1", "cdg1")
PEER_PORT: Final = 8443
CLIENTS: Final = 2
MORE: Final = 10
"""Requests of each client, at least, before the next thing happens."""
LIMIT: Final = 300.0
"""Gateways look at their files once a minute."""
SETTINGS: Final = {"pace": PACE["pace"]}


class World:
    """Frankfurt, in the hub, and Paris, to which the hub pushes."""

    def __init__(self, fleet: Fleet, folder: Path) -> None:
        self.fleet = fleet
        self.folder = folder
        self.sites: dict[str, Site] = {"fra1": fleet.hub, "cdg1": fleet["cdg1"]}
        self.operator = OperatorProcess(fleet.hub.kubeconfig_for("hub"), folder, "hub", settings=SETTINGS)

    def declare(self) -> None:
        self.apply(
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {"name": "cdg1", "namespace": SYSTEM},
                "data": {"kubeconfig": base64.b64encode(self.sites["cdg1"].kubeconfig_for("push")).decode()},
            }
        )
        for each in manifests.read([str(EXAMPLE)]).manifests:
            item: dict[str, Any] = dict(each.obj)
            if item["kind"] == "EdgeNode":
                if (name := item["metadata"]["name"]) not in SITES:
                    continue
                item["spec"] = self._spec(name, item["spec"])
            if item["kind"] == "InferenceTenant":
                item["spec"] = {key: value for key, value in item["spec"].items() if key != "limits"}
            self.apply(item)

    def _spec(self, name: str, spec: Json) -> Json:
        host = self.sites[name].gateway_address(name)
        cluster: Json = {"type": "Local"}
        if name == "cdg1":
            cluster = {"type": "Kubeconfig", "kubeconfigSecretRef": {"name": "cdg1", "key": "kubeconfig"}}
        return {**spec, "cluster": cluster, "gateway": {**spec["gateway"], "advertise": {"host": host}}}

    def apply(self, item: Json) -> None:
        answer = self.fleet.hub.api.apply(item)
        assert answer.ok, answer.message

    def why(self) -> str:
        return "\n".join([self.operator.tail(), *(site.gateways.logs()[-4000:] for site in self.sites.values())])

    # The authority.

    def _secret(self) -> dict[str, Any]:
        metadata = {"name": stored.SECRET, "namespace": SYSTEM}
        found = self.fleet.hub.api.get({"apiVersion": "v1", "kind": "Secret", "metadata": metadata})
        assert found.ok, found.message
        return found.body

    def state(self) -> State:
        return stored.state_of(self._secret()["data"])

    def rotate(self) -> None:
        """As a user asks for it."""
        item = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": stored.SECRET, "namespace": SYSTEM}}
        assert self.fleet.hub.api.patch(item, {"metadata": {"annotations": {ROTATE: ""}}}).ok

    def next_step(self) -> None:
        """As if every site had taken the step half an hour ago, as soon as all have."""
        before = self.state()
        until(lambda: self._is_past(before), limit=LIMIT, why=self.why)

    def _is_past(self, before: State) -> bool:
        secret = self._secret()
        state = stored.state_of(secret["data"])
        if state.authorities != before.authorities:
            return True
        # A replica that has begun to lead anew may count from anew, too. What the operator has written since stands.
        if state.complete_since is not None and time.time() - state.complete_since < SETTLE:
            earlier = stored.data_of(dataclasses.replace(state, complete_since=int(time.time()) - SETTLE))
            version = {"resourceVersion": secret["metadata"]["resourceVersion"]}
            item = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": stored.SECRET, "namespace": SYSTEM}}
            change = {"metadata": version, "data": {"state.json": earlier["state.json"]}}
            assert self.fleet.hub.api.patch(item, change).status in {200, 409}
        return False

    # What gateways show and whom they let in, as their peers see it.

    def shows(self, site: str, authority: Authority) -> bool:
        """Whether the certificate that a site's gateway shows is of this authority."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with self._connected(site, context) as sock:
            der = sock.getpeercert(binary_form=True)
        assert der is not None
        return has_signed(pem.certificate(authority.certificate), x509.load_der_x509_certificate(der))

    def lets_in(self, site: str, authority: Authority) -> bool:
        """Whether a site's gateway takes a certificate of this authority for its peer's."""
        (other,) = set(SITES) - {site}
        identity, now = identity_of(other, "isochrone"), int(time.time())
        request = certificates.new_request(identity)
        shown = certificates.sign(request.csr, identity=identity, authority=authority, now=now)
        file = self.folder / "visitor.pem"
        file.write_text(shown + request.key)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.load_cert_chain(file)
        try:
            with self._connected(site, context) as sock:
                sock.sendall(b"GET / HTTP/1.1\r\nhost: peer\r\n\r\n")
                # With TLS 1.3 a client learns only now that it was refused.
                return sock.recv(8) == b"HTTP/1.1"
        except (ssl.SSLError, ConnectionError):
            return False

    @contextlib.contextmanager
    def _connected(self, site: str, context: ssl.SSLContext) -> Iterator[ssl.SSLSocket]:
        address = (self.sites[site].gateway_host(site), PEER_PORT)
        with socket.create_connection(address, timeout=20) as plain, context.wrap_socket(plain) as sock:
            yield sock


class Load:
    """Clients in Paris that ask again and again."""

    def __init__(self, site: Site) -> None:
        self.failures: list[object] = []
        self.answered = [0] * CLIENTS
        self._site = site
        self._is_over = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(number,), daemon=True) for number in range(CLIENTS)]
        for each in self._threads:
            each.start()

    def _ask(self, number: int) -> None:
        while not self._is_over.wait(0.2):
            try:
                found: object = chat(self._site)
            except OSError as error:
                found = repr(error)
            if isinstance(found, tuple) and found[0] == 200 and found[1].startswith("I am smollm2-fra1"):
                self.answered[number] += 1
            else:
                self.failures.append(found)

    def goes_on(self) -> None:
        """Wait until each client has been answered some more times. No request failed so far."""
        least = [count + MORE for count in self.answered]
        until(
            lambda: all(count >= wanted for count, wanted in zip(self.answered, least, strict=True)) or self.failures,
            limit=LIMIT,
        )
        assert self.failures == []

    def end(self) -> None:
        self._is_over.set()
        for each in self._threads:
            each.join(60)


@pytest.fixture
def world(kube: Path, tmp_path: Path) -> Iterator[World]:
    assert kube.exists()
    hub = Member("hub", gateways=2)
    with Fleet(Member("cdg1", gateways=2), hub=hub) as fleet:
        made = World(fleet, tmp_path)
        fleet["cdg1"].let_pods_fare(lambda pod: Behaviour(waiting="ImagePullBackOff" if is_engine(pod) else ""))
        made.declare()
        try:
            made.operator.start()
            yield made
        finally:
            made.operator.stop()
        fleet.background.check()


def test_no_request_fails_while_the_authority_is_replaced(world: World) -> None:
    until(
        lambda: chat(world.sites["cdg1"]),
        holds=lambda found: found[0] == 200 and found[1].startswith("I am smollm2-fra1"),
        limit=LIMIT,
        why=world.why,
    )
    old = world.state().signer
    pids = {name: site.gateways.pids() for name, site in world.sites.items()}
    load = Load(world.sites["cdg1"])
    try:
        load.goes_on()
        world.rotate()
        until(lambda: world.state().coming is not None, limit=LIMIT, why=world.why)
        new = world.state().coming
        assert new is not None
        everywhere(world, lambda site: world.lets_in(site, new))
        assert all(world.shows(site, old) for site in SITES)
        load.goes_on()

        world.next_step()
        everywhere(world, lambda site: world.shows(site, new))
        assert all(world.lets_in(site, old) for site in SITES)
        load.goes_on()

        world.next_step()
        everywhere(world, lambda site: not world.lets_in(site, old))
        assert all(world.lets_in(site, new) for site in SITES)
        load.goes_on()
    finally:
        load.end()
    assert load.failures == []
    assert world.state() == State(signer=new, since=world.state().since)
    assert {name: site.gateways.pids() for name, site in world.sites.items()} == pids, "no gateway was started anew"


def everywhere(world: World, holds: Callable[[str], bool]) -> None:
    """Wait until it is so at every site."""
    until(lambda: [site for site in SITES if not holds(site)], holds=lambda left: not left, limit=LIMIT, why=world.why)
