"""`isochrone-fetch`: puts weights into a folder, or verifies those that are there (`file://`)."""

import argparse
import contextlib
import datetime as dt
import os
import pathlib
import posixpath
import sys
import time
from collections.abc import Mapping, Sequence

from isochrone_fetch import download, folder, hf, https, manifest, oci, s3
from isochrone_fetch.errors import BrokenOffError, FetchError
from isochrone_fetch.patience import Sleep
from isochrone_fetch.source import Source

_HF = "https://huggingface.co"


def main(arguments: Sequence[str] | None = None) -> int:
    """Ends with 0 when all that was asked for is there and verified, else with 1 and one sentence."""
    options = _parser().parse_args(arguments)
    try:
        fetch(options, os.environ, sleep=time.sleep)
    except (FetchError, BrokenOffError, OSError) as error:
        print(f"isochrone-fetch: {error}", file=sys.stderr)
        return 1
    except (ValueError, KeyError, TypeError) as error:
        print(f"isochrone-fetch: the source answers with something that it should not: {error!r}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="isochrone-fetch", description=__doc__)
    parser.add_argument("uri", help="https://, s3://, hf://, oci:// or file://; a folder ends in / (hf: has no path)")
    parser.add_argument("--to", type=pathlib.Path, default=pathlib.Path(), help="the folder to put it into")
    parser.add_argument("--digest", help="sha256:..., of the file, or of the list of the folder's files")
    parser.add_argument("--hf-endpoint", default=_HF, help="Hugging Face, or a mirror of it")
    parser.add_argument("--s3-endpoint", help="an S3-compatible store; AWS when left out")
    return parser


def fetch(options: argparse.Namespace, environment: Mapping[str, str], *, sleep: Sleep) -> None:
    scheme, _, rest = options.uri.partition("://")
    if scheme == "oci":
        image = oci.image(rest, environment, sleep=sleep)
        return oci.fetch(image, options.to, sleep=sleep)
    if options.digest is None:
        raise FetchError("what is fetched needs --digest: else nobody knows what it is")
    sha256 = options.digest.removeprefix("sha256:")
    match scheme:
        case "file":
            return verify(pathlib.Path(rest), sha256)
        case "hf":
            repository, path = hf.parsed(rest, options.hf_endpoint, environment)
            if not path:
                return folder.repository(repository, options.to, sha256, sleep=sleep)
            return _one(repository, path, options.to, sha256, sleep=sleep)
        case "s3":
            return _some(_bucket(rest, options.s3_endpoint, environment), rest, options.to, sha256, sleep=sleep)
        case "https" | "http":
            base = posixpath.dirname(options.uri) + "/"
            return _some(https.Web(base, https.credentials(environment)), rest, options.to, sha256, sleep=sleep)
        case _:
            raise FetchError(f"{options.uri}: nothing is known of {scheme}://")


def _bucket(rest: str, endpoint: str | None, environment: Mapping[str, str]) -> s3.Bucket:
    name, _, key = rest.partition("/")
    prefix = f"{posixpath.dirname(key)}/".lstrip("/")
    found = endpoint or s3.endpoint_of(s3.region(environment))
    return s3.Bucket(found, name, prefix, s3.keys(environment), lambda: dt.datetime.now(dt.UTC))


def _some(source: Source, rest: str, to: pathlib.Path, sha256: str, *, sleep: Sleep) -> None:
    """A folder, which ends in a slash, or a file."""
    if rest.endswith("/"):
        folder.listed(source, to, sha256, sleep=sleep)
    else:
        _one(source, posixpath.basename(rest), to, sha256, sleep=sleep)


def _one(source: Source, path: str, to: pathlib.Path, sha256: str, *, sleep: Sleep) -> None:
    download.file(lambda: source.request(path), to / posixpath.basename(path), sha256, sleep=sleep)


def verify(place: pathlib.Path, sha256: str) -> None:
    """What is there already, on a volume."""
    found = manifest.digest(manifest.of_folder(place)) if place.is_dir() else download.digest_of(place)
    if found != sha256:
        raise FetchError(f"{place} is not what was asked for: it is sha256:{found}, not sha256:{sha256}")


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(main())
