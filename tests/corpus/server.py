"""The verdict of a real API server on a case."""

import contextlib
import functools
import re
import time
from collections.abc import Callable, Iterator

from tests.cluster.client import Client, Response
from tests.corpus.cases import Case, Object, Refusal, definitions, version

_UNKNOWN_FIELD = re.compile(r'unknown field "([^"]+)"')
_PREAMBLE = re.compile(r"^\S+ in version \S+ cannot be handled as a \S+: ")
_LIMIT = 60.0
_INVALID = 422
_NOT_FOUND = 404
_STRICT_DRY_RUN = {"dryRun": "All", "fieldValidation": "Strict"}


@contextlib.contextmanager
def installed(api: Client) -> Iterator[Client]:
    """The CRDs of the product are there, and gone afterwards."""
    with contextlib.ExitStack() as stack:
        for crd in definitions().values():
            # Until a deleted CRD is gone for good, another of its name can't be created.
            stack.callback(_wait, functools.partial(_is_gone, api, crd), f"{crd['metadata']['name']} to be gone")
            stack.enter_context(api.existing(crd))
        for crd in definitions().values():
            api.wait_for_condition(crd, "Established")
        yield api


def _wait(ready: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + _LIMIT
    while not ready():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {_LIMIT:.0f} s for {what}")
        time.sleep(0.05)


def _is_gone(api: Client, crd: Object) -> bool:
    return api.get(crd).status == _NOT_FOUND


def answer(api: Client, case: Case) -> Response:
    """What the server says to the case, without a trace of it left."""
    if case.old is None:
        return api.request("POST", collection(api, case.kind, case.new), case.new, params=_STRICT_DRY_RUN)
    with api.existing(case.old) as stored:
        return replace(api, stored, case.new)


def collection(api: Client, kind: str, obj: Object) -> str:
    """Where objects of the kind are created, whatever the object itself says of its kind and version."""
    crd = definitions()[kind]
    api_version = f"{crd['spec']['group']}/{version(crd)['name']}"
    return api.collection_path({**obj, "kind": kind, "apiVersion": api_version})


def replace(api: Client, stored: Object, new: Object) -> Response:
    """A dry-run update of exactly the stored version."""
    metadata = {**new["metadata"], "resourceVersion": stored["metadata"]["resourceVersion"]}
    return api.request("PUT", api.path(stored), {**new, "metadata": metadata}, params=_STRICT_DRY_RUN)


def refusals(response: Response) -> tuple[Refusal, ...]:
    """The findings in an answer, in order of their fields; none where it was accepted.

    A 422 lists causes. A 400 has a text only: unknown fields are read from it, all else is about the whole object.
    """
    if response.ok:
        return ()
    if response.status == _INVALID:
        causes = response.body["details"]["causes"]
        return tuple(sorted(Refusal(cause["field"], cause["message"]) for cause in causes))
    if unknown := _UNKNOWN_FIELD.findall(response.message):
        return tuple(sorted(Refusal(field, f'unknown field "{field}"') for field in unknown))
    return (Refusal("<nil>", _PREAMBLE.sub("", response.message)),)
