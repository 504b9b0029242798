"""`python -m isochrone_gateway.server` does what the command `isochrone-gateway` does."""

import sys

from isochrone_gateway.server.cli import main

if __name__ == "__main__":
    sys.exit(main())
