"""What is printed of mutants: the change that no test noticed, and the sum of all."""

import collections
import difflib
from collections.abc import Collection, Iterator, Sequence

from tests.mutants import explained
from tests.mutants.campaign import Tried
from tests.mutants.processes import Outcome
from tests.mutants.source import Key


def difference(tried: Tried) -> str:
    """Where it is, and the statement before and after."""
    before, after = (text.splitlines() for text in (tried.key.before, tried.key.after))
    lines = list(difflib.unified_diff(before, after, lineterm="", n=len(before)))[3:]
    where = f"SURVIVED {tried.key.file}:{tried.line} {tried.key.function}"
    return "\n".join([where, *(f"    {line}" for line in lines)])


def summary(results: Sequence[Tried], known: Collection[Key], stale: Sequence[Key]) -> Iterator[str]:
    """What is left to do, and the numbers."""
    for key in stale:
        yield f"STALE: this survives no longer, or is no mutant any more\n{explained.as_entry(key)}\n"
    survivors = [tried.key for tried in results if tried.survives]
    unexplained = [key for key in survivors if key not in known]
    if unexplained:
        yield "To write down in tests/mutants/equivalent.toml, where no test can be written:\n"
        yield "\n\n".join(map(explained.as_entry, unexplained)) + "\n"
    counted = collections.Counter(tried.outcome for tried in results)
    yield (
        f"{len(results)} mutants: {counted[Outcome.FAILED]} killed, {counted[Outcome.TIMED_OUT]} timed out, "
        f"{len(survivors) - len(unexplained)} survive for a reason, {len(unexplained)} survive without; "
        f"{len(stale)} reasons are stale"
    )
