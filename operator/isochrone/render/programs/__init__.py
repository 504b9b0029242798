"""The engines, one file each. A new one is a file, a line here, and a value of `EngineType`."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from isochrone.api.serving import EngineType
from isochrone.render.programs import custom, llama_cpp, sglang, vllm
from isochrone.render.programs.program import Ask, Program

PROGRAMS: Final[Mapping[EngineType, Callable[[Ask], Program]]] = MappingProxyType(
    {
        EngineType.VLLM: vllm.program,
        EngineType.SGLANG: sglang.program,
        EngineType.LLAMA_CPP: llama_cpp.program,
        EngineType.CUSTOM: custom.program,
    }
)

__all__ = ["PROGRAMS", "Ask", "Program"]
