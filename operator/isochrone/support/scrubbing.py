"""Text without secrets.

Two guards stand one behind the other: what is known to be secret, since it stands in a Secret that was read, is taken
out wherever it occurs; and what looks like a secret is taken out whether it is known or not. The second one takes more
than it must: a word too few in a log helps more than a key too many.
"""

import base64
import binascii
import re
from collections.abc import Collection, Iterable, Iterator
from typing import Final

REDACTED: Final = "[redacted]"
SHORTEST: Final = 6
"""Characters of a known secret: shorter ones occur everywhere by chance."""
_PART: Final = re.compile(r"""[^\s"',{}\[\]]{12,}""")
_PLAIN: Final = re.compile(r"https?://[^@?]*|[\w.-]{0,60}:")
"""Addresses and names of fields, as in a kubeconfig: without them no message could be understood."""

_WORD: Final = (
    r"(?:api[-_ ]?key|access[-_ ]?key|private[-_ ]?key|secret[-_ ]?key|[\w-]{1,40}[-_]key|secret|token|passw(?:or)?d"
    r"|pwd|passphrase|credentials?|signature|sig)"
)
_VALUE: Final = r"""(?:\\"[^"]{1,8192}"?|"(?:[^"\\]|\\.){1,8192}"|'[^']{1,8192}'|[^\s"',;&}\]\\]{2,8192})"""
_PATTERNS: Final = (
    # PEM blocks, cut ones too.
    (re.compile(r"-----BEGIN [A-Z0-9 ]{1,40}-----.*?(?:-----END [A-Z0-9 ]{1,40}-----|\Z)", re.DOTALL), REDACTED),
    # Whole headers, to the end of the line.
    (
        re.compile(r"""(?i)((?:proxy-)?authorization|(?:set-)?cookie)(\\?["']?[ \t]{0,8}[:=])[^\n]{0,65536}"""),
        rf"\1\2 {REDACTED}",
    ),
    (re.compile(r"(?i)\b(bearer|basic)[ \t]{1,8}[A-Za-z0-9._~+/=-]{4,16384}"), rf"\1 {REDACTED}"),
    # Options of programs: --api-key VALUE, --hf-token=VALUE.
    (re.compile(rf"(?i)(--?[\w-]{{0,40}}?{_WORD}[\w-]{{0,8}})[ =]{{1,4}}{_VALUE}"), rf"\1={REDACTED}"),
    # key=value and "key": "value".
    (re.compile(rf"""(?i)({_WORD})(\\?["']?[ \t]{{0,8}}[:=][ \t]{{0,8}}){_VALUE}"""), rf"\1\2{REDACTED}"),
    # User and password, and queries, which may be signed, of URLs. A password that was not escaped may have a slash or
    # an @ in it; what is a port after its colon isn't one.
    (
        re.compile(
            r"(\b[a-z][a-z0-9+.-]{1,20}://)"
            r"""(?:[^\s/"']{1,1024}|[^\s/@:"']{0,256}:(?!\d{1,5}(?:/|$))[^\s"']{1,1024})@"""
        ),
        rf"\1{REDACTED}@",
    ),
    (re.compile(r"(\b[a-z][a-z0-9+.-]{1,20}://[^\s?\"']{1,2048}\?)[^\s\"']{1,8192}"), rf"\1{REDACTED}"),
    # Tokens by their shape: JWT, and those of well-known issuers.
    (re.compile(r"\beyJ[\w-]{6,}\.[\w-]{2,}(?:\.[\w-]*)?"), REDACTED),
    (
        re.compile(
            r"\b(?:sk-|pk-|rk-|hf_|gh[opsru]_|github_pat_|glpat-|xox[a-z]-|gsk_|nvapi-|AKIA|ASIA|AIza|ya29\.)"
            r"[\w.-]{6,}"
        ),
        REDACTED,
    ),
    # What is long and has letters of both cases and digits is no word and no name of Kubernetes.
    (
        re.compile(r"(?<![\w+/-])(?=[\w+/-]*[a-z])(?=[\w+/-]*[A-Z])(?=[\w+/-]*[0-9])[\w+/-]{32,}={0,2}"),
        REDACTED,
    ),
)


class Scrubber:
    """Takes secrets out of text."""

    def __init__(self, known: Iterable[str] = ()) -> None:
        chosen = sorted({each for each in known if len(each) >= SHORTEST}, key=lambda each: (-len(each), each))
        self._known = re.compile("|".join(map(re.escape, chosen))) if chosen else None

    def text(self, text: str) -> str:
        """Without what is known to be secret, and without what looks like it."""
        text = self.known(text)
        for pattern, instead in _PATTERNS:
            text = pattern.sub(instead, text)
        return text

    def known(self, text: str) -> str:
        """Without what is known alone."""
        return self._known.sub(REDACTED, text) if self._known is not None else text


def values_of(encoded: Iterable[str], names: Collection[str] = ()) -> Iterator[str]:
    """What is secret in the `data` of a Secret: each value, its parts, and how they are encoded.

    `names` are those of objects: what is called so is said everywhere, and no secret.
    """
    for each in encoded:
        yield each
        try:
            value = base64.b64decode(each, validate=True).decode()
        except (binascii.Error, ValueError):
            continue
        parts = (part for part in _PART.findall(value) if not _PLAIN.fullmatch(part))
        found = {value, value.strip(), *value.splitlines(), *parts}
        yield from (part for part in found if part and part not in names)
