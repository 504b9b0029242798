"""The operator: kopf says when to look, and a loop looks, plans, delivers and reports, one pass after the other.

    operator     `isochrone operator` in the hub: election, watches, the loop, health and metrics
    site         `isochrone operator --site NAME` in a cluster that pulls
    watching     kopf handlers: something changed, something was deleted
    reconcile    one pass: gather -> snapshot -> plan -> bundles -> revisions -> parcels -> status
    couriers     one task per cluster that delivers parcels, again and again
    connections  from an EdgeNode to a client of its cluster
    leaving      finalizers, and what is left of sites that are deleted

Only what holds the Lease writes. Decisions are in the packages that it calls.
"""
