"""TLS contexts: made once for equal settings, and made again from the files when asked to."""

import asyncio
import ssl
from typing import Final

from isochrone_gateway.upstream.target import TlsSettings

# HTTP/2 would need another protocol; a server that insists on it fails in the handshake, not afterwards.
_ALPN: Final = ("http/1.1",)


class Contexts:
    """Remembers contexts. Reading certificate files blocks, so that happens on another thread."""

    def __init__(self) -> None:
        self._contexts: dict[TlsSettings, ssl.SSLContext] = {}

    async def get(self, settings: TlsSettings) -> ssl.SSLContext:
        """Give the context; raises OSError (ssl.SSLError is one) if a file can't be used."""
        context = self._contexts.get(settings)
        if context is None:
            made = await asyncio.to_thread(make_context, settings)
            context = self._contexts.setdefault(settings, made)
        return context

    async def reload(self) -> tuple[frozenset[TlsSettings], dict[TlsSettings, OSError]]:
        """Read all files again. Gives what was renewed, and what couldn't be: that keeps its old context."""
        renewed: set[TlsSettings] = set()
        failed: dict[TlsSettings, OSError] = {}
        for settings in tuple(self._contexts):
            try:
                self._contexts[settings] = await asyncio.to_thread(make_context, settings)
            except OSError as error:
                failed[settings] = error
            else:
                renewed.add(settings)
        return frozenset(renewed), failed


def make_context(settings: TlsSettings) -> ssl.SSLContext:
    """Make a context that checks the server, and shows a certificate where there is one to show."""
    context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=settings.ca_bundle)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(_ALPN)
    # A name isn't asked for where the URI identifies the server; the chain always is.
    context.check_hostname = settings.server_name is not None or settings.uri is None
    if settings.certificate is not None:
        context.load_cert_chain(settings.certificate, settings.key)
    return context
