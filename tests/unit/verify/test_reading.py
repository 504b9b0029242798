"""What a site's gateway reads: the config that was verified, and files out of the Secrets that they are named after."""

import copy
from typing import Any, Final

import pytest
from tests.unit.verify.by_hand import Json, config, edge, read, site

from isochrone.verify import Rule, reading
from isochrone.verify.declared import Declared
from isochrone.verify.gathered import Found

PEER: Final = {"name": "gateway-peer", "items": [{"key": "ca.crt", "path": "peer/ca.crt"}]}
ACME: Final = {"name": "acme-eu", "items": [{"key": "one.txt", "path": "providers/acme-eu/one.txt"}]}
STATUS: Final = {"name": "any", "items": [{"key": "any", "path": "status/token"}]}
FOLDER: Final = "/run/secrets"
KNOWN: Final = read()


def gateway(
    *secrets: Json, namespace: str = "isochrone-system", mounts: Any = None, volume: Any = None, **container: Any
) -> Json:
    """A Deployment that mounts these Secrets."""
    made = {
        "command": ["isochrone-gateway"],
        "args": [f"--secrets={FOLDER}"],
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}, {"name": "it", "mountPath": FOLDER}, *(mounts or ())],
        **container,
    }
    held = {"projected": {"sources": [{"secret": each} for each in secrets]}} if volume is None else volume
    pod = {"containers": [{"name": "beside"}, made], "volumes": [{"name": "tmp"}, {"name": "it", **held}]}
    labels = {"app.kubernetes.io/component": "gateway"}
    metadata = {"name": "gateway", "namespace": namespace, "labels": labels}
    template = {"metadata": {"labels": labels}, "spec": pod}
    return copy.deepcopy({"kind": "Deployment", "metadata": metadata, "spec": {"template": template}})


def told(*items: Json, known: Declared = KNOWN) -> list[str]:
    found = list(reading.findings(known.sites["fra1"], site(config()), [Found(each, "here") for each in items]))
    assert {(each.rule, each.site, each.where) for each in found} <= {(Rule.WRONG_ADDRESS, "fra1", "here")}
    return [each.message for each in found]


def copied(**fields: Any) -> Declared:
    """What is declared, where fra1 copies its evidence to a bucket."""
    said = {"endpoint": "https://s3.example.com", "bucket": "acme", "secretName": "acme-keys", "jurisdiction": "DE"}
    evidence = {"objectStorage": {**said, **fields}}
    return read([edge("fra1", "DE-HE", gateway={"evidence": evidence})])


def of(folder: str, secret: str, key: str, file: str = "") -> Json:
    """A gateway that reads one file of a folder out of this Secret."""
    return gateway({"name": secret, "items": [{"key": key, "path": f"{folder}/{file or key}"}]})


@pytest.mark.parametrize(
    ("found", "is_own"),
    [
        pytest.param(of("objects", "acme-keys", "AWS_ACCESS_KEY_ID"), True, id="a bucket's key"),
        pytest.param(of("objects", "mal-keys", "AWS_ACCESS_KEY_ID"), False, id="a bucket's key of another Secret"),
        pytest.param(of("objects", "acme-keys", "x", "AWS_ACCESS_KEY_ID"), False, id="another key of it"),
        pytest.param(of("objects-ca", "store", "ca.crt"), True, id="a store's authorities"),
        pytest.param(of("objects-ca", "acme-keys", "ca.crt"), False, id="a store's authorities of another Secret"),
        pytest.param(of("evidence", "gateway-evidence", "private.pem"), True, id="what signs evidence"),
        pytest.param(of("evidence", "acme-keys", "private.pem"), False, id="what signs evidence, of another Secret"),
    ],
)
def test_what_opens_a_bucket_is_the_secret_that_is_declared(found: Json, *, is_own: bool) -> None:
    known = copied(caSecretRef={"name": "store", "key": "ca.crt"})
    assert (told(found, known=known) == []) is is_own


@pytest.mark.parametrize(
    ("known", "folder"),
    [
        pytest.param(KNOWN, "objects", id="without a bucket"),
        pytest.param(copied(), "objects-ca", id="without authorities of its own"),
    ],
)
def test_where_nothing_is_declared_nothing_is_compared(known: Declared, folder: str) -> None:
    """The config can name no such file: that is compared with what is declared."""
    assert told(of(folder, "any", "x"), known=known) == []


def not_mounted(folder: str = FOLDER) -> str:
    return f"the gateway reads its Secrets in {folder}, where no volume is mounted"


NOT_SECRETS: Final = "the gateway reads as its Secrets the volume it, which is not put together of Secrets alone"


def item(path: str, key: str = "one.txt") -> list[Json]:
    return [{"key": key, "path": path}]


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        pytest.param(gateway(PEER, ACME, STATUS), [], id="each its own"),
        pytest.param(gateway({"name": "x"}, ACME), [], id="all keys, at the top"),
        pytest.param({**gateway(), "spec": {}}, [], id="none"),
        pytest.param({**gateway(), "spec": None}, [], id="nothing said"),
        pytest.param(gateway(PEER, volumeMounts=None), [not_mounted()], id="nothing mounted"),
        pytest.param(
            gateway(PEER, volumeMounts=[{"name": "it", "mountPath": "/run"}]), [not_mounted()], id="mounted above it"
        ),
        pytest.param(gateway(PEER, mounts=[{"name": "tmp", "mountPath": "/run"}]), [], id="something hidden by it"),
        pytest.param(
            gateway(PEER, volumeMounts=[{"name": "it", "mountPath": f"{FOLDER}/peer"}]),
            [f"the gateway reads what is mounted at {FOLDER}/peer as if it were of its Secrets", not_mounted()],
            id="mounted below it alone",
        ),
        pytest.param(
            gateway(PEER, args=[f"--secrets={FOLDER}", "--secrets=/etc/../tmp/x"]),
            [not_mounted("/tmp/x")],
            id="another folder, too",
        ),
        pytest.param(
            gateway(PEER, args=[f"--secrets={FOLDER}", f"--secrets={FOLDER}/."], mounts=None), [], id="the same, twice"
        ),
        pytest.param(
            gateway(PEER, args=["--secrets=run/secrets", "--secrets", ""]),
            [
                "the gateway reads its Secrets in the folder 'run/secrets', which is another wherever it is started",
                "the gateway reads its Secrets in the folder '', which is another wherever it is started",
            ],
            id="a folder that depends",
        ),
        pytest.param(gateway(volume={"emptyDir": {}}, args=[]), [], id="none that is read"),
        pytest.param(gateway(PEER, args=[f"--secrets={FOLDER}", "/tmp"]), [], id="something else"),
        pytest.param(
            gateway({**ACME, "name": "acme-us"}),
            ["the gateway reads providers/acme-eu/one.txt out of the Secret acme-us, key one.txt"],
            id="a provider's of another Secret",
        ),
        pytest.param(
            gateway(PEER, {**ACME, "items": item("providers/acme-eu/one.txt", "two.txt")}),
            ["the gateway reads providers/acme-eu/one.txt out of the Secret acme-eu, key two.txt"],
            id="a provider's other key",
        ),
        pytest.param(
            gateway({**PEER, "name": "gateway-peer2"}, ACME),
            ["the gateway reads peer/ca.crt out of the Secret gateway-peer2, key ca.crt"],
            id="peers' of another Secret",
        ),
        pytest.param(
            gateway({**PEER, "items": item("peer/ca.crt", "x")}),
            ["the gateway reads peer/ca.crt out of the Secret gateway-peer, key x"],
            id="peers' other key",
        ),
        pytest.param(gateway(volume={"emptyDir": {}}), [NOT_SECRETS], id="no Secret at all"),
        pytest.param(gateway(), [NOT_SECRETS], id="of nothing"),
        pytest.param(
            gateway(volume={"projected": {"sources": [{"secret": PEER}, {"configMap": {"name": "x"}}]}}),
            [NOT_SECRETS],
            id="a ConfigMap beside it",
        ),
        pytest.param(
            gateway(PEER, volumeMounts=[{"name": "it", "mountPath": f"{FOLDER}/", "subPath": "x"}]),
            [NOT_SECRETS],
            id="a part of it",
        ),
        pytest.param(
            gateway(PEER, volumeMounts=[{"name": "it", "mountPath": FOLDER, "subPathExpr": "x"}]),
            [NOT_SECRETS],
            id="some part of it",
        ),
        pytest.param(
            gateway(PEER, volumeMounts=[{"name": "no", "mountPath": FOLDER}]),
            ["the gateway reads as its Secrets the volume no, which is not put together of Secrets alone"],
            id="a volume that there isn't",
        ),
        pytest.param(
            gateway(PEER, mounts=[{"name": "tmp", "mountPath": f"{FOLDER}/peer/"}]),
            [f"the gateway reads what is mounted at {FOLDER}/peer as if it were of its Secrets"],
            id="something over it",
        ),
        pytest.param(
            gateway(PEER, mounts=[{"name": "tmp", "mountPath": "run/./x/../secrets//peer"}]),
            [f"the gateway reads what is mounted at {FOLDER}/peer as if it were of its Secrets"],
            id="something over it, by a longer way",
        ),
        pytest.param(gateway(PEER, mounts=[{"name": "tmp", "mountPath": f"{FOLDER}2"}]), [], id="beside it"),
        pytest.param(
            gateway({**PEER, "items": item("./peer/ca.crt", "x")}),
            ["the gateway reads ./peer/ca.crt out of the Secret gateway-peer, key x"],
            id="peers' other key, by a longer way",
        ),
        pytest.param(gateway({**PEER, "items": item(".//peer/ca.crt", "ca.crt")}), [], id="its own, by a longer way"),
        pytest.param(
            gateway({**ACME, "name": "x"}, args=["--secrets", FOLDER]),
            ["the gateway reads providers/acme-eu/one.txt out of the Secret x, key one.txt"],
            id="as two arguments have it",
        ),
        pytest.param(
            gateway(volume={"projected": {"sources": [{"secret": PEER}, {"secret": None}]}}),
            [NOT_SECRETS],
            id="a source that is none",
        ),
        pytest.param(
            gateway({**ACME, "name": "x"}, command=["isochrone-gateway", f"--secrets={FOLDER}/"], args=[]),
            ["the gateway reads providers/acme-eu/one.txt out of the Secret x, key one.txt"],
            id="as the command has it",
        ),
        pytest.param(
            gateway(PEER, namespace="demo"),
            [
                (
                    "the gateway runs in the namespace demo, and can't read the config that was verified, which is in"
                    " isochrone-system"
                )
            ],
            id="in another namespace",
        ),
    ],
)
def test_what_a_gateway_reads(found: Json, expected: list[str]) -> None:
    assert told(found) == expected


def test_what_says_no_namespace_is_in_that_which_is_the_default() -> None:
    made = gateway(PEER)
    del made["metadata"]["namespace"]
    (text,) = told(made)
    assert text.startswith("the gateway runs in the namespace default, and can't read")


def test_other_workloads_may_read_what_they_like() -> None:
    engine = gateway({**ACME, "name": "x"})
    for each in (engine["metadata"], engine["spec"]["template"]["metadata"]):
        each["labels"] = {"app.kubernetes.io/component": "engine"}
    assert told(engine) == []


def test_a_gateway_that_is_a_bare_pod_reads_as_others_do() -> None:
    other = gateway({"name": "evil", "items": item("providers/acme-eu/one.txt")})
    pod = {"kind": "Pod", "metadata": other["metadata"], "spec": other["spec"]["template"]["spec"]}
    assert told(pod) == told(other) != []
