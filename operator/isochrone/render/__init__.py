"""Turns a plan into exact objects: per site one bundle of manifests and the gateway's config. Pure."""
