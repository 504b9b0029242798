"""Maps as files, for the commands that have `--map FILE`."""

import pathlib
from typing import Final, Literal

from isochrone import maps
from isochrone.cli.inputs import Unusable

Form = Literal["svg", "png"]
_FORMS: Final[dict[str, Form]] = {".svg": "svg", ".png": "png"}


def form_of(path: pathlib.Path) -> Form:
    """By the end of its name. Raises Unusable."""
    form = _FORMS.get(path.suffix.lower())
    if form is None:
        raise Unusable(f"--map: {path} should end in .svg or .png")
    return form


def write(scene: maps.Scene, path: pathlib.Path, form: Form) -> None:
    """Draw it. Raises Unusable where that can't be."""
    try:
        path.write_bytes(maps.draw(scene, format=form))
    except maps.NoDrawingError as error:
        raise Unusable(f"--map: {error}") from error
    except OSError as error:
        raise Unusable(f"--map: {path}: {error.strerror}") from error
