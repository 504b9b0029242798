"""The key that signs a site's evidence: made once, used as it is, told in its public half."""

import asyncio
import base64
from typing import Any, Final

import pytest
from tests.unit.kube.shelf import Shelf

from isochrone.certificates import new_evidence_key
from isochrone.kube import kinds, witnessing
from isochrone.model import Parcel, Revision
from isochrone.render import labels

NAME: Final = "isochrone-gateway-evidence"
PATH: Final = kinds.SECRET.path("isochrone-system", NAME)
OURS: Final = {labels.EDGE_NODE: "fra1", labels.COMPONENT: witnessing.COMPONENT}


def parcel(name: str = NAME) -> Parcel:
    revision = Revision(epoch=1, sequence=1, digest="")
    return Parcel(site="fra1", installation="isochrone", revision=revision, evidence_key=name)


def secret(private: str, marks: dict[str, str]) -> dict[str, Any]:
    data = {"private.pem": base64.b64encode(private.encode()).decode()}
    metadata = {"name": NAME, "namespace": "isochrone-system", "labels": marks}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data}


def test_it_is_made_once_and_only_its_public_half_is_told() -> None:
    async def scenario() -> None:
        shelf = Shelf()
        public, fault = await witnessing.ensure(shelf, parcel(), {})
        assert fault is None
        made = shelf.items[PATH]
        assert made["metadata"]["labels"].items() >= OURS.items()
        assert base64.b64decode(made["data"]["public.pem"]).decode() == public
        assert "PRIVATE" not in public
        assert witnessing.seen([made]) == public

        shelf.forget()
        key = witnessing.secret_of(parcel())
        assert key is not None
        assert await witnessing.ensure(shelf, parcel(), {key: made}) == (public, None)
        assert shelf.asked == []

    asyncio.run(scenario())


def test_somebody_elses_is_used_as_it_is() -> None:
    async def scenario() -> None:
        shelf, key = Shelf(), new_evidence_key()
        shelf.items[PATH] = secret(key.private, {})
        assert await witnessing.ensure(shelf, parcel(), {}) == (key.public, None)
        assert [verb for verb, _ in shelf.asked] == ["get"]

    asyncio.run(scenario())


@pytest.mark.parametrize("private", ["", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"])
def test_a_damaged_one_is_not_replaced(private: str) -> None:
    async def scenario() -> None:
        shelf = Shelf()
        public, fault = await witnessing.ensure(
            shelf, parcel(), {("v1", "Secret", "isochrone-system", NAME): secret(private, OURS)}
        )
        assert public == ""
        assert fault is not None
        assert fault.subject == f"Secret isochrone-system/{NAME}"
        assert "delete the Secret to have another key made" in fault.message
        assert shelf.asked == []

    asyncio.run(scenario())


def test_where_no_evidence_is_kept_nothing_is_asked() -> None:
    async def scenario() -> None:
        shelf = Shelf()
        assert await witnessing.ensure(shelf, parcel(""), {}) == ("", None)
        assert shelf.asked == []
        assert witnessing.secret_of(parcel("")) is None
        assert witnessing.seen([{"kind": "Secret", "metadata": {}}]) == ""

    asyncio.run(scenario())
