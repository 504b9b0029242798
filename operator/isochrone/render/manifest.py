"""Kubernetes objects as plain values: dicts with keys in the usual order, no nulls, nothing empty."""

import hashlib
import json
from typing import Any

Json = dict[str, Any]


def manifest(
    api_version: str, kind: str, name: str, *, namespace: str | None = None, labels: Json, **content: Any
) -> Json:
    """An object. What is None or empty is left out."""
    metadata = {"name": name, "namespace": namespace, "labels": labels, "annotations": content.pop("annotations", None)}
    return filled(apiVersion=api_version, kind=kind, metadata=filled(**metadata), **content)


def filled(**members: Any) -> Json:
    """A map without those members that are None, or an empty map or list."""
    return {key: value for key, value in members.items() if value is not None and value not in ({}, [], ())}


def fingerprint(value: Any) -> str:
    """A short hash of a JSON value, the same wherever it is computed."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
