"""What travels on the wires, as types: HTTP message heads, PROXY headers, hops, vendor schemas, event-stream frames.

What lives here: plain records of what was received or is to be sent, and tables from the standards (status lines).
It is a leaf and does no I/O: bytes in, records out, or the other way round.

What must not: sockets, clocks, decisions about requests, and the config contract, which is a sibling.
"""
