"""The table of requests and their outcomes: `cases.toml`."""

import dataclasses
import pathlib
import tomllib


@dataclasses.dataclass(frozen=True, kw_only=True)
class Case:
    """One row. The fields are explained in the file."""

    id: str
    rfc: str
    send: bytes
    answers: tuple[int, ...]
    then: str
    code: str | None
    bodies: tuple[bytes, ...] | None


def load() -> list[Case]:
    rows = tomllib.loads(pathlib.Path(__file__).with_name("cases.toml").read_text(encoding="utf-8"))["case"]
    return [_read(row) for row in rows]


def _read(row: dict[str, object]) -> Case:
    send = str(row["send"])
    fill = row.get("fill", {})
    assert isinstance(fill, dict)
    for name, (text, times) in fill.items():
        send = send.replace("{" + name + "}", text * times)
    answers, bodies, code = row["answers"], row.get("bodies"), row.get("code")
    assert isinstance(answers, list)
    return Case(
        id=str(row["id"]),
        rfc=str(row["rfc"]),
        send=send.encode("latin-1"),
        answers=tuple(answers),
        then=str(row["then"]),
        code=None if code is None else str(code),
        bodies=tuple(body.encode("latin-1") for body in bodies) if isinstance(bodies, list) else None,
    )
