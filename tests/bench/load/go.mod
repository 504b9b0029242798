module isochrone.dev/isochrone/tests/bench/load

go 1.26
