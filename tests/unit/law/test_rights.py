"""Who may use what beyond their own namespace."""

from collections.abc import Mapping
from typing import Any

import pytest

from isochrone.api import InferenceTenant, ModelRoute
from isochrone.api.selectors import Namespaces
from isochrone.law import Labelled, Subject
from isochrone.law.rights import asking, callable_by, lets_in, listed, may_use, namespace_of
from isochrone.model import RouteKey
from isochrone.model.declared import NAME_LABEL, key_of

LABELS = {"acme": {"team": "blue"}}
ACME = Labelled("acme", {"team": "blue"})
BLUE: Mapping[str, Any] = {"selector": {"matchLabels": {"team": "blue"}}}
RED: Mapping[str, Any] = {"selector": {"matchLabels": {"team": "red"}}}


def route(name: str, namespace: str | None, allowed: Mapping[str, Any] | None = None) -> ModelRoute:
    spec = {"aliases": [], **({} if allowed is None else {"allowedNamespaces": allowed})}
    metadata = {"name": name, **({} if namespace is None else {"namespace": namespace})}
    return ModelRoute.model_validate({"metadata": metadata, "spec": spec})


def tenant(name: str, namespace: str | None, labels: Mapping[str, str] | None = None, **spec: Any) -> InferenceTenant:
    keys = [{"name": "k", "sha256": "0" * 64}]
    metadata = {"name": name, "labels": labels or {}, **({} if namespace is None else {"namespace": namespace})}
    return InferenceTenant.model_validate({"metadata": metadata, "spec": {"keys": keys, **spec}})


@pytest.mark.parametrize(
    ("name", "labels"),
    [
        pytest.param("acme", {"team": "blue", NAME_LABEL: "acme"}, id="its labels, and its name as one"),
        pytest.param("zeta", {NAME_LABEL: "zeta"}, id="of which nothing is known but its name"),
    ],
)
def test_what_a_namespace_is_selected_by(name: str, labels: Mapping[str, str]) -> None:
    assert namespace_of(name, LABELS) == Labelled(name, labels)


@pytest.mark.parametrize(
    ("allowed", "expected"),
    [
        pytest.param(None, False, id="nothing said"),
        pytest.param({"names": ["acme"]}, True, id="by name"),
        pytest.param({"names": ["zeta"]}, False, id="another by name"),
        pytest.param(BLUE, True, id="by a label"),
        pytest.param(RED, False, id="another by a label"),
    ],
)
def test_whom_a_set_of_namespaces_admits(allowed: Mapping[str, Any] | None, expected: bool) -> None:
    assert may_use(Namespaces.model_validate(allowed) if allowed else None, ACME) is expected


@pytest.mark.parametrize(
    ("namespace", "allowed", "expected"),
    [
        pytest.param("acme", None, True, id="its own"),
        pytest.param("acme", RED, True, id="its own, whomever else it lets in"),
        pytest.param("zeta", None, False, id="another"),
        pytest.param("zeta", BLUE, True, id="another that lets it in"),
        pytest.param("zeta", RED, False, id="another that lets others in"),
    ],
)
def test_from_where_a_route_may_be_used(namespace: str, allowed: Mapping[str, Any] | None, expected: bool) -> None:
    assert lets_in(route("m", namespace, allowed), ACME) is expected


def test_from_where_a_route_without_a_namespace_may_be_used() -> None:
    assert [lets_in(route("m", None), Labelled(name)) for name in ("default", "acme")] == [True, False]


@pytest.mark.parametrize(
    ("refs", "expected"),
    [
        pytest.param(None, [], id="none listed"),
        pytest.param([{"name": "own"}], [("acme", "own")], id="its own namespace's if none is given"),
        pytest.param([{"name": "own", "namespace": "acme"}], [("acme", "own")], id="its own by name"),
        pytest.param([{"name": "open", "namespace": "zeta"}], [("zeta", "open")], id="one that lets it in"),
        pytest.param([{"name": "shut", "namespace": "zeta"}], [], id="one that lets it in not"),
        pytest.param([{"name": "none"}], [], id="one that there isn't"),
        pytest.param(
            [{"name": "open", "namespace": "zeta"}, {"name": "shut", "namespace": "zeta"}, {"name": "own"}],
            [("zeta", "open"), ("acme", "own")],
            id="as it lists them",
        ),
    ],
)
def test_which_routes_a_tenant_lists_and_may_call(
    refs: list[Mapping[str, str]] | None, expected: list[tuple[str, str]]
) -> None:
    caller = tenant("t", "acme", allowedRoutes=refs)
    routes = {key_of(each): each for each in (route("own", "acme"), route("open", "zeta", BLUE), route("shut", "zeta"))}

    assert list(listed(caller, routes, LABELS)) == [RouteKey(*each) for each in expected]


def test_a_tenant_without_a_namespace_is_of_the_default_one() -> None:
    caller = tenant("t", None, allowedRoutes=[{"name": "m"}])
    routes = {key_of(each): each for each in (route("m", None), route("m", "acme"))}

    assert list(listed(caller, routes, LABELS)) == [RouteKey("default", "m")]


@pytest.mark.parametrize(
    ("allowed", "expected"),
    [
        pytest.param(None, [("acme", "own"), ("acme", "second")], id="all of its namespace if it lists none"),
        pytest.param([], [], id="none if its list is empty"),
        pytest.param([{"name": "second"}], [("acme", "second")], id="no others than it lists"),
        pytest.param([{"name": "open", "namespace": "zeta"}], [("zeta", "open")], id="one that lets it in"),
        pytest.param([{"name": "shut", "namespace": "zeta"}], [], id="one that lets it in not"),
    ],
)
def test_which_routes_a_tenant_may_call(
    allowed: list[Mapping[str, str]] | None, expected: list[tuple[str, str]]
) -> None:
    own = [route("own", "acme"), route("second", "acme")]
    routes = {key_of(each): each for each in (*own, route("open", "zeta", BLUE), route("shut", "zeta"))}
    caller = tenant("t", "acme", allowedRoutes=allowed)

    assert list(callable_by(caller, routes, LABELS)) == [RouteKey(*each) for each in expected]


CALLED = ModelRoute.model_validate(
    {
        "metadata": {"name": "m", "namespace": "acme", "labels": {"tier": "gold"}},
        "spec": {"aliases": [], "dataClasses": ["health"]},
    }
)
ROUTE = Labelled("m", {"tier": "gold"})
ITS_NAMESPACE = Labelled("acme", {"team": "blue", NAME_LABEL: "acme"})


def test_what_policies_select_by_where_nobody_is_known() -> None:
    assert asking(CALLED, None, LABELS) == Subject(
        route=ROUTE, route_namespace=ITS_NAMESPACE, data_classes=frozenset({"health"})
    )


def test_what_policies_select_by_where_a_tenant_calls() -> None:
    """The tenant and its namespace count beside the route and its own; classes are those of all."""
    caller = tenant("t", "zeta", {"law": "eu"}, dataClasses=["finance"])

    assert asking(CALLED, caller, {**LABELS, "zeta": {"team": "red"}}, added=["legal"]) == Subject(
        route=ROUTE,
        route_namespace=ITS_NAMESPACE,
        tenant=Labelled("t", {"law": "eu"}),
        tenant_namespace=Labelled("zeta", {"team": "red", NAME_LABEL: "zeta"}),
        data_classes=frozenset({"health", "finance", "legal"}),
    )


def test_data_has_no_class_where_nobody_says_so() -> None:
    assert asking(route("m", "acme"), tenant("t", "acme"), LABELS).data_classes == frozenset()
