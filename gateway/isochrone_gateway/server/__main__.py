"""`python -m isochrone_gateway.server` is the command `isochrone-gateway`."""

import sys

from isochrone_gateway.server.cli import main

if __name__ == "__main__":
    sys.exit(main())
