"""A proxy in front of an API server that lets things go wrong at random, and counts what is asked and what it did.

    with Faulty(fleet.background, site.plane, rates=ROUGH, seed=7) as faulty:
        start_operator(faulty.kubeconfig("operator"))
        ...
        faulty.rates = Rates()
        assert faulty.requests_since(before).total() < 50

TLS ends here, and with it client certificates: clients use tokens of service accounts, which pass through. The dice
are seeded; which request gets which throw depends on the order in which they come.
"""

import asyncio
import contextlib
import dataclasses
import random
import ssl
import tempfile
from collections import Counter
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self

import aiohttp
from aiohttp import web
from tests.cluster import kubeconfig
from tests.cluster.background import Background
from tests.cluster.client import Client
from tests.cluster.controlplane import ControlPlane
from tests.cluster.faults import Asked, Fault, Rates, choose, gone_event, is_refused, status
from yarl import URL

Json = dict[str, Any]
Count = Counter[tuple[str, str]]
"""Of requests, by verb (WATCH, or the method) and what is asked for: a path, `PATH?FIELDS` where fields select."""

_HOST = "127.0.0.1"
_NAMESPACE = "kube-system"
_TOKEN_SECONDS = 24 * 3600
_LINE_LIMIT = 8 * 1024 * 1024
_SLOW_SECONDS = 2.0
_WATCH_SECONDS = 2.0
_RETRY_AFTER = {"Retry-After": "1"}
_SENT_ON = ("Authorization", "Content-Type", "Accept", "User-Agent", "Accept-Encoding")
_SENT_BACK = ("Content-Type", "Content-Encoding", "Retry-After", "Warning", "Audit-Id")


class Faulty:
    """Starts on entry. `rates` may be changed at any time; all else is for reading."""

    def __init__(
        self, background: Background, plane: ControlPlane, *, rates: Rates | None = None, seed: int = 0
    ) -> None:
        access = kubeconfig.read(plane.kubeconfig)
        self.rates = rates or Rates()
        self.faults: Counter[Fault] = Counter()
        """What went wrong so far."""
        self.requests: Count = Counter()
        """All requests so far."""
        self.url = ""
        self._background = background
        self._plane = plane
        self._authority = access.authority or b""
        self._upstream = access.url
        # Without the administrator's certificate, which would win over the client's token.
        self._tls = dataclasses.replace(access, client=None).tls()
        self._dice = random.Random(seed)
        self._session: aiohttp.ClientSession | None = None
        self._server: web.Server | None = None
        self._listener: asyncio.Server | None = None
        self._may_refuse = True

    def __enter__(self) -> Self:
        self._background.call(self._open())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._background.call(self._close())

    def kubeconfig(self, name: str, *, role: str = "cluster-admin") -> bytes:
        """The way in, through this proxy, of a service account of that name which has that ClusterRole."""
        with Client(self._plane.kubeconfig) as api:
            return self.kubeconfig_of(_token(api, name, role))

    def kubeconfig_of(self, token: str) -> bytes:
        return kubeconfig.render(self.url, authority=self._authority, token=token).encode()

    def requests_since(self, before: Count) -> Count:
        """`before` is a copy of `requests` as they were."""
        return self.requests - before

    def cut_all(self) -> None:
        """End all connections now, watches too, as when a load balancer is replaced."""
        self._background.soon(self._abort_all)

    async def _open(self) -> None:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=self._tls, limit=0), auto_decompress=False, read_bufsize=_LINE_LIMIT
        )
        self._server = web.Server(self._handle, handler_cancellation=True, access_log=None)
        self._listener = await asyncio.get_running_loop().create_server(
            self._server, _HOST, 0, ssl=_server_tls(self._plane)
        )
        self.url = f"https://{_HOST}:{self._listener.sockets[0].getsockname()[1]}"

    async def _close(self) -> None:
        assert self._server is not None
        assert self._listener is not None
        assert self._session is not None
        self._listener.close()
        await self._server.shutdown(0.1)
        await self._session.close()

    def _abort_all(self) -> None:
        assert self._server is not None
        for connection in self._server.connections:
            if connection.transport is not None:
                connection.transport.abort()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        asked = Asked(request.method, request.query.get("watch") in {"true", "1"}, "continue" in request.query)
        self.requests[asked.verb, _what(request)] += 1
        fault = self._choose(asked)
        if fault is not None:
            self.faults[fault] += 1
        if fault is Fault.SLOW:
            await asyncio.sleep(self._dice.random() * _SLOW_SECONDS)
        if fault is not None and is_refused(fault, asked):
            return self._refused(fault)
        try:
            async with self._forwarded(request) as answer:
                if asked.is_watch and answer.status == HTTPStatus.OK:
                    return await self._watched(request, answer, fault)
                return await self._answered(request, answer, fault)
        except (aiohttp.ClientError, OSError):
            return _cut(request)

    def _choose(self, asked: Asked) -> Fault | None:
        """Never two 401 one after the other: a client that asks again with its new token gets its answer."""
        fault = choose(self.rates, asked, self._dice)
        if fault is Fault.UNAUTHORIZED and not self._may_refuse:
            fault = None
        self._may_refuse = fault is not Fault.UNAUTHORIZED
        return fault

    def _refused(self, fault: Fault) -> web.Response:
        code, body = status(fault, self._dice)
        headers = _RETRY_AFTER if fault is Fault.THROTTLED else {}
        return web.Response(status=code, body=body, headers=headers, content_type="application/json")

    @contextlib.asynccontextmanager
    async def _forwarded(self, request: web.BaseRequest) -> Any:
        assert self._session is not None
        body = await request.content.read()
        headers = {key: request.headers[key] for key in _SENT_ON if key in request.headers}
        url = URL(self._upstream + request.raw_path, encoded=True)
        async with self._session.request(
            request.method,
            url,
            data=body or None,
            headers=headers,
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=None),
            skip_auto_headers=("Content-Type", "Accept", "Accept-Encoding", "User-Agent"),
        ) as answer:
            yield answer

    async def _answered(
        self, request: web.BaseRequest, answer: aiohttp.ClientResponse, fault: Fault | None
    ) -> web.StreamResponse:
        body = await answer.read()
        if fault is Fault.LOST:
            return self._refused(fault)
        response = web.StreamResponse(status=answer.status, headers=_headers(answer))
        response.content_length = len(body)
        part = self._dice.choice((None, 0, len(body) // 2)) if fault is Fault.CUT else len(body)
        if part is None:
            return _cut(request)
        await response.prepare(request)
        await response.write(body[:part])
        if fault is Fault.CUT:
            return _cut(request)
        await response.write_eof()
        return response

    async def _watched(
        self, request: web.BaseRequest, answer: aiohttp.ClientResponse, fault: Fault | None
    ) -> web.StreamResponse:
        response = web.StreamResponse(status=answer.status, headers=_headers(answer))
        await response.prepare(request)
        if fault is Fault.GONE:
            await response.write(gone_event(self._dice))
            await response.write_eof()
            return response
        lasts = self._dice.random() * _WATCH_SECONDS if fault in {Fault.WATCH_ENDS, Fault.CUT} else None
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(lasts):
                async for line in answer.content:
                    await response.write(line)
        if fault is Fault.CUT:
            await response.write(b'{"type":"ADDED","obj')
            return _cut(request)
        await response.write_eof()
        return response


def _what(request: web.BaseRequest) -> str:
    fields = request.query.get("fieldSelector")
    return f"{request.path}?{fields}" if fields else request.path


def _cut(request: web.BaseRequest) -> web.Response:
    """Nobody gets this answer: its connection is gone."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


def _headers(answer: aiohttp.ClientResponse) -> dict[str, str]:
    return {key: answer.headers[key] for key in _SENT_BACK if key in answer.headers}


def _server_tls(plane: ControlPlane) -> ssl.SSLContext:
    own = plane.issue_server()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    with tempfile.NamedTemporaryFile(suffix=".pem") as file:
        file.write(own.certificate + b"\n" + own.key)
        file.flush()
        context.load_cert_chain(file.name)
    return context


def _token(api: Client, name: str, role: str) -> str:
    account: Json = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": _NAMESPACE}}
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": f"{_NAMESPACE}-{name}"},
        "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": _NAMESPACE}],
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
    }
    for each in (account, binding):
        made = api.apply(each)
        assert made.ok, made.message
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest"}
    path = f"/api/v1/namespaces/{_NAMESPACE}/serviceaccounts/{name}/token"
    answer = api.request("POST", path, {**body, "spec": {"expirationSeconds": _TOKEN_SECONDS}})
    assert answer.ok, answer.message
    return str(answer.body["status"]["token"])
