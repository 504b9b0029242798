"""Write the page of the reference that lists what each account of the operator may do, and why."""

import pathlib
from collections.abc import Iterable, Iterator

from isochrone.render import rights
from isochrone.render.rights import Rule

PATH = pathlib.Path("docs/reference/rights.md")
HEAD = """\
# What the operator's accounts may do
<!-- Written by `make generate` from operator/isochrone/render/rights.py. -->

Each right is needed: a test takes one away after the other, and something is refused. What is "held" is had to be
granted on: Kubernetes lets nobody grant what they don't have.
"""
PARTS = (
    ("The operator in the hub, in all namespaces", rights.HUB),
    ("The operator in the hub, in `isochrone-system`", rights.HUB_SYSTEM),
    ("The operator in the hub, in the namespace of a site that pulls", rights.HUB_IN_SITE),
    ("The operator of a site that pulls, in its namespace of the hub", rights.SITE),
    ("The operator of a site that pulls, in `isochrone-system` of the hub", rights.SITE_IN_SYSTEM),
    ("Whoever delivers to a cluster, there, in all namespaces", rights.MEMBER),
    ("Whoever delivers to a cluster, there, in `isochrone-system`", rights.MEMBER_SYSTEM),
    ("The operator of a site that pulls, there, in `isochrone-system`, beside that", rights.LEADING),
)


def render() -> str:
    return "\n".join([HEAD, *(_part(title, rules) for title, rules in PARTS)])


def _part(title: str, rules: Iterable[Rule]) -> str:
    return "\n".join([f"## {title}", "| on | may | why |", "|---|---|---|", *_rows(rules), ""])


def _rows(rules: Iterable[Rule]) -> Iterator[str]:
    for rule in rules:
        named = f" named {_code(rule.names)}" if rule.names else ""
        what = rule.paths or tuple(_resource(each, rule.group) for each in rule.resources)
        yield f"| {_code(what)}{named} | {', '.join(rule.verbs)} | {rule.why} |"


def _resource(resource: str, group: str) -> str:
    """As kubectl names it."""
    plain, *sub = resource.split("/")
    return "/".join([f"{plain}.{group}" if group else plain, *sub])


def _code(words: Iterable[str]) -> str:
    return ", ".join(f"`{each}`" for each in words)


def generate(root: pathlib.Path) -> None:
    (root / PATH).write_text(render(), encoding="utf-8")
