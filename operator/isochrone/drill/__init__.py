"""Drills: each site is taken down in turn, and told is where the requests of each origin went.

    areas.drills(snapshot, ...)                     what is taken down, one after the other
    traffic.of(declared, snapshot, ...)             whose requests are followed
    running.run(world, drills, ...) -> Report       simulated: nothing runs, nothing is touched
    live.run(network, ...) -> Report                in the network of `isochrone up`

**Simulated** is: plan, make the configs that gateways would get, and ask the gateway's own code what it would do with
them (`rehearsing`, in a process of its own: the operator imports nothing of the gateway but its configuration). After
each loss it is asked twice: as gateways decide by the configs that they have, in the seconds after the site has gone,
and as they decide once the hub has planned without it.

**Who judges.** Whether a place was lawful is read from the policies by the verifier's reading of them, which shares no
code with the evaluator that made the configs: a drill that were judged by what it tests would always be passed.
"""

from isochrone.drill.report import Report, Row, Step

__all__ = ["Report", "Row", "Step"]
