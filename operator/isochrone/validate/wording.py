"""The API server's refusals in words that lead to the place in the file and on to what to write there."""

import json
import re
from typing import Final

from isochrone import admission
from isochrone.manifests import Manifest
from isochrone.validate import fields
from isochrone.validate.finding import Finding, Rule
from isochrone.validate.item import finding_at, meant

_JSON_VALUE: Final = re.compile(r"^Invalid value: (?=[{\[])")
_NO_STRING: Final = re.compile(r'must be of type string: "(\w+)"$')
_NO_WORD: Final = re.compile(r'must be of type (boolean|integer|number): "string"$')
_READ_AS: Final = {"boolean": "a boolean", "integer": "a number", "number": "a number", "null": "null"}
_LITERALS: Final = {
    "boolean": re.compile(r"true|false"),
    "integer": re.compile(r"-?[0-9]+"),
    "number": re.compile(r"-?[0-9]+([.][0-9]+)?"),
}


def worded(manifest: Manifest, refusal: admission.Finding) -> Finding:
    """The refusal as a finding."""
    field = "" if refusal.path == "<nil>" else refusal.path
    about_quotes = _unquoted(manifest, refusal, field) or _quoted(manifest, refusal, field)
    message, way_out = about_quotes or (_message(refusal, field), _way_out(manifest, refusal, field))
    return finding_at(manifest, Rule(refusal.kind.value), field=field, message=message, way_out=way_out)


def _unquoted(manifest: Manifest, refusal: admission.Finding, field: str) -> tuple[str, str] | None:
    """The Norway problem: `NO` is a boolean in YAML 1.1, `1.10` a number; where text must be, they need quotes."""
    found, written = _NO_STRING.search(refusal.message), manifest.written(field)
    if found is None or written is None or found[1] not in _READ_AS:
        return None
    if not written:
        return "the value is empty", "give a value, or remove the field"
    if not fields.takes(manifest.kind, field, written):
        return _neither(manifest.kind, field, written, _READ_AS[found[1]])
    if found[1] == "boolean":
        way_out = "YAML reads yes, no, on, off, y, n, true and false as booleans unless they are in quotes"
    else:
        way_out = "text that looks like a number, or like null, needs quotes"
    return f'{written} was read as {_READ_AS[found[1]]}: write "{written}"', way_out


def _neither(kind: str, field: str, written: str, read_as: str) -> tuple[str, str]:
    """Quotes alone would not help."""
    possible = " or ".join(f'"{each}"' for each in fields.examples(kind, field, written)[:2])
    message = f"{written} was read as {read_as}, and text must stand here"
    return f"{message}, such as {possible}" if possible else message, _explained(kind, field)


def _quoted(manifest: Manifest, refusal: admission.Finding, field: str) -> tuple[str, str] | None:
    """The other way round: `"1"` is text, however it looks."""
    found, text = _NO_WORD.search(refusal.message), manifest.quoted(field)
    if found is None or text is None or not _LITERALS[found[1]].fullmatch(text):
        return None
    noun = "boolean" if found[1] == "boolean" else "number"
    return f'"{text}" is text, and a {noun} must stand here: write {text}', f"a {noun} must not be quoted"


def _message(refusal: admission.Finding, field: str) -> str:
    """The server's words, without the JSON of a whole object and without the path, which stands beside them."""
    message = refusal.message
    if begin := _JSON_VALUE.match(message):
        try:
            _, end = json.JSONDecoder().raw_decode(message, begin.end())
        except json.JSONDecodeError:
            return message
        message = message[end:].removeprefix(": ")
    if refusal.rule is not None:
        message = message.removeprefix("Invalid value: ")
    return message.replace(f"{field} in body ", "", 1) if field else message


def _way_out(manifest: Manifest, refusal: admission.Finding, field: str) -> str:
    kind = manifest.kind
    if refusal.kind is admission.Kind.UNKNOWN_FIELD:
        above, _, name = field.rpartition(".")
        known = fields.names(kind, above)
        return meant(name, known) or (f"remove it; known here: {', '.join(known)}" if known else "remove it")
    if refusal.rule is not None and not fields.is_scalar(kind, field):
        return fields.explanation(kind, field)  # the rule's message says it all
    return _explained(kind, field)


def _explained(kind: str, field: str) -> str:
    said, more = fields.description(kind, field) if field else "", fields.explanation(kind, field)
    return f"{said} More: {more}" if said else more
