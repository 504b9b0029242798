"""llama.cpp's server for images that are made from PyPI: the arguments of `llama-server` that the operator uses.

`xllamacpp` is llama.cpp with that server in it, as a library. The real one is in ghcr.io/ggml-org/llama.cpp.
"""

import argparse
import signal
import sys
import threading
from typing import Any

import xllamacpp


def main() -> int:
    """Answer until told to end. As llama.cpp's own: at once, breaking off what is open."""
    asked = _parse()
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    signal.signal(signal.SIGINT, lambda *_: ended.set())
    server = xllamacpp.Server(_parameters(asked))
    sys.stdout.write(f"listening on {server.listening_address}\n")
    sys.stdout.flush()
    ended.wait()
    return 0


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="llama-server", allow_abbrev=False)
    parser.add_argument("--model", required=True)
    parser.add_argument("--alias", required=True)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("--ctx-size", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--n-gpu-layers", type=int, default=0)
    parser.add_argument("--pooling", choices=["none", "mean", "cls", "last", "rank"])
    for flag in ("--metrics", "--kv-unified", "--embedding"):
        parser.add_argument(flag, action="store_true")
    return parser.parse_args()


def _parameters(asked: argparse.Namespace) -> Any:
    found = xllamacpp.CommonParams()
    found.model.path = asked.model
    found.model_alias = {asked.alias}
    found.hostnames = [asked.host]
    found.port = asked.port
    found.n_ctx = asked.ctx_size
    found.n_parallel = 4
    found.kv_unified = asked.kv_unified
    found.n_gpu_layers = asked.n_gpu_layers
    found.cpuparams.n_threads = found.cpuparams_batch.n_threads = asked.threads
    found.endpoint_metrics = asked.metrics
    found.ui = False
    found.embedding = asked.embedding
    if asked.pooling:
        found.pooling_type = getattr(xllamacpp.llama_pooling_type, f"LLAMA_POOLING_TYPE_{asked.pooling.upper()}")
    return found
