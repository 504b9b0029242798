"""Where things are: jurisdictions, blocs of them, places, distances and the round trips that follow from them.

Here live the ISO 3166 codes (`codes`), dated lists of blocs such as `EU` (`blocs`), sets of jurisdictions and the two
questions that law asks of them (`areas`), airports as names of places (`places`), how many people live where
(`population`), distance and latency (`latency`), where there is land, for maps (`land`), and what somebody may have
meant (`suggestions`). The tables are files in `data/`, with their licences and dates in `data/SOURCES.md`; each is read
once, when first needed.

What must not: policies (who is bound, what is allowed: `law`), resources, the network, the clock. Nothing here guesses
where a client is. Only the standard library is imported.
"""
