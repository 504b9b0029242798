"""The folder `operator/` must never shadow the standard library's `operator` module."""

import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent


def test_operator_folder_is_no_package() -> None:
    assert not (ROOT / "operator" / "__init__.py").exists()


def test_import_operator_from_the_root_gives_the_standard_library() -> None:
    code = "import operator; print(operator.attrgetter('real')(1), operator.__spec__.origin)"

    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)

    assert done.stdout.startswith("1 ")
    assert str(ROOT) not in done.stdout
