"""Files of a repository on Hugging Face, or on a mirror with the same API (https://huggingface.co/docs/hub/api).

Of the large files, which are in its large file storage, the API tells the digests; the others are small and read.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote

from isochrone_fetch import http, manifest
from isochrone_fetch.errors import FetchError
from isochrone_fetch.http import Request

_NEXT: Final = re.compile(r'<([^>]+)>;\s*rel="next"')
_PAGES: Final = 1000


@dataclass(frozen=True)
class Repository:
    """A revision of a repository."""

    endpoint: str
    name: str
    revision: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    def request(self, path: str) -> Request:
        return Request(
            f"{self.endpoint}/{self.name}/resolve/{quote(self.revision, safe='')}/{quote(path)}", self.headers
        )

    def files(self) -> dict[str, str | None]:
        """Path -> digest, None where the API doesn't tell it."""
        revision = quote(self.revision, safe="")
        url: str | None = f"{self.endpoint}/api/models/{self.name}/tree/{revision}?recursive=true"
        found: dict[str, str | None] = {}
        for _ in range(_PAGES):
            if url is None:
                return found
            entries, url = self._page(url)
            found |= {manifest.inside(each["path"]): _digest(each) for each in entries if each["type"] == "file"}
        raise FetchError(f"{self.name} has more files than any model has")

    def _page(self, url: str) -> tuple[list[dict[str, Any]], str | None]:
        if not url.startswith(f"{self.endpoint}/"):
            raise FetchError(f"the list of files goes on elsewhere: {url}")
        with http.get(Request(url, self.headers)) as answer:
            following = _NEXT.search(answer.headers.get("Link", ""))
            entries: list[dict[str, Any]] = json.loads(b"".join(answer.chunks()))
        return entries, following[1] if following else None


def parsed(rest: str, endpoint: str, environment: Mapping[str, str]) -> tuple[Repository, str]:
    """`org/model@revision/path`: the repository, and the path of a file, empty for all of them."""
    organisation, _, after = rest.partition("/")
    model, _, path = after.partition("/")
    model, _, revision = model.partition("@")
    if not model:
        raise FetchError(f"hf://{rest} names no repository: it is hf://org/model")
    if path.endswith("/"):
        raise FetchError(f"hf://{rest} is a folder: a repository is fetched as a whole, or one file of it")
    token = environment.get("HF_TOKEN")
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    repository = Repository(endpoint.rstrip("/"), f"{organisation}/{model}", revision or "main", headers)
    return repository, path


def _digest(entry: Mapping[str, Any]) -> str | None:
    oid = (entry.get("lfs") or {}).get("oid")
    return oid.removeprefix("sha256:") if isinstance(oid, str) else None
