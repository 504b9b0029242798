"""The state of a rotation as a Secret: what is read is what was written, and nothing is made up."""

import base64
import dataclasses

import pytest
from tests.unit.certificates import made
from tests.unit.certificates.made import NOW

from isochrone.certificates import CertificateError, State, stored

OLD, NEW = made.authority(), made.authority()
LEAF = made.credentials(OLD)
STATES = {
    "settled": State(signer=OLD, since=NOW),
    "introduced": State(signer=OLD, coming=NEW, since=NOW),
    "replacing": State(signer=NEW, former=OLD.certificate, since=NOW, complete_since=NOW + 60),
}


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize("state", STATES.values(), ids=STATES)
def test_what_is_written_is_read(state: State) -> None:
    data = stored.data_of(state)
    assert stored.state_of(data) == state
    assert base64.b64decode(data["ca.crt"]).decode() == state.authorities


def test_the_key_of_who_signed_before_is_gone() -> None:
    text = "".join(base64.b64decode(value).decode() for value in stored.data_of(STATES["replacing"]).values())
    assert NEW.key in text
    assert OLD.key not in text


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        pytest.param({"state.json": None}, "state.json can't be read", id="no-times"),
        pytest.param({"state.json": encoded("{}")}, "state.json can't be read", id="empty-times"),
        pytest.param({"state.json": encoded('{"since":1,"x":1}')}, "state.json can't be read", id="of-a-later-version"),
        pytest.param({"tls.crt": "?"}, "state.json can't be read", id="base64"),
        pytest.param({"tls.crt": None, "tls.key": None}, "tls.crt is missing", id="no-authority"),
        pytest.param({"tls.crt": None}, "tls.crt: not a certificate in PEM form", id="no-certificate"),
        pytest.param({"tls.key": None}, "tls.key: not a private key in PEM form without a password", id="no-key"),
        pytest.param({"tls.key": encoded(NEW.key)}, "tls.key is not the key of tls.crt", id="another-key"),
        pytest.param(
            {"tls.crt": encoded(LEAF.certificate), "tls.key": encoded(LEAF.key)},
            "tls.crt is not the certificate of an authority",
            id="a-leaf",
        ),
        pytest.param({"former.crt": encoded("x")}, "former.crt: not a certificate in PEM form", id="former"),
        pytest.param(
            {
                "former.crt": encoded(NEW.certificate),
                "coming.crt": encoded(NEW.certificate),
                "coming.key": encoded(NEW.key),
            },
            "there are both a coming and a former authority",
            id="both",
        ),
        pytest.param({"coming.crt": encoded(NEW.certificate)}, "coming.key: not a private key", id="half-of-the-next"),
    ],
)
def test_what_can_not_be_read(changes: dict[str, str | None], why: str) -> None:
    data = stored.data_of(STATES["settled"]) | changes
    with pytest.raises(CertificateError) as refused:
        stored.state_of({name: value for name, value in data.items() if value is not None})
    assert str(refused.value).startswith(why)
    assert "Restore the Secret isochrone-peer-ca in isochrone-system from a backup" in str(refused.value)


def test_states_are_told_apart() -> None:
    assert [state.is_settled for state in STATES.values()] == [True, False, False]
    assert dataclasses.replace(STATES["settled"]).authorities == OLD.certificate
    assert STATES["introduced"].authorities == OLD.certificate + NEW.certificate
    assert STATES["replacing"].authorities == NEW.certificate + OLD.certificate
