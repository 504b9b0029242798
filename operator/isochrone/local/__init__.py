"""A whole network on one machine, without Kubernetes: the same manifests, planner and gateway config as in clusters.

    standing     what is found of each site, as a snapshot has it           pure
    engines      which engines run, and how                                 pure
    wiring       a gateway's config, with the addresses of this machine     pure
    steering     which site a new connection goes to                        pure
    wan          how far apart sites and the client are made to be          pure
    pacing       when to start again, when manifests have settled           pure
    network      the loop: look, plan, bring about
    children     processes, their logs, their end
    front_door   the stand-in for anycast; `relay` carries the bytes
    anchors      what a hub would keep of the gateways' evidence
    admin        what a gateway says on its admin port
    control      what `isochrone sites` asks, by a socket in the state folder
    installing   the engine and its model, from the package index

Each EdgeNode is a gateway process, each planned engine one llama.cpp process. What is pretended: GPUs (pools count as
declared), replicas of an engine (one process stands for them), weights (one small model plays them all, unless they are
its own), and with `--simulate-wan` the distance.

What must not be here: words on the screen (`cli`), and decisions about places and law (`plan`, `law`).
"""
