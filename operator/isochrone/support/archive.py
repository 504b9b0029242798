"""Files as one .tar.gz, which is the same to the byte for the same files and the same moment."""

import gzip
import io
import tarfile
from collections.abc import Mapping


def packed(folder: str, files: Mapping[str, str], *, now: int) -> bytes:
    """The archive; everything in it is in one folder."""
    stream = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=stream, mode="wb", mtime=now) as zipped,
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for name, text in files.items():
            content = text.encode(errors="replace")
            entry = tarfile.TarInfo(f"{folder}/{name}")
            entry.size, entry.mtime, entry.mode = len(content), now, 0o644
            archive.addfile(entry, io.BytesIO(content))
    return stream.getvalue()
