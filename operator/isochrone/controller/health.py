"""Health checks and metrics of the operator, on a port of its own.

/healthz    200 while the process does what it should; 503 says what is stuck
/readyz     200 once the hub has been read, or while another replica leads
/metrics    Prometheus
"""

from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

Check = Callable[[], str | None]
"""None if all is well; else what isn't."""
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def application(checks: Mapping[str, Check], registry: CollectorRegistry) -> web.Application:
    """`checks` are for `/healthz` and `/readyz`."""
    app = web.Application()
    for path, check in checks.items():
        app.router.add_get(path, _checked(check))
    app.router.add_get("/metrics", _metrics(registry))
    return app


def _checked(check: Check) -> Handler:
    async def answer(_: web.Request) -> web.StreamResponse:
        problem = check()
        return web.Response(text="ok\n") if problem is None else web.Response(text=f"{problem}\n", status=503)

    return answer


def _metrics(registry: CollectorRegistry) -> Handler:
    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(body=generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    return answer
