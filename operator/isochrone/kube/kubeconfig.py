"""A kubeconfig from a Secret: what is in it is used, and nothing that it points to.

Who may write a Secret in isochrone-system decides which server the operator talks to, and with which credentials. They
don't get a program run in the operator's pod, a file of it read, or the check of a server's certificate left out. What
is refused says what to give instead, and quotes no more of the text than names.
Format: https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/
"""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import yaml

from isochrone.kube.access import Access, AccessError, checked

LONGEST: Final = 128 * 1024
"""Bytes. One context takes five thousand or so."""

_LONGEST_NAME: Final = 80
_Section = Mapping[str, Any]
_TOKEN: Final = re.compile(r"[\x21-\x7e]+")
_JOIN: Final = "`isochrone site join` makes one"
_TOKEN_INSTEAD: Final = f"give it a token of a service account instead: {_JOIN}"
_FLATTEN: Final = "kubectl config view --flatten --raw writes it"
_REFUSED: Final = (
    # What lowers a guard.
    ("cluster", "insecure-skip-tls-verify", "the server must be checked: set certificate-authority-data instead"),
    ("cluster", "proxy-url", "clusters are reached without a proxy: set server to an address that the hub can reach"),
    # What runs, or asks elsewhere.
    ("user", "exec", f"no programs are run for a kubeconfig from a Secret: {_TOKEN_INSTEAD}"),
    ("user", "auth-provider", f"auth providers are not used: {_TOKEN_INSTEAD}"),
    ("user", "username", f"user names with passwords are not used: {_TOKEN_INSTEAD}"),
    ("user", "password", f"user names with passwords are not used: {_TOKEN_INSTEAD}"),
    ("user", "as", f"nobody is impersonated: {_TOKEN_INSTEAD}"),
    ("user", "as-uid", f"nobody is impersonated: {_TOKEN_INSTEAD}"),
    ("user", "as-groups", f"nobody is impersonated: {_TOKEN_INSTEAD}"),
    ("user", "as-user-extra", f"nobody is impersonated: {_TOKEN_INSTEAD}"),
    # What is elsewhere.
    ("cluster", "certificate-authority", f"files are not read: set certificate-authority-data ({_FLATTEN})"),
    ("user", "tokenFile", "files are not read: set token"),
    ("user", "client-certificate", f"files are not read: set client-certificate-data ({_FLATTEN})"),
    ("user", "client-key", f"files are not read: set client-key-data ({_FLATTEN})"),
)
"""(section, field, why and what instead), the worst first: where there are several, that one is named."""


def parse(content: bytes) -> Access:
    """What the current context says. Raises AccessError."""
    config = _parsed(content)
    name = config.get("current-context")
    if not name:
        raise AccessError("the kubeconfig has no current-context: set it (kubectl config use-context NAME)")
    context = _named(config, "context", name)
    sections = {each: _named(config, each, context.get(each)) for each in ("cluster", "user")}
    where = {each: f"{each} {_quoted(context.get(each))} of the kubeconfig" for each in sections}
    return checked(access_of(sections["cluster"], sections["user"], where), "the kubeconfig")


def access_of(cluster: _Section, user: _Section, where: Mapping[str, str]) -> Access:
    """What a cluster and a user of a kubeconfig say; `where` tells of both what they are called. Raises AccessError."""
    sections = {"cluster": cluster, "user": user}
    for section, field, why in _REFUSED:
        if sections[section].get(field):
            raise AccessError(f"{where[section]} has {field}; {why}")
    return Access(
        url=_url(cluster, where["cluster"]),
        authority=_data(cluster, "certificate-authority-data", where["cluster"]),
        client_certificate=_data(user, "client-certificate-data", where["user"]),
        client_key=_data(user, "client-key-data", where["user"]),
        token=_token(user, where["user"]),
        server_name=_text(cluster, "tls-server-name", where["cluster"]),
    )


def written(access: Access, *, name: str) -> bytes:
    """A kubeconfig with everything in it, as JSON, which is YAML. What is renewed can't be written: it would end."""
    cluster = {
        "server": access.url,
        "certificate-authority-data": _encoded(access.authority),
        "tls-server-name": access.server_name,
    }
    user = {
        "client-certificate-data": _encoded(access.client_certificate),
        "client-key-data": _encoded(access.client_key),
        "token": access.token,
    }
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": _filled(cluster)}],
        "users": [{"name": name, "user": _filled(user)}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "current-context": name,
    }
    return json.dumps(config, indent=2).encode() + b"\n"


def _parsed(content: bytes) -> _Section:
    if len(content) > LONGEST:
        raise AccessError(f"the kubeconfig has {len(content)} bytes, more than {LONGEST}")
    try:
        # Not the loader in C: lists in lists in lists end the process there.
        found = yaml.safe_load(content)
    except yaml.MarkedYAMLError as error:
        # Not chained, and no more than the place: such errors quote the text.
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise AccessError(f"the kubeconfig is not YAML{line}") from None
    except (yaml.YAMLError, ValueError, RecursionError):
        raise AccessError("the kubeconfig is not YAML") from None
    if not isinstance(found, dict):
        raise AccessError("the kubeconfig is empty, or not a map")
    return found


def _named(config: _Section, kind: str, name: object) -> _Section:
    entries = config.get(f"{kind}s")
    for entry in entries if isinstance(entries, list) else ():
        if isinstance(entry, dict) and entry.get("name") == name and name:
            section = entry.get(kind) or {}
            if isinstance(section, dict):
                return section
    raise AccessError(f"the kubeconfig has no {kind} {_quoted(name)}: the current context leads nowhere")


def _quoted(name: object) -> str:
    """A name, cut where it is so long that it can't be one."""
    text = name if isinstance(name, str) else ""
    return repr(text if len(text) <= _LONGEST_NAME else text[:_LONGEST_NAME] + "...")


def _url(cluster: _Section, where: str) -> str:
    text = _text(cluster, "server", where) or ""
    try:
        parts = urlsplit(text)
        is_whole = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        raise AccessError(f"{where}: server is not a URL such as https://10.0.0.1:6443") from None
    if parts.scheme != "https" or not is_whole:
        raise AccessError(f"{where}: server must be a URL with https, such as https://10.0.0.1:6443")
    if parts.username is not None or parts.query or parts.fragment:
        raise AccessError(f"{where}: server must be an address alone, without user, password or query")
    return text.rstrip("/")


def _data(section: _Section, field: str, where: str) -> bytes | None:
    text = _text(section, field, where)
    if text is None:
        return None
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise AccessError(f"{where}: {field} is not base64") from None


def _token(user: _Section, where: str) -> str | None:
    text = _text(user, "token", where)
    if text is not None and not _TOKEN.fullmatch(text.strip()):
        raise AccessError(f"{where}: token has characters in it that no token has")
    return text.strip() if text else None


def _text(section: _Section, field: str, where: str) -> str | None:
    """A field's text; what is empty is as if it weren't there, as for kubectl."""
    found = section.get(field)
    if found is None or found == "":
        return None
    if not isinstance(found, str):
        raise AccessError(f"{where}: {field} must be text; put it in quotes")
    return found


def _encoded(content: bytes | None) -> str | None:
    return None if content is None else base64.b64encode(content).decode()


def _filled(section: Mapping[str, str | None]) -> dict[str, str]:
    return {field: value for field, value in section.items() if value is not None}
