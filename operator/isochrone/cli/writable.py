"""Whether a file can be written, asked before work that may take long."""

import os
import pathlib

from isochrone.cli.inputs import Unusable


def check(option: str, name: str) -> None:
    """Ends the command where a file of this name can't be, and says so of the option that named it."""
    path = pathlib.Path(name)
    try:
        is_folder, has_folder = path.is_dir(), path.resolve().parent.is_dir()
        may_write = os.access(path if path.exists() else path.resolve().parent, os.W_OK)
    except OSError as error:
        raise Unusable(f"{option}: {name}: {error.strerror}") from error
    if is_folder:
        raise Unusable(f"{option}: {name} is a folder: give the name of a file in it")
    if not has_folder:
        raise Unusable(f"{option}: there is no folder {path.parent}: make it, or give a file in one that is there")
    if not may_write:
        raise Unusable(f"{option}: {name}: Permission denied")
