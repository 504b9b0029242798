"""TLS to upstreams: who is believed, what is shown, and renewal while connections live."""

import asyncio
import pathlib
import ssl

import pytest
from tests.unit.upstream.certificates import Authority, Files
from tests.unit.upstream.harness import Session, post, run

from isochrone_gateway.upstream import scripts
from isochrone_gateway.upstream.call import FailureKind
from isochrone_gateway.upstream.fake import FakeUpstream
from isochrone_gateway.upstream.target import TlsSettings
from isochrone_gateway.upstream.tls import Contexts, make_context

URI = "spiffe://isochrone.test/edge/fra"
HI = scripts.answer(b"hi")


def server(files: Files, *, clients: Authority | None = None) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(files.certificate, files.key)
    context.set_alpn_protocols(["h2", "http/1.1"])
    if clients is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(clients.bundle)
    return context


@pytest.fixture(name="authority")
def _authority(tmp_path: pathlib.Path) -> Authority:
    return Authority(tmp_path)


def test_a_request_over_tls(authority: Authority) -> None:
    async def work() -> None:
        files = authority.issue("server", names=("127.0.0.1",))
        async with Session(FakeUpstream(HI, context=server(files))) as session:
            target = session.target(tls=TlsSettings(ca_bundle=authority.bundle))
            for _ in range(3):
                assert (await session.ask(body=b"{}", to=target)).body == b"hi"
            assert [seen.requests for seen in session.upstream.connections] == [3]
            assert session.upstream.connections[0].protocol == "http/1.1"

    run(work())


def test_the_server_name_may_differ_from_the_host(authority: Authority) -> None:
    async def work() -> None:
        files = authority.issue("server", names=("api.test",))
        async with Session(FakeUpstream(HI, context=server(files))) as session:
            target = session.target(tls=TlsSettings(ca_bundle=authority.bundle, server_name="api.test"))
            assert (await session.ask(to=target)).ended

    run(work())


@pytest.mark.parametrize(
    ("settings", "detail"),
    [
        pytest.param({}, "local issuer", id="an authority that isn't trusted"),
        pytest.param({"ca": True}, "IP address mismatch", id="another name"),
        pytest.param({"ca": True, "server_name": "other.test"}, "Hostname mismatch", id="another server name"),
        pytest.param({"ca": True, "uri": "spiffe://isochrone.test/edge/ams"}, "doesn't name spiffe", id="another URI"),
        pytest.param({"ca": True, "uri": URI, "server_name": "x.test"}, "Hostname mismatch", id="URI but not the name"),
        pytest.param(
            {"ca": True, "uri": "spiffe://x", "server_name": "api.test"},
            "doesn't name spiffe",
            id="name but not the URI",
        ),
    ],
)
def test_a_server_that_is_not_the_right_one(authority: Authority, settings: dict[str, str], detail: str) -> None:
    async def work() -> None:
        files = authority.issue("server", names=("api.test",), uri=URI)
        async with Session(FakeUpstream(HI, context=server(files))) as session:
            bundle = authority.bundle if settings.get("ca") else None
            tls = TlsSettings(ca_bundle=bundle, server_name=settings.get("server_name"), uri=settings.get("uri"))
            taker = await session.ask(to=session.target(tls=tls))
            assert taker.failure is not None
            assert taker.failure.kind is FailureKind.TLS
            assert detail in taker.failure.detail, taker.failure
            assert session.upstream.requests == []

    run(work())


def test_an_expired_certificate(authority: Authority) -> None:
    async def work() -> None:
        files = authority.issue("server", names=("127.0.0.1",), expired=True)
        async with Session(FakeUpstream(HI, context=server(files))) as session:
            taker = await session.ask(to=session.target(tls=TlsSettings(ca_bundle=authority.bundle)))
            assert taker.failure is not None
            assert (taker.failure.kind, "expired" in taker.failure.detail) == (FailureKind.TLS, True)

    run(work())


def test_a_server_without_tls(authority: Authority) -> None:
    async def work() -> None:
        greeting = scripts.raw(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")
        async with Session(FakeUpstream(HI, greeting=greeting)) as session:
            taker = await session.ask(to=session.target(tls=TlsSettings(ca_bundle=authority.bundle)))
            assert taker.failure is not None
            assert taker.failure.kind is FailureKind.TLS

    run(work())


def test_peers_show_certificates_to_each_other(authority: Authority, tmp_path: pathlib.Path) -> None:
    async def work() -> None:
        files = authority.issue("fra", uri=URI)
        mine = authority.issue("ams", uri="spiffe://isochrone.test/edge/ams")
        strange = Authority(tmp_path, "strangers").issue("eve")
        async with Session(FakeUpstream(HI, context=server(files, clients=authority))) as session:
            known = TlsSettings(ca_bundle=authority.bundle, uri=URI, certificate=mine.certificate, key=mine.key)
            assert (await session.ask(to=session.target(tls=known))).ended
            assert session.upstream.connections[0].client_name == "ams"
            for files_ in (None, strange):
                tls = TlsSettings(
                    ca_bundle=authority.bundle,
                    uri=URI,
                    certificate=files_.certificate if files_ else None,
                    key=files_.key if files_ else None,
                )
                taker = await session.ask(to=session.target(tls=tls))
                assert taker.failure is not None
                assert taker.failure.kind in {FailureKind.TLS, FailureKind.RESET}, taker.failure
            assert len(session.upstream.requests) == 1

    run(work())


def test_renewed_certificates_are_used_without_cutting_anything(authority: Authority) -> None:
    async def work() -> None:
        files = authority.issue("server", names=("127.0.0.1",))
        mine = authority.issue("first")
        upstream = FakeUpstream(scripts.stream([b"1"] * 5, gap=0.05), context=server(files, clients=authority))
        async with Session(upstream) as session:
            tls = TlsSettings(ca_bundle=authority.bundle, certificate=mine.certificate, key=mine.key)
            target = session.target(tls=tls)
            taker, _ = session.send(post(), to=target)
            await taker.until(lambda: len(taker.pieces) > 0)
            second = authority.issue("second")
            second.certificate.replace(mine.certificate)
            second.key.replace(mine.key)
            assert await session.pool.reload_tls() == {}
            await taker.over.wait()
            assert taker.ended
            assert (await session.ask(to=target)).ended
            assert [seen.client_name for seen in upstream.connections] == ["first", "second"]

            mine.certificate.write_text("nonsense")
            assert set(await session.pool.reload_tls()) == {tls}
            assert (await session.ask(to=target)).ended
            assert len(upstream.connections) == 2  # Nothing new to use, so no reason to part from the old.

    run(work())


def test_only_what_has_changed_is_renewed_if_asked_so(authority: Authority) -> None:
    async def work() -> None:
        files = authority.issue("server", names=("127.0.0.1",))
        mine = authority.issue("first")
        async with Session(FakeUpstream(HI, context=server(files, clients=authority))) as session:
            tls = TlsSettings(ca_bundle=authority.bundle, certificate=mine.certificate, key=mine.key)
            target = session.target(tls=tls)
            for _ in range(2):
                assert (await session.ask(to=target)).ended
                assert await session.pool.reload_tls(only_changed=True) == {}
            assert [seen.client_name for seen in session.upstream.connections] == ["first"]

            second = authority.issue("second")
            second.certificate.replace(mine.certificate)
            assert set(await session.pool.reload_tls(only_changed=True)) == {tls}, "a certificate without its key"
            assert (await session.ask(to=target)).ended
            second.key.replace(mine.key)
            assert await session.pool.reload_tls(only_changed=True) == {}
            assert (await session.ask(to=target)).ended
            assert [seen.client_name for seen in session.upstream.connections] == ["first", "second"]

    run(work())


def test_files_that_cannot_be_read(tmp_path: pathlib.Path) -> None:
    async def work() -> None:
        async with Session(FakeUpstream(HI)) as session:
            taker = await session.ask(to=session.target(tls=TlsSettings(ca_bundle=tmp_path / "none.pem")))
            assert taker.failure is not None
            assert taker.failure.kind is FailureKind.TLS

    run(work())


def test_cancelling_is_seen_at_once_over_tls_too(authority: Authority) -> None:
    async def work() -> None:
        files = authority.issue("server", names=("127.0.0.1",))
        async with Session(FakeUpstream(scripts.hang(), context=server(files))) as session:
            _, call = session.send(post(), to=session.target(tls=TlsSettings(ca_bundle=authority.bundle)))
            await session.upstream.wait(lambda: len(session.upstream.requests) == 1)
            cancelled = asyncio.get_running_loop().time()
            call.cancel()
            await session.upstream.wait(lambda: session.upstream.open == 0)
            closed = session.upstream.connections[0].closed
            assert closed is not None
            assert closed - cancelled < 20, "far below any time-out"

    run(work())


def test_a_large_body_over_tls(authority: Authority) -> None:
    async def work() -> None:
        files = authority.issue("server", names=("127.0.0.1",))
        body = bytes(range(256)) * 40_000
        async with Session(FakeUpstream(HI, context=server(files))) as session:
            taker = await session.ask(body=body, to=session.target(tls=TlsSettings(ca_bundle=authority.bundle)))
            assert taker.ended
            assert session.upstream.requests[0].body == body

    run(work())


def test_a_stream_that_dies_over_tls(authority: Authority) -> None:
    async def work() -> None:
        files = authority.issue("server", names=("127.0.0.1",))
        for reset in (False, True):
            script = scripts.die_mid_frame([b"1"], reset=reset)
            async with Session(FakeUpstream(script, context=server(files))) as session:
                taker = await session.ask(to=session.target(tls=TlsSettings(ca_bundle=authority.bundle)))
                assert taker.failure is not None
                assert (taker.failure.kind, taker.failure.answered) == (FailureKind.RESET, True)

    run(work())


def test_contexts_are_made_once_and_never_without_checks() -> None:
    async def work() -> None:
        contexts = Contexts()
        made = await asyncio.gather(*(contexts.get(TlsSettings()) for _ in range(3)))
        assert len({id(context) for context in made}) == 1

    run(work())
    for settings in (TlsSettings(), TlsSettings(uri=URI), TlsSettings(server_name="x", uri=URI)):
        context = make_context(settings)
        assert context.verify_mode is ssl.CERT_REQUIRED
        assert context.check_hostname is (settings != TlsSettings(uri=URI))
        assert context.minimum_version >= ssl.TLSVersion.TLSv1_2
