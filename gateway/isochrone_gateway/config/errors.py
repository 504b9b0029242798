"""What is wrong with a config, said so that its reader can find and mend it.

ConfigError        one or more problems; nothing of the config may be used
Problem          where (file or shard, JSON path) and what to do
"""

import dataclasses
import re

import msgspec

_AT = re.compile(r" - at (?:`(?P<part>key|value)` in )?`(?P<path>[^`]*)`$")
_SHOWN = 20


@dataclasses.dataclass(frozen=True, kw_only=True, order=True)
class Problem:
    """One thing that is wrong. `kind` and `key` say which item of which section it is about, to find its shard."""

    source: str = ""
    path: str = "$"
    text: str
    kind: str = ""
    key: str = ""

    def __str__(self) -> str:
        where = f"{self.source}: {self.path}" if self.source else self.path
        return f"{where}: {self.text}"


class ConfigError(Exception):
    """The config can't be used. `problems` lists all that were found, at least one."""

    def __init__(self, *problems: Problem) -> None:
        self.problems = problems
        super().__init__(*problems)

    def __str__(self) -> str:
        lines = [str(problem) for problem in self.problems[:_SHOWN]]
        if len(self.problems) > _SHOWN:
            lines.append(f"and {len(self.problems) - _SHOWN} more")
        return "\n".join(lines)


def from_decoding(error: msgspec.DecodeError, *, source: str) -> ConfigError:
    """Turn msgspec's message, which ends in the path, into a problem."""
    text = str(error)
    found = _AT.search(text)
    if found is None:
        return ConfigError(Problem(source=source, text=_advice(text)))
    path = found["path"] + (f" ({found['part']})" if found["part"] else "")
    return ConfigError(Problem(source=source, path=path, text=_advice(text[: found.start()])))


def _advice(text: str) -> str:
    if "unknown field" in text:
        return f"{text}; remove it, or use a gateway that knows it"
    if text.startswith(("Invalid enum value", "Invalid value")):
        return f"{text}; correct it, or use a gateway that knows it"
    return text
