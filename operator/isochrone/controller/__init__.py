"""The operator: kopf says when to look, and a loop looks, plans, delivers and reports, one pass after the other.

    run          a process: signals, settings, health
    operator     in the hub: election, watches, the loop
    site         in a cluster that pulls: `isochrone operator --site NAME`
    watching     kopf handlers: something changed, something was deleted
    reconcile    one pass: look, plan, render, number, hand out
    passes       what it works with, what it keeps for the next, what it comes to
    interrupting a pass that is given up, because the law has changed
    made         what was rendered for a site, and the law in it, which goes out first
    rolling      what the waves of a roll-out have to know of each site
    parcels      what is given to its cluster
    announcing   a changed law, said to all sites that pull at once
    keys         the installation's keys, made once and replaced in time
    state        what was issued, kept in the hub
    couriers     one task per cluster that delivers, again and again
    slots        how many of them at once, and who comes first
    connections  from an EdgeNode to whoever delivers to its cluster; `pulled` for those that pull
    departures   finalizers, and what is left of sites that are deleted
    laps         how long each step takes
    telling      statuses and events;  `metrics` and `health` for those who watch the operator

Only what holds the Lease writes. Decisions are in the packages that it calls.
"""
