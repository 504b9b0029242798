"""How API servers spell names, labels, networks and ports: whatever is spelled otherwise is never stored.

After the validation of k8s.io/apimachinery (RFC 1123, RFC 6335 for names of ports).
"""

import functools
import ipaddress
import re
from typing import Any, Final

_LABEL: Final = re.compile("[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?")
_VALUE: Final = re.compile("(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")
_PORT_NAME: Final = re.compile("(?=.{1,15}$)(?=.*[a-z])[a-z0-9]+(?:-[a-z0-9]+)*")
_DIGITS: Final = re.compile("[0-9]{1,5}")
_NETWORK: Final = re.compile("[0-9A-Fa-f.:]+/[0-9]{1,3}")
_LONGEST: Final = 253
_LAST_PORT: Final = 65_535

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def is_label(text: str) -> bool:
    """A name without dots, such as a namespace's."""
    return _LABEL.fullmatch(text) is not None


@functools.lru_cache(4096)  # Objects of hundreds of sites say the same over and over.
def is_subdomain(text: str) -> bool:
    """The name of most objects."""
    parts = text.split(".")
    return len(text) <= _LONGEST and all(re.fullmatch("[a-z0-9](?:[-a-z0-9]*[a-z0-9])?", each) for each in parts)


@functools.lru_cache(4096)
def is_value(text: str) -> bool:
    """A label's."""
    return _VALUE.fullmatch(text) is not None


@functools.lru_cache(4096)
def is_key(text: str) -> bool:
    """A label's or an annotation's: a name, and mostly the domain of whom it is."""
    domain, slash, name = text.rpartition("/")
    return bool(name) and is_value(name) and (not slash or is_subdomain(domain))


def is_cilium_key(text: str) -> bool:
    """The same with the source of the label before it."""
    return is_key(text.replace(":", ".", 1))


def is_annotation(text: str) -> bool:
    """The key of one, where the case of letters doesn't matter."""
    return is_key(text.lower())


def is_port(found: Any) -> bool:
    """A number. True is one to Python, and none to anybody else."""
    return isinstance(found, int) and not isinstance(found, bool) and 1 <= found <= _LAST_PORT


def is_port_name(found: Any) -> bool:
    """What a pod calls a port of its own."""
    return isinstance(found, str) and _PORT_NAME.fullmatch(found) is not None


def is_port_text(found: Any) -> bool:
    """A number in a text, as Cilium has it. Its 0 means all ports, which is said by none, too."""
    return isinstance(found, str) and _DIGITS.fullmatch(found) is not None and is_port(int(found))


def network(text: str) -> Network | None:
    """None if it is none. One of its addresses may stand for it."""
    if not _NETWORK.fullmatch(text):
        return None
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


def is_within(part: Network, whole: Network) -> bool:
    """Whether it is some of it, and not all."""
    return part.version == whole.version and part != whole and part.subnet_of(whole)  # type: ignore[arg-type]
