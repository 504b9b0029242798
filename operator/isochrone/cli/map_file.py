"""Maps as files, for the commands that have `--map FILE`."""

import pathlib
from typing import Final, Literal

from isochrone import maps
from isochrone.cli import writable
from isochrone.cli.inputs import Unusable

Form = Literal["svg", "png"]
_FORMS: Final[dict[str, Form]] = {".svg": "svg", ".png": "png"}


def form_of(path: pathlib.Path) -> Form:
    """By the end of its name. Raises Unusable."""
    form = _FORMS.get(path.suffix.lower())
    if form is None:
        raise Unusable(f"--map: {path} should end in .svg or .png")
    return form


def check(path: pathlib.Path) -> None:
    """Ends the command where no map can be drawn there: before the work that it would show."""
    writable.check("--map", str(path))
    try:
        if form_of(path) == "png":
            maps.prepare()
    except maps.NoDrawingError as error:
        raise Unusable(f"--map: {error}") from error


def write(scene: maps.Scene, path: pathlib.Path, form: Form) -> None:
    """Draw it. Raises Unusable where that can't be."""
    try:
        path.write_bytes(maps.draw(scene, format=form))
    except maps.NoDrawingError as error:
        raise Unusable(f"--map: {error}") from error
    except OSError as error:
        raise Unusable(f"--map: {path}: {error.strerror}") from error
