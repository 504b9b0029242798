"""An engine's metrics page (Prometheus text format) to its load. Pure.

Each engine prefixes its metrics, so one table does for all, whatever the configuration calls the engine. Of several
names for one figure the first that is there counts: engines rename gauges and show old and new ones side by side for a
while. Sources: vLLM docs/usage/metrics.md, SGLang references/production_metrics, llama.cpp tools/server/README.md,
TensorRT-LLM; the model server protocol of the Gateway API inference extension maps them the same way.
"""

import dataclasses
import math
import re
from collections.abc import Sequence
from typing import Final

WAITING: Final = (
    b"vllm:num_requests_waiting",
    b"sglang:num_queue_reqs",
    b"llamacpp:requests_deferred",
    b"trtllm_num_requests_waiting",
)
RUNNING: Final = (
    b"vllm:num_requests_running",
    b"sglang:num_running_reqs",
    b"llamacpp:requests_processing",
    b"trtllm_num_requests_running",
)
KV_USE: Final = (
    b"vllm:kv_cache_usage_perc",
    b"vllm:gpu_cache_usage_perc",
    b"sglang:token_usage",
    b"llamacpp:kv_cache_usage_ratio",
    b"trtllm_kv_cache_utilization",
)

_NAMES: Final = b"|".join(map(re.escape, (*WAITING, *RUNNING, *KV_USE)))
# name{labels} value [timestamp]; a label's value may hold escaped quotes, braces and blanks.
_SAMPLE: Final = re.compile(
    rb"^(" + _NAMES + rb")(?:\{(?:[^\"}\n]|\"(?:[^\"\\\n]|\\.)*\")*\})?[ \t]+([^\s]+)", re.MULTILINE
)


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class EngineLoad:
    """How busy an engine says it is. `kv_use` is the used share of its KV cache, 0 to 1; llama.cpp doesn't tell."""

    waiting: float
    running: float
    kv_use: float | None = None


def read_load(page: bytes) -> EngineLoad | None:
    """Give the load, or None if the page tells neither of waiting nor of running requests.

    A gauge may come several times, per model or data-parallel rank: requests add up, shares of caches are averaged.
    """
    samples: dict[bytes, list[float]] = {}
    for name, text in _SAMPLE.findall(page):
        value = _number(text)
        if value is not None:
            samples.setdefault(name, []).append(value)
    waiting, running, kv_use = (_first(samples, names) for names in (WAITING, RUNNING, KV_USE))
    if not waiting and not running:
        return None
    share = min(1.0, sum(kv_use) / len(kv_use)) if kv_use else None
    return EngineLoad(waiting=sum(waiting), running=sum(running), kv_use=share)


def _first(samples: dict[bytes, list[float]], names: Sequence[bytes]) -> list[float]:
    return next((samples[name] for name in names if name in samples), [])


def _number(text: bytes) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and value >= 0 else None
