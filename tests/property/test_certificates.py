"""Certificates: whatever happens to sites and whatever they send, those that may talk can, and nobody is another."""

import contextlib
import ssl
from typing import Final

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from tests.conftest import SOAK
from tests.unit.certificates import made
from tests.unit.certificates.made import DAY, FRA, NOW
from tests.unit.certificates.network import Network, Outage, verified

from isochrone import certificates
from isochrone.certificates import CertificateError, Refused, pem, stored
from isochrone.certificates.credentials import names_of
from isochrone.render.config.peers import identity_of

WHO: Final = made.authority()
STORED: Final = stored.data_of(certificates.State(signer=WHO, since=NOW))
REQUEST: Final = certificates.new_request(FRA)
SITES: Final = ("ber1", "fra1", "muc1")
OUTAGES: Final = st.builds(
    lambda site, begins, hours: Outage(site, NOW + begins * 3600, NOW + (begins + hours) * 3600),
    st.sampled_from(SITES),
    st.integers(0, 60 * 24),
    st.integers(1, 30 * 24),
)
LABELS: Final = st.from_regex(r"[a-z]([-a-z0-9]{0,46}[a-z0-9])?", fullmatch=True)


@settings(max_examples=200 if SOAK else 8)
@given(st.lists(OUTAGES, max_size=4), st.frozensets(st.integers(1, 60), max_size=2))
def test_whichever_sites_are_away_no_two_refuse_each_other(outages: list[Outage], asked_at: frozenset[int]) -> None:
    network = Network(SITES, tuple(outages))
    network.go_on(NOW + 80 * DAY, calm=8 * 3600, asked_at=frozenset(NOW + day * DAY + 1 for day in asked_at))
    assert len(network.steps) >= (1 if asked_at else 0)
    # A certificate is renewed with twenty days left, so a site has one unless it was away for longer.
    for site in SITES:
        was_away = any(each.site == site and each.ends - each.begins >= 19 * DAY for each in outages)
        assert network.is_well(site) or was_away


@given(LABELS, LABELS, st.integers(0, 4 * 365 * DAY), st.floats(0, 1))
def test_what_is_signed_is_verified_while_it_is_valid(site: str, installation: str, after: int, part: float) -> None:
    who, now, identity = made.authority(), NOW + after, identity_of(site, installation)
    held = made.credentials(who, identity, now=now)
    assert verified(held.certificate, who.certificate, now + int(part * 30 * DAY) - 1)
    assert not verified(held.certificate, who.certificate, now + 30 * DAY + 1)
    assert not verified(held.certificate, WHO.certificate, now)


@given(st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), min_size=1, max_size=3))
def test_a_damaged_request_is_refused_or_still_names_its_site(damage: list[tuple[int, int]]) -> None:
    request = x509.load_pem_x509_csr(REQUEST.csr.encode())
    der = bytearray(request.public_bytes(Encoding.DER))
    for place, value in damage:
        der[place % len(der)] = value
    damaged = ssl.DER_cert_to_PEM_cert(bytes(der)).replace("CERTIFICATE", "CERTIFICATE REQUEST")
    with contextlib.suppress(Refused):
        signed = pem.certificate(certificates.sign(damaged, identity=FRA, authority=WHO, now=NOW))
        assert names_of(signed) == [made.uri()]
        assert signed.public_key() == request.public_key()


@given(st.text(max_size=200) | st.binary(max_size=200).map(ssl.DER_cert_to_PEM_cert))
def test_any_text_is_refused_in_words(text: str) -> None:
    with pytest.raises(Refused, match=r"^the certificate request can't be read$"):
        certificates.sign(text, identity=FRA, authority=WHO, now=NOW)


@given(st.sampled_from(sorted(STORED)), st.text() | st.just(STORED["tls.key"][:-8]))
def test_no_message_about_a_stored_state_has_a_key_in_it(name: str, text: str) -> None:
    assume(text != STORED[name] and name != "ca.crt")
    with pytest.raises(CertificateError) as error:
        stored.state_of(STORED | {name: text})
    assert not any(line in str(error.value) for line in WHO.key.splitlines()[1:-1])
    assert text[:10] not in str(error.value) or len(text) < 10
