"""A running network in words: the table of what runs where, and what to type next."""

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Final

import click

from isochrone.cli.text import columns
from isochrone.local.view import EngineView, RouteView, SiteView, View
from isochrone.model.words import count

_QUESTION: Final = "What is the capital of Germany?"
_TONES: Final = {"Ready": "green", "Starting": "yellow", "Draining": "yellow", "Stopped": "red", "Killed": "red"}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Hint:
    """How the commands that are shown are to be typed."""

    folder: str
    command: str = "isochrone"
    python: str = "python"
    key: str = "$KEY"
    state: str = ""
    """The option that says which network, with a space before it; nothing for the usual one."""


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
    mark = "" if site.is_lawful else " (unlawful for the client's data)"
    mark += " <- front door" if site.is_front else ""
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


def welcome(view: View, hint: Hint, took: float) -> str:
    """Once, when all is ready."""
    ready = [each for each in view.engines if each.is_ready]
    said = f"{count(len(view.sites), 'site')} and {count(len(ready), 'engine')} are ready after {took:.0f} s."
    lines = [
        "",
        click.style(said, bold=True),
        *_honest(view),
        *table(view),
        "",
        *_next(view, hint),
    ]
    return "\n".join(lines)


def _honest(view: View) -> Iterator[str]:
    """What is real here and what is not."""
    own = [each.model for each in view.routes if each.wanted and not each.is_played]
    played = [each.model for each in view.routes if each.wanted and each.is_played]
    yield f"Real: gateways, residency law, plan, peers by mutual TLS, and answers from {view.player}."
    if own:
        yield f"For {', '.join(own)} these are the very weights that the manifests name."
    if played:
        yield f"Pretended: {', '.join(played)}, which {view.player} plays."
    yield "Pretended: clusters, GPUs, and replicas: one process stands for all replicas of an engine at a site."


def _next(view: View, hint: Hint) -> Iterator[str]:
    """Lines for a shell."""
    chat, embed = (_answering(view, each) for each in ("ChatCompletions", "Embeddings"))
    if chat is None or not view.sites:
        return
    nearest = next((each.name for each in view.sites if each.is_front), view.sites[0].name)
    refused = next((each for each in view.sites if not each.is_lawful), None)
    headers = f"-H 'Authorization: Bearer {hint.key}' -H 'Content-Type: application/json'"
    ask = f"""{headers} \\
  -d '{{"model": "{chat.model}", "temperature": 0, "messages": [{{"role": "user", "content": "{_QUESTION}"}}]}}'"""
    yield click.style("What to type next, in another terminal:", bold=True)
    yield f"\ncurl -i {view.front}/chat/completions {ask}"
    yield f"""
{hint.python} - <<'END'
from openai import OpenAI
client = OpenAI(base_url="{view.front}", api_key="{hint.key}")
asked = [{{"role": "user", "content": "{_QUESTION}"}}]
for chunk in client.chat.completions.create(model="{chat.model}", messages=asked, temperature=0, stream=True):
    print(chunk.choices[0].delta.content or "" if chunk.choices else "", end="", flush=True)
print()
END
"""
    if embed is not None:
        yield f"""curl {view.front}/embeddings {headers} \\
  -d '{{"model": "{embed.model}", "input": "{_QUESTION}"}}'
"""
    if refused is not None:
        yield f"# {refused.name} may not see this data:\ncurl -i {refused.url}/chat/completions {ask}\n"
    yield f"{hint.command} explain {chat.route} -f {hint.folder}  # why there, and who is asked in which order"
    yield f"{hint.command} sites{hint.state}  # what runs where"
    yield f"{hint.command} sites{hint.state} stop {nearest}  # drains: nobody notices"
    yield f"{hint.command} sites{hint.state} start {nearest}"
    yield f"{hint.command} sites{hint.state} kill {nearest}  # breaks what is open there, and nothing else"
    yield "\nCtrl-C ends all of it. Changes of the manifests are taken over while it runs."


def _answering(view: View, endpoint: str) -> RouteView | None:
    return next((each for each in view.routes if endpoint in each.endpoints), None)
