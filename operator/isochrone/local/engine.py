"""One engine: llama.cpp's own server with the OpenAI API, by way of `xllamacpp`.

    python -m isochrone.local.engine --packages FOLDER --weights FILE --alias NAME --context N [--embeddings]

Prints `READY host:port` once it answers, on a port that was free, and then works until it is told to end. One thread,
since several engines share the machine; llama.cpp gets slower, not faster, where threads wait for each other.
"""

import argparse
import pathlib
import sys
import threading
from collections.abc import Sequence
from typing import Any, Final

_SLOTS: Final = 4
"""Answers at a time; they share the context."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Answer until the process is ended."""
    asked = _parse(arguments)
    if asked.packages is not None:
        sys.path.insert(0, str(asked.packages))
    import xllamacpp

    server = xllamacpp.Server(_parameters(xllamacpp, asked))
    sys.stdout.write(f"READY {server.listening_address.removeprefix('http://')}\n")
    sys.stdout.flush()
    threading.Event().wait()


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m isochrone.local.engine", allow_abbrev=False)
    parser.add_argument("--packages", type=pathlib.Path, help="where xllamacpp is, if not where this Python looks")
    parser.add_argument("--weights", type=pathlib.Path, required=True)
    parser.add_argument("--alias", required=True)
    parser.add_argument("--context", type=int, required=True)
    parser.add_argument("--embeddings", action="store_true", help="the mean over all tokens of a text")
    return parser.parse_args(arguments)


def _parameters(xllamacpp: Any, asked: argparse.Namespace) -> Any:
    found = xllamacpp.CommonParams()
    found.model.path = str(asked.weights)
    found.model_alias = {asked.alias}
    found.hostnames = ["127.0.0.1"]
    found.port = 0
    found.n_ctx = asked.context
    found.n_parallel = _SLOTS
    found.kv_unified = True
    found.n_gpu_layers = 0
    found.cpuparams.n_threads = found.cpuparams_batch.n_threads = 1
    found.endpoint_metrics = True
    found.warmup = False
    found.ui = False
    if asked.embeddings:
        found.embedding = True
        found.pooling_type = xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_MEAN
    return found


if __name__ == "__main__":
    main()
