"""The server side of the data plane: HTTP/1.1 connections from clients.

What lives here, from the inside out:

    limits      how much and how long a client may
    refusals    the answers that the server gives by itself, each with status and code
    heads       bytes of one request head -> RequestHead or Refusal      (llhttp reads, we judge)
    framing     bytes of one chunked body -> its content                 (bounded in every part)
    timers      one timer for all connections
    exchange    one request and its answer, as a handler sees it
    listener    what the connections of one listening socket share: handler, limits, clock, drain
    lifetime    a connection's socket, deadlines and orderly end, whatever it speaks
    http1       the connection: an asyncio protocol that ties the above together

`heads`, `framing` and `refusals` are pure; nothing here knows what a request means. Handlers do: they implement
`Handler` and `ExchangeHandler` and get each request through an `Exchange`.

What must not: routing, law, translation, upstream connections in the modules named above.
"""

from isochrone_gateway.server.exchange import Exchange, ExchangeHandler, Handler
from isochrone_gateway.server.http1 import ServerConnection
from isochrone_gateway.server.limits import Limits, Timeouts
from isochrone_gateway.server.listener import Listener
from isochrone_gateway.server.refusals import Refusal

__all__ = [
    "Exchange",
    "ExchangeHandler",
    "Handler",
    "Limits",
    "Listener",
    "Refusal",
    "ServerConnection",
    "Timeouts",
]
