"""Where a provider's name may lead."""

import ipaddress

import pytest

from isochrone_gateway.upstream.addresses import ANYWHERE, PUBLIC, AddressRule

TEN = AddressRule(also=(ipaddress.ip_network("10.1.0.0/16"), ipaddress.ip_network("fd12::/16")))


@pytest.mark.parametrize(
    "address",
    [
        pytest.param("127.0.0.1", id="loopback"),
        pytest.param("127.255.0.1", id="all of loopback"),
        pytest.param("::1", id="loopback 6"),
        pytest.param("0.0.0.0", id="unspecified"),
        pytest.param("::", id="unspecified 6"),
        pytest.param("10.0.0.1", id="private 10"),
        pytest.param("172.16.0.1", id="private 172.16"),
        pytest.param("172.31.255.254", id="private 172.31"),
        pytest.param("192.168.1.1", id="private 192.168"),
        pytest.param("100.64.0.1", id="shared"),
        pytest.param("100.100.100.200", id="Alibaba metadata"),
        pytest.param("169.254.169.254", id="metadata"),
        pytest.param("169.254.170.2", id="ECS credentials"),
        pytest.param("fd00:ec2::254", id="AWS metadata 6"),
        pytest.param("fd20:ce::254", id="Google metadata 6"),
        pytest.param("168.63.129.16", id="Azure host"),
        pytest.param("192.0.0.192", id="Oracle metadata"),
        pytest.param("192.0.2.1", id="documentation"),
        pytest.param("198.18.0.1", id="benchmarking"),
        pytest.param("224.0.0.1", id="multicast"),
        pytest.param("255.255.255.255", id="broadcast"),
        pytest.param("240.0.0.1", id="reserved"),
        pytest.param("fe80::1", id="link-local 6"),
        pytest.param("fe80::1%1", id="link-local 6 with a scope"),
        pytest.param("fc00::1", id="unique local"),
        pytest.param("fec0::1", id="site-local"),
        pytest.param("ff02::1", id="multicast 6"),
        pytest.param("2001:db8::1", id="documentation 6"),
        pytest.param("::ffff:127.0.0.1", id="mapped loopback"),
        pytest.param("::ffff:169.254.169.254", id="mapped metadata"),
        pytest.param("64:ff9b::a9fe:a9fe", id="NAT64 metadata"),
        pytest.param("64:ff9b::10.0.0.1", id="NAT64 private"),
        pytest.param("2002:7f00:1::", id="6to4 loopback"),
        pytest.param("2001:0:53aa:64c:0:0:f5ff:fffe", id="Teredo"),
        pytest.param("::127.0.0.1", id="compatible loopback"),
        pytest.param("64:ff9b:1::a00:1", id="local-use NAT64"),
        pytest.param("3fff::1", id="documentation 6, the second"),
        pytest.param("5f00::1", id="segment routing"),
    ],
)
def test_not_public(address: str) -> None:
    assert not PUBLIC.permits(address)
    assert ANYWHERE.permits(address)


@pytest.mark.parametrize(
    "address",
    [
        "1.1.1.1",
        "104.18.6.192",
        "172.32.0.1",
        "100.128.0.1",
        "2606:4700::6812:7c0",
        "::ffff:1.1.1.1",
        "64:ff9b::101:101",
    ],
)
def test_public(address: str) -> None:
    assert PUBLIC.permits(address)
    assert TEN.permits(address)


@pytest.mark.parametrize(
    ("address", "permitted"),
    [
        pytest.param("10.1.2.3", True, id="inside"),
        pytest.param("10.2.2.3", False, id="beside"),
        pytest.param("::ffff:10.1.2.3", True, id="inside, mapped"),
        pytest.param("fd12::1", True, id="inside 6"),
        pytest.param("169.254.169.254", False, id="metadata"),
    ],
)
def test_permitted_besides(address: str, permitted: bool) -> None:
    assert TEN.permits(address) is permitted
