"""What is done with a request, from its head to its record.

What lives here, in the order that a request meets it:

    entrance      the head: CORS, who calls, which path, from where, may it enter here at all
    callers       keys -> who calls
    rulings       the law's answers for one kind of request, put together and remembered
    models        GET /v1/models
    handling      one request: its body, its route, its limits, its attempts, its end
    collecting    its body, in memory that is accounted for
    attempt       one answer of a backend on its way to the client: whole, or as a stream
    failures      what went wrong upstream -> what the retry rules know
    outgoing      the bytes of a request to a backend
    answers       the bytes of heads and errors to the client
    evidence      what is about to be sent where, and how that ended, as lines of evidence
    record        how a request ended, for the ledger

where a request of a peer goes instead:

    peer_entrance the head: which peer, which pool, is it lawful here too
    hosting       one such request: its body, an engine's answer on its way back, its end

and what these look things up in:

    revision      one config, prepared for look-ups                           (immutable)
    compile       a config -> its revision                                    (reads secrets)
    backends      who may answer: leases of an engine, a provider, a peer
    engines       the engines of one pool: found, probed, chosen among
    peers         the other sites: how well, how far, and whose certificate is whose
    live          what outlives a config: health, breakers, limits, queues
    plane         ties all of it to a worker

Requests run in callbacks only, without a task or a future each. A request keeps the revision that it began with.

What must not: HTTP framing, the meaning of the law, how candidates are scored.
"""

from isochrone_gateway.server.pipeline.plane import DataPlane

__all__ = ["DataPlane"]
