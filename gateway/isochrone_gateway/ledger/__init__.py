"""What the gateway remembers of its requests: one record each, metrics, logs. Never a prompt, an answer or a key.

What lives here:

    record       one request as one frozen record
    queue        records on their way from the request path to whoever consumes them: bounded, never waits
    metrics      counters, gauges and histograms whose update costs a tenth of a microsecond
    snapshot     what they were at one moment, as processes tell each other
    exposition   snapshots of several processes -> one page in the Prometheus text format        (pure)
    meter        records -> metrics, with OpenTelemetry's names for generative AI where it has them
    hops         records of requests that peers sent here -> metrics of their own
    logs         requests and events as JSON lines, written by a thread
    withheld     what of that the law doesn't let be written: counted, not kept
    trail        the attempts of one request whose spans are recorded
    spans        records -> spans, in OTLP's JSON                                (pure)
    otlp         spans to a collector, by a thread: batches, retries, drops
    posting      one connection to that collector
    evidence     hash chains on disk of what was processed where, and signed checkpoints of them
    collector    where it is, by OpenTelemetry's variables                       (pure, but for one look at a file)

What must not: decisions. Nothing here may slow down or fail a request; what can't be kept up with is dropped and
counted.
"""
