"""JSON, where kubectl reads a file as JSON: strictly, with surrogate pairs, and one value after the other.

The standard library decides what is JSON; the tree with its lines is built beside it from the same tokens.
"""

import json
import re
from typing import Final, NoReturn

from isochrone.manifests.nodes import Builder, Malformed, Mapping, Node, Scalar, Sequence

_TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]]|[^\s{}\[\],:"]+', re.DOTALL)
SPACE: Final = " \t\r\n"


def end_of(text: str, start: int) -> int:
    """Where the JSON value that begins at `start` ends. Raises Malformed with the line in `text`."""
    try:
        _, end = _DECODER.raw_decode(text, start)
    except json.JSONDecodeError as error:
        raise Malformed(error.lineno, error.msg) from error
    except RecursionError as error:
        raise Malformed(text.count("\n", 0, start) + 1, "nested too deeply") from error
    except ValueError as error:
        raise Malformed(text.count("\n", 0, start) + 1, str(error)) from error
    return end


def compose(text: str, *, first_line: int) -> Node | None:
    """The tree of a text that is one JSON value."""
    builder, line, seen = Builder(), first_line, 0
    for token in _TOKEN.finditer(text):
        line += text.count("\n", seen, token.start())
        seen = token.start()
        match token.group():
            case "{":
                builder.open(Mapping(line))
            case "[":
                builder.open(Sequence(line))
            case "}" | "]":
                builder.close()
            case word:
                builder.add(_scalar(word, line))
    return builder.root


def _scalar(word: str, line: int) -> Scalar:
    value = _DECODER.decode(word)
    if isinstance(value, str):
        # A lone half of a surrogate pair is no character; Go reads U+FFFD.
        value = value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return Scalar(line, word, not isinstance(value, str), value)


def _no_number(word: str) -> NoReturn:
    raise ValueError(f"JSON has no number {word}")


def _number(word: str) -> float:
    return int(word) if len(word) <= _INT64_DIGITS else float(word)


_INT64_DIGITS: Final = 20
_DECODER: Final[json.JSONDecoder] = json.JSONDecoder(parse_constant=_no_number, parse_int=_number)


def is_object_ahead(text: str) -> bool:
    """Whether kubectl takes this for JSON: the first thing in it is a brace."""
    return text[:4096].lstrip().startswith("{")
