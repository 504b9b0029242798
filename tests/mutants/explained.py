"""The survivors that are explained in writing: `equivalent.toml`, one entry for each, with the reason."""

import pathlib
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from tests.mutants.source import Key

FILE: Final = pathlib.Path(__file__).with_name("equivalent.toml")


class UnreadableError(ValueError):
    """The file says something that has no meaning."""


def read(text: str) -> Mapping[Key, str]:
    """Mutant -> why no test can notice it, or why none should."""
    found: dict[Key, str] = {}
    for entry in tomllib.loads(text).get("mutant", ()):
        fields = dict(entry)
        why = str(fields.pop("why", "")).strip()
        try:
            key = Key(**fields)
        except TypeError as error:
            raise UnreadableError(f"{entry}: {error}") from error
        if not why:
            raise UnreadableError(f"{key.file}, {key.function}: there is no reason why")
        if key in found:
            raise UnreadableError(f"{key.file}, {key.function}: explained twice: {key.after}")
        found[key] = why
    return found


def stale(explained: Iterable[Key], survivors: Iterable[Key], files: Sequence[str]) -> list[Key]:
    """Explanations, of these files, of what no longer survives."""
    return sorted(key for key in set(explained) - set(survivors) if key.file in files)


def as_entry(key: Key) -> str:
    """An entry to be completed by hand."""
    lines = ["[[mutant]]", f"file = {_quoted(key.file)}", f"function = {_quoted(key.function)}"]
    lines += [f"before = {_quoted(key.before)}", f"after = {_quoted(key.after)}"]
    lines += [f"nth = {key.nth}"] if key.nth > 1 else []
    return "\n".join([*lines, 'why = ""'])


def _quoted(text: str) -> str:
    """A string of TOML that reads like the code."""
    if "'''" in text or text.endswith("'"):
        escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        return f'"{escaped}"'
    if "\n" in text:
        return f"'''\n{text}'''"
    return f"'{text}'" if "'" not in text else f"'''{text}'''"
