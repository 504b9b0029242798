"""The processes of one gateway: a supervisor that owns sockets and configuration, and workers that answer requests.

What lives here, from the inside out:

    dataplane    what the request pipeline must offer to be run here
    restarts     when a crashed worker is started again                      (pure)
    balance      whose turn it is to accept
    slots        where each limit is counted                                 (pure)
    counts       the memory that limits are counted in by all workers
    messages     what supervisor and workers say to each other, and the pipe that carries it
    tls          server contexts from the files of the secrets mount
    proxied      whose a connection is that a proxy passes on: its PROXY header, read before TLS
    acceptor     a listening socket that several processes accept from
    ports        one such socket of a worker, with what its connections share
    vitals       what a worker counts anyway, as metrics
    writing      a worker's chain of evidence
    worker       the worker's process
    awake        time in which this process ran
    child        one worker, as the supervisor sees it
    fleet        all workers: the same config in all or none, restarts, metrics added up
    remembered   the endpoints that were found last, on disk
    slices       one Kubernetes Service: its EndpointSlices -> its endpoints
    discovery    the Services that are wanted, watched for all workers
    served       what became of requests under the config that runs, for the pod's report
    witness      the evidence of all workers: its folder, signed checkpoints, what is too old
    sockets      listening sockets
    supervise    the supervisor's process: ties the above to `source` and to `server.admin`

One config runs in all workers or in none: each prepares it, and only if all could does any switch. The supervisor
judged it before, so what a data plane may still refuse is what only it knows, such as a missing file.

Signals to the supervisor (workers ignore them all):

    SIGTERM, SIGINT   drain: not ready, but accepting for `announce`; then no new connections, and `Connection: close`;
                      what is still open after another `max` ends with an error
    again             end now: what is open ends with an error
    SIGHUP            read the source, the certificates and the secrets again now

A supervisor that dies takes nothing with it: its workers stop accepting, finish what is open within `max`, and end.

What must not: what a request means.
"""
