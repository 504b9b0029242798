"""How what was rendered comes to clusters safely, as pure decisions: what differs, what goes when, what waits.

    difference  what in a cluster is not as it was applied, in words
    actions     a parcel and what a cluster has -> what is applied and what is removed
    releases    which revision of a site is the newest, and how the next ones are numbered
    waves       which sites get their new bundle now
    guard       which sites wait because too much would be lost
    leaving     what becomes of a site whose EdgeNode is being deleted

What must not be here: I/O, clocks, and where engines run, which the planner decides.
"""
