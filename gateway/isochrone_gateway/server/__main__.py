"""`python -m isochrone_gateway.server` is the command `isochrone-gateway`."""

import sys

from isochrone_gateway.starting import main

if __name__ == "__main__":
    sys.exit(main())
