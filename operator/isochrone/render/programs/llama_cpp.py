"""llama.cpp's server: https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md.

It listens at once, and answers /health with 503 while it loads. On SIGTERM it breaks off what it is answering. Without
a number of threads it takes one per core of the node, also of those that are others'.
"""

from isochrone.render.programs.program import Ask, Program


def program(ask: Ask) -> Program:
    args = ["--model", ask.weights, "--alias", ask.model, "--host", "0.0.0.0", "--port", "8080", "--metrics"]  # noqa: S104
    if ask.devices:
        args += ["--n-gpu-layers", "999"]
    elif ask.cpus:
        args += ["--threads", str(ask.cpus)]
    if ask.engine.context_length:
        # Else each of its slots would get a part of these tokens only.
        args += ["--ctx-size", str(ask.engine.context_length), "--kv-unified"]
    if ask.embeds_only:
        args.append("--embedding")
    return Program(port=8080, args=tuple(args), liveness_path="/health", bears_read_only_root=True)
