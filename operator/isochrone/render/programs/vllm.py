"""vLLM: https://docs.vllm.ai/en/stable/cli/serve.html.

Metrics are always on: there is no flag for them, and one would keep it from starting. It takes connections only once
the model is loaded. On SIGTERM it breaks off what it is answering, unless --shutdown-timeout gives it time to end.
"""

from typing import Final

from isochrone.render.programs.program import Ask, Program

_ENV: Final = {
    "HF_HUB_OFFLINE": "1",
    "VLLM_NO_USAGE_STATS": "1",
}


def program(ask: Ask) -> Program:
    args = [ask.weights, f"--served-model-name={ask.model}", "--host=0.0.0.0", "--port=8000"]
    if ask.devices > 1:
        args.append(f"--tensor-parallel-size={ask.devices}")
    if ask.engine.context_length:
        args.append(f"--max-model-len={ask.engine.context_length}")
    args.append(f"--shutdown-timeout={ask.drain}")
    return Program(
        port=8000,
        command=("vllm", "serve"),
        args=tuple(args),
        env=_ENV,
        liveness_path="/health",
        drains=True,
        shares_memory=True,
        bears_read_only_root=True,
    )
