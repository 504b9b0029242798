"""What the charts render, refuse and grant. No cluster is asked."""

import itertools
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from tests.cluster import accounts
from tests.cluster.charts.conftest import Run
from tests.cluster.charts.releases import CHARTS, GOLDEN, RELEASES, SYSTEM, Release
from tests.cluster.fleet import CRDS
from tests.cluster.rbac import Right, rights

from isochrone.render.joining import OPERATOR, Joining

Json = Mapping[str, Any]

_DASHBOARDS: Final = ("isochrone-gateway.json", "isochrone-network.json")


@pytest.mark.parametrize("name", RELEASES)
def test_what_is_rendered(name: str, helm: Run) -> None:
    """`ISOCHRONE_GOLDEN=record` writes it anew. Dashboards are left out: they are files of the chart, as they are."""
    release = RELEASES[name]
    shown = [_brief(each) for each in release.objects(helm)]
    text = yaml.safe_dump_all(shown, sort_keys=False, width=120, explicit_start=True)
    for suffix, made in (("yaml", text), ("notes.txt", release.notes(helm))):
        file = GOLDEN / f"{name}.{suffix}"
        if os.environ.get("ISOCHRONE_GOLDEN") == "record":
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(made, encoding="utf-8")
        assert made == file.read_text(encoding="utf-8")


def _brief(item: Json) -> Json:
    data = item.get("data") or {}
    short = {name: "..." for name in data if name in _DASHBOARDS}
    return {**item, "data": {**data, **short}} if short else item


def test_every_golden_file_has_a_case() -> None:
    assert {file.name.partition(".")[0] for file in GOLDEN.iterdir()} == set(RELEASES)


@pytest.mark.parametrize("name", RELEASES)
def test_lint(name: str, helm: Run) -> None:
    _, chart, *more = RELEASES[name].arguments
    done = helm("lint", "--strict", chart, *more)
    assert done.returncode == 0, done.stdout
    assert "[WARNING]" not in done.stdout


def test_crds_are_part_of_the_release_and_outlive_it(helm: Run) -> None:
    found = {each["metadata"]["name"]: each for each in Release("isochrone").objects(helm) if _is_crd(each)}
    for file in CRDS.glob("*.yaml"):
        item = yaml.load(file.read_text(), Loader=yaml.CSafeLoader)
        made = found.pop(item["metadata"]["name"])
        assert made["metadata"].pop("annotations") == {"helm.sh/resource-policy": "keep"}
        assert made == item
    assert found == {}
    loose = Release("isochrone", {"crds": {"keep": False}}).objects(helm)
    assert [each["metadata"].get("annotations") for each in loose if _is_crd(each)] == [None] * 6
    assert [each for each in RELEASES["hub"].objects(helm) if _is_crd(each)] == []


def _is_crd(item: Json) -> bool:
    return bool(item["kind"] == "CustomResourceDefinition")


ACCOUNTS: Final[Mapping[str, tuple[str, Iterable[Json]]]] = {
    "hub": (OPERATOR, accounts.of_hub()),
    "hub-of-members-only": (OPERATOR, accounts.of_hub(is_local=False)),
    "site-pull": (OPERATOR, accounts.of_site()),
    "site-push": ("isochrone-hub", Joining(site="cdg1").for_push()),
}
"""The account that a release makes, and what the tests of rights and `isochrone site join` grant it."""


@pytest.mark.parametrize("name", ACCOUNTS)
def test_an_account_has_the_rights_that_were_shown_to_be_needed_and_no_others(name: str, helm: Run) -> None:
    account, wanted = ACCOUNTS[name]
    made = RELEASES[name].objects(helm)
    assert _rights(made, account) == _rights(wanted, account)
    assert len(_rights(made, account)) > 30
    (there,) = (each for each in made if each["kind"] == "ServiceAccount")
    assert (there["metadata"]["name"], there["automountServiceAccountToken"]) == (account, False)


def _rights(items: Iterable[Json], account: str) -> set[Right]:
    """All that is bound to an account, by name of the role as RBAC finds it."""
    found = list(items)
    roles = {(each["kind"], each["metadata"]["name"]): each for each in found if "rules" in each}
    bound = [each for each in found if "roleRef" in each]
    subject = {"kind": "ServiceAccount", "name": account, "namespace": SYSTEM}
    assert [each["subjects"] for each in bound] == [[subject]] * len(bound)
    return set(
        itertools.chain.from_iterable(
            rights(
                roles[each["roleRef"]["kind"], each["roleRef"]["name"]]["rules"], each["metadata"].get("namespace", "")
            )
            for each in bound
        )
    )


def test_a_token_is_as_isochrone_site_join_makes_it(helm: Run) -> None:
    (made,) = (each for each in RELEASES["site-push"].objects(helm) if each["kind"] == "Secret")
    wanted = Joining(site="cdg1").for_push()[-1]
    for each in (made, wanted):
        each["metadata"].pop("labels")
    assert made == wanted


_SITE: Final[Json] = {"site": "iad1"}
_RULES: Final[Json] = {"prometheusRule": {"enabled": True}}
_EACH: Final[tuple[tuple[str, Json], ...]] = (("isochrone", {}), ("isochrone-site", _SITE))
REFUSED: Final[Mapping[str, tuple[str, Json, str]]] = {
    "unknown": ("isochrone", {"replicaCount": 3}, "additional properties 'replicaCount' not allowed"),
    "unknown-below": ("isochrone", {"image": {"name": "a"}}, "at '/image': additional properties 'name' not allowed"),
    "no-replicas": ("isochrone", {"replicas": 0}, "at '/replicas': minimum: got 0, want 1"),
    "replicas-as-text": ("isochrone", {"replicas": "two"}, "at '/replicas': got string, want integer"),
    "installation": ("isochrone", {"installation": "My Edge"}, "at '/installation': 'My Edge' does not match"),
    "digest-without-algorithm": ("isochrone", {"image": {"digest": "abc"}}, "at '/image/digest': 'abc' does not match"),
    "tag-in-repository": (
        "isochrone",
        {"image": {"repository": "a:1"}},
        "at '/image/repository': 'a:1' does not match",
    ),
    "log-level": ("isochrone", {"logging": {"level": "trace"}}, "one of 'debug', 'info', 'warning'"),
    "setting": ("isochrone", {"settings": {"planning": {"unbind": "Deny"}}}, "'unbind' not allowed"),
    "setting-of-its-own": (
        "isochrone",
        {"settings": {"rendering": {"gatewayImage": "a"}}},
        "'gatewayImage' not allowed",
    ),
    "law": ("isochrone", {"settings": {"planning": {"unbound": "Maybe"}}}, "one of 'Allow', 'Deny'"),
    "engine": ("isochrone", {"settings": {"rendering": {"engineImages": {"vllm": "a"}}}}, "'vllm' does not match"),
    "network": (
        "isochrone",
        {"settings": {"rendering": {"weightsNetworks": [{"cidr": "10.0.0.1"}]}}},
        "weightsNetworks/0/cidr': '10.0.0.1' does not match",
    ),
    "pull-secret": (
        "isochrone",
        {"imagePullSecrets": ["registry"]},
        "at '/imagePullSecrets/0': got string, want object",
    ),
    "root": ("isochrone", {"podSecurityContext": {"runAsUser": 0}}, "runAsUser': minimum: got 0, want 1"),
    "privileged": ("isochrone", {"podSecurityContext": {"runAsNonRoot": False}}, "'runAsNonRoot' not allowed"),
    "memory": ("isochrone", {"resources": {"limits": {"memory": "1 GB"}}}, "'1 GB' does not match"),
    "label": ("isochrone", {"commonLabels": {"a b": "c"}}, "'a b' does not match"),
    "label-not-text": ("isochrone", {"podLabels": {"a": True}}, "at '/podLabels/a': got boolean, want string"),
    "spread-with-selector": (
        "isochrone",
        {
            "topologySpread": [
                {"maxSkew": 1, "topologyKey": "a", "whenUnsatisfiable": "DoNotSchedule", "labelSelector": {}}
            ]
        },
        "at '/topologySpread/0': 'not' failed",
    ),
    "budget": ("isochrone", {"podDisruptionBudget": {"maxUnavailable": 0}}, "maxUnavailable': minimum: got 0, want 1"),
    "alert": ("isochrone", {"prometheusRule": {"disabled": ["Watchdog"]}}, "'Watchdog' does not match"),
    "interval": ("isochrone", {"serviceMonitor": {"interval": "often"}}, "'often' does not match"),
    "no-site": ("isochrone-site", {}, "at '/site': '' does not match"),
    "site-is-no-name": ("isochrone-site", {"site": "IAD1"}, "at '/site': 'IAD1' does not match"),
    "delivery": ("isochrone-site", {**_SITE, "delivery": "GitOps"}, "one of 'Pull', 'Push'"),
    "not-of-a-site": ("isochrone-site", {**_SITE, "gatewayImage": {}}, "'gatewayImage' not allowed"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_wrong_values_are_refused(name: str, helm: Run) -> None:
    chart, values, why = REFUSED[name]
    done = helm("template", *Release(chart, values).arguments)
    assert done.returncode == 1
    assert why in done.stderr
    assert done.stderr.count("\n- at ") == 1, "one mistake is one line"


@pytest.mark.parametrize("name", ["hub", "site-pull", "site-push"])
def test_another_namespace_is_refused(name: str, helm: Run) -> None:
    done = helm("template", *RELEASES[name].arguments, "--namespace", "default")
    assert done.returncode == 1
    assert "say --namespace isochrone-system --create-namespace" in done.stderr


def test_what_is_off_is_not_there(helm: Run) -> None:
    values = {
        "crds": {"install": False},
        "rbac": {"create": False, "aggregate": False},
        "networkPolicy": {"enabled": False},
        "podDisruptionBudget": {"enabled": False},
    }
    kinds = [each["kind"] for each in Release("isochrone", values).objects(helm)]
    assert sorted(kinds) == ["ConfigMap", "Deployment", "Service", "ServiceAccount"]


def test_dashboards_are_in_the_release_as_they_are(helm: Run) -> None:
    found: dict[str, str] = {}
    for each in Release("isochrone", {"dashboards": {"enabled": True}}).objects(helm):
        if each["metadata"]["name"].startswith("isochrone-dashboard-"):
            assert each["metadata"]["labels"]["grafana_dashboard"] == "1"
            found |= each["data"]
    folder = CHARTS / "isochrone" / "files" / "dashboards"
    assert found == {name: (folder / name.removeprefix("isochrone-")).read_text() for name in _DASHBOARDS}


def test_rules_are_good_in_the_eyes_of_prometheus(helm: Run, promtool: Run, tmp_path: Path) -> None:
    """Those in the release, too: they are read and written by Helm."""
    for chart, values in _EACH:
        release = Release(chart, {**values, **_RULES})
        (made,) = (each for each in release.objects(helm) if each["kind"] == "PrometheusRule")
        sources = sorted((CHARTS / chart / "files" / "rules").glob("*.yaml"), reverse=True)
        groups = [group for file in sources for group in yaml.safe_load(file.read_text())["groups"]]
        assert sorted(made["spec"]["groups"], key=_named) == sorted(groups, key=_named)
        (tmp_path / f"{chart}.yaml").write_text(yaml.safe_dump(made["spec"]))
        done = promtool("check", "rules", "--lint=all", "--lint-fatal", tmp_path / f"{chart}.yaml")
        assert done.returncode == 0, done.stdout + done.stderr


def _named(group: Json) -> str:
    return str(group["name"])


@pytest.mark.parametrize("file", sorted(Path(__file__).with_name("rules").glob("*.yaml")), ids=lambda file: file.stem)
def test_alerts_are_told_when_they_should_be(file: Path, promtool: Run, tmp_path: Path) -> None:
    (tmp_path / "tests.yaml").write_bytes(file.read_bytes())
    (tmp_path / file.name).write_bytes((CHARTS / "isochrone" / "files" / "rules" / file.name).read_bytes())
    done = promtool("test", "rules", tmp_path / "tests.yaml")
    assert done.returncode == 0, done.stdout + done.stderr
