"""A pod's service account: read again when needed, and clear about what is missing."""

import pathlib

import pytest
from tests.cluster import pki

from isochrone_gateway.source.credentials import CredentialsError, in_cluster

ENVIRONMENT = {"KUBERNETES_SERVICE_HOST": "10.96.0.1", "KUBERNETES_SERVICE_PORT": "443"}


def test_the_server_is_the_one_of_the_environment(tmp_path: pathlib.Path) -> None:
    account = in_cluster(tmp_path, ENVIRONMENT)
    assert (account.host, account.port) == ("10.96.0.1", 443)


@pytest.mark.parametrize("left_out", list(ENVIRONMENT))
def test_outside_of_a_pod_there_is_none(tmp_path: pathlib.Path, left_out: str) -> None:
    environment = {name: value for name, value in ENVIRONMENT.items() if name != left_out}
    with pytest.raises(CredentialsError, match="this is no pod"):
        in_cluster(tmp_path, environment)


def test_files_are_read_each_time(tmp_path: pathlib.Path) -> None:
    account = in_cluster(tmp_path, ENVIRONMENT)
    for token in ("first", "second"):
        (tmp_path / "token").write_text(f"{token}\n")
        assert account.token() == token
    for _ in range(2):
        (tmp_path / "ca.crt").write_bytes(pki.new_authority().pair.certificate)
        assert len(account.tls().get_ca_certs()) == 1


@pytest.mark.parametrize("content", [None, b"", b"\xff"], ids=["missing", "empty", "not text"])
def test_a_file_that_cannot_be_used_is_named(tmp_path: pathlib.Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "token").write_bytes(content)
    with pytest.raises(CredentialsError, match="token"):
        in_cluster(tmp_path, ENVIRONMENT).token()


def test_an_authority_that_is_none_is_named(tmp_path: pathlib.Path) -> None:
    (tmp_path / "ca.crt").write_text("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n")
    with pytest.raises(CredentialsError, match=r"ca\.crt is not a certificate"):
        in_cluster(tmp_path, ENVIRONMENT).tls()
