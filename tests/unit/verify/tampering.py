"""Changes of what was rendered, and what the verifier says of them."""

from collections.abc import Callable
from typing import Any

from isochrone.verify import Report, Rule, Severity

Json = dict[str, Any]
Edit = Callable[[Json], object]
Objects = Callable[[list[Json]], object]


def errors(report: Report) -> list[tuple[Rule, str]]:
    return [(each.rule, each.message) for each in report.findings if each.severity is Severity.ERROR]


def one(items: list[Json], **wanted: Any) -> Json:
    (found,) = [each for each in items if all(each.get(key) == value for key, value in wanted.items())]
    return found
