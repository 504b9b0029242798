"""Gateways' own TLS with these certificates: at every step of a rotation, in both directions, and nobody else."""

import contextlib
import pathlib
import ssl
import time
from typing import Any, Final

import pytest
from tests.unit.certificates import made
from tests.unit.certificates.made import FRA, MUC

from isochrone.certificates import Credentials, State
from isochrone.render import secrets
from isochrone_gateway.config.site import TlsFiles
from isochrone_gateway.server.supervisor.tls import ServerTls
from isochrone_gateway.upstream.target import TlsSettings
from isochrone_gateway.upstream.tls import make_context

NOW: Final = int(time.time())
OLD, NEW = made.authority(NOW), made.authority(NOW)
STEPS: Final = (
    State(signer=OLD, since=NOW),
    State(signer=OLD, coming=NEW, since=NOW),
    State(signer=NEW, former=OLD.certificate, since=NOW),
    State(signer=NEW, since=NOW),
)


def at(step: int, identity: str) -> Credentials:
    return made.credentials(STEPS[step].signer, identity, now=NOW, trusted=STEPS[step].authorities)


def mount(folder: pathlib.Path, held: Credentials) -> pathlib.Path:
    folder.mkdir()
    (folder / secrets.AUTHORITIES).write_text(held.authorities)
    (folder / secrets.CERTIFICATE).write_text(held.certificate)
    (folder / secrets.PRIVATE_KEY).write_text(held.key)
    return folder


def shake(tmp_path: pathlib.Path, client: Credentials, server: Credentials) -> tuple[ssl.SSLObject, ssl.SSLObject]:
    """A whole handshake in memory, as (client, server). Raises ssl.SSLError where one refuses the other."""
    mine, theirs = mount(tmp_path / "client", client), mount(tmp_path / "server", server)
    calling = make_context(
        TlsSettings(
            ca_bundle=mine / secrets.AUTHORITIES,
            certificate=mine / secrets.CERTIFICATE,
            key=mine / secrets.PRIVATE_KEY,
            uri=MUC,
        )
    )
    # What Python 3.13 and later ask for by themselves.
    calling.verify_flags |= ssl.VERIFY_X509_STRICT
    files = TlsFiles(certificate=secrets.CERTIFICATE, key=secrets.PRIVATE_KEY)
    answering = ServerTls(files, secrets=theirs, clients=secrets.AUTHORITIES).context
    answering.verify_flags |= ssl.VERIFY_X509_STRICT
    return _met(calling, answering)


def _met(calling: ssl.SSLContext, answering: ssl.SSLContext) -> tuple[ssl.SSLObject, ssl.SSLObject]:
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = calling.wrap_bio(to_client, to_server, server_hostname="muc1.example.com")
    server = answering.wrap_bio(to_server, to_client, server_side=True)
    waiting = [client, server]
    for _ in range(10):
        for side in list(waiting):
            with contextlib.suppress(ssl.SSLWantReadError):
                side.do_handshake()
                waiting.remove(side)
    assert not waiting
    with contextlib.suppress(ssl.SSLWantReadError):
        client.read(1)  # with TLS 1.3 the server's refusal comes after the client's part
    return client, server


def uris(side: ssl.SSLObject) -> Any:
    return (side.getpeercert() or {})["subjectAltName"]


@pytest.mark.parametrize(
    ("one", "other"), [(one, other) for one in range(4) for other in range(4) if abs(one - other) <= 1]
)
def test_sites_at_most_one_step_apart_accept_each_other(tmp_path: pathlib.Path, one: int, other: int) -> None:
    client, server = shake(tmp_path, at(one, FRA), at(other, MUC))
    assert uris(server) == (("URI", FRA),)
    assert uris(client) == (("URI", MUC),)


@pytest.mark.parametrize(("one", "other"), [(0, 2), (2, 0), (0, 3), (3, 0)])
def test_two_steps_apart_they_would_not(tmp_path: pathlib.Path, one: int, other: int) -> None:
    with pytest.raises(ssl.SSLError):
        shake(tmp_path, at(one, FRA), at(other, MUC))


def test_a_certificate_is_no_authority(tmp_path: pathlib.Path) -> None:
    held = at(0, FRA)
    forged = made.forged(held, MUC, now=NOW)
    with pytest.raises(ssl.SSLError):
        shake(tmp_path, at(0, FRA), forged)
