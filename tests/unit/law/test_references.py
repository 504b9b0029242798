"""What references between objects lead to."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from tests.unit.validate import sample

from isochrone.api import InferenceTenant, ModelProvider, ModelRoute
from isochrone.api.model_route import Backend
from isochrone.law.references import Lack, of_backend, of_tenant, secrets_of, target
from isochrone.model import RouteKey
from isochrone.model.declared import key_of

Json = Mapping[str, Any]
LABELS = {"shop": {"team": "ai"}}
SHOP: Json = {"names": ["shop"]}
LAB: Json = {"names": ["lab"]}


def provider(name: str, **spec: Any) -> ModelProvider:
    return ModelProvider.model_validate(sample.provider(name, **spec))


def route(name: str, namespace: str, **spec: Any) -> ModelRoute:
    return ModelRoute.model_validate(sample.route(name, ns=namespace, **spec))


def model(name: str) -> Json:
    return {"name": name, "pricePerMillionTokens": {"input": "1", "output": "2"}}


PROVIDERS = {
    each.metadata.name: each
    for each in (
        provider("open", models=[model("large"), model("small")], allowedNamespaces=SHOP),
        provider("labelled", allowedNamespaces=sample.TEAM),
        provider("others", allowedNamespaces=LAB),
        provider("private", allowedNamespaces=None),
    )
}
ROUTES = {
    key_of(each): each
    for each in (
        route("own", "shop"),
        route("open", "lab", allowedNamespaces=SHOP),
        route("labelled", "lab", allowedNamespaces=sample.TEAM),
        route("private", "lab"),
    )
}
PROVIDER_BACKENDS = [
    pytest.param("open", "large", None, id="a model"),
    pytest.param("open", "small", None, id="another of its models"),
    pytest.param("open", "tiny", Lack.NO_SUCH_MODEL, id="a model that it hasn't"),
    pytest.param("nobody", "large", Lack.NOT_FOUND, id="a provider that there isn't"),
    pytest.param("labelled", "large", None, id="one that lets the namespace in by its label"),
    pytest.param("others", "large", Lack.NOT_PERMITTED, id="one that lets others in"),
    pytest.param("private", "large", Lack.NOT_PERMITTED, id="one that lets nobody in"),
    pytest.param("others", "tiny", Lack.NO_SUCH_MODEL, id="the model is told first"),
]
ROUTE_REFERENCES = [
    pytest.param({"name": "own"}, None, id="its own namespace's if none is given"),
    pytest.param({"name": "own", "namespace": "shop"}, None, id="its own namespace by name"),
    pytest.param({"name": "open"}, Lack.NOT_FOUND, id="one of another namespace, which is not given"),
    pytest.param({"name": "open", "namespace": "lab"}, None, id="one that lets it in"),
    pytest.param({"name": "labelled", "namespace": "lab"}, None, id="one that lets it in by its label"),
    pytest.param({"name": "private", "namespace": "lab"}, Lack.NOT_PERMITTED, id="one that lets nobody in"),
    pytest.param({"name": "own", "namespace": "lab"}, Lack.NOT_FOUND, id="one that there isn't"),
]


def lack(backend: Json) -> Lack | None:
    """What a backend of a route in shop lacks."""
    read = Backend.model_validate(backend)
    return of_backend(read, "shop", routes=ROUTES, providers=PROVIDERS, namespaces=LABELS)


def test_a_routes_own_engines_lack_nothing() -> None:
    assert lack({"serving": {}}) is None


@pytest.mark.parametrize(("name", "of", "expected"), PROVIDER_BACKENDS)
def test_what_a_backend_lacks_that_is_a_providers_model(name: str, of: str, expected: Lack | None) -> None:
    assert lack(sample.to_provider(name, of)) is expected


@pytest.mark.parametrize(("ref", "expected"), ROUTE_REFERENCES)
def test_what_a_backend_lacks_that_is_another_route(ref: Json, expected: Lack | None) -> None:
    assert lack({"route": ref}) is expected


@pytest.mark.parametrize(
    ("ref", "expected"),
    [
        pytest.param({"name": "own"}, ("shop", "own"), id="of its own namespace if none is given"),
        pytest.param({"name": "open", "namespace": "lab"}, ("lab", "open"), id="of the one that is given"),
    ],
)
def test_which_route_a_backend_names(ref: Json, expected: tuple[str, str]) -> None:
    assert target(Backend.model_validate({"route": ref}), "shop") == RouteKey(*expected)


def test_a_backend_that_is_no_route_names_none() -> None:
    with pytest.raises(ValueError, match="no route"):
        target(Backend.model_validate({"serving": {}}), "shop")


def tenant(*refs: Json, **spec: Any) -> InferenceTenant:
    return InferenceTenant.model_validate(sample.tenant(allowedRoutes=list(refs), **spec))


@pytest.mark.parametrize(("ref", "expected"), ROUTE_REFERENCES)
def test_what_a_route_lacks_that_a_tenant_lists(ref: Json, expected: Lack | None) -> None:
    key = RouteKey(ref.get("namespace", "shop"), ref["name"])
    found = list(of_tenant(tenant(ref), routes=ROUTES, namespaces=LABELS))
    assert found == ([(0, key, expected)] if expected is not None else [])


def test_the_routes_that_a_tenant_lists_in_vain_are_told_by_their_place_in_the_list() -> None:
    refs: Sequence[Json] = [{"name": "own"}, {"name": "none"}, {"name": "own"}, {"name": "private", "namespace": "lab"}]
    assert list(of_tenant(tenant(*refs), routes=ROUTES, namespaces=LABELS)) == [
        (1, RouteKey("shop", "none"), Lack.NOT_FOUND),
        (3, RouteKey("lab", "private"), Lack.NOT_PERMITTED),
    ]


def test_a_tenant_that_lists_no_routes_lists_none_in_vain() -> None:
    unlisted = InferenceTenant.model_validate(sample.tenant())
    assert list(of_tenant(unlisted, routes=ROUTES, namespaces=LABELS)) == []


def secret(name: str) -> Json:
    return {"name": name, "key": "data"}


def endpoint(name: str, **fields: Any) -> Json:
    return sample.endpoint(name, **fields)


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        pytest.param({}, [], id="none"),
        pytest.param(
            {"keys": [{"name": "a", "secretRef": secret("s")}, {"name": "b", "secretRef": secret("t")}]},
            [("spec.keys[0].secretRef", "s"), ("spec.keys[1].secretRef", "t")],
            id="each key",
        ),
        pytest.param(
            {"endpoints": [endpoint("us"), endpoint("eu", caSecretRef=secret("ca"))]},
            [("spec.endpoints[1].caSecretRef", "ca")],
            id="an authority, of the endpoint that has one",
        ),
        pytest.param(
            {
                "endpoints": [endpoint("eu", caSecretRef=secret("ca"))],
                "keys": [{"name": "a", "secretRef": secret("s")}],
            },
            [("spec.keys[0].secretRef", "s"), ("spec.endpoints[0].caSecretRef", "ca")],
            id="keys first",
        ),
    ],
)
def test_the_secrets_that_a_provider_names(spec: Json, expected: Sequence[tuple[str, str]]) -> None:
    found = [(field, ref.name, ref.key) for field, ref in secrets_of(provider("acme", **spec))]
    assert found == [(field, name, "data") for field, name in expected]
