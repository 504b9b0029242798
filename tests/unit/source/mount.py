"""A volume of a pod, written as a kubelet does it: the files of a version all come at once."""

import itertools
import pathlib
import shutil
from collections.abc import Mapping


class Mount:
    """Files are links into `..data`, itself a link to the folder of the present version, which is swapped as one."""

    def __init__(self, folder: pathlib.Path) -> None:
        folder.mkdir(exist_ok=True)
        self.folder = folder
        self._numbers = itertools.count(1)

    def show(self, files: Mapping[str, bytes]) -> None:
        """Let these be the files, by their paths."""
        data, version = self.folder / "..data", self.folder / f"..version-{next(self._numbers)}"
        version.mkdir()
        for name, content in files.items():
            (version / name).parent.mkdir(parents=True, exist_ok=True)
            (version / name).write_bytes(content)
        former = data.resolve() if data.is_symlink() else None
        link = self.folder / "..data_tmp"
        link.symlink_to(version.name)
        link.replace(data)
        self._name({pathlib.PurePath(name).parts[0] for name in files})
        if former is not None:
            shutil.rmtree(former)

    def _name(self, wanted: set[str]) -> None:
        present = {path.name for path in self.folder.iterdir() if not path.name.startswith("..")}
        for name in wanted - present:
            (self.folder / name).symlink_to(f"..data/{name}")
        for name in present - wanted:
            (self.folder / name).unlink()
