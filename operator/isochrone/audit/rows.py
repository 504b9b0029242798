"""Requests as rows for spreadsheets and data frames: one for each try, one for a request that was sent nowhere."""

import datetime as dt
from collections.abc import Iterator, Mapping
from typing import Any, Final

from isochrone.audit.entries import Intent, Outcome
from isochrone.audit.visits import UNKNOWN, Try, Versions, Visit

_FORMULA: Final = frozenset("=+-@\t\r\n＝＋－＠'")  # noqa: RUF001 - spreadsheets take the wide ones for the others
"""With what a cell begins that spreadsheets compute; and the mark itself, so that it can be taken off again."""
_MARK: Final = "'"

COLUMNS: Final = (
    "time",
    "ended",
    "id",
    "try",
    "site",
    "instance",
    "gatewayPlace",
    "hosted",
    "tenant",
    "key",
    "route",
    "model",
    "operation",
    "dataClasses",
    "origin",
    "originFrom",
    "policies",
    "scope",
    "candidate",
    "jurisdiction",
    "level",
    "told",
    "revision",
    "age",
    "outcome",
    "status",
    "error",
    "requestOutcome",
    "requestStatus",
    "requestError",
    "reason",
    "refusedBy",
    "tokensIn",
    "tokensOut",
    "bytesOut",
    "upstreamModel",
    "chain",
    "line",
    "proof",
)
"""In this order; docs/reference/audit.md says what each is."""

Row = Mapping[str, Any]


def rows(visit: Visit) -> Iterator[Row]:
    """A row for each try, with all of `COLUMNS`."""
    last = len(visit.tries) - 1
    for index, each in enumerate(visit.tries):
        end = visit.end if index == last else None
        yield _row(visit, each, each.failed or end, end)
    if not visit.tries:
        yield _row(visit, None, visit.end, visit.end)


def _row(visit: Visit, tried: Try | None, ended: Outcome | None, request: Outcome | None) -> Row:
    """`ended` is how the try ended, `request` how the request did, if this was its last try."""
    intent = tried.intent if tried is not None else None
    line = intent or ended
    return {
        "time": utc(line.at if line is not None else visit.began),
        "ended": utc(ended.at) if ended is not None else None,
        "id": visit.id,
        "try": tried.number if tried is not None else 0,
        **_gateway(visit),
        **whose(visit),
        **sent(intent),
        "policies": policies(
            said.policies if (said := intent or visit.said) is not None else (),
            tried.versions if tried is not None else visit.versions,
        ),
        **ended_as(ended),
        **_request(visit.end),
        "reason": request.reason if request is not None else "",
        "refusedBy": request.policy if request is not None else "",
        "tokensIn": request.tokens_in if request is not None else None,
        "tokensOut": request.tokens_out if request is not None else None,
        "bytesOut": request.bytes_out if request is not None else None,
        "upstreamModel": request.upstream_model if request is not None else "",
        "line": line.n if line is not None else None,
    }


def _gateway(visit: Visit) -> Row:
    source = visit.source
    return {
        "site": source.site,
        "instance": source.instance,
        "gatewayPlace": source.place,
        "chain": source.name,
        "proof": visit.proof.value,
    }


def whose(visit: Visit) -> Row:
    """Whose request it was, for what, and where it came from."""
    said, first = visit.said, visit.first
    return {
        "hosted": visit.is_hosted,
        "tenant": said.tenant if said is not None else "",
        "key": first.key if first is not None else "",
        "route": said.route if said is not None else "",
        "model": first.model if first is not None else "",
        "operation": first.operation if first is not None else "",
        "dataClasses": list(first.data_classes) if first is not None else [],
        "origin": list(said.origin) if said is not None else [],
        "originFrom": first.origin_from if first is not None else "",
    }


def sent(intent: Intent | None) -> Row:
    """Where a try was sent, and by which config."""
    names = ("candidate", "jurisdiction", "level", "scope", "revision", "age")
    told = list(intent.told) if intent is not None else []
    return {**{name: getattr(intent, name, "") for name in names}, "told": told}


def ended_as(ended: Outcome | None) -> Row:
    """How a try ended."""
    if ended is None:
        return {"outcome": UNKNOWN, "status": None, "error": ""}
    return {"outcome": ended.outcome, "status": ended.status or None, "error": ended.error}


def _request(end: Outcome | None) -> Row:
    if end is None:
        return {"requestOutcome": UNKNOWN, "requestStatus": None, "requestError": ""}
    return {"requestOutcome": end.outcome, "requestStatus": end.status or None, "requestError": end.error}


def policies(names: tuple[str, ...], versions: Versions | None) -> list[str]:
    """Each as NAME@GENERATION; without a generation where the line that says it isn't here."""
    known = versions or {}
    return [f"{name}@{known[name].generation}" if name in known else name for name in names]


def cells(row: Row) -> list[str]:
    """The row as text for CSV: lists with spaces between, what isn't known empty, and nothing that computes."""
    return [_cell(row[name]) for name in COLUMNS]


def _cell(value: Any) -> str:
    if isinstance(value, str):  # Nearly all are.
        return defused(value)
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case list():
            return defused(" ".join(value))
        case _:
            return str(value)


def defused(text: str) -> str:
    """Text that a spreadsheet takes for text: with an apostrophe before what it would compute."""
    return _MARK + text if text and text[0] in _FORMULA else text


def utc(at: float) -> str:
    """ISO 8601 in UTC, to the microsecond. A number that is no time, as only forged lines have, stays one."""
    try:
        return dt.datetime.fromtimestamp(at, dt.UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    except (OverflowError, ValueError, OSError):
        return repr(at)
