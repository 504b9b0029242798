"""Write everything in the repository that is generated. A second run changes nothing."""

import importlib.util
import pathlib
import sys
from collections.abc import Callable

ROOT = pathlib.Path(__file__).resolve().parent.parent
STEPS = ("crds", "geo", "geo_population", "config_schema", "rights", "charts", "argo_health", "api_reference")


def generator(step: str) -> Callable[[pathlib.Path], None]:
    """The `generate(root)` of the file beside this one."""
    spec = importlib.util.spec_from_file_location(f"hack_{step}", ROOT / "hack" / f"{step}.py")
    if spec is None or spec.loader is None:
        raise FileNotFoundError(step)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    generate: Callable[[pathlib.Path], None] = module.generate
    return generate


def main() -> None:
    for step in STEPS:
        print(f"==> generate {step}", file=sys.stderr)
        generator(step)(ROOT)


if __name__ == "__main__":
    main()
