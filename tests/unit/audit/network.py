"""Evidence of three sites in which each thing happens that evidence can tell of a request."""

import pathlib
from typing import Any

from tests.unit.audit.writing import Instance

START = 1_795_734_000.0
"""2026-11-26T23:00:00Z"""
FRA, FRA_DEAD, FRA_NEXT = "w0-20261126T230000Z-00000001", "w1-20261126T230000Z-00000002", "w1-20261126T230100Z-00000003"
BER, IAD = "w0-20261126T230000Z-00000004", "w0-20261126T230000Z-00000005"
EU_ONLY = {"generation": 7, "digest": "ab" * 32, "mode": "Enforce"}
NO_LOGS = {"generation": 2, "digest": "cd" * 32, "mode": "Audit"}
ACME: dict[str, Any] = {
    "tenant": "acme",
    "key": "ci",
    "route": "demo/chat",
    "model": "smollm2",
    "operation": "chat",
    "dataClasses": ["Personal"],
    "origin": ["DE"],
    "originFrom": "Header",
    "policies": ["eu-only"],
    "scope": "Inference",
    "revision": "1/4",
    "age": "Fresh",
}
GLOBEX = {"tenant": "globex", "route": "demo/chat", "model": "smollm2", "operation": "chat", "origin": ["US"]}
NOBODY = {"tenant": '=HYPERLINK("http://x")', "route": "@demo", "operation": "chat", "revision": "1/4"}


class Gateway(Instance):
    """An instance whose lines have times: each is some seconds after `START`."""

    def said(self, chain: str, kind: str, after: float, **fields: Any) -> None:
        self.line(chain, kind, at=START + after, **fields)

    def begun(self, writer: str, boot: str, place: str, when: float = 0.0, **fields: Any) -> str:
        chain = self.boot(writer, boot, place=place, at=START + when, **fields)
        self.said(chain, "Config", when, revision="1/4", digest="ef" * 32, policies={"eu-only": EU_ONLY})
        self.said(chain, "Config", when, revision="1/4", digest="ef" * 32, policies={"no-logs": NO_LOGS})
        return chain

    def sent(self, chain: str, after: float, name: str, number: int, candidate: str, place: str, **fields: Any) -> None:
        said = {"id": name, "try": number, "candidate": candidate, "jurisdiction": place, **fields}
        self.said(chain, "Intent", after, **said)

    def ended(self, chain: str, after: float, name: str, number: int, outcome: str, **fields: Any) -> None:
        self.said(chain, "Outcome", after, id=name, **({"try": number} if number else {}), outcome=outcome, **fields)


def write(root: pathlib.Path) -> dict[str, Gateway]:
    """All three sites, signed."""
    made = {
        "fra1": Gateway(root, site="fra1", seed=1),
        "ber1": Gateway(root, site="ber1", name="gateway-7", seed=2),
        "iad1": Gateway(root, site="iad1", seed=3),
    }
    _frankfurt(made["fra1"])
    _berlin(made["ber1"])
    _ashburn(made["iad1"])
    for each in made.values():
        each.checkpoint()
    return made


def _frankfurt(made: Gateway) -> None:
    made.begun("w0", FRA.removeprefix("w0-"), "DE-HE")
    level = {"level": "Attested"}
    made.sent(FRA, 1, "r-local", 1, "engine:h100", "DE-HE", **ACME, **level)
    made.sent(FRA, 2, "r-hop", 1, "engine:h100", "DE-HE", **ACME, **level)
    answer = {"status": 200, "tokensIn": 12, "tokensOut": 4, "bytesOut": 532, "upstreamModel": "smollm2-135m"}
    made.ended(FRA, 2.5, "r-local", 1, "Answered", **answer)
    made.ended(FRA, 3, "r-hop", 1, "TryFailed", status=503, error="Overloaded")
    made.sent(FRA, 3.1, "r-hop", 2, "peer:ber1", "DE-BE", **ACME, level="Declared")
    made.ended(FRA, 4, "r-hop", 2, "Answered", **answer)
    law = {"status": 403, "error": "residency_denied", "reason": "PlaceNotAllowed", "policy": "eu-only"}
    whose = {"tenant": "acme", "route": "demo/chat", "origin": ["DE"], "policies": ["eu-only", "no-logs"]}
    made.ended(FRA, 5, "r-denied", 0, "Refused", scope="Inference", **law, **whose)
    made.sent(FRA, 6, "r-away", 1, "peer:iad1", "US-VA", **GLOBEX, level="Declared", revision="1/4", age="Stale")
    made.ended(FRA, 7, "r-away", 1, "Answered", status=200)
    made.sent(FRA, 8, "r-beyond", 1, "peer:nrt1", "JP-13", **GLOBEX)
    made.ended(FRA, 9, "r-beyond", 1, "Partial", status=200)
    made.said(FRA, "End", 60, reason="SIGTERM")
    made.begun("w1", FRA_DEAD.removeprefix("w1-"), "DE-HE")
    made.said(FRA_DEAD, "Lost", 9, count=3, since=START + 8, why="QueueFull")
    made.sent(FRA_DEAD, 10, "r-open", 1, "engine:h100", "DE-HE", **ACME, **level)
    last = made.heads[FRA_DEAD]
    found = {"after": FRA_DEAD, "afterCount": last["count"], "afterHash": last["hash"]}
    made.begun("w1", FRA_NEXT.removeprefix("w1-"), "DE-HE", 60.0, **found)
    made.ended(FRA_NEXT, 61, "r-late", 1, "Answered", status=200)


def _berlin(made: Gateway) -> None:
    made.begun("w0", BER.removeprefix("w0-"), "DE-BE")
    hosted = {
        **{name: ACME[name] for name in ("tenant", "route", "operation", "origin", "policies")},
        "revision": "1/4",
    }
    made.sent(
        BER, 3.2, "r-hop", 1, "engine:a100", "DE-BE", **hosted, originFrom="Peer", level="Contracted", hosted=True
    )
    made.ended(BER, 3.9, "r-hop", 1, "Answered", status=200)
    made.sent(BER, 11, "r-failed", 1, "engine:a100", "DE-BE", **ACME)
    made.ended(BER, 12, "r-failed", 1, "TryFailed", error="ConnectFailed")
    made.ended(BER, 12, "r-failed", 1, "Failed", status=502, error="upstream_failed")
    made.sent(BER, 13, "r-gone", 1, "engine:a100", "DE-BE", **NOBODY)
    made.ended(BER, 14, "r-gone", 1, "ClientGone")
    made.said(BER, "End", 60, reason="SIGTERM")


def _ashburn(made: Gateway) -> None:
    made.begun("w0", IAD.removeprefix("w0-"), "US-VA")
    region = {"level": "Contracted", "told": ["model=smollm2-us"]}
    made.sent(IAD, 5, "r-us", 1, "provider:openai/us", "US", **GLOBEX, **region, revision="1/4")
    made.ended(IAD, 6, "r-us", 1, "Answered", status=200)
    made.said(IAD, "Lost", 60, count=2, since=START + 6, why="Withheld")
    made.said(IAD, "End", 60, reason="SIGTERM")
