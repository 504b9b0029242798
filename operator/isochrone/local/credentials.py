"""The secrets of the sites' gateways: keys of providers out of environment variables, and certificates for peers.

A key of a provider is the variable `ISOCHRONE_SECRET_<SECRET>_<KEY>`, by the names in the manifest's `secretRef`; for
the first key of a provider also `<PROVIDER>_API_KEY`, as SDKs call it. Where neither is set, the file is missing, and
the gateway takes the provider for unavailable, as in a cluster without the Secret.
"""

import dataclasses
import re
from collections.abc import Iterable, Mapping

from isochrone.api import ModelProvider
from isochrone.certificates import Authority, Credentials, new_authority, new_request, sign
from isochrone.render import secrets
from isochrone.render.config.peers import identity_of


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class KeyFile:
    """One key of a provider: the file that its gateways read, and the variables that may hold it, the first wins."""

    provider: str
    file: str
    variables: tuple[str, ...]


def key_files(providers: Iterable[ModelProvider]) -> tuple[KeyFile, ...]:
    """The keys of all providers."""
    return tuple(
        KeyFile(
            provider=provider.metadata.name,
            file=secrets.provider_file(key.secret_ref),
            variables=(
                f"ISOCHRONE_SECRET_{_upper(key.secret_ref.name)}_{_upper(key.secret_ref.key)}",
                *([f"{_upper(provider.metadata.name)}_API_KEY"] if index == 0 else []),
            ),
        )
        for provider in providers
        for index, key in enumerate(provider.spec.keys or ())
    )


def values(files: Iterable[KeyFile], environment: Mapping[str, str]) -> dict[str, str]:
    """File -> key, for those that are set."""
    found = {}
    for each in files:
        value = next((environment[name] for name in each.variables if environment.get(name)), None)
        if value is not None:
            found[each.file] = value
    return found


def missing(providers: Iterable[ModelProvider], environment: Mapping[str, str]) -> dict[str, str]:
    """Provider -> the variable to set, for those that need a key and have none."""
    files = key_files(providers)
    held = values(files, environment)
    having = {each.provider for each in files if each.file in held}
    return {each.provider: each.variables[-1] for each in reversed(files) if each.provider not in having}


class Peers:
    """Certificates by which the gateways of this network know each other, made anew with each start."""

    def __init__(self, installation: str, now: int) -> None:
        self._installation = installation
        self._authority: Authority = new_authority(installation, now)

    def files(self, site: str, now: int) -> dict[str, str]:
        """What one site's gateway holds."""
        identity = identity_of(site, self._installation)
        request = new_request(identity)
        certificate = sign(request.csr, identity=identity, authority=self._authority, now=now)
        held = Credentials(authorities=self._authority.certificate, certificate=certificate, key=request.key)
        return {
            f"{secrets.PEER}/{secrets.AUTHORITIES}": held.authorities,
            f"{secrets.PEER}/{secrets.CERTIFICATE}": held.certificate,
            f"{secrets.PEER}/{secrets.PRIVATE_KEY}": held.key,
        }


def _upper(name: str) -> str:
    return re.sub("[^A-Z0-9]", "_", name.upper())
