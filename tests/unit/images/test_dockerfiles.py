"""The Dockerfiles, read: no container engine is there to build them where the tests run."""

import dataclasses
import fnmatch
import pathlib
import re
import shlex

import pytest
from images import packages
from images.build import RECIPES

_ROOT = pathlib.Path(__file__).parents[3]
_IMAGES = ("operator", "gateway")
_PINNED = re.compile(r"[a-z0-9./-]+:[a-z0-9.-]+@sha256:[0-9a-f]{64}")


@dataclasses.dataclass(frozen=True)
class Instruction:
    word: str
    rest: str


def _read(image: str) -> list[Instruction]:
    text = (_ROOT / "images" / image / "Dockerfile").read_text()
    lines = re.sub(r"\\\n", " ", text).splitlines()
    found = [line.partition(" ") for line in lines if line.strip() and not line.startswith("#")]
    return [Instruction(word, re.sub(r"\s+", " ", rest).strip()) for word, _, rest in found]


def _last_stage(image: str) -> list[Instruction]:
    instructions = _read(image)
    start = max(number for number, each in enumerate(instructions) if each.word == "FROM")
    return instructions[start:]


def _argument(image: str, name: str) -> str:
    found = [each.rest for each in _read(image) if each.word == "ARG" and each.rest.startswith(f"{name}=")]
    return found[0].partition("=")[2]


@pytest.mark.parametrize("image", _IMAGES)
def test_every_stage_starts_from_a_base_that_is_an_argument_pinned_by_digest(image: str) -> None:
    bases = [each.rest.partition(" AS ")[0] for each in _read(image) if each.word == "FROM"]
    assert bases == ["${PYTHON}", "${PYTHON}"]
    assert _PINNED.fullmatch(_argument(image, "PYTHON"))
    assert _read(image)[0].word == "ARG"  # before any FROM, so that all of them see it


@pytest.mark.parametrize("image", _IMAGES)
def test_what_is_shipped_runs_as_nobody_in_particular_and_needs_no_shell(image: str) -> None:
    last = _last_stage(image)
    (user,) = [each.rest for each in last if each.word == "USER"]
    assert user == "1000:1000"
    assert [each.word for each in last].count("RUN") == 0
    (entry,) = [each.rest for each in last if each.word == "ENTRYPOINT"]
    assert entry == f'["{RECIPES[image].entrypoint}"]'
    assert last.index(Instruction("USER", user)) < last.index(Instruction("ENTRYPOINT", entry))


@pytest.mark.parametrize("image", _IMAGES)
def test_labels_say_what_it_is(image: str) -> None:
    (labels,) = [shlex.split(each.rest) for each in _last_stage(image) if each.word == "LABEL"]
    found = dict(each.split("=", 1) for each in labels)
    prefix = "org.opencontainers.image"
    assert found[f"{prefix}.title"] == RECIPES[image].title
    assert found[f"{prefix}.licenses"] == "Apache-2.0"
    assert {f"{prefix}.{name}" for name in ("source", "version", "revision", "description")} <= set(found)


@pytest.mark.parametrize("image", _IMAGES)
def test_what_is_copied_is_there_and_is_sent_to_the_engine(image: str) -> None:
    sent = [line[1:] for line in (_ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    for each in (each for each in _read(image) if each.word == "COPY"):
        words = [word for word in each.rest.split() if not word.startswith("--chmod")]
        if words[0] == "--from=build":
            continue
        for source in words[:-1]:
            assert (_ROOT / source).exists(), source
            assert any(fnmatch.fnmatch(source.rstrip("/"), f"{name}*") for name in sent), source


def test_both_are_built_by_the_uv_that_the_makefile_installs_on_one_base() -> None:
    makefile = (_ROOT / "Makefile").read_text()
    for image in _IMAGES:
        assert f"UV_VERSION := {_argument(image, 'UV_VERSION')}\n" in makefile
        assert f'version = "{_argument(image, "VERSION")}"' in (_ROOT / "pyproject.toml").read_text()
    assert _argument("operator", "PYTHON") == _argument("gateway", "PYTHON")


def test_the_gateway_is_compiled_and_has_nothing_of_the_operator() -> None:
    text = " ".join(each.rest for each in _read("gateway"))
    assert "hack/compile.py /compiled" in text
    synced = [each for each in text.split("uv sync")[1:] if "/build" not in each]
    assert all("operator" not in each for each in synced)
    copied = [each.rest for each in _read("gateway") if each.word == "COPY"]
    assert not any(rest.startswith(("operator", "gateway ", ". ")) for rest in copied)
    locked = {line.partition("==")[0] for line in packages.requirements("gateway").splitlines() if "==" in line}
    assert not locked & {"kopf", "kubernetes", "aiohttp", "pydantic", "click", "numpy", "mypy", "setuptools"}
