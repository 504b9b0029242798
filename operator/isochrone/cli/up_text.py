"""A running network in words: the table of what runs where, and what to type next."""

import pathlib
from collections.abc import Iterator, Sequence
from typing import Final

import click

from isochrone.cli.text import columns
from isochrone.local.view import EngineView, RouteView, SiteView, View
from isochrone.model.words import count

KEY: Final = "ik_quickstart_2gjq5cqt7apxyx6r2kdcswxqea7s2cue"
_TONES: Final = {"Ready": "green", "Starting": "yellow", "Draining": "yellow", "Stopped": "red", "Killed": "red"}


def table(view: View) -> list[str]:
    """Sites, then routes, then what is missing."""
    lines = [
        "",
        *columns([("SITE", "PLACE", "URL", "STATE", "RTT", "ENGINES"), *(_site(view, e) for e in view.sites)]),
    ]
    if view.routes:
        lines += ["", *columns([("ROUTE", "MODEL", "ANSWERED AT", "ELSE BY"), *(_route(view, e) for e in view.routes)])]
    lines += ["", *_notes(view)]
    return lines


def _site(view: View, site: SiteView) -> Sequence[str]:
    engines = [each for each in view.engines if each.site == site.name]
    mark = " <- front door" if site.is_front else "" if site.is_lawful else " (unlawful for the client's data)"
    return (
        site.name,
        site.place,
        site.url,
        click.style(site.state, fg=_TONES[site.state]) + mark,
        f"{site.rtt_ms:.0f} ms",
        ", ".join(map(_engine, engines)) or "-",
    )


def _engine(engine: EngineView) -> str:
    name = engine.route.partition("/")[2]
    return name if engine.is_ready else click.style(f"{name} (loading)", fg="yellow")


def _route(view: View, route: RouteView) -> Sequence[str]:
    ready = [each.site for each in view.engines if each.route == route.route and each.is_ready]
    elsewhere = [f"{each} (no key)" if each in view.missing_keys else each for each in route.providers]
    return (route.route, route.model, ", ".join(ready) or "-", ", ".join(elsewhere) or "-")


def _notes(view: View) -> Iterator[str]:
    far = "every byte takes as long as its way would" if view.is_far else "distance is not simulated (--simulate-wan)"
    yield f"Front door {view.front}; the client is {view.client}; {far}."
    for provider, variable in sorted(view.missing_keys.items()):
        yield f"Provider {provider} is unavailable: set {variable} and start again."
    if view.problem:
        yield click.style("The manifests as they are now are not valid; what was runs on.", fg="red")


def welcome(view: View, path: pathlib.Path, took: float) -> str:
    """Once, when all is ready."""
    ready = [each for each in view.engines if each.is_ready]
    lines = [
        "",
        click.style(
            f"{count(len(view.sites), 'site')} and {count(len(ready), 'engine')} are ready after {took:.0f} s.",
            bold=True,
        ),
        *_honest(view),
        "",
        *table(view)[1:],
        "",
        *_next(view, path),
    ]
    return "\n".join(lines)


def _honest(view: View) -> Iterator[str]:
    """What is real here and what is not."""
    own = [each.model for each in view.routes if each.wanted and not each.is_played]
    played = [each.model for each in view.routes if each.wanted and each.is_played]
    yield f"Real: gateways, residency law, plan, peers by mutual TLS, and answers from {view.player}."
    if own:
        yield f"Of {', '.join(own)} these are the very weights that the manifests name."
    if played:
        yield f"Pretended: {', '.join(played)}, which {view.player} plays."
    yield "Pretended: GPUs and replicas: one process stands for all replicas of an engine at a site."


def _next(view: View, path: pathlib.Path) -> Iterator[str]:
    chat = next((each for each in view.routes if "ChatCompletions" in each.endpoints), None)
    if chat is None:
        return
    nearest = next((each.name for each in view.sites if each.is_front), view.sites[0].name)
    yield click.style("Try, in another terminal (the key is that of examples/quickstart):", bold=True)
    yield f"""
  curl {view.front}/chat/completions -H 'Authorization: Bearer {KEY}' \\
    -H 'Content-Type: application/json' -i \\
    -d '{{"model": "{chat.model}", "messages": [{{"role": "user", "content": "What is the capital of France?"}}]}}'

  from openai import OpenAI
  client = OpenAI(base_url="{view.front}", api_key="{KEY}")
  client.chat.completions.create(model="{chat.model}", messages=[{{"role": "user", "content": "Hello"}}])

  isochrone explain {chat.route} -f {path}     # why there, and who is asked in which order
  isochrone sites                              # what runs where
  isochrone sites stop {nearest}                    # drains: nobody notices
  isochrone sites kill NAME                    # cuts it off: only what is open there breaks
"""
