"""Random traffic against one connection: `python -m tests.fuzz.http1 --seconds 60 [--seed 1]`.

Each run is made from its own seed alone; a failure names it, and `--seed N --runs 1` repeats it. What must hold:

* nothing raises, and no handler's callback comes at the wrong time;
* nothing hangs: the loop comes to rest, and after the client's EOF or all time-outs the connection is gone;
* answers are well-formed, in order, and never more than requests were handed over or refused;
* what is kept is bounded;
* an echo gives the same answers however the input was cut.
"""

import argparse
import dataclasses
import random
import sys
import time
from collections.abc import Iterable

from tests.conformance.http1.memory import OK_HEAD, EchoHandler, Seen, Session, read_answers
from tests.fuzz import grammar

from isochrone_gateway.server import Exchange, ExchangeHandler, Limits

LIMITS = Limits(
    request_line=2000, head=4000, headers=30, body=5000, chunk_line=100, chunk_overhead=500, trailers=200,
    backlog=3000, write_buffer=4000, drain=1000, linger=5000,
)  # fmt: skip


@dataclasses.dataclass
class Moody(Seen):
    """A handler that does what its random source says."""

    source: random.Random = dataclasses.field(default_factory=random.Random)
    over: bool = False
    wait: bool = False
    cut_off: bool = False

    def on_body(self, data: bytes) -> None:
        assert not self.over
        super().on_body(data)
        if self.source.random() < 0.1:
            self.exchange.pause_body()
        if self.source.random() < 0.05:
            self.act()

    def on_body_end(self) -> None:
        assert not self.over
        super().on_body_end()
        if self.source.random() < 0.7:
            self.act()

    def on_disconnect(self) -> None:
        assert not self.over
        self.over = True
        self.cut_off = self.exchange.begun

    def on_writable(self) -> None:
        assert not self.over
        assert self.wait
        self.wait = False

    def act(self) -> None:
        """Do one step towards an answer."""
        if self.exchange.over:
            self.over = True
            return
        choice = self.source.random()
        if choice < 0.1:
            self.exchange.read_body()
        elif choice < 0.2:
            self.exchange.resume_body()
        elif choice < 0.22:
            self.over = True
            self.exchange.abort()
        elif not self.exchange.begun:
            self.begin()
        elif choice < 0.6:
            self.wait = not self.exchange.write(b"x" * self.source.choice((0, 1, 100, 6000)))
        else:
            self.over = True
            self.exchange.finish()

    def begin(self) -> None:
        if self.source.random() < 0.7:
            self.over = True
            self.exchange.respond(OK_HEAD, b"x" * self.source.choice((0, 10, 6000)))
        else:
            self.exchange.start(OK_HEAD)


class MoodyHandler:
    """Makes handlers that differ."""

    def __init__(self, source: random.Random) -> None:
        self.source = source
        self.seen: list[Moody] = []

    def on_request(self, exchange: Exchange) -> ExchangeHandler:
        assert all(seen.over or seen.exchange.over for seen in self.seen), "two requests at a time"
        moody = Moody(exchange, source=self.source)
        self.seen.append(moody)
        if self.source.random() < 0.8:
            exchange.read_body()
        if self.source.random() < 0.1:
            moody.act()
        return moody


def traffic(source: random.Random) -> bytes:
    requests = (grammar.request(source).data for _ in range(source.choice((1, 1, 2, 5))))
    return b"".join(grammar.mutated(source, data) if source.random() < 0.5 else data for data in requests)


def run(seed: int) -> None:
    """One connection's life, and one echo in two cuts."""
    source = random.Random(seed)
    data = traffic(source)
    live(source, grammar.segments(source, data))
    cut = grammar.segments(source, data)
    one, other = echo([data]), echo(cut)
    assert one == other, "the cut changed the outcome"


def live(source: random.Random, segments: list[bytes]) -> None:
    session = Session(MoodyHandler(source), limits=LIMITS, slow=source.random() < 0.3)
    largest = max(map(len, segments), default=0)
    for segment in segments:
        session.send(segment)
        check_bounds(session, largest)
        if source.random() < 0.3:
            stir(session, source)
    for _ in range(source.randrange(20)):
        stir(session, source)
    end(session, source)
    check_answers(session)


def stir(session: Session[MoodyHandler], source: random.Random) -> None:
    if session.handler.seen and source.random() < 0.7:
        session.handler.seen[-1].act()
    if source.random() < 0.1:
        session.loop.advance(source.choice((0.1, 1, 20, 100)))
    if source.random() < 0.2:
        session.transport.take(source.choice((10, 2000, 100_000)))
    if source.random() < 0.01:
        session.listener.drain(1)
    session.loop.run()
    session.deliver()


def end(session: Session[MoodyHandler], source: random.Random) -> None:
    if source.random() < 0.5:
        session.send_eof()
    else:
        for moody in session.handler.seen:
            if not moody.over:
                moody.exchange.read_body()
                moody.exchange.resume_body()
                _ = moody.exchange.finish() if moody.exchange.begun else moody.exchange.respond(OK_HEAD)  # type: ignore[func-returns-value]
                session.loop.run()
    for _ in range(40):
        if session.listener.connections:
            session.loop.advance(100)
            finish_all(session)
    assert session.listener.connections == set(), "the connection hangs"
    assert len(session.listener.wheel) == 0
    assert session.loop.failures == []


def finish_all(session: Session[MoodyHandler]) -> None:
    """Handlers have no deadline here, so those that the input still brings are ended."""
    for moody in session.handler.seen:
        if not moody.exchange.over:
            moody.over = True
            moody.exchange.abort()
    session.loop.run()
    session.deliver()


def check_bounds(session: Session[MoodyHandler], largest: int) -> None:
    connection = session.connection
    assert len(connection._held) <= LIMITS.backlog + largest
    assert len(connection._partial or b"") <= LIMITS.head
    assert len(session.listener.heads._targets) <= 256


def check_answers(session: Session[MoodyHandler]) -> None:
    methods = [seen.exchange.head.method for seen in session.handler.seen]
    written = bytes(session.transport.written)
    if not (session.transport.was_aborted() or any(seen.cut_off for seen in session.handler.seen)):
        finals = [answer for answer in read_answers(written, methods) if answer.status != 100]
        refused = sum(session.listener.counters.refusals.values())
        assert len(finals) <= session.listener.counters.requests + refused
        assert refused <= 1


def echo(segments: Iterable[bytes]) -> tuple[bytes, list[tuple[bytes, bytes, dict[bytes, bytes], bytes]]]:
    session = Session(EchoHandler(), limits=LIMITS)
    session.send(*segments)
    seen = [
        (each.exchange.head.method, each.exchange.head.target, each.exchange.head.fields, bytes(each.body))
        for each in session.handler.seen
        if each.events == ["end"]
    ]
    assert session.loop.failures == []
    return bytes(session.transport.written), seen


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--runs", type=int, default=sys.maxsize)
    options = parser.parse_args()
    until = time.monotonic() + options.seconds
    seed = options.seed
    while time.monotonic() < until and seed < options.seed + options.runs:
        try:
            run(seed)
        except Exception:
            sys.stderr.write(f"failed: python -m tests.fuzz.http1 --seed {seed} --runs 1\n")
            raise
        seed += 1
    sys.stdout.write(f"{seed - options.seed} runs, seeds {options.seed} to {seed - 1}: clean\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
