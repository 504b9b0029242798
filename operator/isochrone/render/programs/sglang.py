"""SGLang: https://docs.sglang.io/advanced_features/server_arguments.html.

/health_generate makes a token, which takes as long as the engine is busy: the kubelet has to be patient. On SIGTERM it
goes on with what it is answering, and ends.
"""

from typing import Final

from isochrone.render.programs.program import Ask, Program

_ENV: Final = {"HF_HUB_OFFLINE": "1"}


def program(ask: Ask) -> Program:
    args = [
        f"--model-path={ask.weights}",
        f"--served-model-name={ask.model}",
        "--host=0.0.0.0",
        "--port=30000",
        "--enable-metrics",
    ]
    if ask.devices > 1:
        args.append(f"--tp-size={ask.devices}")
    if not ask.devices:
        args.append("--device=cpu")
    if ask.engine.context_length:
        args.append(f"--context-length={ask.engine.context_length}")
    if ask.embeds_only:
        args.append("--is-embedding")
    return Program(
        port=30000,
        command=("python3", "-m", "sglang.launch_server"),
        args=tuple(args),
        env=_ENV,
        readiness_path="/health_generate",
        readiness_timeout=60,
        liveness_path="/health",
        drains=True,
        shares_memory=True,
        bears_read_only_root=True,
    )
