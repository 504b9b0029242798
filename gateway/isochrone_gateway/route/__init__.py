"""Deciding where a request goes: what is lawful, what is well, what is within limits, which is best, and what next.

What lives here: pure functions and small state machines. Monotonic seconds (`now`) and a random number in [0, 1) are
handed in, so that a test can replay any minute. The order of a decision: origin, mask, limits, candidates, breaker,
retry; each says why it refused.

What must not: clocks, randomness, sockets, tasks, logs, metrics. Those belong to the server, which asks and acts.
"""
