"""Argo CD's way with a health check, as in its util/lua: the script sees `obj`, and few of Lua's libraries.

A script in argocd-cm has the base functions, `table`, `package` and a safe `os`; no `string`, no `math`, no `io`.
"""

from typing import Any, Final

from lupa import lua51

CODES: Final = frozenset({"Healthy", "Suspended", "Progressing", "Missing", "Degraded", "Unknown"})
_CLOSED: Final = ("string", "math", "io", "os", "debug", "coroutine")


def health(script: str, obj: dict[str, Any]) -> dict[str, str]:
    """What the script says of an object. Raises LuaError where it fails."""
    lua = lua51.LuaRuntime(unpack_returned_tuples=True)
    for name in _CLOSED:
        lua.globals()[name] = None
    lua.globals()["obj"] = _value(lua, obj)
    found = {str(key): value for key, value in dict(lua.execute(script)).items()}
    if found["status"] not in CODES:
        raise ValueError(found["status"])
    return {key: value for key, value in found.items() if value != ""}


def _value(lua: Any, value: Any) -> Any:
    if isinstance(value, dict):
        return lua.table_from({key: _value(lua, each) for key, each in value.items()})
    if isinstance(value, list):
        return lua.table_from([_value(lua, each) for each in value])
    return value
