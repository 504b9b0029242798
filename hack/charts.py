"""Write what in the charts is made from something else, so that it can't be forgotten.

    templates/crds/        the CRDs, kept when the chart goes
    templates/_rights.tpl  the operator's rights, each with its reason
    README.md              the table of values, from the comments in values.yaml

and copy to charts/isochrone-site what it has in common with charts/isochrone.
"""

import json
import pathlib
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import yaml

from isochrone.api import GROUP, KINDS, crd
from isochrone.render import rights
from isochrone.render.rights import Rule

HUB: Final = pathlib.Path("charts/isochrone")
SITE: Final = pathlib.Path("charts/isochrone-site")
COPIED: Final = (
    "templates/_operator.tpl",
    "templates/extra.yaml",
    "templates/monitoring.yaml",
    "files/rules/gateway.yaml",
    "files/dashboards/gateway.json",
)
RIGHTS: Final[Mapping[pathlib.Path, Mapping[str, tuple[Rule, ...]]]] = {
    HUB: {
        "hub": rights.HUB,
        "hubSystem": rights.HUB_SYSTEM,
        "member": rights.MEMBER,
        "memberSystem": rights.MEMBER_SYSTEM,
    },
    SITE: {"member": rights.MEMBER, "memberSystem": rights.MEMBER_SYSTEM, "leading": rights.LEADING},
}
_KEEP: Final = """\
  {{- if .Values.crds.keep }}
  annotations:
    helm.sh/resource-policy: keep
  {{- end }}
spec:
"""
_BEGIN: Final = "<!-- The table is written by `make generate` from values.yaml. -->\n"
_END: Final = "<!-- End of the table. -->\n"
_KEY: Final = re.compile(r"( *)([A-Za-z]+):(.*)")


def generate(root: pathlib.Path) -> None:
    folder = root / HUB / "templates" / "crds"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for kind in KINDS:
        (folder / f"{GROUP}_{kind.info.plural}.yaml").write_text(definition(crd.manifest(kind)), encoding="utf-8")
    for chart, granted in RIGHTS.items():
        (root / chart / "templates" / "_rights.tpl").write_text(rules(granted), encoding="utf-8")
        readme = root / chart / "README.md"
        values = (root / chart / "values.yaml").read_text(encoding="utf-8")
        readme.write_text(with_table(readme.read_text(encoding="utf-8"), values), encoding="utf-8")
    for name in COPIED:
        shutil.copyfile(root / HUB / name, root / SITE / name)


def definition(manifest: str) -> str:
    """A CRD as a template."""
    head, _, tail = manifest.replace("{{", '{{ "{{" }}').partition("spec:\n")
    return f"{{{{- if .Values.crds.install }}}}\n{head}{_KEEP}{tail}{{{{- end }}}}\n"


def rules(granted: Mapping[str, Iterable[Rule]]) -> str:
    """Named templates with rules of RBAC."""
    head = "{{/* Written by `make generate` from operator/isochrone/render/rights.py. */}}\n"
    return head + "".join(
        f'{{{{- define "isochrone.rights.{name}" -}}}}\n{"".join(map(_rule, found))}{{{{- end }}}}\n'
        for name, found in granted.items()
    )


def _rule(rule: Rule) -> str:
    first, *rest = (f"{key}: {json.dumps(value)}" for key, value in rule.manifest.items())
    return "".join([f"# {rule.why}\n", f"- {first}\n", *(f"  {line}\n" for line in rest)])


def with_table(readme: str, values: str) -> str:
    before, _, rest = readme.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    lines = [f"| `{name}` | `{default}` | {text} |\n" for name, default, text in documented(values)]
    return f"{before}{_BEGIN}| value | default | what it is |\n|---|---|---|\n{''.join(lines)}{_END}{after}"


def documented(values: str) -> Iterator[tuple[str, str, str]]:
    """Path, default and comment of every value that has a comment."""
    parsed = yaml.safe_load(values)
    path: list[str] = []
    comment: list[str] = []
    for line in values.splitlines():
        found = _KEY.match(line)
        if line.lstrip().startswith("# "):
            comment.append(line.lstrip()[2:])
            continue
        if found is not None and (comment or len(found[1]) <= 2 * len(path)):
            path = [*path[: len(found[1]) // 2], found[2]]
        if found is not None and comment:
            yield ".".join(path), _default(parsed, path), " ".join(comment).replace("|", "\\|")
        comment = []


def _default(parsed: Any, path: Iterable[str]) -> str:
    for step in path:
        parsed = parsed[step]
    return json.dumps(parsed)
