"""The only code that talks to API servers. What was read leaves here as records of `isochrone.model`."""
