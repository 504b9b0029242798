"""Any other server with the OpenAI API, run as its route says. What it is served by has to know the model's name."""

from isochrone.render.programs.program import Ask, Program


def program(ask: Ask) -> Program:
    engine = ask.engine
    return Program(
        port=engine.port or 8000,
        command=tuple(engine.command or ()),
        health_path=engine.health_path or "/health",
        metrics_path=engine.metrics_path,
        shares_memory=ask.devices > 0,
    )
