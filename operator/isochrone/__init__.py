"""The operator and control plane of Isochrone: resources in, running inference across clusters out."""
