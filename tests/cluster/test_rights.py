"""Every right that an account has is needed: it was asked for, and without it what was asked for is refused."""

import functools
import itertools
from collections.abc import Iterable, Iterator, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import pytest
from tests.cluster import rbac
from tests.cluster.accounts import PULL, PUSH, SITE_OPERATOR
from tests.cluster.client import Client
from tests.cluster.fleet import SYSTEM, Fleet, Member, Site
from tests.cluster.rbac import Request, Right
from tests.cluster.waiting import until
from tests.cluster.whole_life import GATEWAY, HUB, Life

from isochrone.kube import kinds, mailbox
from isochrone.render import rights
from isochrone.render.rights import Rule

Json = Mapping[str, Any]

IN_SITE: Final = mailbox.namespace_of("iad1")


def of(rules: Iterable[Rule], namespace: str = "") -> tuple[Right, ...]:
    return tuple(rbac.rights((each.manifest for each in rules), namespace))


MEMBER: Final = (*of(rights.MEMBER), *of(rights.MEMBER_SYSTEM, SYSTEM))
GRANTED: Final = {
    HUB: (*of(rights.HUB), *of(rights.HUB_SYSTEM, SYSTEM), *of(rights.HUB_IN_SITE, IN_SITE)),
    PULL: (*of(rights.SITE, IN_SITE), *of(rights.SITE_IN_SYSTEM, SYSTEM)),
    PUSH: MEMBER,
    SITE_OPERATOR: tuple(dict.fromkeys((*MEMBER, *of(rights.LEADING, SYSTEM)))),
}
CLUSTERS: Final = {HUB: "hub", PULL: "hub", PUSH: "cdg1", SITE_OPERATOR: "iad1", GATEWAY: "cdg1"}
_ON_GKE: Final = "networking.gke.io"
"""A cluster has one kind of policies by name: the one that pulls has GKE's here."""


def needed_by(user: str) -> list[Right]:
    """What is shown to be needed by this user; the operator that pulls is like the one that pushes otherwise."""
    if user == SITE_OPERATOR:
        return [each for each in GRANTED[user] if each.group == _ON_GKE or each.verb == "update"]
    return [each for each in GRANTED[user] if each.group != _ON_GKE]


CASES: Final = [(user, right) for user in GRANTED for right in needed_by(user)]


@pytest.fixture(scope="module")
def life(kube: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Life]:
    assert kube.exists()
    with Fleet(Member("cdg1", gateways=2), Member("iad1")) as fleet:
        made = Life(fleet, tmp_path_factory.mktemp("operators"))
        made.live()
        yield made
        fleet.background.check()


class Trials:
    """Users who have all rights of an account but one."""

    def __init__(self, life: Life) -> None:
        self._life = life
        self._names = (f"all-but-{number}" for number in itertools.count(1))
        self.asked = functools.cache(self._asked)

    def _asked(self, user: str, granted: tuple[Right, ...]) -> dict[Right, Request]:
        """For each right a request that was made with it, if there was one."""
        requests = set(self._life.requests(user))
        found = {each: next(filter(each.allows, sorted(requests)), None) for each in granted}
        return {right: request for right, request in found.items() if request is not None}

    def without(self, user: str, right: Right, granted: tuple[Right, ...]) -> None:
        site, name, asked = self._life.fleet[CLUSTERS[user]], next(self._names), self.asked(user, granted)
        for each in rbac.roles(name, [each for each in granted if each != right]):
            assert site.api.apply(each).ok
        # The API server takes a moment until it knows of all that was bound.
        missing = {right} & asked.keys()
        until(lambda: refused(site.api, name, asked), holds=lambda found: found == missing)
        if right not in asked:
            self._grants(site, name, right)

    def _grants(self, site: Site, name: str, right: Right) -> None:
        """What nobody asked for may be held to be granted on, in a Role that was delivered."""
        role = next((each for each in self._life.roles[site.name] if _grants(each, right)), None)
        assert role is not None, f"nobody asked for what {right} allows: take it away"
        metadata = {"name": name, "namespace": role["metadata"]["namespace"]}
        path = kinds.ROLE.path(metadata["namespace"])
        copy = {
            "apiVersion": kinds.ROLE.api_version,
            "kind": kinds.ROLE.name,
            "metadata": metadata,
            "rules": role["rules"],
        }
        with Client(site.plane.issue_kubeconfig(name)) as client:
            answer = client.request("POST", path, copy, params={"dryRun": "All"})
        assert answer.status == HTTPStatus.FORBIDDEN
        assert answer.message.count("APIGroups") == 1
        assert f'{{APIGroups:["{right.group}"], Resources:["{right.resource}"]' in answer.message
        assert f'Verbs:["{right.verb}"]}}' in answer.message


def _grants(role: Json, right: Right) -> bool:
    return any(
        (each.verb, each.group, each.resource) == (right.verb, right.group, right.resource)
        for each in rbac.rights(role["rules"])
    )


def refused(api: Client, user: str, asked: Mapping[Right, Request]) -> set[Right]:
    """Those of which the API server would refuse the user what was asked."""
    path = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
    return {
        right
        for right, request in asked.items()
        if not api.request("POST", path, request.review(user)).body["status"]["allowed"]
    }


@pytest.fixture(scope="module")
def trials(life: Life) -> Trials:
    return Trials(life)


def test_nothing_was_asked_for_that_is_refused(life: Life) -> None:
    assert life.refused() == []


@pytest.mark.parametrize(("user", "right"), CASES, ids=[f"{user}: {right}" for user, right in CASES])
def test_without_it_something_is_refused(trials: Trials, user: str, right: Right) -> None:
    trials.without(user, right, GRANTED[user])


def test_a_gateway_needs_all_that_it_is_given(life: Life, trials: Trials) -> None:
    granted = tuple(
        right for role in life.roles["cdg1"] for right in rbac.rights(role["rules"], role["metadata"]["namespace"])
    )
    assert {each.verb for each in granted} == {"get", "list", "watch", "patch"}
    for right in granted:
        assert right in trials.asked(GATEWAY, granted), f"nobody asked for what {right} allows: take it away"
        trials.without(GATEWAY, right, granted)


def test_all_rules_are_among_these() -> None:
    tried = {right for _, right in CASES}
    assert tried == {right for granted in GRANTED.values() for right in granted}
