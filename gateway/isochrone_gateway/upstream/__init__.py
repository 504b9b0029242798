"""The client side of the data plane: whom the gateway calls, over which connections, and how they fare.

What lives here, from the inside out:

    target       where to (the key of a pool), and what to send
    call         what comes back: the caller's side of one attempt, and how an attempt can fail
    limits       how much a pool may hold
    response     bytes of answers -> head, body, end or fault            (sans I/O)
    attempt      one attempt under way, as the pool keeps it
    connection   one connection: an asyncio protocol that carries one attempt at a time
    lane         the connections to one target: reuse, limits, waiting attempts
    pool         all lanes; `Pool.send` runs one attempt
    stats        what a pool tells about itself
    addresses    which addresses may be connected to                     (pure)
    tls          contexts, made once and read again on demand
    resolver     names -> addresses, remembered
    dial         a target -> an open connection
    fetch        one small request as a coroutine, for what is not on the request path
    load         an engine's metrics page -> its load                     (pure)
    probes       health and load of endpoints, asked at intervals
    discovery    the endpoints of an engine pool
    fake         a scripted upstream, for tests and benchmarks; `scripts` is what it can do

What must not: choosing among targets, retries on another target, knowledge of request or answer bodies. One attempt to
one target is all there is here.
"""
