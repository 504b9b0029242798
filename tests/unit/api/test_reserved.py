"""What users can't set on an engine, name by name: the corpus has a case per rule, these tables one per name."""

from typing import Any

import pytest
from tests.corpus import offline

from isochrone import admission
from isochrone.api.serving import RESERVED_EXACT_FLAGS, RESERVED_FLAGS

ENGINES = ("VLLM", "SGLang", "LlamaCpp")


def refusals(engine: dict[str, Any]) -> list[str]:
    """The fields that speak against a route with this engine."""
    weights = {"uri": "pvc://models/chat"}
    route = {
        "apiVersion": "isochrone.dev/v1alpha1",
        "kind": "ModelRoute",
        "metadata": {"name": "chat"},
        "spec": {"serving": {"engine": engine, "weights": weights}},
    }
    return [finding.path for finding in admission.admit(offline.schemas()["ModelRoute"], route)]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("flag", RESERVED_FLAGS)
def test_a_reserved_flag_is_refused_however_it_is_written(engine: str, flag: str) -> None:
    written = ([flag, "x"], [f"{flag}=x"], [flag.replace("-", "_").replace("__", "--", 1)], ["--seed=1", flag[:-1]])
    for args in written:
        assert refusals({"type": engine, "args": args}) == ["spec.serving.engine.args"], args


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("flag", RESERVED_EXACT_FLAGS)
def test_a_flag_of_llama_cpp_is_refused(engine: str, flag: str) -> None:
    assert refusals({"type": engine, "args": [flag, "x"]}) == ["spec.serving.engine.args"]


@pytest.mark.parametrize("flag", [*RESERVED_FLAGS, *RESERVED_EXACT_FLAGS])
def test_a_custom_engine_takes_any_flag(flag: str) -> None:
    assert refusals({"type": "Custom", "image": "server:1", "port": 8000, "args": [flag, "x"]}) == []


@pytest.mark.parametrize(
    "arg",
    [
        pytest.param("--max-num-seqs=64", id="concurrency"),
        pytest.param("--max-model-len=8192", id="begins-alike"),
        pytest.param("--model-impl=vllm", id="longer-than-a-reserved-one"),
        pytest.param("--tokenizer-mode=mistral", id="tokenizer"),
        pytest.param("--lora-modules=a=/adapters/a", id="adapter"),
        pytest.param("--load-format=safetensors", id="format"),
        pytest.param("--task=embed", id="embeddings"),
        pytest.param("-ngl", id="short"),
        pytest.param("--mmproj=/models/mmproj.gguf", id="projector-of-the-weights"),
        pytest.param("--chat-template=/etc/host --port", id="inside-a-value"),
    ],
)
def test_other_flags_are_taken(arg: str) -> None:
    assert refusals({"type": "VLLM", "args": [arg]}) == []


@pytest.mark.parametrize(
    ("name", "is_taken"),
    [
        pytest.param("NVIDIA_VISIBLE_DEVICES", False, id="nvidia"),
        pytest.param("NVIDIA_DRIVER_CAPABILITIES", False, id="nvidia-capabilities"),
        pytest.param("CUDA_VISIBLE_DEVICES", False, id="cuda"),
        pytest.param("AMD_VISIBLE_DEVICES", False, id="amd"),
        pytest.param("ROCR_VISIBLE_DEVICES", False, id="rocr"),
        pytest.param("HIP_VISIBLE_DEVICES", False, id="hip"),
        pytest.param("GPU_DEVICE_ORDINAL", False, id="rocm-ordinal"),
        pytest.param("ZE_AFFINITY_MASK", False, id="intel"),
        pytest.param("LD_PRELOAD", False, id="preload"),
        pytest.param("LD_LIBRARY_PATH", False, id="library-path"),
        pytest.param("LLAMA_ARG_MODEL", False, id="llama-cpp"),
        pytest.param("OLD_PATH", True, id="ld-inside"),
        pytest.param("CUDA_LAUNCH_BLOCKING", True, id="cuda-other"),
        pytest.param("NCCL_DEBUG", True, id="nccl"),
        pytest.param("VLLM_LOGGING_LEVEL", True, id="vllm"),
    ],
)
def test_variables_that_choose_devices_libraries_or_models_are_refused(name: str, is_taken: bool) -> None:
    found = refusals({"type": "VLLM", "env": [{"name": name, "value": "x"}]})
    assert found == ([] if is_taken else ["spec.serving.engine.env[0].name"])
