"""When a site has to ask for another certificate, and what it takes for an answer."""

import base64

import pytest
from tests.unit.certificates import made
from tests.unit.certificates.made import DAY, FRA, MUC, NOW, without

from isochrone import certificates
from isochrone.certificates import CertificateError, Credentials, Due, credentials, pem
from isochrone.model import Peering
from isochrone.render import secrets

WHO, OTHER = made.authority(), made.authority()
HELD = made.credentials(WHO)
CORRUPT = HELD.certificate.replace("MII", "MIJ", 1)


@pytest.mark.parametrize(
    ("held", "authorities", "now", "reason"),
    [
        pytest.param(HELD, WHO.certificate, NOW, None, id="new"),
        pytest.param(HELD, WHO.certificate + OTHER.certificate, NOW, None, id="another-is-trusted-too"),
        pytest.param(HELD, WHO.certificate, NOW + 10 * DAY - 2401, None, id="just-before-a-third"),
        pytest.param(HELD, WHO.certificate, NOW + 10 * DAY - 2400, Due.OLD, id="a-third"),
        pytest.param(HELD, WHO.certificate, NOW + 31 * DAY, Due.OLD, id="over"),
        pytest.param(HELD, OTHER.certificate + WHO.certificate, NOW, Due.OTHER_AUTHORITY, id="another-signs"),
        pytest.param(Credentials(), WHO.certificate, NOW, Due.MISSING, id="none"),
        pytest.param(without(HELD, certificate="x"), WHO.certificate, NOW, Due.UNREADABLE, id="no-certificate"),
        pytest.param(without(HELD, certificate=CORRUPT), WHO.certificate, NOW, Due.UNREADABLE, id="corrupt"),
        pytest.param(
            without(HELD, certificate=HELD.certificate * 2), WHO.certificate, NOW, Due.UNREADABLE, id="two-of-them"
        ),
        pytest.param(without(HELD, key=""), WHO.certificate, NOW, Due.UNREADABLE, id="no-key"),
        pytest.param(without(HELD, key=OTHER.key), WHO.certificate, NOW, Due.OTHER_KEY, id="another-key"),
        pytest.param(made.credentials(WHO, MUC), WHO.certificate, NOW, Due.OTHER_IDENTITY, id="another-site"),
        pytest.param(
            Credentials(certificate=WHO.certificate, key=WHO.key),
            WHO.certificate,
            NOW,
            Due.OTHER_IDENTITY,
            id="the-authority-itself",
        ),
    ],
)
def test_when_another_is_needed(held: Credentials, authorities: str, now: int, reason: Due | None) -> None:
    assert certificates.due(held, identity=FRA, authorities=authorities, now=now) == reason


@pytest.mark.parametrize(
    ("certificate", "reason"),
    [
        pytest.param(made.credentials(WHO).certificate, "OtherKey", id="to-another-request"),
        pytest.param("", "Missing", id="nothing"),
        pytest.param("x", "Unreadable", id="unreadable"),
    ],
)
def test_what_is_no_answer(certificate: str, reason: str) -> None:
    request = certificates.new_request(FRA)
    with pytest.raises(CertificateError, match=rf"can't be used \({reason}\); another is asked for"):
        certificates.installed(request, certificate, WHO.certificate, identity=FRA, now=NOW)


def test_an_answer_of_an_authority_that_does_not_sign_any_more_is_none() -> None:
    request = certificates.new_request(FRA)
    answer = certificates.sign(request.csr, identity=FRA, authority=WHO, now=NOW)
    with pytest.raises(CertificateError, match="OtherAuthority"):
        certificates.installed(request, answer, OTHER.certificate + WHO.certificate, identity=FRA, now=NOW)


def test_what_a_site_holds_is_its_secret() -> None:
    assert Credentials.of(HELD.data) == HELD
    assert base64.b64decode(HELD.data["tls.crt"]).decode() == HELD.certificate
    assert set(HELD.data) == {secrets.AUTHORITIES, secrets.CERTIFICATE, secrets.PRIVATE_KEY}
    assert credentials.AUTHORITIES == secrets.AUTHORITIES


@pytest.mark.parametrize(
    "data", [{}, {"tls.crt": "?"}, {"tls.crt": "/w=="}, {"tls.key": ""}], ids=["empty", "base64", "text", "blank"]
)
def test_a_secret_with_something_else_in_it_holds_nothing(data: dict[str, str]) -> None:
    assert Credentials.of(data) == Credentials()


@pytest.mark.parametrize(
    ("held", "said"),
    [
        pytest.param(
            HELD,
            Peering(
                trusted=frozenset({WHO.name}), issuer=WHO.name, expires=pem.ends(pem.certificate(HELD.certificate))
            ),
            id="whole",
        ),
        pytest.param(Credentials(), Peering(), id="nothing"),
        pytest.param(without(HELD, certificate="x"), Peering(), id="unreadable"),
        pytest.param(
            without(HELD, authorities=OTHER.certificate),
            Peering(trusted=frozenset({OTHER.name}), expires=pem.ends(pem.certificate(HELD.certificate))),
            id="who-signed-is-not-trusted",
        ),
    ],
)
def test_what_is_reported(held: Credentials, said: Peering) -> None:
    assert held.peering == said
