"""A data plane that records spans as the request pipeline does, and asks nobody.

Each request is one attempt at a backend that isn't there. The answer is what that backend would have been told, or
`nothing`; then whether spans go anywhere.
"""

import asyncio
import random
import time

from tests.unit.supervisor.plane import Nothing, Plane

from isochrone_gateway.config import Loaded
from isochrone_gateway.ledger.record import Operation, Outcome, Record, Times
from isochrone_gateway.ledger.trail import Trail
from isochrone_gateway.server.exchange import Exchange, ExchangeHandler
from isochrone_gateway.server.supervisor.dataplane import Context, Handlers
from isochrone_gateway.wire import trace_context
from isochrone_gateway.wire.http import status_line


class Recording:
    def __init__(self, context: Context, percent: int) -> None:
        self._context = context
        self._percent = percent if context.exports_spans else None
        self._bits = random.SystemRandom().getrandbits

    def on_request(self, exchange: Exchange) -> ExchangeHandler:
        head, now = exchange.head, asyncio.get_running_loop().time
        trace = trace_context.parse(head.get(b"traceparent"))
        if trace_context.chance(trace, self._percent) > self._bits(7) * 100 / 2**7:
            trace = trace_context.recorded(trace, self._bits)
        trail = Trail(trace, head.fields, started=exchange.started, bits=self._bits) if trace.is_recorded else None
        if trail is None:
            lines = trace_context.passed_on(trace, head.fields)
        else:
            lines = trail.begin(now(), candidate="engine:lab/a", provider="vllm", model="llama", jurisdiction="DE")
            trail.end(now(), status=200)
        exchange.respond(status_line(200), (lines or b"nothing\n") + b"%d" % self._context.exports_spans)
        total = now() - exchange.started
        self._context.records.put(
            Record(
                id=head.path.decode(),
                at=time.time() - total,
                outcome=Outcome.ANSWERED,
                status=200,
                times=Times(total),
                operation=Operation.CHAT,
                trace=trace.id,
                traced=None if trail is None else trail.told(now(), head.method),
            )
        )
        return Nothing()


class TracedPlane(Plane):
    def prepare(self, loaded: Loaded) -> Handlers:
        return Handlers(data=Recording(self.context, loaded.config.site.logs.trace_percent))
