"""What an authority signs, what it refuses and why, and what its certificates are."""

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from tests.unit.certificates import made
from tests.unit.certificates.made import DAY, FRA, MUC, NOW, csr, uri

from isochrone import certificates
from isochrone.certificates import CertificateError, Refused, pem

NAME = x509.NameAttribute(NameOID.COMMON_NAME, "fra1")
OTHER = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.99999.1"), b"\x05\x00")


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        pytest.param("", "can't be read", id="nothing"),
        pytest.param("-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n", "can't be read", id="broken"),
        pytest.param(made.authority().certificate, "can't be read", id="a-certificate"),
        pytest.param("\ud800", "can't be read", id="no-text"),
        pytest.param("x" * 8193, "has 8193 characters, more than 8192", id="too-long"),
        pytest.param(csr(), f"names nobody; it must name {FRA}", id="no-name"),
        pytest.param(csr(uri(MUC)), f"must name {FRA} and nothing else", id="another-site"),
        pytest.param(csr(uri(FRA + "/")), f"must name {FRA} and nothing else", id="nearly-the-same"),
        pytest.param(csr(uri(FRA.upper())), f"must name {FRA} and nothing else", id="in-capitals"),
        pytest.param(csr(uri(), uri(MUC)), f"must name {FRA} and nothing else", id="another-site-too"),
        pytest.param(csr(uri(), uri()), f"must name {FRA} and nothing else", id="twice"),
        pytest.param(csr(uri(), x509.DNSName("fra1.example")), f"must name {FRA} and nothing else", id="a-host-too"),
        pytest.param(csr(x509.DNSName(FRA)), f"must name {FRA} and nothing else", id="as-a-host"),
        pytest.param(csr(uri(), subject=[NAME]), "has a subject; it must be empty", id="subject"),
        pytest.param(
            csr(uri(), extensions=[x509.BasicConstraints(ca=True, path_length=None)]),
            f"asks for more than the name {FRA}",
            id="to-be-an-authority",
        ),
        pytest.param(
            csr(uri(), extensions=[x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING])]),
            f"asks for more than the name {FRA}",
            id="usage",
        ),
        pytest.param(csr(uri(), extensions=[OTHER]), f"asks for more than the name {FRA}", id="unknown-extension"),
        pytest.param(csr(uri(), attribute=True), f"asks for more than the name {FRA}", id="attribute"),
        pytest.param(made.resigned(csr(uri())), "is not signed by its own key, with SHA-256 or better", id="signature"),
        pytest.param(
            csr(uri(), algorithm=hashes.SHA224()), "is not signed by its own key, with SHA-256 or better", id="sha224"
        ),
        pytest.param(
            csr(uri(), key=rsa.generate_private_key(public_exponent=65537, key_size=2048)),
            "has a key that is on no elliptic curve; make one on the curve P-256",
            id="rsa",
        ),
        pytest.param(
            csr(uri(), key=ed25519.Ed25519PrivateKey.generate()),
            "has a key that is on no elliptic curve; make one on the curve P-256",
            id="ed25519",
        ),
        pytest.param(
            csr(uri(), key=ec.generate_private_key(ec.SECP256K1())),
            "has a key on the curve secp256k1; make one on the curve P-256",
            id="curve",
        ),
    ],
)
def test_what_is_refused(asked: str, why: str) -> None:
    with pytest.raises(Refused) as refused:
        certificates.sign(asked, identity=FRA, authority=made.authority(), now=NOW)
    assert str(refused.value) == f"the certificate request {why}"


@pytest.mark.parametrize("curve", [ec.SECP256R1(), ec.SECP384R1()], ids=lambda curve: curve.name)
def test_what_is_signed_says_who_it_is_and_nothing_else(curve: ec.EllipticCurve) -> None:
    key = ec.generate_private_key(curve)
    who = made.authority()
    shown = pem.certificate(certificates.sign(csr(uri(), key=key), identity=FRA, authority=who, now=NOW))
    found = {type(each.value).__name__: each for each in shown.extensions}

    assert list(shown.subject) == []
    assert shown.public_key() == key.public_key()
    assert list(found["SubjectAlternativeName"].value) == [uri()]
    assert found["SubjectAlternativeName"].critical
    assert found["BasicConstraints"].value == x509.BasicConstraints(ca=False, path_length=None)
    assert set(found["ExtendedKeyUsage"].value) == {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH}
    assert found["KeyUsage"].value.digital_signature
    assert not found["KeyUsage"].value.key_cert_sign
    assert len(found) == 6
    assert (pem.starts(shown), pem.ends(shown)) == (NOW - 3600, NOW + 30 * DAY)


def test_serial_numbers_are_drawn() -> None:
    who, asked = made.authority(), csr(uri())
    answers = [pem.certificate(certificates.sign(asked, identity=FRA, authority=who, now=NOW)) for _ in range(20)]
    assert len({each.serial_number for each in answers}) == 20
    assert all(each.serial_number.bit_length() > 64 for each in answers)


def test_no_certificate_outlives_its_authority() -> None:
    who = made.authority()
    end = pem.ends(pem.certificate(who.certificate))
    shown = pem.certificate(certificates.sign(csr(uri()), identity=FRA, authority=who, now=end - DAY))
    assert pem.ends(shown) == end


@pytest.mark.parametrize("now", [NOW - 3601, NOW + 5 * 365 * DAY], ids=["before", "after"])
def test_an_authority_signs_while_it_is_valid(now: int) -> None:
    with pytest.raises(CertificateError, match="the authority is valid from 2027-01-15 to 2032-01-14"):
        certificates.sign(csr(uri()), identity=FRA, authority=made.authority(), now=now)


def test_an_authority_is_of_its_installation() -> None:
    shown = pem.certificate(certificates.new_authority("x" * 100, NOW).certificate)
    assert [each.value for each in shown.subject] == ["x" * 64, "Isochrone peers 2027-01-15"]
    assert pem.ends(shown) - NOW == 5 * 365 * DAY
    constraints = shown.extensions.get_extension_for_class(x509.BasicConstraints)
    assert constraints.critical
    assert constraints.value == x509.BasicConstraints(ca=True, path_length=0)


def test_keys_are_in_no_repr() -> None:
    who = made.authority()
    shown = repr([who, certificates.new_request(FRA), made.credentials(who), certificates.new_index_key()])
    assert "PRIVATE" not in shown
    assert who.key[100:140] not in shown
