"""Kubeconfigs from Secrets: what is used, what is refused, and what is said instead."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.cluster import pki
from tests.unit.kube import configs
from tests.unit.kube.configs import AUTHORITY, CERTIFIED, CLIENT, CLUSTER, SERVER, TOKEN, USER, Parts, config, encoded

from isochrone.kube import kubeconfig
from isochrone.kube.access import Access, AccessError

JOIN = "give it a token of a service account instead: `isochrone site join` makes one"
FLATTEN = "(kubectl config view --flatten --raw writes it)"


@pytest.mark.parametrize(
    ("content", "access"),
    [
        pytest.param(config(), Access(url=SERVER, authority=AUTHORITY.pair.certificate, token=TOKEN), id="token"),
        pytest.param(
            config(Parts(user=CERTIFIED)),
            Access(
                url=SERVER,
                authority=AUTHORITY.pair.certificate,
                client_certificate=CLIENT.certificate,
                client_key=CLIENT.key,
            ),
            id="certificate",
        ),
        pytest.param(
            config(Parts(cluster={"server": "https://k8s.example/clusters/a/"})),
            Access(url="https://k8s.example/clusters/a", token=TOKEN),
            id="authorities-of-the-system-and-a-path",
        ),
        pytest.param(
            config(cluster={"tls-server-name": "kubernetes", "certificate-authority-data": ""}),
            Access(url=SERVER, token=TOKEN, server_name="kubernetes"),
            id="another-name",
        ),
        pytest.param(
            config(
                cluster={"insecure-skip-tls-verify": False, "proxy-url": "", "certificate-authority": ""},
                user={"tokenFile": "", "exec": None, "as": "", "as-groups": [], "extensions": [1]},
            ),
            Access(url=SERVER, authority=AUTHORITY.pair.certificate, token=TOKEN),
            id="what-is-empty-is-not-there",
        ),
        pytest.param(
            config(
                user={"token": TOKEN + "\n"},
                cluster={
                    "certificate-authority-data": "\n".join(
                        [encoded(AUTHORITY.pair.certificate)[:60], encoded(AUTHORITY.pair.certificate)[60:]]
                    )
                },
            ),
            Access(url=SERVER, authority=AUTHORITY.pair.certificate, token=TOKEN),
            id="lines",
        ),
    ],
)
def test_what_is_used(content: bytes, access: Access) -> None:
    assert kubeconfig.parse(content) == access


@pytest.mark.parametrize(
    ("content", "said"),
    [
        pytest.param(
            config(cluster={"insecure-skip-tls-verify": True}),
            "cluster 'fra1' of the kubeconfig has insecure-skip-tls-verify; the server must be checked:"
            " set certificate-authority-data instead",
            id="insecure",
        ),
        pytest.param(
            config(cluster={"proxy-url": "http://p"}),
            "cluster 'fra1' of the kubeconfig has proxy-url; clusters are reached without a proxy:"
            " set server to an address that the hub can reach",
            id="proxy",
        ),
        pytest.param(
            config(user={"exec": {"command": "aws"}}),
            f"user 'hub' of the kubeconfig has exec; no programs are run for a kubeconfig from a Secret: {JOIN}",
            id="exec",
        ),
        pytest.param(
            config(user={"auth-provider": {"name": "gcp"}}),
            f"user 'hub' of the kubeconfig has auth-provider; auth providers are not used: {JOIN}",
            id="auth-provider",
        ),
        *(
            pytest.param(
                config(user={field: "x"}),
                f"user 'hub' of the kubeconfig has {field}; user names with passwords are not used: {JOIN}",
                id=field,
            )
            for field in ("username", "password")
        ),
        *(
            pytest.param(
                config(user={field: value}),
                f"user 'hub' of the kubeconfig has {field}; nobody is impersonated: {JOIN}",
                id=field,
            )
            for field, value in {"as": "x", "as-uid": "x", "as-groups": ["x"], "as-user-extra": {"x": ["y"]}}.items()
        ),
        pytest.param(
            config(cluster={"certificate-authority": "/etc/ca"}),
            "cluster 'fra1' of the kubeconfig has certificate-authority; files are not read:"
            f" set certificate-authority-data {FLATTEN}",
            id="authority-file",
        ),
        pytest.param(
            config(user={"tokenFile": "/etc/passwd"}),
            "user 'hub' of the kubeconfig has tokenFile; files are not read: set token",
            id="token-file",
        ),
        *(
            pytest.param(
                config(user={field: "/etc/x"}),
                f"user 'hub' of the kubeconfig has {field}; files are not read: set {field}-data {FLATTEN}",
                id=f"{field}-file",
            )
            for field in ("client-certificate", "client-key")
        ),
        pytest.param(
            config(cluster={"proxy-url": "http://p"}, user={"exec": {"command": "x"}, "tokenFile": "x"}),
            "cluster 'fra1' of the kubeconfig has proxy-url;",
            id="several",
        ),
        pytest.param(b"", "the kubeconfig is empty, or not a map", id="nothing"),
        pytest.param(b"- a", "the kubeconfig is empty, or not a map", id="a-list"),
        pytest.param(b"a: b\nc: d: e", "the kubeconfig is not YAML, line 2", id="not-yaml"),
        pytest.param(b"\xff\xfe\x00", "the kubeconfig is not YAML", id="no-text"),
        pytest.param(b"!!python/object:os.system {}", "the kubeconfig is not YAML, line 1", id="an-object"),
        pytest.param(b"[" * 100_000, "the kubeconfig is not YAML", id="too-deep"),
        pytest.param(b" " * 131_073, "the kubeconfig has 131073 bytes, more than 131072", id="too-long"),
        pytest.param(
            config(top={"current-context": ""}),
            "the kubeconfig has no current-context: set it (kubectl config use-context NAME)",
            id="no-current-context",
        ),
        pytest.param(
            config(top={"current-context": "there"}),
            "the kubeconfig has no context 'there': the current context leads nowhere",
            id="no-such-context",
        ),
        pytest.param(
            config(top={"contexts": [{"name": "here", "context": {"cluster": "x", "user": "hub"}}]}),
            "the kubeconfig has no cluster 'x': the current context leads nowhere",
            id="no-such-cluster",
        ),
        pytest.param(
            config(top={"users": None}),
            "the kubeconfig has no user 'hub': the current context leads nowhere",
            id="no-such-user",
        ),
        pytest.param(
            config(top={"contexts": [{"name": "here"}]}),
            "the kubeconfig has no cluster '': the current context leads nowhere",
            id="an-empty-context",
        ),
        pytest.param(
            config(cluster={"server": "http://10.0.0.1"}),
            "cluster 'fra1' of the kubeconfig: server must be a URL with https, such as https://10.0.0.1:6443",
            id="plain-http",
        ),
        pytest.param(
            config(Parts(cluster={})),
            "cluster 'fra1' of the kubeconfig: server must be a URL with https, such as https://10.0.0.1:6443",
            id="no-server",
        ),
        pytest.param(
            config(cluster={"server": "https://10.0.0.1:99999"}),
            "cluster 'fra1' of the kubeconfig: server is not a URL such as https://10.0.0.1:6443",
            id="port",
        ),
        pytest.param(
            config(cluster={"server": "https://root:secret@10.0.0.1"}),
            "cluster 'fra1' of the kubeconfig: server must be an address alone, without user, password or query",
            id="password-in-the-url",
        ),
        pytest.param(
            config(cluster={"certificate-authority-data": "?"}),
            "cluster 'fra1' of the kubeconfig: certificate-authority-data is not base64",
            id="base64",
        ),
        pytest.param(
            config(cluster={"certificate-authority-data": encoded(b"x")}),
            "the kubeconfig: the cluster's certificate authority is not a certificate in PEM form",
            id="authority",
        ),
        pytest.param(
            config(user={"token": 12345}),
            "user 'hub' of the kubeconfig: token must be text; put it in quotes",
            id="a-number-for-a-token",
        ),
        pytest.param(
            config(user={"token": "a\nb"}),
            "user 'hub' of the kubeconfig: token has characters in it that no token has",
            id="a-header-in-the-token",
        ),
        pytest.param(
            config(Parts(user={})),
            "the kubeconfig: there are no credentials in it; give it a token or a client certificate",
            id="no-credentials",
        ),
        pytest.param(
            config(Parts(user={"client-certificate-data": CERTIFIED["client-certificate-data"]})),
            "the kubeconfig: the client key is missing; certificate and key go together",
            id="no-key",
        ),
        pytest.param(
            config(Parts(user=CERTIFIED | {"client-certificate-data": None})),
            "the kubeconfig: the client certificate is missing; certificate and key go together",
            id="no-certificate",
        ),
        pytest.param(
            config(Parts(user=CERTIFIED | {"client-key-data": encoded(b"x")})),
            "the kubeconfig: the client key is not a private key in PEM form without a password",
            id="not-a-key",
        ),
        pytest.param(
            config(Parts(user=CERTIFIED | {"client-key-data": encoded(pki.new_signing_key())})),
            "the kubeconfig: the client key is not the key of the client certificate",
            id="another-key",
        ),
    ],
)
def test_what_is_refused(content: bytes, said: str) -> None:
    with pytest.raises(AccessError) as refused:
        kubeconfig.parse(content)
    assert str(refused.value).startswith(said)
    assert str(refused.value) == said or said.endswith(";")
    # An error that is logged with its traceback shows no more.
    assert refused.value.__suppress_context__ or refused.value.__context__ is None


def test_what_is_written_is_read() -> None:
    whole = Access(
        url=SERVER,
        authority=AUTHORITY.pair.certificate,
        client_certificate=CLIENT.certificate,
        client_key=CLIENT.key,
        token=TOKEN,
        server_name="kubernetes",
    )
    bare = Access(url=SERVER, token=TOKEN)
    for access in (whole, bare):
        assert kubeconfig.parse(kubeconfig.written(access, name="isochrone")) == access


CANARY = "canary" * 3
SECRETS = st.sampled_from(
    [
        {"token": CANARY},
        {"token": f"{CANARY}\n{CANARY}"},
        {"token": [CANARY]},
        {"password": CANARY},
        {"username": CANARY},
        {"exec": {"command": "x", "args": [CANARY], "env": [{"name": "a", "value": CANARY}]}},
        {"auth-provider": {"name": "oidc", "config": {"id-token": CANARY}}},
        {"client-key-data": encoded(CANARY.encode())},
        {"client-key-data": CANARY + "?"},
        {"client-key-data": CERTIFIED["client-key-data"] + CANARY},
        {"client-certificate-data": encoded(CANARY.encode())},
        CERTIFIED,
    ]
)
SERVERS = st.sampled_from(
    [{}, {"server": f"https://a:{CANARY}@b"}, {"server": f"https://a?{CANARY}"}, {"server": f"http://{CANARY}"}]
)
TOPS = st.sampled_from([{}, {"current-context": None}, {"users": CANARY}, {"preferences": {CANARY: CANARY}}])


@given(SERVERS, st.lists(SECRETS, max_size=3), TOPS, st.none() | st.integers(0, 4000), st.binary(max_size=3))
def test_no_secret_is_in_a_message_or_a_repr(
    cluster: dict[str, Any], users: list[dict[str, Any]], top: dict[str, Any], cut: int | None, noise: bytes
) -> None:
    user: dict[str, Any] = {}
    for each in users:
        user |= each
    content = config(Parts(cluster=CLUSTER | cluster, user=user or USER, top=top))
    if cut is not None:
        content = content[:cut] + noise + content[cut:]
    try:
        said = repr(kubeconfig.parse(content))
    except AccessError as error:
        said = f"{error!r} {error}"
    assert CANARY not in said
    assert encoded(CLIENT.key)[:40] not in said
    assert CLIENT.key.decode().splitlines()[1] not in said
    assert configs.TOKEN not in said
