"""The scalar types of the API. Patterns stay in the subset that RE2 and Python read alike.

Where a pattern bounds the length, `max_length` is generous: the API server would name only the length, not the pattern.
No floats anywhere: money, coordinates and sampling parameters are decimal strings, memory is a Kubernetes quantity.
"""

from typing import Annotated

from pydantic import Field

from isochrone.api.schema import Extension, Says, keys_match

_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"

_DURATION = (
    "^(([0-9]{1,3}h|[0-9]{1,5}(m|s|ms)){1,4}|([1-7][0-9]{3}|8[0-6][0-9]{2}|87[0-7][0-9]|878[0-4])h)$"  # 8784h: 366 days
)

Duration = Annotated[
    str,
    Field(pattern=_DURATION, max_length=64),
    Says("A duration such as `250ms`, `1h30m`, of the units h, m, s and ms; at most 8784h."),
]
"""A duration as in Gateway API (GEP-2257), such as `1h30m`, `250ms`."""


def comparing(rule: str, *fields: str) -> str:
    """A CEL rule about durations, silent where one can't be read: then the pattern's message says it all."""
    readable = " && ".join(f"self.{field}.matches('{_DURATION}')" for field in fields)
    return f"!({readable}) || {rule}"


Quantity = Annotated[
    str,
    Field(pattern="^[0-9]{1,15}([.][0-9]{1,3})?(Ki|Mi|Gi|Ti|k|M|G|T)?$", max_length=64),
    Says("An amount of bytes such as `80Gi`."),
]
"""An amount of bytes as a Kubernetes quantity, such as `80Gi`."""

Resource = Annotated[
    int | str,
    Extension(
        {
            "x-kubernetes-int-or-string": True,
            "pattern": "^[0-9]{1,15}([.][0-9]{1,3})?(m|Ki|Mi|Gi|Ti|k|M|G|T)?$",
            "maxLength": 64,
            "minimum": 0,
        }
    ),
]
"""A Kubernetes resource amount, as in a container's requests: `4`, `500m`, `16Gi`."""

_POSITIVE = "([1-9][0-9]{0,14}([.][0-9]{1,3})?|0[.]0{0,2}[1-9][0-9]{0,2})"

Cpu = Annotated[
    int | str,
    Extension(
        {
            "x-kubernetes-int-or-string": True,
            "pattern": f"^({_POSITIVE}|[1-9][0-9]{{0,14}}m)$",
            "maxLength": 64,
            "minimum": 1,
        }
    ),
    Says("CPUs as a Kubernetes quantity above 0: `4`, `0.5`, or in thousandths, `500m`."),
]
"""CPUs as a Kubernetes quantity above 0: `4`, `0.5`, or in thousandths, `500m`."""

Memory = Annotated[
    int | str,
    Extension(
        {
            "x-kubernetes-int-or-string": True,
            "pattern": f"^{_POSITIVE}(Ki|Mi|Gi|Ti|k|M|G|T)?$",
            "maxLength": 64,
            "minimum": 1,
        }
    ),
    Says("Memory in bytes as a Kubernetes quantity above 0, such as `16Gi`."),
]
"""Memory in bytes as a Kubernetes quantity above 0, such as `16Gi`."""

Money = Annotated[
    str,
    Field(pattern="^(0|[1-9][0-9]{0,8})([.][0-9]{1,9})?$", max_length=64),
    Says("US dollars as a quoted decimal number, such as `'2.95'`."),
]
"""An amount in US dollars as a decimal string, such as `2.95`."""

Decimal = Annotated[
    str,
    Field(pattern="^-?[0-9]{1,6}([.][0-9]{1,9})?$", max_length=64),
    Says("A quoted decimal number, such as `'0.7'`."),
]
"""A decimal number as a string, since the API has no floats."""

ObjectName = Annotated[
    str,
    Field(pattern=f"^{_LABEL}([.]{_LABEL})*$", min_length=1, max_length=253),
    Says("A name of a-z, 0-9, '-' and '.', such as `fra1`."),
]
"""The name of a Kubernetes object (RFC 1123 subdomain)."""

Label = Annotated[
    str,
    Field(pattern=f"^{_LABEL}$", min_length=1, max_length=63),
    Says("A name of a-z, 0-9 and '-', such as `team-a`."),
]
"""A DNS label (RFC 1123), such as a namespace's name."""

Jurisdiction = Annotated[
    str,
    Field(pattern="^[A-Z]{2}(-[A-Z0-9]{1,3})?$", max_length=64),
    Says("An ISO 3166-1 or 3166-2 code, such as `DE`, `US-CA`."),
]
"""An ISO 3166-1 country code or ISO 3166-2 subdivision code, such as `DE`, `US-CA`."""

Area = Annotated[
    str,
    Field(pattern="^([A-Z]{2}(-[A-Z0-9]{1,3})?|[A-Z][A-Za-z0-9]{1,30})$", max_length=64),
    Says("ISO 3166 codes such as `DE`, `US-CA`, or names of blocs such as `EU`."),
]
"""A jurisdiction, or a bloc of them by name, such as `EU`; `World` is all of them."""

Iata = Annotated[str, Field(pattern="^[A-Z]{3}$", max_length=64), Says("Three capital letters, such as `FRA`.")]
"""The IATA code of the nearest airport, as in `FRA`."""

Latitude = Annotated[
    str,
    Field(pattern="^-?(90([.]0{1,6})?|[1-8]?[0-9]([.][0-9]{1,6})?)$", max_length=64),
    Says("A quoted decimal number from -90 to 90, such as `'50.1109'`."),
]
"""Degrees north, WGS 84, as a decimal string."""

Longitude = Annotated[
    str,
    Field(pattern="^-?(180([.]0{1,6})?|(1[0-7][0-9]|[1-9]?[0-9])([.][0-9]{1,6})?)$", max_length=64),
    Says("A quoted decimal number from -180 to 180, such as `'8.6821'`."),
]
"""Degrees east, WGS 84, as a decimal string."""

ModelName = Annotated[
    str,
    Field(pattern="^[A-Za-z0-9][A-Za-z0-9._:/@-]*$", min_length=1, max_length=128),
    Says("Letters, digits and `._:/@-`, such as `llama-3.1-8b`, `org/model:tag`."),
]
"""A model's name as clients send it, such as `llama-3.1-8b`, `org/model:tag`."""

DataClass = Annotated[
    str,
    Field(pattern="^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", min_length=1, max_length=63),
    Says("Names of a-z, 0-9 and '-', such as `health`."),
]
"""A class of data, named by its users, such as `health`, `payments`."""

Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$", max_length=128), Says("64 digits of lower-case hex.")]
"""A SHA-256 digest in lower-case hex."""

Digest = Annotated[
    str, Field(pattern="^sha256:[0-9a-f]{64}$", max_length=128), Says("`sha256:` and 64 digits of lower-case hex.")
]
"""A content digest as OCI writes it, `sha256:` and 64 hex digits."""

Hostname = Annotated[
    str,
    Field(pattern=f"^{_LABEL}([.]{_LABEL})*$", min_length=1, max_length=253),
    Says("A DNS name in lower case, such as `fra1.ai.example.com`."),
]
"""A DNS host name, without scheme or port."""

HOSTNAME = f"{_LABEL}([.]{_LABEL})*"
"""A DNS name, as part of a pattern."""

PORT = "(6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[1-5][0-9]{4}|[1-9][0-9]{0,3})"
"""A TCP port, as part of a pattern."""

Host = Annotated[
    str,
    Field(pattern="^[a-z0-9:]([a-z0-9.:-]*[a-z0-9])?$", min_length=1, max_length=253),
    Says("A host name in lower case such as `fra1.example.com`, or an IP address such as `192.0.2.10`."),
]
"""A host name in lower case or an IP address, without scheme or port, such as `fra1.example.com`, `192.0.2.10`."""

_OCTET = "(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"

Cidr = Annotated[
    str,
    Field(
        pattern=f"^(({_OCTET}[.]){{3}}{_OCTET}|[0-9a-f:]{{2,39}})/(0|[1-9][0-9]{{0,2}})$",
        max_length=49,
        json_schema_extra={"format": "cidr"},
    ),
    Says("Networks in CIDR notation and lower case, such as `10.0.0.0/8`, `2001:db8::/32`."),
]
"""A network in CIDR notation and lower case, such as `10.0.0.0/8`, `2001:db8::/32`."""

HttpUrl = Annotated[str, Field(max_length=512)]
"""An absolute HTTP URL without query or fragment."""

WebOrigin = Annotated[
    str,
    Field(pattern="^([*]|https?://[a-z0-9.:-]+)$", max_length=256),
    Says("Origins in lower case, such as `https://app.example.com`, or `*` for all."),
]
"""A web origin (RFC 6454) in lower case, such as `https://app.example.com`, or `*`."""

Image = Annotated[str, Field(pattern="^[A-Za-z0-9][A-Za-z0-9._/:@-]*$", min_length=1, max_length=512)]
"""A container image reference."""

Text = Annotated[str, Field(max_length=256)]
"""A short free text."""

Port = Annotated[int, Field(ge=1, le=65535)]
"""A TCP port."""

_KEY = "^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$"

LabelKey = Annotated[str, Field(pattern=_KEY, max_length=317)]
"""The key of a label, with or without a prefix."""

LabelValue = Annotated[str, Field(pattern="^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$", max_length=63)]
"""The value of a label."""

LabelMap = Annotated[
    dict[str, LabelValue],
    Field(max_length=32),
    keys_match(_KEY, "each key is a label key, such as tier or topology.kubernetes.io/zone"),
]
"""Labels to match or to set."""

Annotations = Annotated[
    dict[str, Annotated[str, Field(max_length=4096)]],
    Field(max_length=32),
    keys_match(_KEY, "each key is an annotation key, such as owner or example.com/owner"),
]
"""Annotations to set."""
