"""Which regular expressions mean the same to the server's RE2 and to Python's `re` and JSON Schema validators.

Spec: https://github.com/google/re2/wiki/Syntax, https://docs.python.org/3/library/re.html. Two rules stay for callers:
Python's `$` also matches before a last newline, so Python code must use `re.fullmatch`; and RE2 searches unanchored.
"""

import re
import warnings
from collections.abc import Iterator
from typing import Final

from isochrone.admission import regex

_DIFFERENCES: Final = (
    (r"\\[dDwWsSbB]", "{0} is ASCII in RE2 and Unicode elsewhere; write the class out"),
    (r"\\[AzZ]", "{0} differs between engines; write ^ or $"),
    (r"\\[pPQEC]|\[\[:", "{0} is not known to every engine"),
    (r"\\[0-9]", "{0} is a backreference or an octal number"),
    (r"\(\?(?!:)", "{0}...: only (?:...) is known to every engine"),
    (r"[*+?}]\+", "{0} is possessive in Python and an error in RE2"),
    (r"\{,", "{0}: RE2 takes it literally, Python as {{0,"),
    (r"\$(?=[^)|])", "{0} inside of a pattern"),
)
_CLASS: Final = re.compile(r"\[\^?\]?(?:\\.|[^\]\\])*\]")
_ESCAPED_BACKSLASH: Final = re.compile(r"\\\\")


def differences(pattern: str) -> Iterator[str]:
    """What could make engines disagree about the pattern; nothing = it means the same everywhere."""
    try:
        regex.found(pattern, "")
    except regex.InvalidPattern as error:
        yield f"not RE2: {error}"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            re.compile(pattern)
    except (re.error, FutureWarning) as error:
        yield f"not Python: {error}"
    plain = _ESCAPED_BACKSLASH.sub("", pattern)
    outside = _CLASS.sub("[]", re.sub(r"\\[^A-Za-z0-9]", "", plain))
    for construct, complaint in _DIFFERENCES:
        # Escapes count inside of classes too; everything else is literal there.
        where = plain if construct.startswith(r"\\[") else outside
        if found := re.search(construct, where):
            yield complaint.format(found[0])
