"""Metrics pages of engines, old and new."""

import pytest

from isochrone_gateway.upstream.load import EngineLoad, read_load

VLLM = b"""# HELP vllm:num_requests_running Number of requests in model execution batches.
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{engine="0",model_name="m"} 3.0
vllm:num_requests_running{engine="1",model_name="m"} 4.0
vllm:num_requests_waiting{engine="0",model_name="m"} 2.0
vllm:num_requests_waiting{engine="1",model_name="m"} 1.0
vllm:num_requests_waiting_by_reason{engine="0",model_name="m",reason="capacity"} 99.0
vllm:kv_cache_usage_perc{engine="0",model_name="m"} 0.5
vllm:kv_cache_usage_perc{engine="1",model_name="m"} 0.25
vllm:prompt_tokens_total{engine="0",model_name="m"} 1.2e+06
"""
VLLM_OLD = b"""vllm:num_requests_running{model_name="m"} 1.0
vllm:num_requests_waiting{model_name="m"} 5.0
vllm:gpu_cache_usage_perc{model_name="m"} 0.75
"""
SGLANG = b"""sglang:num_running_reqs{model_name="a{b}\\" c",x="y"} 162.0
sglang:num_queue_reqs{model_name="a{b}\\" c",x="y"} 2826.0
sglang:token_usage{model_name="a{b}\\" c",x="y"} 0.28
"""
LLAMA = b"""# HELP llamacpp:requests_processing Number of requests processing.
llamacpp:requests_processing 1
llamacpp:requests_deferred 2
llamacpp:n_tokens_max 500
"""
TRT = b"trtllm_num_requests_running 4\ntrtllm_num_requests_waiting 1\ntrtllm_kv_cache_utilization 0.9\n"


@pytest.mark.parametrize(
    ("page", "load"),
    [
        pytest.param(VLLM, EngineLoad(waiting=3, running=7, kv_use=0.375), id="vLLM, data-parallel"),
        pytest.param(VLLM_OLD, EngineLoad(waiting=5, running=1, kv_use=0.75), id="vLLM, old name"),
        pytest.param(
            VLLM_OLD + b"vllm:kv_cache_usage_perc 0.5\n",
            EngineLoad(waiting=5, running=1, kv_use=0.5),
            id="vLLM, both names",
        ),
        pytest.param(SGLANG, EngineLoad(waiting=2826, running=162, kv_use=0.28), id="SGLang, labels with braces"),
        pytest.param(LLAMA, EngineLoad(waiting=2, running=1), id="llama.cpp"),
        pytest.param(
            LLAMA + b"llamacpp:kv_cache_usage_ratio 0.1\n",
            EngineLoad(waiting=2, running=1, kv_use=0.1),
            id="llama.cpp, old",
        ),
        pytest.param(TRT, EngineLoad(waiting=1, running=4, kv_use=0.9), id="TensorRT-LLM"),
        pytest.param(
            VLLM.replace(b"\n", b" 1690000000000\r\n"), EngineLoad(waiting=3, running=7, kv_use=0.375), id="times"
        ),
        pytest.param(b"vllm:num_requests_running 1\n", EngineLoad(waiting=0, running=1), id="half of it"),
        pytest.param(
            b"vllm:num_requests_running NaN\nvllm:num_requests_waiting 2", EngineLoad(waiting=2, running=0), id="NaN"
        ),
        pytest.param(b"vllm:num_requests_running +Inf\nvllm:num_requests_waiting -1", None, id="nonsense"),
        pytest.param(b"vllm:kv_cache_usage_perc 0.5\n", None, id="neither queue"),
        pytest.param(b"x_vllm:num_requests_running 1\n", None, id="another metric's end"),
        pytest.param(b"# vllm:num_requests_running 1\n", None, id="a comment"),
        pytest.param(b"", None, id="empty"),
        pytest.param(b"<html>404</html>", None, id="not metrics"),
    ],
)
def test_reading(page: bytes, load: EngineLoad | None) -> None:
    assert read_load(page) == load


def test_a_hostile_page_is_read_in_linear_time() -> None:
    assert read_load(b'vllm:num_requests_running{a="' + b'\\"' * 500_000 + b"\n" + VLLM_OLD) is not None
