"""Ways to break a valid JSON object, as Hypothesis strategies: for any API object that a server or a parser must judge.

`mutations(obj)` draws copies of `obj` with a few random edits: keys and items dropped, doubled, swapped, renamed or put
elsewhere, values replaced by ones of other types, by boundary numbers, by odd strings, and unknown fields added. What
it draws is always JSON (no NaN, string keys), though rarely valid.
"""

import copy
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from hypothesis import strategies as st

NUMBERS: Final[tuple[int | float, ...]] = (
    *(0, 1, -1, 2, 3, 7, 10, 13, 64, 80, 255, 256, 443, 65535, 65536),
    *(2**31 - 1, 2**31, -(2**31), -(2**31) - 1, 2**53 - 1, 2**53, 2**53 + 1),
    *(2**63 - 1, 2**63, -(2**63), -(2**63) - 1),
    *(0.0, -0.0, 0.5, 1.0, 1.5, 2.0, -1.0, 0.1, 1e-7, 1e6, 1e21, 1e300, 2.0**53, 1.0000000001),
)
TEXTS: Final = (
    *("", " ", "a", "A", "ab", "a-b", "a.b", "a/b", "-", "a_", "0", "1", "12", "1.0", "true", "null", "1Gi", "5%"),
    *("a\n", "\ta", "a\x00b", "\x7f", "é", "e\u0301", "ß", "\u0661", "😀", "\u200b", "\u2028", "\ufeff", "\ud800"),
    *("<&>", '"', "\\", "'", "9" * 25, "x" * 63, "x" * 64, "x" * 253, "x" * 254, "é" * 40, "xn--p1ai"),
    *("10.0.0.1", "::1", "2024-01-01", "P1D", "1h"),
)
SCALARS: Final = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from(NUMBERS),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(TEXTS),
    # Unassigned characters are assigned in another release of Unicode: no two programs agree on them.
    st.text(st.characters(exclude_categories=["Cn"]), max_size=8),
)
VALUES: Final = st.one_of(
    SCALARS,
    st.recursive(
        SCALARS,
        lambda inner: st.one_of(
            st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(TEXTS), inner, max_size=3)
        ),
        max_leaves=6,
    ),
)
_HUGE: Final = 1e300


@dataclass(frozen=True)
class _Place:
    """A key of a dictionary, or an index of a list."""

    container: Any
    key: Any

    @property
    def value(self) -> Any:
        return self.container[self.key]

    def put(self, value: Any) -> None:
        self.container[self.key] = value


@dataclass(frozen=True)
class _Edit:
    """Where to edit, what else there is, and where choices come from."""

    at: _Place
    places: list[_Place]
    draw: st.DrawFn


@st.composite
def mutations(draw: st.DrawFn, obj: Any, *, most: int = 3) -> Any:
    """A copy of `obj` after one to `most` edits."""
    result = copy.deepcopy(obj)
    for _ in range(draw(st.integers(1, most))):
        places = list(_places(result))
        if not places:
            return draw(VALUES)
        apply = draw(st.sampled_from(_EDITS))
        apply(_Edit(draw(st.sampled_from(places)), places, draw))
    return result


def _places(value: Any) -> Iterator[_Place]:
    keys: list[Any] = []
    if isinstance(value, dict):
        keys = list(value)
    elif isinstance(value, list):
        keys = list(range(len(value)))
    for key in keys:
        yield _Place(value, key)
        yield from _places(value[key])


def _drop(edit: _Edit) -> None:
    del edit.at.container[edit.at.key]


def _nullify(edit: _Edit) -> None:
    edit.at.put(None)


def _replace(edit: _Edit) -> None:
    edit.at.put(edit.draw(VALUES))


def _nudge(edit: _Edit) -> None:
    """A value of the same type, but another one; numbers also as the other kind of number."""
    match edit.at.value:
        case bool() as flag:
            edit.at.put(not flag)
        case int() | float() as number if abs(number) < _HUGE:
            near = [number + 1, number - 1, -number, number + 0.5, float(number)]
            edit.at.put(edit.draw(st.sampled_from([each for each in near if math.isfinite(each)])))
        case str() as text:
            odd = edit.draw(st.sampled_from(TEXTS))
            edit.at.put(edit.draw(st.sampled_from([text + odd, odd + text, text.upper(), text[:-1], text * 2, odd])))
        case list() as items:
            edit.at.put([*items, edit.draw(VALUES)])
        case dict() as fields:
            edit.at.put({**fields, edit.draw(st.sampled_from(TEXTS)): edit.draw(VALUES)})


def _double(edit: _Edit) -> None:
    """An item twice in its list; a field under a second name."""
    again, container, key = copy.deepcopy(edit.at.value), edit.at.container, edit.at.key
    if isinstance(container, list):
        container.insert(edit.draw(st.integers(0, len(container))), again)
    else:
        container[edit.draw(st.sampled_from([f"{key}s", f"x-{key}", key.upper(), key[:-1] or "x"]))] = again


def _rename(edit: _Edit) -> None:
    """A field under another name; a list from its end."""
    if isinstance(edit.at.container, dict):
        edit.at.container[edit.draw(st.sampled_from(TEXTS))] = edit.at.container.pop(edit.at.key)
    else:
        edit.at.container.reverse()


def _transplant(edit: _Edit) -> None:
    """The value of another place, for values that are right somewhere else."""
    edit.at.put(copy.deepcopy(edit.draw(st.sampled_from(edit.places)).value))


def _wrap(edit: _Edit) -> None:
    value = edit.at.value
    edit.at.put(edit.draw(st.sampled_from([[value], {"a": value}, [value, None]])))


_EDITS: Final[tuple[Callable[[_Edit], None], ...]] = (
    *(_replace, _replace, _nudge, _nudge, _nudge),
    *(_drop, _nullify, _double, _rename, _transplant, _wrap),
)
