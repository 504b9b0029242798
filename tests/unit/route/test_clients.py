"""Whose address a request comes from."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isochrone_gateway.config.site import ClientAddress, ClientAddressSource
from isochrone_gateway.route.clients import Networks, client_address, forwarders
from isochrone_gateway.wire.addresses import IPAddress, parse, plain

PROXIES = Networks(["10.0.0.0/8", "fd00::/8", "192.0.2.1/32"])
PEER = "10.0.0.1"
CLIENT = "198.51.100.7"


@pytest.mark.parametrize(
    ("peer", "header", "expected"),
    [
        pytest.param(PEER, None, PEER, id="no header"),
        pytest.param(PEER, b"", PEER, id="an empty header"),
        pytest.param(PEER, b"198.51.100.7", CLIENT, id="one entry"),
        pytest.param(CLIENT, b"203.0.113.9", CLIENT, id="the peer is no proxy"),
        pytest.param("192.0.2.2", b"203.0.113.9", "192.0.2.2", id="beside a trusted address"),
        pytest.param("192.0.2.1", b"198.51.100.7", CLIENT, id="a single trusted address"),
        pytest.param(PEER, b"203.0.113.9, 198.51.100.7", CLIENT, id="the right-most, never the left-most"),
        pytest.param(PEER, b"198.51.100.7, 10.1.2.3", CLIENT, id="through two proxies"),
        pytest.param(PEER, b"198.51.100.7, fd00::1, 192.0.2.1, 10.1.2.3", CLIENT, id="through four"),
        pytest.param(PEER, b"10.9.9.9, 198.51.100.7, 10.1.2.3", CLIENT, id="a forged proxy left of the client"),
        pytest.param(PEER, b"10.3.3.3,10.2.2.2", "10.3.3.3", id="all are proxies: the farthest"),
        pytest.param(PEER, b"198.51.100.7,10.2.2.2", CLIENT, id="no space"),
        pytest.param(PEER, b"\t198.51.100.7 \t,  10.2.2.2\t", CLIENT, id="more space"),
        pytest.param(PEER, b"unknown", PEER, id="no address"),
        pytest.param(PEER, b"198.51.100.7, unknown", PEER, id="no address at the end"),
        pytest.param(PEER, b"198.51.100.7, unknown, 10.2.2.2", "10.2.2.2", id="no address between: the last good one"),
        pytest.param(PEER, b"unknown, 198.51.100.7, 10.2.2.2", CLIENT, id="no address beyond the client"),
        pytest.param(PEER, b"198.51.100.7,", PEER, id="an empty entry at the end"),
        pytest.param(PEER, b"198.51.100.7,,10.2.2.2", "10.2.2.2", id="an empty entry between"),
        pytest.param(PEER, b"198.51.100.7:4711", CLIENT, id="with a port"),
        pytest.param(PEER, b"198.51.100.7:471100", PEER, id="with too long a port"),
        pytest.param(PEER, b"198.51.100.7:", PEER, id="with an empty port"),
        pytest.param(PEER, b"2001:db8::7", "2001:db8::7", id="IPv6"),
        pytest.param(PEER, b"2001:DB8:0:0:0:0:0:7", "2001:db8::7", id="IPv6 in another spelling"),
        pytest.param(PEER, b"[2001:db8::7]", "2001:db8::7", id="IPv6 in brackets"),
        pytest.param(PEER, b"[2001:db8::7]:4711", "2001:db8::7", id="IPv6 with a port"),
        pytest.param(PEER, b"[2001:db8::7", PEER, id="half a bracket"),
        pytest.param(PEER, b"[198.51.100.7]", PEER, id="IPv4 in brackets"),
        pytest.param(PEER, b"fe80::1%eth0", PEER, id="a zone means nothing elsewhere"),
        pytest.param(PEER, b'"198.51.100.7"', PEER, id="quoted"),
        pytest.param(PEER, b"for=198.51.100.7", PEER, id="RFC 7239's spelling"),
        pytest.param(PEER, b"198.51.100.07", PEER, id="a zero before a number"),
        pytest.param(PEER, b"198.51.100", PEER, id="three numbers"),
        pytest.param(PEER, b"3325256711", PEER, id="one number"),
        pytest.param(PEER, b"198.51.100.7 10.2.2.2", PEER, id="separated by a space"),
        pytest.param(PEER, "198.51.100.\uff17".encode(), PEER, id="a digit of another script"),
        pytest.param(PEER, b"198.51.100.\xb2", PEER, id="a digit of Latin-1"),
        pytest.param(PEER, b"::ffff:198.51.100.7", CLIENT, id="IPv4 within IPv6"),
        pytest.param(PEER, b"198.51.100.7, ::ffff:10.2.2.2", CLIENT, id="a proxy's IPv4 within IPv6"),
        pytest.param("::ffff:10.0.0.1", b"198.51.100.7", CLIENT, id="the peer's IPv4 within IPv6"),
        pytest.param("::ffff:198.51.100.7", b"203.0.113.9", CLIENT, id="the peer's, and it is no proxy"),
        pytest.param("2002:a00:1::", b"198.51.100.7", "2002:a00:1::", id="6to4 of a proxy's is no proxy's"),
        pytest.param("fe80::1%eth0", b"198.51.100.7", "fe80::1", id="the peer's zone"),
        pytest.param("", b"198.51.100.7", "", id="a Unix socket's peer"),
        pytest.param(PEER, b"198.51.100.7" + b",10.2.2.2" * 63, CLIENT, id="64 entries"),
        pytest.param(PEER, b"198.51.100.7" + b",10.2.2.2" * 64, "10.2.2.2", id="65: beyond, nothing is read"),
    ],
)
def test_the_client_address(peer: str, header: bytes | None, expected: str) -> None:
    assert client_address(peer, header, PROXIES) == expected


ADDRESS = st.one_of(
    st.ip_addresses(),
    st.ip_addresses(network="10.0.0.0/8"),
    st.ip_addresses(network="fd00::/8"),
)


def is_no_proxy(address: IPAddress) -> bool:
    return plain(address) not in PROXIES


@given(peer=ADDRESS, header=st.one_of(st.none(), st.binary(max_size=100)))
def test_nothing_that_is_sent_is_ever_more_than_an_address(peer: IPAddress, header: bytes | None) -> None:
    assert parse(client_address(str(peer), header, PROXIES)) is not None


@given(
    forged=st.binary(max_size=60),
    client=st.ip_addresses().filter(is_no_proxy),
    hops=st.lists(st.ip_addresses(network="10.0.0.0/8"), max_size=5),
)
def test_what_a_client_sends_itself_changes_nothing(forged: bytes, client: IPAddress, hops: list[IPAddress]) -> None:
    entries = [forged, *(str(address).encode() for address in (client, *hops))]
    assert client_address(PEER, b", ".join(entries), PROXIES) == str(plain(client))


@given(peer=st.ip_addresses(), header=st.binary(max_size=60))
def test_without_proxies_the_peer_is_the_client(peer: IPAddress, header: bytes) -> None:
    assert client_address(str(peer), header, Networks()) == str(plain(peer))


@pytest.mark.parametrize(
    ("network", "address", "expected"),
    [
        pytest.param("10.0.0.0/8", "10.255.255.255", True, id="last"),
        pytest.param("10.0.0.0/8", "11.0.0.0", False, id="the next"),
        pytest.param("10.1.2.3/8", "10.9.9.9", True, id="host bits"),
        pytest.param("fd00::/8", "fdff::1", True, id="IPv6"),
        pytest.param("::/1", "10.0.0.1", False, id="another family"),
        pytest.param("::ffff:10.0.0.0/104", "10.9.9.9", True, id="IPv4 within IPv6"),
        pytest.param("::ffff:10.0.0.0/104", "11.0.0.0", False, id="IPv4 within IPv6, the next"),
        pytest.param("::ffff:0:0/96", "11.0.0.0", True, id="all of IPv4 within IPv6"),
    ],
)
def test_networks(network: str, address: str, expected: bool) -> None:
    found = parse(address)
    assert found is not None
    assert (found in Networks([network])) is expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        pytest.param(ClientAddressSource.CONNECTION, PEER, id="Connection"),
        pytest.param(ClientAddressSource.PROXY_PROTOCOL, PEER, id="ProxyProtocol"),
        pytest.param(ClientAddressSource.X_FORWARDED_FOR, CLIENT, id="XForwardedFor"),
    ],
)
def test_the_header_is_read_only_where_the_config_says_so(source: ClientAddressSource, expected: str) -> None:
    told = ClientAddress(source=source, trusted_proxies=frozenset({"10.0.0.0/8"}))
    assert client_address(PEER, b"198.51.100.7", forwarders(told)) == expected
