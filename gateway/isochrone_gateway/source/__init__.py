"""Where the configuration comes from, how old it is, and which one runs.

What lives here, from the inside out:

    contact      when the source was last read, as something that survives a restart; age   (pure)
    judging      an index and its shards -> accepted, unchanged or refused                  (pure)
    reading      what a source says; the interface of sources
    files        one complete config as a folder: read, written atomically
    store        the last good config on disk, and the last contact
    folder       a source: a folder that something else writes
    credentials  the service account of a pod
    kube_api     one HTTP client for the Kubernetes API: requests and watches
    kube_watch   one collection of that API, kept up with: list, watch, again
    kubernetes   a source: ConfigMaps, watched through the API
    trust        the public keys that may sign a config
    report       what is told about all this, for `/status` and metrics
    lease        what this pod runs and refuses, told on a Lease, where the operator reads it
    follower     the loop that ties them together

The way of a config: source -> judge (fence, then load it whole) -> apply (the data planes may still refuse) -> store.
Whatever fails, what ran before goes on, and the refusal is kept as data.

What must not: knowledge of routes, law or HTTP serving. The contract's rules are `isochrone_gateway.config`'s.
"""
