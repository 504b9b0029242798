"""The same connection under TLS, where nothing can be half-closed."""

import datetime as dt
import ipaddress
import pathlib
import ssl

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from tests.conformance.http1.memory import EchoHandler, read_answers
from tests.unit.server.sockets import GET, TIMES, close, connect, loops, play, serving

from isochrone_gateway.server import Limits

Contexts = tuple[ssl.SSLContext, ssl.SSLContext]


@pytest.fixture(scope="module")
def contexts(tmp_path_factory: pytest.TempPathFactory) -> Contexts:
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    write_certificate(path)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(path)
    return server, ssl.create_default_context(cafile=path)


def write_certificate(path: pathlib.Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(names, critical=False)
        .sign(key, hashes.SHA256())
    )
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    path.write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain) + certificate.public_bytes(pem))


@loops
@pytest.mark.parametrize(
    ("sent", "statuses"),
    [
        pytest.param(
            GET + GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"), [200, 200], id="closed by the client"
        ),
        pytest.param(GET, [200], id="idle"),
        pytest.param(b"nonsense\r\n\r\n", [400], id="refused"),
        pytest.param(
            b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n" + b"x" * 100_000,
            [413],
            id="refused while it is sending",
        ),
    ],
)
def test_answers_are_complete_and_the_end_is_orderly(
    loop: str, contexts: Contexts, sent: bytes, statuses: list[int]
) -> None:
    server, client = contexts

    async def test() -> None:
        handler = EchoHandler()
        async with serving(handler, limits=Limits(body=1000), timeouts=TIMES, tls=server) as (listener, port):
            reader, writer = await connect(port, tls=client)
            writer.write(sent)
            assert [answer.status for answer in read_answers(await reader.read(-1))] == statuses
            assert all(seen.exchange.tls for seen in handler.seen)
            await close(writer)
            await listener.wait_closed()

    play(loop, test())
