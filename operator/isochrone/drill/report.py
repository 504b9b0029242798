"""What a drill found, as data; and the same as JSON, which is what is signed."""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal

KIND: Final = "IsochroneDrill"
VERSION: Final = 1
After = Literal["nothing", "failure", "replanning"]
"""`nothing` is the network as declared; `failure`, the seconds after a loss; `replanning`, when the hub has seen it."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What became of one tenant's requests for one route that come from one place."""

    tenant: str | None
    route: str
    origin: str
    """Where the client is: an ISO 3166 code."""
    entered: str | None
    """The site whose gateway took the connection; None: no site is up."""
    by: str
    """Who answered, such as `site fra1` or `provider p/eu`; empty if nobody did."""
    at: str = ""
    """Where that is, in ISO 3166 codes."""
    status: int = 200
    code: str = ""
    """What the refusal said, such as `residency_denied`."""
    policy: str | None = None
    outside: tuple[str, ...] = ()
    """What went outside the law, or would have, had all before it failed."""
    lost: str = ""
    """Who could have answered within the law, where nobody did."""

    @property
    def key(self) -> tuple[str, str, str]:
        return self.tenant or "", self.route, self.origin

    @property
    def went(self) -> tuple[str | None, str, int, str]:
        """Where it went, to be compared."""
        return self.entered, self.by, self.status, self.code


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """The network at one moment of the drill."""

    down: tuple[str, ...]
    """The sites that are down, in the order in which they were taken down."""
    after: After
    rows: tuple[Row, ...]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A whole drill. The first step is the network before anything is taken down."""

    installation: str
    at: int
    """When, in seconds since the epoch."""
    mode: Literal["simulated", "live"]
    declared: str
    """The SHA-256 of what was declared."""
    steps: tuple[Step, ...]

    @property
    def passed(self) -> bool:
        """Whether nothing went outside the law, and nothing was lost that somebody lawful could have answered."""
        return not any(each.outside or each.lost for _, each in self.rows())

    def rows(self) -> Iterator[tuple[Step, Row]]:
        return ((step, row) for step in self.steps for row in step.rows)

    def before(self) -> Mapping[tuple[str, str, str], Row]:
        """The rows of the first step."""
        return {row.key: row for row in self.steps[0].rows} if self.steps else {}


def document(report: Report) -> dict[str, Any]:
    """The report for programs."""
    return {
        "kind": KIND,
        "version": VERSION,
        "installation": report.installation,
        "at": report.at,
        "mode": report.mode,
        "declared": report.declared,
        "passed": report.passed,
        "steps": [_step(each) for each in report.steps],
    }


def _step(step: Step) -> dict[str, Any]:
    return {"down": list(step.down), "after": step.after, "traffic": [_row(each) for each in step.rows]}


def _row(row: Row) -> dict[str, Any]:
    found = dataclasses.asdict(row)
    found["outside"] = list(row.outside)
    return {name: value for name, value in found.items() if value not in (None, "", [])}
