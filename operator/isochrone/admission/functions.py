"""The Kubernetes extensions of CEL that rules may use, as functions of the C++ runtime.

Spec: https://kubernetes.io/docs/reference/using-api/cel/ (quantities, lists, regular expressions). The runtime can't
carry objects of ours, so a quantity is a string inside of it; `subset` sees to it that rules treat it as a quantity.
"""

from collections.abc import Callable, Iterable
from functools import cache
from typing import Any, Final

from cel_expr_python import cel

from isochrone.admission import quantities

_T: Final = cel.Type


def _quantity(text: str) -> str:
    return quantities.text(quantities.parse(text))


def _compare(left: str, right: str) -> int:
    first, second = quantities.from_text(left), quantities.from_text(right)
    return (first > second) - (first < second)


def _is_integer(carried: str) -> bool:
    try:
        quantities.as_integer(quantities.from_text(carried))
    except ValueError:
        return False
    return True


def _plus(left: str, right: str) -> str:
    return quantities.text(quantities.from_text(left) + quantities.from_text(right))


def _minus(left: str, right: str) -> str:
    return quantities.text(quantities.from_text(left) - quantities.from_text(right))


def _sign(carried: str) -> int:
    return _compare(carried, "0")


def _is_sorted(items: list[Any]) -> bool:
    return all(not items[index] > items[index + 1] for index in range(len(items) - 1))


def _extreme(pick: Callable[[Iterable[Any]], Any], name: str) -> Callable[[list[Any]], Any]:
    def extreme(items: list[Any]) -> Any:
        if not items:
            raise ValueError(f"{name} called on empty list")
        return pick(items)

    return extreme


def _declare(name: str, impl: Callable[..., Any], result: Any, *parameters: Any) -> cel.FunctionDecl:
    """A global function for one parameter that is a string, else a method."""
    overload = cel.Overload(
        id=f"kubernetes_{name}",
        return_type=result,
        parameters=list(parameters),
        is_member=name not in _GLOBAL,
        impl=impl,
    )
    return cel.FunctionDecl(name, [overload])


_GLOBAL: Final = frozenset({"quantity", "isQuantity", "sign"})


@cache
def declarations() -> list[cel.FunctionDecl]:
    text, items = _T.STRING, _T.List(_T.DYN)
    return [
        _declare("quantity", _quantity, text, text),
        _declare("isQuantity", quantities.is_quantity, _T.BOOL, text),
        _declare("sign", _sign, _T.INT, text),
        _declare("isGreaterThan", lambda left, right: _compare(left, right) > 0, _T.BOOL, text, text),
        _declare("isLessThan", lambda left, right: _compare(left, right) < 0, _T.BOOL, text, text),
        _declare("compareTo", _compare, _T.INT, text, text),
        _declare("isInteger", _is_integer, _T.BOOL, text),
        _declare("asInteger", lambda carried: quantities.as_integer(quantities.from_text(carried)), _T.INT, text),
        _declare("add", _plus, text, text, text),
        _declare("sub", _minus, text, text, text),
        _declare("isSorted", _is_sorted, _T.BOOL, items),
        _declare("sum", sum, _T.DYN, items),
        _declare("min", _extreme(min, "min"), _T.DYN, items),
        _declare("max", _extreme(max, "max"), _T.DYN, items),
    ]
