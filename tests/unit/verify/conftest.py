"""What an installation is to run, as it was rendered."""

import pytest
from tests.unit.verify.installation import OBJECTS
from tests.worlds.verified import World, rendered


@pytest.fixture(scope="module")
def world() -> World:
    return rendered(OBJECTS)


@pytest.fixture(scope="module")
def strict() -> World:
    """The same, where what nothing binds is refused."""
    return rendered(OBJECTS, unbound="Deny")
